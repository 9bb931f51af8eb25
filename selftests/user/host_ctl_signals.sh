#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: a signal ends each command at any point, and the exit status shows the signal.
# test_ctl_events.sh tests commands that need the module.
set -u
tmp=$(mktemp -d)
flood=
trap 'kill $flood 2>/dev/null; rm -rf "$tmp"' EXIT
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"
fake=$VRPMSG_BUILD/user/selftests/fake_ept.so
mkfifo "$tmp/input" "$tmp/output" "$tmp/quiet"
# No process writes to the last pipe, and none reads from the second.
# shellcheck disable=SC2034	# they are kept open
exec {in}<>"$tmp/input" {out}<>"$tmp/output" {quiet}<>"$tmp/quiet"

# dies NAME STDIN STDOUT GUEST COMMAND...: the command dies of each signal.
dies()
{
	local name=$1 stdin=$2 stdout=$3 guest=$4 sig begin ms rc pid
	shift 4
	for sig in ${signals:-INT TERM}; do
		env --default-signal=INT FAKE_EPT="$guest" LD_PRELOAD="$fake" \
			vrpmsgctl "$@" <"$stdin" >"$stdout" 2>"$tmp/err" &
		pid=$!
		sleep 0.3
		begin=${EPOCHREALTIME/./}
		kill "-$sig" $pid
		for ((ms = 0; ms < 2000; ms += 10)); do
			{ [[ -d /proc/$pid && $(</proc/$pid/stat) != *') Z '* ]]; } \
				2>/dev/null ||
				break
			sleep 0.01
		done
		((ms < 2000)) || kill -KILL $pid
		wait $pid 2>/dev/null
		rc=$?
		ms=$(((${EPOCHREALTIME/./} - begin) / 1000))
		echo "status $rc after $ms ms; it says: $(<"$tmp/err")" >"$tmp/why"
		[[ $rc == $((128 + $(kill -l "$sig"))) && ! -s $tmp/err ]] &&
			((ms < 2000))
		result "SIG$sig: $name" $?
	done
}

yes >"$tmp/input" 2>/dev/null &
flood=$!

echo "TAP version 13"
dies "send, input that does not come" "$tmp/quiet" /dev/null sink \
	send 0 stdin
dies "send, input that does not end" "$tmp/input" /dev/null sink send 0 stdin
dies "send, a full queue" /dev/null /dev/null silent send 0 count 1000000 hello
dies "send, room for all" /dev/null /dev/null sink send 0 count 4000000000 hello
dies "recv, nothing comes" /dev/null /dev/null silent recv 0 count 0
dies "recv, messages without end" /dev/null /dev/null "flood 1000" \
	recv 0 count 0 hex
dies "recv, output that nobody reads" /dev/null "$tmp/output" "flood 1000" \
	recv 0 count 0 hex
dies "recv, raw output that nobody reads" /dev/null "$tmp/output" "flood 1000" \
	recv 0 count 0 raw
dies "ping, no answer" /dev/null /dev/null silent ping 0 timeout 100
dies "ping, a full queue" /dev/null /dev/null silent \
	ping 0 size 60000 interval 0 timeout 100
dies "ping, between two" /dev/null /dev/null echo ping 0 interval 100
dies "ping, without a pause" /dev/null /dev/null echo ping 0 interval 0
dies "ping, something else all the time" /dev/null /dev/null chatty \
	ping 0 timeout 100
dies "ping, output that nobody reads" /dev/null "$tmp/output" echo \
	ping 0 interval 0
dies "call, no answer" /dev/null /dev/null silent call 0 hi timeout 100
dies "connect, input that does not come" "$tmp/quiet" /dev/null silent \
	connect 0
dies "connect, input that does not end" "$tmp/input" /dev/null sink connect 0
dies "connect, a full queue" "$tmp/input" /dev/null silent connect 0
dies "connect, messages without end" "$tmp/input" /dev/null "flood 1000" connect 0
dies "connect, output that nobody reads" "$tmp/input" "$tmp/output" "flood 1000" \
	connect 0
dies "apply, input that does not come" "$tmp/quiet" /dev/null silent apply -
signals=HUP dies "recv, a terminal that goes" /dev/null /dev/null silent \
	recv 0 count 0 2>/dev/null
dies "help, output that nobody reads" /dev/null "$tmp/output" silent help
kill $flood
flood=

# Actions before the end.
FAKE_EPT="text 10 3" LD_PRELOAD=$fake vrpmsgctl recv 0 count 0 >"$tmp/three" &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid 2>/dev/null
expect "recv has written what it got" 0 $'^abcdefghij\nabcdefghij\nabcdefghij$' \
	"" cat "$tmp/three"
FAKE_EPT=echo LD_PRELOAD=$fake vrpmsgctl ping 0 interval 0.1 >"$tmp/ping" &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid 2>/dev/null
expect "ping has its summary" 0 "[1-9] received, 0% loss.*rtt min" "" \
	cat "$tmp/ping"

# A shell that starts a command in the background of a script has it ignore SIGINT.
FAKE_EPT=silent LD_PRELOAD=$fake vrpmsgctl recv 0 count 0 &
pid=$!
sleep 0.5
kill -INT $pid
sleep 0.5
kill -TERM $pid
wait $pid 2>/dev/null
rc=$?
echo "status $rc" >"$tmp/why"
((rc == 143))
result "SIGINT that was ignored still is" $?

echo "1..$number"
((failed == 0))
