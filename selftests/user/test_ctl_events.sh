#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: the commands that follow changes, wait, monitor and stats; and signals that end
# them.
set -u
tmp=$(mktemp -d)
dev=events$$
limit=$((20 * ${VRPMSG_SLOW:-1}))
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"

# shellcheck disable=SC2317	# called by the trap
cleanup()
{
	[[ ! $guest_pid ]] || stop_guest
	vrpmsgctl dev del $dev 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

# waits NAME COMMAND...: start a command that waits; waited then checks its end.
waits()
{
	waiting=$1
	shift
	vrpmsgctl wait "$@" timeout $limit >"$tmp/why" 2>&1 &
	waiter=$!
	wait_for listens $waiter
}
waited()
{
	local before=0

	[[ -d /proc/$waiter ]] || before=1
	"$@" >/dev/null
	wait $waiter
	result "$waiting" $(($? || before))
}

echo "TAP version 13"
expect "wait for a device in vain" 1 "" "" vrpmsgctl wait dev $dev timeout 0.1
waits "wait for a device" dev $dev
waited vrpmsgctl dev add $dev
expect "it is there" 0 "" "" vrpmsgctl wait dev $dev timeout 5
expect "but does not run" 1 "" "" vrpmsgctl wait dev $dev running timeout 0.1
waits "wait for an endpoint" ept $dev/echo
waited vrpmsgctl ept add dev $dev name echo announced
# udev makes links when there are no more events.
linked()
{
	vrpmsgctl ept add dev $dev name linked >"$tmp/path" && sleep 1 &&
		ln -s "$(cut -d: -f1 "$tmp/path")" "$tmp/link"
}
waits "wait for a link" ept "$tmp/link"
waited linked
vrpmsgctl ept del $dev/linked
expect "without a remote" 1 "" "" \
	vrpmsgctl wait ept $dev/echo remote timeout 0.1

vrpmsgctl -j -t monitor >"$tmp/all.json" &
all=$!
vrpmsgctl monitor chans dev $dev count 2 --no-initial >"$tmp/two" &
two=$!
vrpmsgctl monitor devs dev nosuch >"$tmp/none" &
none=$!
for pid in $all $two $none; do
	wait_for listens "$pid"
done
expect "monitor begins with what is there" 0 \
	'"event":"present","dev":.*"event":"present","ept":' "" \
	cat "$tmp/all.json"
declare -A waiters
vrpmsgctl wait dev $dev running timeout $limit &
waiters[running]=$!
vrpmsgctl wait ept $dev/echo remote timeout $limit &
waiters[remote]=$!
vrpmsgctl wait chan sensors dev $dev timeout $limit &
waiters[chan]=$!
start_guest $dev sensors=2000
for waiter in running remote chan; do
	wait "${waiters[$waiter]}"
	result "wait for a guest: $waiter" $?
done
# Its channel and address are known, but it takes no message.
guest stop
expect "wait for a channel of a guest that does not run" 1 "" "" \
	vrpmsgctl wait chan sensors dev $dev timeout 0.2
expect "wait for a remote that does not run" 1 "" "" \
	vrpmsgctl wait ept $dev/echo remote timeout 0.2
stop_guest
wait $two
result "monitor ends after so many events" $?
expect "which were those of channels" 0 "^chan new $dev: name sensors addr 2000
chan del $dev: name sensors addr 2000$" "" cat "$tmp/two"
expect "monitor of no device is silent" 0 "" "" cat "$tmp/none"

# The module is loaded again: its objects are gone, and new events arrive.
if [[ ${VRPMSG_KO-} ]]; then
	rmmod vhost_rpmsg_kclient 2>/dev/null
	rmmod vhost_rpmsg && insmod "$VRPMSG_KO"
	wait_for has "$tmp/all.json" '"event":"lost"'
	result "monitor says that it has missed something" $?
	vrpmsgctl dev add $dev >/dev/null
	wait_for has "$tmp/all.json" "\"lost\".*\"event\":\"new\",\"dev\":\{[^}]*$dev"
	result "monitor goes on after the module was loaded again" $?
	vrpmsgctl ept add dev $dev name echo announced >/dev/null
else
	echo "ok $((++number)) the module is loaded again # SKIP no VRPMSG_KO"
fi

# Rates.
start_guest $dev
vrpmsgctl wait ept $dev/echo remote timeout $limit
vrpmsgctl stats $dev/echo interval 0.5 count 6 >"$tmp/stats" &
stats=$!
# Traffic is running whenever stats starts.
while kill -0 $stats 2>/dev/null; do
	vrpmsgctl send $dev/echo count 30 hello
done
# shellcheck disable=SC2317	# called through expect
printed() { wait $stats && cat "$tmp/stats"; }
expect "stats shows rates" 0 "^ +RX-MSGS/s .*STALLS/s
.* [1-9][0-9.]* .*" "" printed
expect "stats of a device as JSON" 0 \
	'^\{"interval":0\.[0-9]+,"rates":\{"rx-msgs":[0-9.]+,.*"ns-invalid":' "" \
	vrpmsgctl -j stats $dev interval 0.2 count 1
expect "stats of an endpoint has only its counters" 0 '"stalls":[0-9.]+\}\}$' \
	"" vrpmsgctl -j stats $dev/echo interval 0.2 count 1
expect "stats of nothing" 2 "" "No such device" vrpmsgctl stats nosuch
vrpmsgctl stats $dev/echo interval 3 count 1 >"$tmp/stats" &
stats=$!
sleep 1
vrpmsgctl ept del $dev/echo
vrpmsgctl ept add dev $dev name echo announced >/dev/null
expect "stats of an endpoint that was created anew" 0 "STALLS/s
( +[0-9]{1,9}\.[0-9]){7}$" "" printed
stop_guest

# dies NAME STDOUT COMMAND...
mkfifo "$tmp/blocked"
# shellcheck disable=SC2034	# it is kept open
exec {blocked}<>"$tmp/blocked"
dies()
{
	local name=$1 stdout=$2 rc
	shift 2
	vrpmsgctl "$@" >"$stdout" 2>"$tmp/why" &
	sleep 2
	kill -TERM $!
	timeout 5 tail --pid=$! -f /dev/null || kill -KILL $!
	wait $!
	rc=$?
	echo "status $rc" >>"$tmp/why"
	((rc == 143))
	result "SIGTERM: $name" $?
}
dies "monitor, nothing happens" /dev/null monitor
while :; do
	vrpmsgctl ept set $dev/echo rx-limit 1000 && vrpmsgctl ept set $dev/echo \
		rx-limit 2000
done 2>/dev/null &
flood=$!
dies "monitor, events all the time" /dev/null -s monitor
dd if=/dev/zero of="$tmp/blocked" bs=65536 count=1 oflag=nonblock 2>/dev/null
dies "monitor, output that nobody reads" "$tmp/blocked" -s monitor
kill $flood
wait $flood 2>/dev/null
dies "wait" /dev/null wait dev nosuch
dies "stats, between two lines" /dev/null stats $dev interval 100
dies "stats, output that nobody reads" "$tmp/blocked" stats $dev interval 0.01
kill -TERM $all $none
for pid in $all $none; do
	wait "$pid"
	[[ $? == 143 ]]
	result "monitor ran until the end" $?
done

echo "1..$number"
((failed == 0))
