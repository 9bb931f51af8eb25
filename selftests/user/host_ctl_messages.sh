#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: messages, with a process as the guest (preload/fake_ept.c). So this needs no
# VM, and can measure the speed.
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"
fake=$VRPMSG_BUILD/user/selftests/fake_ept.so

# with GUEST COMMAND...: run vrpmsgctl with this behaviour of the guest.
with()
{
	local guest=$1
	shift
	FAKE_EPT=$guest LD_PRELOAD=$fake LC_ALL=${locale:-C} timeout 20 \
		vrpmsgctl "$@"
}

from_file()
{
	local file=$1
	shift
	with "$@" <"$file"
}

# Print the duration of a command in milliseconds.
milliseconds()
{
	local begin=${EPOCHREALTIME/./}

	"$@" >"$tmp/out"
	echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

echo "TAP version 13"

# Sent messages.
expect "an answer" 0 "^hello$" "" with echo call 0 hello
expect "an answer that does not come" 1 "" "" \
	with silent call 0 hello timeout 0.1
expect "digits with colons and spaces everywhere" 0 "^00ff0d0a$" "" \
	with echo call 0 hex " 00:ff :0d 0a: " as hex
expect "digits on lines, as od prints them" 0 "^(00){40}$" "" \
	with echo call 0 hex "$(od -An -tx1 -v -N 40 /dev/zero)" as hex
expect "any number of messages, but none comes" 1 "" "" \
	with silent recv 0 count 0 timeout 0.1
expect "any number of messages" 0 "^a" "" \
	with "text 16 3" recv 0 count 0 timeout 0.1 text
expect "half a byte" 1 "" "pairs of digits" with echo call 0 hex 0
expect "half a byte before a colon" 1 "" "pairs of digits" \
	with echo call 0 hex 0:00
expect "a word that is a keyword" 0 "^timeout$" "" \
	with echo call 0 text timeout
expect "--help as a message" 0 "^--help$" "" with echo call 0 text --help
expect "a word that looks like an option" 0 "^-j$" "" with echo call 0 -j
# shellcheck disable=SC2317	# called through expect
in_dev()
{
	cd "$tmp" && : >vrpmsg-ep0 && with echo call ./vrpmsg-ep0 hi
}
# A unit may not be allowed to use netlink.
FAKE_NETLINK=none expect "a name without netlink" 0 "^hello$" "" \
	with echo call fake/echo hello
FAKE_NETLINK=none expect "a name without netlink and without a link" 2 "" \
	"^vrpmsgctl: /dev/vrpmsg/by-name/nosuch/echo: No such file" \
	with echo call nosuch/echo hello
FAKE_NETLINK=denied expect "a name with netlink denied" 0 "^hello$" "" \
	with echo call fake/echo hello
expect "a path that is no device" 2 "" "not the char device of an endpoint" \
	in_dev

# Text.
expect "text of a terminal without UTF-8" 0 '^gr\\xc3\\xbcn\\x09\\\\$' "" \
	with echo call 0 $'gr\xc3\xbcn\t\\'
locale=C.UTF-8
expect "text of a terminal with UTF-8" 0 $'^gr\xc3\xbcn\\\\x09\\\\\\\\$' "" \
	with echo call 0 $'gr\xc3\xbcn\t\\'
expect "bytes that are no UTF-8" 0 '^\\xc3\(\\xff\\xed\\xa0\\x80$' "" \
	with echo call 0 $'\xc3(\xff\xed\xa0\x80' 
expect "text that would turn a terminal round" 0 '^\\xe2\\x80\\xae$' "" \
	with echo call 0 $'\xe2\x80\xae'
expect "UTF-8 as JSON" 0 $'"text":"gr\xc3\xbcn\\\\\\\\\\\\"","hex"' "" \
	with echo -j call 0 $'gr\xc3\xbcn\\"'
expect "what is no text has none in JSON" 0 '^\{"len":1,"hex":"09"\}$' "" \
	with echo -j call 0 $'\t'
locale=C

# A conversation.
printf 'one\ntwo\nfour' >"$tmp/lines"
expect "lines both ways" 0 $'^one\ntwo\nfour$' "" \
	from_file "$tmp/lines" echo connect 0
expect "bytes both ways" 0 $'^one\ntwo\nfour$' "" \
	from_file "$tmp/lines" echo connect 0 raw
FAKE_MTU=0 expect "bytes for a guest without room are not the end" 0 \
	$'^one\ntwo\nfour$' "" from_file "$tmp/lines" echo connect 0 raw
expect "lines of JSON" 0 '^\{"len":3,"text":"one","hex":"6f6e65"\}' "" \
	from_file "$tmp/lines" echo -j connect 0
# It ends when the lines are sent and the time is over. The output goes to a slow
# terminal, so that there is always another message.
# shellcheck disable=SC2317	# called through expect
talks_on()
{
	from_file "$tmp/lines" "flood 1000" connect 0 timeout 0.2 |
		while read -r -N 4096; do sleep 0.01; done
	return "${PIPESTATUS[0]}"
}
expect "lines while the guest never stops talking" 0 "" "" talks_on
# Standard input that another process has made non-blocking.
# shellcheck disable=SC2317	# called through expect
from_slow()
{
	python3 - "$@" <<-'END'
		import os, subprocess, sys, time
		r, w = os.pipe()
		os.set_blocking(r, False)
		os.write(w, b"one\nhel")
		with subprocess.Popen(["vrpmsgctl", *sys.argv[1:]], stdin=r) as command:
		    time.sleep(0.5)
		    os.write(w, b"lo\nend\n")
		    # The guest ends with the command.
		    time.sleep(0.5)
		    os.close(w)
		sys.exit(command.returncode)
	END
}
FAKE_EPT="file $tmp/lines-sent" LD_PRELOAD=$fake expect "lines that come in pieces" 0 \
	"" "" from_slow send 0 stdin
expect "are sent whole" 0 "^onehelloend$" "" cat "$tmp/lines-sent"
FAKE_EPT=echo LD_PRELOAD=$fake expect "in both directions" 0 $'^one\nhello\nend$' "" \
	from_slow connect 0
# The same for standard output, whose reader is slow.
# shellcheck disable=SC2317	# called through expect
to_slow()
{
	python3 - "$@" <<-'END'
		import os, subprocess, sys, time
		r, w = os.pipe()
		os.set_blocking(w, False)
		with subprocess.Popen(["vrpmsgctl", *sys.argv[1:]], stdout=w) as command:
		    os.close(w)
		    time.sleep(0.5)
		    with open(r) as file:
		        print(file.read().count("abc"))
		sys.exit(command.returncode)
	END
}
FAKE_EPT="text 1000 2000" LD_PRELOAD=$fake expect "all messages for a slow reader" 0 \
	"^$((2000 * 39))$" "" to_slow recv 0 count 2000
# The end of the guest, while the input is still open.
mkfifo "$tmp/fifo"
exec {input}<>"$tmp/fifo"
echo hi >&$input
# The endpoint is deleted before the line can be sent.
# shellcheck disable=SC2317	# called through expect
lines_of() { from_file "$tmp/lines" "$@" | wc -l; }
expect "what came before the end is printed" 0 "^200$" "" \
	lines_of "past 200" connect 0
expect "the other end ends it" 0 "^hi$" "" from_file "$tmp/fifo" once connect 0
exec {input}>&-

# Standard output that is closed must not be the endpoint.
with "file $tmp/sent" ping 0 count 1 timeout 0.5 >&- 2>"$tmp/why"
[[ -s $tmp/sent ]] && ! grep -a PING "$tmp/sent" >>"$tmp/why"
result "what is printed is not sent" $?

# A file that other processes have as well, and no memory for messages.
# shellcheck disable=SC2317	# called through expect
inherited()
{
	FAKE_FD=3 FAKE_NOMEM=1 LD_PRELOAD=$fake python3 - "$@" <<-'END'
		import os, socket, subprocess, sys
		socks = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		os.dup2(socks[0].fileno(), 3)
		sys.exit(subprocess.run(["timeout", "10", "vrpmsgctl", *sys.argv[1:]],
		                        pass_fds=[3], input=b"hi\n").returncode)
	END
}
nomem="^vrpmsgctl: /dev/fd/3: Cannot allocate memory$"
expect "send without memory" 2 "" "$nomem" inherited send /dev/fd/3 hi
expect "call without memory" 2 "" "$nomem" inherited call /dev/fd/3 hi
expect "connect without memory" 2 "" "$nomem" inherited connect /dev/fd/3

# Times.
expect "a chatty endpoint does not keep ping" 1 \
	"2 sent, 0 received, [0-9]+ unexpected, 100% loss" "" \
	with chatty ping 0 count 2 interval 0.1 timeout 0.2
expect "microseconds" 0 \
	"time=[0-9.]+ us.*rtt min/avg/max/mdev = [0-9./]+ us.*p50/p90/p99/p99.9 = [0-9./]+ us$" \
	"" with echo ping 0 count 3 interval 0.01
expect "a timeout below a millisecond waits" 0 "3 sent, 3 received" "" \
	with echo ping 0 count 3 interval 0 timeout 0.9
short=$(milliseconds with echo ping 0 count 200 interval 0.0009)
echo "200 pings took $short ms" >"$tmp/why"
((short >= 180)) && has "$tmp/out" "200 sent, 200 received"
result "an interval below a millisecond is one" $?
expect "a summary although the endpoint goes" 2 \
	"1 sent, 1 received, 0% loss.*rtt min" "endpoint was deleted" \
	with once ping 0 count 5 interval 0.01
expect "a histogram" 0 $'us [0-9]+ #+\n?' "" \
	with echo ping 0 count 20 interval 0 -H
expect "a histogram as JSON" 0 \
	'"histogram":\[\{"from":[0-9.]+,"to":[0-9.]+,"count":[0-9]+\}' "" \
	with echo -j ping 0 count 20 interval 0 --histogram

# The speed of recv, since a slow reader holds the guest back: it may take three times as long as
# base64 for as many bytes. This uses processor time, so that other programs matter less, and
# pipes: what a disk costs depends on the machine.
milliseconds_of_processor()
{
	local TIMEFORMAT='%U %S' user system status

	{ time "$@" 2>"$tmp/why"; } 2>"$tmp/times" | wc -c >"$tmp/size"
	status=$((PIPESTATUS[0] | PIPESTATUS[1]))
	((status == 0)) || return "$status"
	read -r user system <"$tmp/times"
	echo $((10#${user/./} + 10#${system/./}))
}
# The shortest line of a message; bytes that are not printable are longer as text.
declare -A line=([hex]=130001 [text]=65001)
head -c 260000000 /dev/zero >"$tmp/zero"
for kind in flood text; do
	for format in hex text; do
		for _ in 1 2 3 4 5; do
			ms=$(milliseconds_of_processor \
				with "$kind 65000 4000" recv 0 count 4000 $format) ||
				# 124: the machine was too busy.
				{ (($? == 124)) && continue; break; }
			size=$(<"$tmp/size")
			peer=$(milliseconds_of_processor base64 "$tmp/zero")
			echo "260 MB took $ms ms of a processor, $size bytes;" \
				"base64 took $peer ms" >"$tmp/why"
			sed 's/^/# /' "$tmp/why"
			((ms <= 3 * peer)) && break
		done
		((ms > 0 && ms <= 3 * peer &&
		  size >= 4000 * ${line[$format]}))
		result "recv keeps up with a $kind as $format" $?
	done
done

echo "1..$number"
((failed == 0))
