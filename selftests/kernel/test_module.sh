#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and removing the module: removal is refused while the module is in use, and
# leaves nothing otherwise. VRPMSG_KO and VRPMSG_KCLIENT_KO are the modules. The module is
# loaded at the end in any case.
set -u
tmp=$(mktemp -d)
busy_pid=
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# shellcheck disable=SC2317	# called by the trap
cleanup()
{
	[[ ! $busy_pid ]] || stop_busy
	[[ ! ${vmm-} ]] || exec {vmm}<&-
	[[ ! ${file-} ]] || exec {file}<&-
	rmmod vhost_rpmsg_kclient 2>/dev/null
	loaded || insmod "$VRPMSG_KO"
	vrpmsgctl dev del module 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

# fails TEXT COMMAND...: the command fails and prints TEXT.
fails()
{
	local text=$1 said rc
	shift
	said=$("$@" 2>&1)
	rc=$?
	echo "$said"
	((rc)) && [[ $said == *"$text"* ]]
}

loaded()
{
	[[ -d /sys/module/vhost_rpmsg ]]
}

# Create a device with an endpoint; $node is its char device.
make_device()
{
	vrpmsgctl dev add module &&
		node=$(vrpmsgctl ept add dev module name ept) &&
		node=${node%%:*} && [[ -c $node ]]
}

# Removal fails, since the module is in use.
is_refused()
{
	fails "is in use" rmmod vhost_rpmsg && return
	loaded || insmod "$VRPMSG_KO"
	return 1
}

# Print what is left of the module after its removal.
leftovers()
{
	local found

	loaded && echo "/sys/module/vhost_rpmsg"
	for found in /dev/vhost-rpmsg* /dev/vrpmsg-* /sys/class/vrpmsg* \
		     /sys/class/misc/vhost-rpmsg* /sys/kernel/slab/*rpmsg* \
		     /sys/devices/virtual/vrpmsg* \
		     /sys/kernel/tracing/events/vhost_rpmsg*; do
		[[ ! -e $found ]] || echo "$found"
	done
	for found in /proc/{devices,misc,modules,slabinfo}; do
		[[ $(<"$found") != *rpmsg* ]] || echo "$found"
	done
}

# The kernel's log since the last call contains the text.
says_what_goes()
{
	dmesg >"$tmp/log"
	[[ $(grep -c 'persistent device module goes with the module' \
	     "$tmp/log") == "$1" ]] || { tail -n 5 "$tmp/log"; return 1; }
}

leaves_nothing()
{
	local left

	rmmod vhost_rpmsg || return
	left=$(leftovers)
	echo "$left"
	[[ ! $left ]]
}

is_empty()
{
	[[ $(vrpmsgctl -j dev show) == "[]" && $(vrpmsgctl -j ept show) == "[]" ]]
}

# The same with a persistent device, and with one of a VMM.
often()
{
	local i

	for ((i = 0; i < 5; i++)); do
		make_device && leaves_nothing && insmod "$VRPMSG_KO" || return
		exec {vmm}</dev/vhost-rpmsg
		vrpmsgctl ept add dev vhost1 name ept || return
		exec {vmm}<&-
		leaves_nothing && insmod "$VRPMSG_KO" || return
	done
}

# The message of an installed module.
depmod_is_content()
{
	local dir

	dir=$tmp/lib/modules/$(uname -r)
	mkdir -p "$dir"
	cp "$VRPMSG_KO" "$dir"
	depmod -b "$tmp" 2>"$tmp/complaints" && ls "$dir/modules.alias" &&
		! grep vhost_rpmsg "$tmp/complaints"
}

# Listen as the user, who joins all groups that have no owner yet. Prints "ready", and
# then the names of devices and families that are heard of. To be run in the background.
eavesdrop()
{
	exec setpriv --reuid "$1" --regid "$1" --clear-groups /usr/bin/python3 -u -c '
import socket
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)      # NETLINK_GENERIC
s.bind((0, 0))
for group in range(1, 1025):
    try:
        s.setsockopt(270, 1, group)    # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP
    except OSError:
        pass
print("ready")
while True:
    message = s.recv(65536)
    for name in b"vhost_rpmsg\0", b"module\0":
        if name in message:
            print("heard", name[:-1].decode())
'
}

# listens UID: create a device in a new module, while the user listens; see $tmp/heard.
listens()
{
	local i pid rc=0

	eavesdrop "$1" >"$tmp/heard" 2>&1 &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		grep -q ready "$tmp/heard" && break
		sleep 0.1
	done
	insmod "$VRPMSG_KO" && make_device && sleep 1 || rc=1
	kill "$pid"
	wait "$pid" 2>/dev/null
	vrpmsgctl dev del module || rc=1
	cat "$tmp/heard"
	# All may hear of the family.
	grep -q "heard vhost_rpmsg" "$tmp/heard" && ((!rc))
}

hears_no_events()
{
	listens 65534 && ! grep -q "heard module" "$tmp/heard"
}

hears_events()
{
	listens 0 && grep -q "heard module" "$tmp/heard"
}

# keep_busy COMMAND...: repeat a command in the background.
keep_busy()
{
	(
		while [[ ! -e $tmp/enough ]]; do
			"$@"
		done >/dev/null 2>&1
	) &
	busy_pid=$!
}

stop_busy()
{
	touch "$tmp/enough"
	wait "$busy_pid"
	rm "$tmp/enough"
	busy_pid=
}

# Do not use O_CREAT, since the file may not exist.
open_vmm()
{
	local fd

	{ exec {fd}</dev/vhost-rpmsg; } 2>/dev/null && exec {fd}<&-
	# Otherwise the file would be open most of the time.
	sleep 0.05
}

administrate()
{
	vrpmsgctl dev add busy
	vrpmsgctl ept add dev busy name ept
	vrpmsgctl ept show
	vrpmsgctl dev del busy
}

# Remove and load the module repeatedly, while another process uses it.
reload()
{
	local i removed=0

	for ((i = 0; i < $1; i++)); do
		rmmod vhost_rpmsg 2>/dev/null || continue
		((++removed))
		insmod "$VRPMSG_KO" || return
	done
	echo "removed $removed times"
	loaded && ((removed))
}

echo "TAP version 13"

# An earlier test may have left it loaded.
rmmod vhost_rpmsg_kclient 2>/dev/null
succeeds "it is loaded" loaded
succeeds "and not a second time" fails "File exists" insmod "$VRPMSG_KO"
succeeds "depmod has no complaint" depmod_is_content

# The module is in use.
exec {vmm}</dev/vhost-rpmsg
succeeds "not removed while a VMM has a file" is_refused
exec {vmm}<&-
succeeds "it goes on to work" make_device
exec {file}<"$node"
succeeds "not removed while a char device is open" is_refused
vrpmsgctl ept del "$node"
succeeds "nor when its endpoint is gone" is_refused
exec {file}<&-
succeeds "another client is loaded" insmod "$VRPMSG_KCLIENT_KO"
succeeds "not removed while there is another client" is_refused
exec {vmm}</dev/vhost-rpmsg-kclient
succeeds "nor that one while a VMM has it" fails "is in use" \
	rmmod vhost_rpmsg_kclient
exec {vmm}<&-
succeeds "the other client is removed" rmmod vhost_rpmsg_kclient

# The module is not in use.
vrpmsgctl dev del module
succeeds "a persistent device and an endpoint" make_device
stat -c '%Hr %Lr' "$node" >"$tmp/devt"
succeeds "nothing has gone with the module so far" says_what_goes 0
succeeds "it is removed with them, and leaves nothing" leaves_nothing
succeeds "the log names the device that is gone" says_what_goes 1
succeeds "the netlink family is gone" fails "is the vhost_rpmsg module loaded" \
	vrpmsgctl dev show
read -r major minor <"$tmp/devt"
mknod "$tmp/node" c "$major" "$minor"
succeeds "an old node leads nowhere" fails "No such device or address" \
	cat "$tmp/node"
succeeds "the first event reaches root, who joined the group before" hears_events
rmmod vhost_rpmsg
name="no events for a user who joined the group before"
if [[ $(uname -r) == 6.1.* ]]; then
	# Such a kernel cannot filter them.
	echo "ok $((++number)) $name # SKIP needs Linux 6.8"
else
	succeeds "$name" hears_no_events
	rmmod vhost_rpmsg
fi
succeeds "it is loaded again" insmod "$VRPMSG_KO"
succeeds "with nothing in it" is_empty
succeeds "ten times" often

# The module is used while it is removed.
keep_busy open_vmm
succeeds "while VMMs come and go" reload 6
stop_busy
keep_busy administrate
succeeds "while an administrator is at work" reload 4
stop_busy
vrpmsgctl dev del busy 2>/dev/null
vrpmsgctl monitor >"$tmp/events" 2>&1 &
monitor=$!
sleep 0.3
succeeds "while somebody listens" reload 1
kill "$monitor" 2>/dev/null
wait "$monitor" 2>/dev/null
succeeds "it works in the end" make_device
succeeds "and can be removed" leaves_nothing

echo "1..$number"
((failed == 0))
