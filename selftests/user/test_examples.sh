#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The examples in C and shell work with a guest.
# shellcheck disable=SC2317	# functions are called through succeeds
set -u
# shellcheck source=examples.sh
. "$(dirname "$0")/examples.sh"
# shellcheck source=extract.sh
. "$(dirname "$0")/extract.sh"

echo "TAP version 13"
start "$bin/echo" $dev echo
succeeds "echo: makes its device and serves" serves echo
start_guest $dev
guest mute
succeeds "echo: sends back what it gets" asks 500 echo "Who is there?" \
	"Who is there?"
stop
start "$bin/echo" $dev echo
succeeds "echo: and serves again" serves echo
succeeds "echo: as before" asks 500 echo again again
stop

start "$top/examples/service.sh" $dev/shell
succeeds "service.sh: without an endpoint it ends" ends 1
succeeds "service.sh: and says why" has out "no char device"
vrpmsgctl ept add dev $dev name shell >path
start "$top/examples/service.sh" "$(cut -d: -f1 path)"
succeeds "service.sh: serves" serves shell
succeeds "service.sh: knows an answer" asks 501 shell host "$(uname -n)"
succeeds "service.sh: or not" asks 501 shell 'a \b' 'what is a \\b?'
stop

start "$bin/addressed" $dev many
succeeds "addressed: serves" serves many
succeeds "addressed: counts the messages of one" asks 1 many a "message 1"
succeeds "addressed: and goes on" asks 1 many a "message 2"
succeeds "addressed: and of another one" asks 2 many a "message 1"
succeeds "addressed: not mixing them up" asks 1 many a "message 3"
guest "send 4294967295 $(field addr ept show $dev/many) a"
succeeds "addressed: a sender without an address does not end it" asks 1 many a "message 4"
guest reset
succeeds "addressed: another guest begins anew" asks 1 many a "message 1"
stop

start "$bin/client" /nosuch
succeeds "client: without an endpoint it ends" ends 1
vrpmsgctl ept add dev $dev name client >path
start "$bin/client" "$(cut -d: -f1 path)"
succeeds "client: has it open" serves client
guest "send 900 $(field addr ept show $dev/client) hello"
succeeds "client: prints what comes" says "^hello$"
echo "first line" >&"$to"
succeeds "client: sends a line" wait_for got "first line"
guest reset
succeeds "client: sees that the guest is another one" says "new guest: generation"
echo "second line" >&"$to"
guest "send 901 $(field addr ept show $dev/client) hello"
succeeds "client: waits for a remote" wait_for got "second line"
vrpmsgctl ept del $dev/client
succeeds "client: ends with the endpoint" ends 1
succeeds "client: and says why" has out "the endpoint was deleted"

start "$bin/monitor"
succeeds "monitor: what there is" says "there is device $dev: running"
vrpmsgctl ept add dev $dev name seen >path
succeeds "monitor: an endpoint comes" says "new endpoint $dev/seen: address [0-9]+, remote none"
guest "create seen 902"
succeeds "monitor: so does a channel" says "new channel $dev/seen: address 902"
succeeds "monitor: the endpoint has a remote" says "change endpoint $dev/seen: .*, remote bound"
vrpmsgctl ept del $dev/seen
succeeds "monitor: the endpoint goes" says "del endpoint $dev/seen"
stop

# Any user may use the descriptor.
chmod 755 "$tmp"
start "$bin/handover" $dev passed "$tmp/socket"
succeeds "handover: has a socket" wait_for test -S "$tmp/socket"
chmod 777 "$tmp/socket"
setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$bin/handover" "$tmp/socket" >passed 2>&1 &
second=$!
succeeds "handover: gives it away" ends 0
succeeds "handover: another user has it" wait_for has passed \
	"^serving $dev/passed at [0-9]+"
addr=$(grep -o '[0-9]*$' passed)
succeeds "handover: answers the announced service" wait_for got hello
# No answer to this message can be sent.
guest "destroy passed 1024"
guest "create passed 53"
guest "send 53 $addr lost"
succeeds "handover: and serves" asks_at 903 "$addr" "Who is it?" "Who is it?"
kill -KILL $second
wait $second 2>/dev/null
no_user_endpoint()
{
	[[ $(vrpmsgctl -j ept show dev "$dev") != *'"descriptor":true'* ]]
}
succeeds "handover: killed, nothing is left" wait_for no_user_endpoint

# The service of the manual page.
manual()
{
	extract "$top/libvhostrpmsg/man/vrpmsg_ctrl.3" |
		sed "s/gpu0/$dev/; s/\"echo\"/\"manual\"/" >manual.c &&
		"${CC:-gcc}" "-I$top/libvhostrpmsg" -o manual manual.c \
			"-L$VRPMSG_BUILD/user/lib" -lvhostrpmsg
}
find_manual()
{
	[[ $(vrpmsgctl -o ept show dev "$dev") =~ " name manual addr "([0-9]+)" " ]] &&
		addr=${BASH_REMATCH[1]}
}
succeeds "vrpmsg_ctrl(3): compiles" manual
start ./manual
succeeds "vrpmsg_ctrl(3): serves" wait_for find_manual
succeeds "vrpmsg_ctrl(3): answers" wait_for got hello
# Nor can an answer to this one.
guest "destroy manual 1024"
guest "send 53 $addr lost"
succeeds "vrpmsg_ctrl(3): says what cannot be sent" says "^write: Transport endpoint"
succeeds "vrpmsg_ctrl(3): and goes on" asks_at 904 "$addr" why why
stop

stop_guest
readme_has_echo_c()
{
	diff <(block c) <(sed -n '/^#include/,$p' "$top/examples/echo.c")
}
succeeds "echo.c: README has it" readme_has_echo_c

echo "1..$number"
exit $failed
