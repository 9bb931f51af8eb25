#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make deb: lintian prints nothing, the packages are reproducible, and DKMS builds the
# module from its package, but only for supported kernels. Prints TAP. VRPMSG_BUILD is
# the output folder.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail
. "$(dirname "$0")/../vm/lib.sh"
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MAKEOVERRIDES LD_LIBRARY_PATH

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

made()
{
	scripts/make-deb "$tmp/first" >"$tmp/out" 2>&1 || cat "$tmp/out"
	[[ $(tail -n 1 "$tmp/out") == "make deb: OK" ]] || echo "it is not OK"
	for package in vhost-rpmsg vhost-rpmsg-dkms libvhostrpmsg0 \
		       libvhostrpmsg-dev vhost-rpmsg-doc python3-vhostrpmsg; do
		[[ -s $(echo "$tmp"/first/"${package}"_[0-9]*.deb) ]] ||
			echo "there is no $package"
	done
	# Where the next run would find it.
	find "$tmp"/first -mindepth 1 -type d
}

# Build again at another time, in another folder, with other settings.
made_again()
{
	(
		umask 027
		TZ=Pacific/Chatham LC_ALL=C HOME=$tmp TMPDIR=$tmp \
			scripts/make-deb "$tmp/second" >"$tmp/out" 2>&1
	) || cat "$tmp/out"
	for file in "$tmp"/first/*.deb; do
		cmp "$file" "$tmp/second/$(basename "$file")"
	done
}

# Build from the files of the DKMS package only.
dkms_builds()
{
	local kernel release src

	kernel=$(kernel_dir 6.12)
	release=$(<"$kernel/release")
	dpkg-deb -x "$tmp"/first/vhost-rpmsg-dkms_*.deb "$tmp/dkms"
	src=$(echo "$tmp"/dkms/usr/src/vhost-rpmsg-*)
	ROOT=$kernel/root HEADERS=$kernel/root/usr/src/linux-headers-$release \
		"$src/scripts/build-module" "$release" >"$tmp/out" 2>&1 ||
		cat "$tmp/out"
	[[ -s $src/build/$release/kernel/vhost_rpmsg.ko ]] ||
		echo "there is no module where dkms.conf says"
}

# excluded KERNEL: does dkms.conf exclude this kernel?
excluded()
{
	(
		kernelver=$1
		# shellcheck disable=SC1090
		. "$(echo "$tmp"/dkms/usr/src/vhost-rpmsg-*/dkms.conf)"
		! [[ $kernelver =~ $BUILD_EXCLUSIVE_KERNEL ]]
	)
}

# Run in a mount namespace, where our folders determine which kernels exist.
exclusions()
{
	local kernel ours=$tmp/boot

	mkdir -p "$ours" "$tmp/src"
	for kernel in 6.1.0-50-amd64 6.12.117+deb12-amd64 7.3.4+deb13-amd64 \
		      6.19.2-arch1 7.0.0; do
		touch "$ours/vmlinuz-$kernel"
		excluded "$kernel" && echo "$kernel is not built for"
		rm "$ours/vmlinuz-$kernel"
		excluded "$kernel" || echo "$kernel is built for without an image"
	done
	touch "$tmp/src/linux-source-6.12.tar.xz"
	excluded 6.12.117+deb12-amd64 &&
		echo "6.12 is not built for, with its source there"
	for kernel in 5.10.0-9-amd64 6.0.3 6.20.1 7.4.0 7.30.1 16.1.0 8.0.1; do
		touch "$ours/vmlinuz-$kernel"
		excluded "$kernel" || echo "$kernel is built for"
	done
	return 0
}

in_namespace()
{
	mkdir -p "$tmp/boot" "$tmp/src"
	unshare --mount --map-root-user bash -c "
		mount --bind '$tmp/boot' /boot && mount --bind '$tmp/src' /usr/src ||
			exit
		tmp='$tmp'
		$(declare -f excluded exclusions)
		exclusions"
}

cd "$top" || exit
echo "TAP version 13"
if ! command -v dh dh_dkms lintian >/dev/null; then
	echo "1..0 # SKIP there is no debhelper, dh-dkms or lintian"
	exit 0
fi
echo "1..4"
check "packages are made, and lintian has nothing to say" made
check "the same packages are made again" made_again
check "DKMS has all that the module is built from" dkms_builds
check "DKMS is told for which kernels there is nothing to build" in_namespace
exit $failed
