#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The links of udev: each name that the kernel accepts has a link in its folder, and
# different names have different links. Names of devices are valid instances of units.
# shellcheck disable=SC2317	# functions are called through check
# shellcheck disable=SC1003,SC2016	# names are what they look like
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
dev=udev$$
links=/dev/vrpmsg/by-name/$dev
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

if ! command -v udevadm >/dev/null || [[ ! -x /lib/systemd/systemd-udevd ]]; then
	echo "1..0 # SKIP there is no udev"
	exit 0
fi
echo "TAP version 13"
tmp=$(mktemp -d)
mkdir -p /run/udev/rules.d
cp "$top/tools/udev/60-vrpmsg.rules" /run/udev/rules.d/
# The first process of the VM has another root, so udevadm thinks that it is in a chroot.
export SYSTEMD_IGNORE_CHROOT=1
/lib/systemd/systemd-udevd --resolve-names=never >/dev/null 2>&1 &
udevd=$!
cleanup()
{
	vrpmsgctl dev del "$dev" 2>/dev/null
	kill "$udevd"
	rm -rf "$tmp"
	rm -f /run/udev/rules.d/60-vrpmsg.rules
}
trap cleanup EXIT

# as_link NAME: print the expected name of the link
as_link()
{
	local LC_ALL=C c i link=

	for ((i = 0; i < ${#1}; i++)); do
		c=${1:i:1}
		if [[ $c == [A-Za-z0-9_:@+=#-] || ($c == . && i -gt 0) ]]; then
			link+=$c
		else
			link+=$(printf '\\x%02x' "'$c")
		fi
	done
	echo "$link"
}

names=(plain rpmsg-client-sample . .. .hidden a.b a/b /a a//b ../../../x ../y
	"a b" " " "a  b" 'a\x2fb' 'a\' '%n' '$env{HOME}' "a,b" "'" '"' '*' '?' '[a]'
	'~' '!' '`' '{}' '|' ';' '&' '<' '>' '(' ')' '^' '#+=:@_-'
	-a "1234567890123456789012345678901" "..............................." A a)

# Each name has its own link to its node in the folder.
links_of_all()
{
	local name path link missing=0

	for name in "${names[@]}"; do
		path=$(vrpmsgctl ept add dev "$dev" name "$name" | cut -d: -f1) ||
			{ echo "# not taken: $name"; return 1; }
		nodes[$name]=$path
	done
	udevadm settle --timeout=60
	for name in "${names[@]}"; do
		link=$links/$(as_link "$name")
		[[ -L $link && $(realpath "$link") == "${nodes[$name]}" ]] && continue
		echo "# $name: no link $link to ${nodes[$name]}"
		((++missing))
	done
	((missing == 0))
}

# There are as many links as names, and no other files.
no_other_links()
{
	local found

	found=$(find /dev/vrpmsg -path "*$dev*" ! -type d -path '*by-name*' | wc -l)
	echo "# ${#names[@]} names, $found links"
	((found == ${#names[@]})) &&
		[[ ! $(find /dev -maxdepth 2 -name 'x' -o -maxdepth 2 -name y) ]]
}

links_by_address()
{
	local id=${nodes[plain]} addr

	addr=$(vrpmsgctl -o ept show "$id" | sed -n 's/.* addr \([0-9]*\).*/\1/p')
	[[ $(realpath "/dev/vrpmsg/by-addr/$dev/$addr") == "$id" ]]
}

ctrl_link()
{
	[[ $(realpath "/dev/vrpmsg/ctrl/$dev") == /dev/vrpmsg-ctrl* ]] &&
		[[ $(stat -c %a "$(realpath "/dev/vrpmsg/ctrl/$dev")") == 660 ]]
}

# A node that a user has created with it: there is no link in the administrator's folder.
link_of_user()
{
	local link=/dev/vrpmsg/by-user/0/$dev/plain node

	python3 - "/dev/vrpmsg/ctrl/$dev" <<-'END' || return
		import fcntl, struct, sys
		info = struct.pack("=32sII", b"plain", 0xffffffff, 0xffffffff)
		with open(sys.argv[1], "rb", buffering=0) as ctrl:
		    fcntl.ioctl(ctrl, 0x4028b501, info)  # RPMSG_CREATE_EPT_IOCTL
	END
	udevadm settle --timeout=60
	node=$(realpath "$link")
	[[ $node == /dev/vrpmsg-ep* && $(stat -c '%a %U %G' "$node") == "600 root root" ]] &&
		[[ $(realpath "$links/plain") == "${nodes[plain]}" ]]
}

# udev makes the link when everything has been said of the endpoint.
waits_for_link()
{
	local waiter

	vrpmsgctl wait ept "$links/late" timeout $((20 * ${VRPMSG_SLOW:-1})) &
	waiter=$!
	while [[ -d /proc/$waiter && $(<"/proc/$waiter/wchan") != *poll* ]]; do
		sleep 0.1
	done
	kill -STOP "$udevd"
	vrpmsgctl ept add dev "$dev" name late || return
	sleep 1
	kill -CONT "$udevd"
	wait "$waiter"
}

gone_again()
{
	vrpmsgctl dev del "$dev"
	udevadm settle --timeout=60
	[[ ! -e $links && ! -e /dev/vrpmsg/ctrl/$dev && ! -e /dev/vrpmsg/by-user/0/$dev ]]
}

# The characters of a device's name need no escaping in the name of a unit.
units()
{
	local name="_Az09.:@-x" escaped

	vrpmsgctl dev add "$name" >/dev/null || return
	vrpmsgctl dev del "$name"
	command -v systemd-escape >/dev/null || return 0
	escaped=$(systemd-escape --mangle "vrpmsg-bridge@$name.service")
	[[ $escaped == "vrpmsg-bridge@$name.service" ]]
}

declare -A nodes=()
vrpmsgctl dev add "$dev" >/dev/null
succeeds "each name has a link" links_of_all
succeeds "no name has another one" no_other_links
succeeds "each address has a link" links_by_address
succeeds "the ctrl node has a link" ctrl_link
succeeds "an endpoint of a user has a link of its own" link_of_user
succeeds "wait sees a link" waits_for_link
succeeds "links go with their endpoints" gone_again
succeeds "a device's name is an instance" units
echo "1..$number"
exit $failed
