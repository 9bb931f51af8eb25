#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl ept exec: a user without privileges, whose group may open the ctrl node, creates
# an endpoint, sends and receives, and leaves nothing behind.
# shellcheck disable=SC2016	# another shell expands it
# shellcheck disable=SC2317	# functions are called through expect
set -u
tmp=$(mktemp -d)
dev=exec$$
user=65534 group=4711 addr=2000
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"

server=
cleanup()
{
	[[ ! $server ]] || kill "$server"
	[[ ! $guest_pid ]] || stop_guest
	vrpmsgctl dev del "$dev" 2>/dev/null
	rm -rf "$tmp" "/dev/vrpmsg/ctrl/$dev" "/dev/vrpmsg/by-name/$dev"
}
trap cleanup EXIT

# A member of the group, and another user.
as_user()
{
	setpriv --reuid "$user" --regid "$user" --groups "$group" "$@"
}
as_other()
{
	setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

# with SETTING... -- COMMAND...: run ept exec as the user on the device.
with()
{
	as_user vrpmsgctl ept exec dev "$dev" "$@"
}

# Create the node of the device as udev does.
find_ctrl()
{
	local name

	for name in /sys/class/vrpmsg/vrpmsg-ctrl*/name; do
		[[ $(<"$name") != "$dev" ]] || basename "$(dirname "$name")"
	done
}

endpoints()
{
	[[ $(field endpoints dev show "$dev") == "$1" ]]
}

# The last message of the guest is such an announcement.
withdrawn()
{
	echo last >&"${GUEST[1]}"
	read -r -t 10 -u "${GUEST[0]}" hex
	read -r -t 10 -u "${GUEST[0]}" line
	[[ $hex == "$(hex_of "$1")"*"d007000001000000" ]]
}

echo "TAP version 13"
vrpmsgctl dev add $dev >/dev/null
ctrl=/dev/$(find_ctrl)
chgrp $group "$ctrl"
chmod 660 "$ctrl"
chmod 755 "$tmp"

expect "without permission" 2 "" "$dev: no permission for its ctrl node.*: Permission denied" \
	as_other vrpmsgctl ept exec dev $dev -- true
expect "nor by its path" 2 "" "$ctrl: Permission denied" \
	as_other vrpmsgctl ept exec ctrl "$ctrl" -- true
vrpmsgctl ept add dev $dev name private >/dev/null
node=$(field path ept show $dev/private)
mkdir -p "/dev/vrpmsg/by-name/$dev"
ln -s "$node" "/dev/vrpmsg/by-name/$dev/private"
for ept in "$node" $dev/private; do
	expect "recv without permission" 2 "" \
		"^vrpmsgctl: $ept: no permission for its char device .group vrpmsg.*: Permission denied$" \
		as_other vrpmsgctl recv "$ept"
done
# In a container, CAP_NET_ADMIN does not help either.
expect "recv in another network namespace" 1 "" "" \
	unshare --net -- vrpmsgctl recv $dev/private timeout 0
expect "a name that is not there in another network namespace" 2 "" \
	"^vrpmsgctl: $dev/nosuch: vhost_rpmsg can only be used in the initial network" \
	unshare --net -- vrpmsgctl recv $dev/nosuch timeout 0
vrpmsgctl ept del $dev/private
expect "no device" 2 "" "nosuch: no persistent device, or no ctrl node in /dev" \
	as_user vrpmsgctl ept exec dev nosuch -- true

start_guest $dev
expect "a message and its answer" 0 "^hello$" "" \
	with remote 500 -- vrpmsgctl call /dev/fd/3 hello timeout 30
expect "commands one after the other" 0 "^hello
a b$" "" with name two announced -- sh -c '
	vrpmsgctl recv /dev/fd/3 timeout 30 &&
	vrpmsgctl send /proc/self/fd/3 "a b" &&
	vrpmsgctl recv /dev/fd/3 timeout 30'
expect "standard input and output" 0 "" "^hello$" \
	with name three announced stdio -- sh -c '
		vrpmsgctl recv /dev/stdin timeout 30 >&2'
expect "an addressed one" 0 "^501: question$" "" with addressed -- sh -c '
	vrpmsgctl send /dev/fd/3 to 501 question &&
	vrpmsgctl recv /dev/fd/3 timeout 30'
expect "an empty message" 0 "^$" "" with remote 500 -- vrpmsgctl call /dev/fd/3 "" \
	timeout 30
expect "ping" 0 " 3 received" "" \
	with remote 500 -- vrpmsgctl ping /dev/fd/3 count 3 interval 0.01 timeout 30
expect "one that is not there is not waited for" 1 "" "" \
	with remote 500 -- vrpmsgctl recv /dev/fd/3 timeout 0.1
expect "the file waits as before for others" 1 "flags:[^0-9]*([0-7]*[0-3][0-7]{3}|[0-7]{1,3})
" "" with remote 500 -- sh -c 'vrpmsgctl recv /dev/fd/3 timeout 0; status=$?
	cat /proc/$$/fdinfo/3; exit $status'
expect "the program is told where it is" 0 "^1 vrpmsg mine$" "" with -- sh -c '
	[ $LISTEN_PID != $$ ] || echo $LISTEN_FDS $LISTEN_FDNAMES mine'
LISTEN_PIDFDID=7 expect "but not where another one is" 0 "^unset$" "" \
	with -- sh -c 'echo ${LISTEN_PIDFDID-unset}'
expect "its exit status" 7 "" "" with -- sh -c 'exit 7'
expect "no such program" 127 "" "/nosuch: No such file" with -- /nosuch
expect "what is no program" 126 "" "$tmp: Permission denied" with -- "$tmp"

# A server is killed.
guest mute
setpriv --reuid $user --regid $user --groups $group \
	vrpmsgctl ept exec dev $dev name echo addr $addr announced remote follow \
	stdio -- cat 2>"$tmp/why" &
server=$!
wait_for endpoints 1
guest "send 600 $addr Who?"
wait_for got "Who?"
result "cat serves" $?
expect "whose it is" 0 "^endpoint [0-9]+: dev $dev name echo addr $addr .* announced open descriptor owner $user " \
	"" vrpmsgctl -o ept show dev $dev
expect "JSON says so, too" 0 '"descriptor":true,"owner":65534,' "" \
	vrpmsgctl -j ept show dev $dev
expect "nobody else gets its address" 2 "" "the address is in use" \
	with addr $addr -- true
kill -KILL $server
wait $server 2>/dev/null
server=
wait_for endpoints 0
result "killed, it leaves nothing" $?
wait_for withdrawn echo
result "and the guest hears of it" $?

# Refusals.
words="invalid or missing name, or invalid remote"
expect "to announce no name" 2 "" "$dev: .*$words" with announced -- true
expect "a name too long" 2 "" "$words" \
	with name 01234567890123456789012345678901 -- true
expect "an addressed one with a remote" 2 "" "$words" \
	with addressed remote 5 -- true
expect "the address of the name service" 2 "" "in use or reserved" \
	with addr 53 -- true
path=$(field path ept add dev $dev)
expect "the node of an endpoint" 2 "" "$path: not a ctrl node" \
	vrpmsgctl ept exec ctrl "$path" -- true

# Like in a container: the node has another name, and /dev has no node.
mknod -m 660 "$tmp/ctrl" c $((16#$(stat -c %t "$ctrl"))) $((16#$(stat -c %T "$ctrl")))
chgrp $group "$tmp/ctrl"
mkdir -p /dev/vrpmsg/ctrl
ln -s "$ctrl" /dev/vrpmsg/ctrl/$dev
expect "completion of devices" 0 "(^|
)$dev($|
)" "" as_user vrpmsgctl --complete ept exec dev ""
rm "$ctrl"
expect "no node" 2 "" "or no ctrl node in /dev" with -- true
expect "another name" 0 "" "" \
	as_user vrpmsgctl ept exec ctrl "$tmp/ctrl" name a -- true
stop_guest
vrpmsgctl dev del $dev
expect "a node of a device that is gone" 2 "" "$tmp/ctrl: No such device" \
	as_user vrpmsgctl ept exec ctrl "$tmp/ctrl" -- true

echo "1..$number"
exit $failed
