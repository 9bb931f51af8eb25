#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: commands that follow changes of a device whose objects come and go all the
# time, and commands that send to a guest that goes. preload/fake_ept.c changes what the
# kernel answers.
set -u
tmp=$(mktemp -d)
dev=busy$$
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"
fake=$VRPMSG_BUILD/user/selftests/fake_ept.so

# shellcheck disable=SC2317	# called by the trap
cleanup()
{
	[[ ! $guest_pid ]] || kill_guest
	vrpmsgctl dev del $dev 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

# with WHAT COMMAND...: run vrpmsgctl with these answers, for a limited time.
with()
{
	local what=$1
	shift
	FAKE_NETLINK=$what LD_PRELOAD=$fake \
		timeout $((5 * ${VRPMSG_SLOW:-1})) vrpmsgctl "$@"
}

echo "TAP version 13"
vrpmsgctl dev add $dev >/dev/null
vrpmsgctl ept add dev $dev name echo >/dev/null
expect "a list that is never complete" 2 "" "came and went too often" \
	with busy chan show dev $dev
expect "the name of an endpoint in such a list" 0 "name echo" "" \
	with busy -o ept show $dev/echo
expect "save goes on" 0 "ept add dev $dev name echo" "" with busy save
expect "save of one device goes on" 0 "ept add dev $dev name echo" "" \
	with busy save dev $dev
expect "a name that is not in it" 2 "" "no such endpoint" \
	with busy ept show $dev/nosuch
expect "wait goes on" 1 "" "" with busy wait chan sensors dev $dev timeout 0.5
expect "wait for an endpoint goes on" 1 "" "" \
	with busy wait ept $dev/sensors timeout 0.5
expect "monitor goes on" 124 "\"event\":\"present\".*\"event\":\"lost\"" "" \
	with busy -j monitor dev $dev
expect "the end of the time, although there is always an event" 1 "" "" \
	with lost wait dev nosuch timeout 0.5

# More happens than the socket has room for while the monitor is stopped.
FAKE_NETLINK=small LD_PRELOAD=$fake vrpmsgctl -j monitor epts dev $dev >"$tmp/events" \
	2>"$tmp/why" &
monitor=$!
wait_for listens $monitor
kill -STOP $monitor
for i in {1..20}; do
	vrpmsgctl ept add dev $dev name "service$i" >/dev/null
done
kill -CONT $monitor
wait_for has "$tmp/events" \
	'"event":"present".*"event":"lost".*"event":"present","ept":\{[^}]*"service20"'
result "a monitor that was stopped lists all objects again" $?
vrpmsgctl ept del $dev/service20
wait_for has "$tmp/events" '"event":"lost".*"event":"del","ept":\{[^}]*"service20"'
result "and goes on" $?
kill -TERM $monitor
wait $monitor
[[ $? == 143 ]]
result "until a signal comes" $?

# A message that waits for room does not go to the next guest.
stuck()
{
	local before after

	before=$(field tx-msgs -s ept show $dev/echo)
	sleep 0.2
	after=$(field tx-msgs -s ept show $dev/echo)
	[[ $(field tx-queued ept show $dev/echo) != 0 && $after == "$before" ]]
}
goes_away()
{
	local sender rc

	start_guest $dev echo=500
	kill -STOP "$guest_pid"
	yes | head -n 2000 | timeout 100 vrpmsgctl "$@" >"$tmp/out" 2>"$tmp/err" &
	sender=$!
	wait_for stuck
	kill_guest
	wait $sender
	rc=$?
	cat "$tmp/err"
	[[ $rc == 2 ]] && has "$tmp/err" "^vrpmsgctl: $dev/echo: no remote is known"
}
vrpmsgctl ept set $dev/echo tx-limit 1
succeeds "send ends with its guest" goes_away send $dev/echo stdin
succeeds "so does connect" goes_away connect $dev/echo
echo "1..$number"
((failed == 0))
