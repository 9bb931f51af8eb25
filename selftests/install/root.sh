# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Run commands in the root of a system that is not booted. Sourced after ../vm/lib.sh.

# in_root FOLDER COMMAND...: without the machine's /dev and /sys.
in_root()
{
	local root=$1
	shift
	as_root unshare --mount --pid --fork --mount-proc="$root/proc" \
		chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# on_disk FILE SHARE COMMAND...: on a disk, with the folder SHARE as /run/check. The
# mounts are private, and end with the last process.
on_disk()
{
	local disk=$1 share=$2 mnt
	shift 2
	mnt=$(mktemp -d)
	export -f in_root as_root
	# shellcheck disable=SC2016	# it is the inner shell's
	as_root unshare --mount bash -euc '
		disk=$1 share=$2 mnt=$3
		shift 3
		mount -o loop "$disk" "$mnt"
		mkdir -p "$mnt/run/check"
		mount --bind "$share" "$mnt/run/check"
		in_root "$mnt" "$@"
	' - "$disk" "$share" "$mnt" "$@"
	rmdir "$mnt"
}
