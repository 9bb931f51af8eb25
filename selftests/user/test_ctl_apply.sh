#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl save and apply.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
a=apply-a$$ b=apply-b$$
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"

# shellcheck disable=SC2317	# called by the trap
cleanup()
{
	[[ ! $guest_pid ]] || stop_guest
	vrpmsgctl dev del $a 2>/dev/null
	vrpmsgctl dev del $b 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
cd "$tmp" || exit

echo "TAP version 13"
cat >first.conf <<EOF2
# The configuration of gpu.
ept add dev $a name "my service" addr 0x400 policy drop rx-limit 4k announced

dev add $a hold-time 2.5	# behind its endpoint
ept add dev $a name many addressed
ept add dev $a addr 77 remote 5 closed keep
EOF2

# Refusals: all of them are reported with their lines, and nothing is changed.
cat >bad.conf <<EOF2
dev add $b
ept add dev $b addr 1 colour red
ept add dev $b
dev del $b
ept add dev $b name "open
ept set $b/x policy drop
EOF2
expect "all faults of a file, with their lines" 1 "" \
	'bad.conf:2: ept add: unknown argument "colour".*bad.conf:3: an endpoint in a file needs a name.*bad.conf:4: only "dev add".*bad.conf:5: missing closing quote.*bad.conf:6: only "dev add"' \
	vrpmsgctl apply bad.conf
cat >bad.conf <<EOF2
dev add $b
dev add $b
ept add dev $b addr 9
ept add dev $b addr 9
ept add dev $b addr 53
ept add dev nosuch addr 9
ept add dev $b name s announced rx-limit 1
ept add dev $b addr 4 announced
dev add a/b
dev add vhost7
EOF2
expect "faults that a line alone does not have" 2 "" \
	'bad.conf:2: .*twice.*bad.conf:4: .*twice.*bad.conf:5: .*addr.*bad.conf:6: .*no such.*bad.conf:8: only.*bad.conf:9: not a valid.*bad.conf:10: not a valid' \
	vrpmsgctl apply bad.conf
expect "and nothing was done" 2 "" "No such device" vrpmsgctl dev show $b
expect "a file that is not there" 2 "" "nosuch.conf: No such file" \
	vrpmsgctl apply first.conf nosuch.conf
expect "nothing was done here either" 2 "" "No such device" \
	vrpmsgctl dev show $a

# Apply the configuration.
changes="^dev add $a hold-time 2.5
ept add dev $a name \"my service\" addr 0x400 policy drop rx-limit 4k announced
ept add dev $a addr 77 remote 5 closed keep
ept add dev $a name many addressed$"
expect "a dry run says what would be done" 0 "$changes" "" \
	vrpmsgctl apply --dry-run first.conf
expect "and does nothing" 2 "" "No such device" vrpmsgctl dev show $a
expect "apply says what it does" 0 "$changes" "" vrpmsgctl apply first.conf
expect "and it is so" 0 "addr 77 remote 5 \(fixed\) .*closed keep.*name \"my service\" addr 1024 announced policy drop rx-limit 4096 .*name many addr 1025 addressed" "" \
	vrpmsgctl -o ept show dev $a
expect "once more changes nothing" 0 "" "" vrpmsgctl apply first.conf
expect "JSON of nothing" 0 '^\[\]$' "" vrpmsgctl -j apply first.conf
expect "save" 0 "^dev add $a hold-time 2.5 owner 0
ept add dev $a addr 77 remote 5 closed keep
ept add dev $a name \"my service\" addr 1024 announced policy drop rx-limit 4096
ept add dev $a name many addr 1025 addressed$" "" vrpmsgctl save dev $a
expect "save of no device" 2 "" "No such device" vrpmsgctl save dev nosuch
vrpmsgctl save >saved.conf
expect "what is saved is what there is" 0 "" "" \
	vrpmsgctl apply --dry-run --prune saved.conf
# shellcheck disable=SC2317	# called through expect
piped() { vrpmsgctl save | vrpmsgctl apply --dry-run -; }
expect "save and apply in a pipe" 0 "" "" piped
# The default of owner depends on who applies a file.
as_admin=(setpriv --reuid 65534 --regid 65534 --clear-groups
	--inh-caps +net_admin --ambient-caps +net_admin)
expect "save and apply by another administrator" 0 "" "" \
	"${as_admin[@]}" bash -c "vrpmsgctl save | vrpmsgctl apply --dry-run -"
vrpmsgctl dev set $a owner 65534
expect "save by the owner of a device" 0 "^dev add $a hold-time 2.5 owner 65534
" "" "${as_admin[@]}" vrpmsgctl save dev $a
vrpmsgctl dev set $a owner any
expect "save of a device that has none" 0 "^dev add $a hold-time 2.5 owner any
" "" vrpmsgctl save dev $a
vrpmsgctl dev set $a owner 0

# The first free address is that of another line.
cat >order.conf <<EOF2
dev add $b
ept add dev $b name first
ept add dev $b name second addr 1024
EOF2
expect "an endpoint without an address does not take a given one" 0 \
	"^dev add $b
ept add dev $b name second addr 1024
ept add dev $b name first$" "" \
	vrpmsgctl apply order.conf
expect "both are there" 0 "" "" vrpmsgctl apply order.conf

# The kernel keeps milliseconds.
for time in 1.001 0.0015 4294967.295; do
	echo "dev add $b hold-time $time" >time.conf
	vrpmsgctl apply time.conf >/dev/null
	expect "hold-time $time once more" 0 "" "" vrpmsgctl apply time.conf
	expect "and what is saved of it" 0 "" "" \
		bash -c "vrpmsgctl save dev $b | vrpmsgctl apply -"
done
expect "it is shown in full" 0 "hold-time 4294967.295 " "" vrpmsgctl -o dev show $b
vrpmsgctl dev del $b

# vrpmsg.service can read what root can.
capabilities()
{
	local caps

	caps=$(sed -n 's/^CapabilityBoundingSet=//p' \
		"$top/tools/systemd/vrpmsg.service")
	caps=${caps// /,+}
	caps=${caps//CAP_/}
	echo "-all,+${caps,,}"
}
echo "dev add $b" >other.conf
chmod 600 other.conf
chown 65534 other.conf
expect "vrpmsg.service applies a file of another user" 0 "^dev add $b$" "" \
	setpriv --bounding-set "$(capabilities)" vrpmsgctl apply --dry-run other.conf

# Change in place.
cat >second.conf <<EOF2
dev add $a mtu 100
ept add dev $a name "my service" tx-limit 1M
ept add dev $a name many addressed
ept add dev $a addr 77 remote follow
EOF2
id() { field path ept show "$1"; }
service=$(id "$a/my service")
expect "only what differs is changed" 0 "^dev set $a mtu 100 hold-time 10
ept set /dev/vrpmsg-ep[0-9]+ remote follow closed drop # $a/
ept set $service policy hold rx-limit 262144 tx-limit 1048576 # $a/my service
ns withdraw $service # $a/my service$" "" vrpmsgctl apply second.conf
expect "to what is said" 0 "name \"my service\" addr 1024 policy hold rx-limit 262144 tx-limit 1048576" "" \
	vrpmsgctl -o ept show "$service"
expect "once more" 0 "" "" vrpmsgctl apply second.conf
echo "ept add dev $a name many" >third.conf
expect "what cannot be changed is refused" 2 "" \
	"third.conf:1: addressed of /dev/vrpmsg-ep[0-9]+ cannot be changed; --replace" \
	vrpmsgctl apply third.conf
expect "unless it may be replaced" 0 "^ept del /dev/vrpmsg-ep[0-9]+ # $a/many
ept add dev $a name many$" "" vrpmsgctl apply --replace third.conf
expect "which makes it anew" 0 "name many addr [0-9]+ policy" "" \
	vrpmsgctl -o ept show $a/many
echo "ept add dev $a addr 77 name x" >third.conf
expect "an address with another name" 2 "" "third.conf:1: .* cannot be changed" \
	vrpmsgctl apply third.conf

# --prune considers all files together.
vrpmsgctl dev add $b >/dev/null
vrpmsgctl ept add dev $b name keep >/dev/null
mkdir conf
# README's command, for each device.
# shellcheck disable=SC2317	# called through expect
readme_saves()
{
	local command dev

	command=$(grep -o "vrpmsgctl save .*\.conf" "$top/README.md")
	for dev in $a $b; do
		bash -c "$(sed "s/gpu0/$dev/g; s,/etc/vrpmsg,conf," <<<"$command")" ||
			return
	done
	vrpmsgctl apply --dry-run conf/*.conf
}
expect "the files that README saves agree with each other" 0 "" "" readme_saves
vrpmsgctl save | sed "/dev $a addr 77/d" | grep -v "^dev add $b" |
	grep -v " $b " >one.conf
vrpmsgctl save dev $b >two.conf
expect "prune deletes what no file has" 0 \
	"^ept del /dev/vrpmsg-ep[0-9]+ # $a/$" "" \
	vrpmsgctl apply --prune one.conf two.conf
expect "the rest stays" 0 "name keep" "" vrpmsgctl -o ept show dev $b
expect "prune of a device" 0 "^dev del $b$" "" vrpmsgctl apply --prune one.conf
start_guest $a
expect "prune of a device that a VMM has" 2 "" \
	"--prune: $a: a VMM has the device" vrpmsgctl apply --prune two.conf
expect "which comes before anything is done" 2 "" "No such device" \
	vrpmsgctl dev show $b
stop_guest

# A VMM cannot keep an administrator from a name.
start_guest $b
echo "dev add $b" >vmm.conf
vrpmsgctl ept add dev $b name busy >/dev/null
expect "a name that the device of a VMM has, with endpoints" 2 "" \
	"vmm.conf:1: the device of a VMM has this name" vrpmsgctl apply vmm.conf
vrpmsgctl ept del $b/busy
expect "and without" 0 "^dev add $b$" "" vrpmsgctl apply vmm.conf
stop_guest
vrpmsgctl dev del $b

expect "apply from standard input names its lines" 1 "" "stdin:1: " \
	bash -c 'echo nonsense | vrpmsgctl apply -'
cat >odd.conf <<EOF2
ept add dev $a name "a\\\$(b) \\"c\\\\ d" addr 5
EOF2
expect "odd names" 0 'name "a\\\$\(b\) \\"c\\\\ d"' "" vrpmsgctl apply odd.conf
expect "are saved as they are" 0 "" "" piped
echo "dev add $a" >one.conf
vrpmsgctl -j apply --prune one.conf >changes.json
expect "changes as JSON" 0 '^\[\{"change":"ept del /dev/vrpmsg-ep[0-9]+ # ' "" \
	cat changes.json

# A device without a line would be deleted together with the endpoint that has one.
echo "ept add dev $a name s" >alone.conf
expect "prune of the device of an endpoint in a file" 2 "" \
	"alone.conf:1: its device is in no file, and --prune would delete it: Invalid" \
	vrpmsgctl apply --prune alone.conf
expect "it is still there" 0 "^[0-9]+: $a:" "" vrpmsgctl -o dev show $a

# A user may have an address that a file wants.
vrpmsgctl ept exec dev $a addr 500 -- sleep 1000 &
# shellcheck disable=SC2317	# called through wait_for
user_is_there()
{
	vrpmsgctl -o ept show dev $a | grep -q "addr 500 .*descriptor"
}
wait_for user_is_there
cat >third.conf <<EOF2
dev add $b
ept add dev $a addr 500
EOF2
expect "an address of a user's endpoint" 2 "" \
	"third.conf:2: an endpoint of a user has this address" vrpmsgctl apply third.conf
expect "nothing was done for that file either" 2 "" "No such device" \
	vrpmsgctl dev show $b
expect "a user's endpoint is not pruned" 0 "" "" \
	bash -c "vrpmsgctl save | vrpmsgctl apply --prune -"
expect "it is still there" 0 "" "" user_is_there
kill $!
wait $! 2>/dev/null

# Make a single change.
expect "ept add of an announced one" 0 "name now addr [0-9]+ announced" "" \
	vrpmsgctl ept add dev $a name now announced
expect "ept add of one that cannot be announced" 2 "" "name" \
	vrpmsgctl ept add dev $a addr 99 announced
expect "leaves none" 0 "^/dev/vrpmsg-ep[0-9]+: dev $a name now [^
]*$" "" vrpmsgctl -o ept show dev $a

echo "1..$number"
((failed == 0))
