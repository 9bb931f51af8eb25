#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tracepoints: one line for each message, name service message, drop and change of
# state, with the right numbers.
set -u
tests=$VRPMSG_BUILD/user/selftests
trace=/sys/kernel/tracing
dev=trace$$
number=0 failures=0
tmp=$(mktemp -d)

echo "TAP version 13"
mountpoint -q $trace || mount -t tracefs tracefs $trace 2>/dev/null
if [[ ! -d $trace/events/vhost_rpmsg ]]; then
	echo "1..0 # SKIP the kernel has no tracepoints"
	exit 0
fi
# shellcheck disable=SC2317	# called by the trap
cleanup()
{
	echo 0 >$trace/events/vhost_rpmsg/enable
	vrpmsgctl dev del $dev 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
echo >$trace/trace
# See test_memory.
echo 0 >$trace/options/record-cmd
echo 1 >$trace/events/vhost_rpmsg/enable

# traced NAME COUNT PATTERN: expect this number of lines, after some time.
traced()
{
	local name=$1 count=$2 pattern=$3 i n

	for ((i = 0; i < 100; i++)); do
		n=$(grep -cE "$pattern" $trace/trace)
		((n >= count)) && break
		sleep 0.1
	done
	((++number))
	if ((n == count)); then
		echo "ok $number $name"
	else
		echo "# $n lines for: $pattern"
		grep vrpmsg_ $trace/trace | tail -n 40 | sed 's/^/# /'
		echo "not ok $number $name"
		((++failures))
	fi
}

id=$(vrpmsgctl dev add $dev | cut -d: -f1)
ept=$(vrpmsgctl ept add dev $dev name echo | cut -d: -f1)
closed=$(vrpmsgctl ept add dev $dev name sensors rx-limit 1 | cut -d: -f1)
vrpmsgctl ns announce $dev/echo
exec {fd}<>"$ept"
coproc GUEST { exec "$tests/echo_guest" $dev sensors=2000; }
read -r -t 10 -u "${GUEST[0]}" _
timeout 10 dd bs=4096 count=1 of="$tmp/hello" <&$fd 2>/dev/null
# Messages before the first open would wait.
: <"$closed"

traced "a device that runs" 1 "vrpmsg_dev_state: dev=$id name=$dev state=running"
traced "a new endpoint" 1 "vrpmsg_ept_state: dev=$id addr=0x400 new"
traced "our announcement" 1 \
	"vrpmsg_ns: dev=$id tx create name=echo addr=0x400"
traced "the guest's announcement" 1 \
	"vrpmsg_ns: dev=$id rx create name=sensors addr=0x7d0"
traced "a remote that is bound" 1 \
	"vrpmsg_ept_remote: dev=$id addr=0x401 remote=0x7d0 kind=bound"
traced "a message from the guest" 1 \
	"vrpmsg_rx: dev=$id src=0x400 dst=0x400 len=5"
traced "a remote that is learned" 1 \
	"vrpmsg_ept_remote: dev=$id addr=0x400 remote=0x400 kind=learned"

printf 1234567 >&$fd
traced "a message to the guest" 1 \
	"vrpmsg_tx: dev=$id src=0x400 dst=0x400 len=7"
echo "send 5 4711 nobody is there" >&"${GUEST[1]}"
traced "a message to nobody" 1 \
	"vrpmsg_drop: dev=$id cause=rx-drop-unknown addr=0x1267 len=15"
echo "send 5 1025 closed" >&"${GUEST[1]}"
traced "a message to a closed endpoint" 1 \
	"vrpmsg_drop: dev=$id cause=rx-drop-closed addr=0x401 len=6"

# A limit of one byte allows one message, so the second one waits.
vrpmsgctl ept set $dev/echo rx-limit 1
timeout 10 dd bs=4096 count=1 of="$tmp/echo" <&$fd 2>/dev/null
echo "send 1024 1024 one" >&"${GUEST[1]}"
echo "send 1024 1024 two" >&"${GUEST[1]}"
traced "an endpoint that holds the guest back" 1 \
	"vrpmsg_stall: dev=$id addr=0x400 stalled"
timeout 10 dd bs=4096 count=1 of="$tmp/one" <&$fd 2>/dev/null
traced "and no more" 1 "vrpmsg_stall: dev=$id addr=0x400 resumed"

guest_in=${GUEST[1]}
exec {guest_in}>&-
# shellcheck disable=SC2153	# coproc sets it
wait "$GUEST_PID"
traced "a device that its VMM left" 1 \
	"vrpmsg_dev_state: dev=$id name=$dev state=detached"
exec {fd}>&-
vrpmsgctl ept del $dev/echo
traced "an endpoint that is deleted" 1 "vrpmsg_ept_state: dev=$id addr=0x400 del"

echo "1..$number"
((failures == 0))
