# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions for the parts. Sourced; $share is the folder.
# shellcheck disable=SC2154,SC2317	# it is the caller's; called through check
set -u
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=../lib/tap.sh
. "$share/tap.sh"

# skip NAME REASON
skip()
{
	echo "ok $((++number)) $1 # SKIP $2"
}

# Called after the last part.
finish()
{
	if [[ -d /run/systemd/system ]]; then
		systemctl --failed --no-legend --plain |
			grep -E 'vrpmsg|gpu0|modules|udev|dkms' >"$tmp/units"
		check "no unit has failed" cat "$tmp/units"
	fi
	echo "1..$number"
	exit $failed
}

# quiet COMMAND...: print its output only if it fails.
quiet()
{
	"$@" >"$tmp/quiet" 2>&1 || { tail -n 30 "$tmp/quiet"; return 1; }
}

# is WANTED COMMAND...: check the output.
is()
{
	local wanted=$1 out
	shift
	out=$("$@" 2>&1)
	[[ $out == "$wanted" ]] || echo "it says \"$out\", not \"$wanted\""
}

# fails TEXT COMMAND...: check that it fails with this text.
fails()
{
	local text=$1 out
	shift
	out=$("$@" 2>&1) && echo "it succeeds"
	[[ $out == *"$text"* ]] || echo "it says \"$out\""
}

# wait_for COMMAND...: wait until it succeeds, up to a minute.
wait_for()
{
	local i

	for ((i = 0; i < 300; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.2
	done
	echo "gave up waiting for: $*"
	return 1
}

as()
{
	local user=$1
	shift
	runuser -u "$user" -- "$@"
}

# readme TEXT: print the code block of README.md that contains the text.
readme()
{
	awk -v text="$1" '/^```sh$/ { block = ""; inside = 1; next }
		/^```$/ { if (inside && index(block, text)) printf "%s", block
			  inside = 0 }
		inside { block = block $0 "\n" }' "$share/README.md"
}

# readme_inline TEXT: print the first inline command that begins with the text.
readme_inline()
{
	tr -s '\n ' '  ' <"$share/README.md" | grep -o "\`$1[^\`]*\`" |
		head -n 1 | tr -d '\`'
}

# types COMMANDS: run commands of README as a user of group sudo, in a working copy.
types()
{
	[[ $1 ]] || { echo "README does not have it"; return; }
	quiet runuser -l me -c "cd src && set -ex && $1"
}

address_in()
{
	sed -n 's/.* addr \([0-9]*\).*/\1/p'
}

address()
{
	vrpmsgctl -o ept show "$1" | address_in
}

# guest_asks DEVICE SERVICE QUESTION ANSWER: the VMM runs as a user of group kvm. Its
# connection may start the bridge, which takes systemd some seconds in a VM.
guest_asks()
{
	is "$4" as vmm env VRPMSG_SLOW=6 "$share/vmm" "/run/vrpmsg/$1.sock" "$2" \
		"$(address "$1/$2")" "$3"
}

# served DEVICE SERVICE: a user of group vrpmsg runs the service of examples/.
served()
{
	as me "$share/examples/service.sh" "/dev/vrpmsg/by-name/$1/$2" \
		</dev/null >"$tmp/server" 2>&1 &
	local server=$!
	wait_for eval "vrpmsgctl -o ept show $1/$2 | grep -qw open" || cat "$tmp/server"
	guest_asks "$1" "$2" host "$(uname -n)"
	kill "$server"
	wait "$server" 2>/dev/null
	# Its children keep the endpoint open.
	pkill -u me
	return 0
}

# The kernel that the next boot uses.
newest_kernel()
{
	basename "$(realpath /vmlinuz)" | sed s/vmlinuz-//
}

# module_of_dkms KERNEL: DKMS has built and signed its module.
module_of_dkms()
{
	[[ $(modinfo -k "$1" -F filename vhost_rpmsg) == */updates/dkms/* ]] ||
		modinfo -k "$1" -F filename vhost_rpmsg
	[[ $(modinfo -k "$1" -F signer vhost_rpmsg) ]] || echo "nobody has signed it"
}

# Print what purge has left behind, except for logs and caches.
nothing_left()
{
	find / -xdev \( -path /run -o -path /proc -o -path /sys -o -path /tmp \
		-o -path /var/cache -o -path /var/log \) -prune \
		-o \( -iname '*vrpmsg*' -o -iname '*vhost?rpmsg*' \) -print
	[[ ! -d /run/systemd/system ]] ||
		find /dev /sys/module -iname '*vrpmsg*' -o -iname '*vhost?rpmsg*'
	dpkg -l | grep -i rpmsg
	find /lib/modules -name updates
	return 0
}
