#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: output, refusals and exit status of each command.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
dev=ctl$$
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

echo "TAP version 13"

# Devices.
expect "dev add" 0 "^[0-9]+: $dev: state detached persistent" "" \
	vrpmsgctl dev add $dev
expect "dev add twice" 2 "" "$dev: .*File exists" vrpmsgctl dev add $dev
expect "dev add with a bad name" 2 "" "name.*Invalid argument" \
	vrpmsgctl dev add "a/b"
expect "dev add with a long name" 2 "" "name" \
	vrpmsgctl dev add 01234567890123456789012345678901
expect "dev show" 0 "$dev: state detached persistent .*mtu 496 hold-time 10 owner 0 endpoints 0" "" \
	vrpmsgctl -o dev show $dev
expect "dev alone shows" 0 "$dev: state detached" "" vrpmsgctl -o dev
expect "dev show with counters" 0 "rx-msgs 0 rx-bytes 0.*ns-invalid 0" "" \
	vrpmsgctl -s dev show $dev
expect "dev show of no device" 2 "" "nosuch: .*No such device" \
	vrpmsgctl -o dev show nosuch
expect "dev reset of no device" 2 "" "nosuch: .*No such device" \
	vrpmsgctl dev reset nosuch
expect "dev reset" 0 "" "" vrpmsgctl dev reset $dev
expect "dev del of no device" 2 "" "nosuch: .*No such device" \
	vrpmsgctl dev del nosuch

# Endpoints.
expect "ept add" 0 "^/dev/vrpmsg-ep[0-9]+: dev $dev name echo addr 1024 policy hold rx-limit 262144 tx-limit 262144$" "" \
	vrpmsgctl ept add dev $dev name echo
expect "ept add with everything" 0 "name all addr 77 remote 1234 \(fixed\) policy drop rx-limit 1000 tx-limit 2000" "" \
	vrpmsgctl ept add dev $dev name all addr 77 remote 1234 policy drop \
	rx-limit 1000 tx-limit 2000
expect "ept add of an addressed one" 0 "addr 1025 addressed" "" \
	vrpmsgctl ept add dev $dev name many addressed
expect "ept add with an address in use" 2 "" "\(addr\): Address already in use" \
	vrpmsgctl ept add dev $dev addr 77
expect "ept add with the name service's" 2 "" "\(addr\)" \
	vrpmsgctl ept add dev $dev addr 53
expect "ept add on no device" 2 "" "\(dev-name\): No such device" \
	vrpmsgctl ept add dev nosuch
expect "ept add with a limit too large" 1 "" "rx-limit: must be from 1 to 67108864" \
	vrpmsgctl ept add dev $dev rx-limit 1000000000
id=$(field id ept show $dev/echo)
expect "ept show by number" 0 "name echo addr 1024" "" vrpmsgctl -o ept show "$id"
expect "ept show by path" 0 "name echo addr 1024" "" \
	vrpmsgctl -o ept show "/dev/vrpmsg-ep$id"
expect "ept show by name" 0 "name all addr 77" "" vrpmsgctl -o ept show $dev/all
# The device has the number of the endpoint as its name.
vrpmsgctl dev add "$id" >/dev/null
expect "stats of a number is of the endpoint" 0 '"stalls":[0-9.]+\}\}$' "" \
	vrpmsgctl -j stats "$id" interval 0.1 count 1
expect "stats dev is of the device" 0 '"ns-invalid":[0-9.]+' "" \
	vrpmsgctl -j stats dev "$id" interval 0.1 count 1
vrpmsgctl dev del "$id"
ln -s "/dev/vrpmsg-ep$id" "$tmp/link"
expect "ept show by link" 0 "name echo addr 1024" "" \
	vrpmsgctl -o ept show "$tmp/link"
expect "ept show of another file" 2 "" "not the char device" \
	vrpmsgctl -o ept show /dev/null
expect "wait for another file" 2 "" "^vrpmsgctl: /dev/null: not the char device" \
	vrpmsgctl wait ept /dev/null timeout 2
expect "wait for a file that is not there yet" 1 "" "" \
	vrpmsgctl wait ept "$tmp/nosuch" timeout 0.5
mknod "$tmp/node" c $((16#$(stat -c %t "/dev/vrpmsg-ep$id"))) 99999
expect "wait for the endpoint of a static node" 1 "" "" \
	vrpmsgctl wait ept "$tmp/node" timeout 0.5
expect "wait for a link" 0 "" "" vrpmsgctl wait ept "$tmp/link" timeout 2
expect "ept show of no name" 2 "" "no such endpoint: No such file" \
	vrpmsgctl -o ept show $dev/nosuch
expect "ept show of a name on no device" 2 "" "No such device" \
	vrpmsgctl -o ept show nosuch/echo
expect "ept show of no number" 2 "" "No such file" vrpmsgctl -o ept show 999999
expect "ept show dev" 0 "all.*echo.*many" "" vrpmsgctl -o ept show dev $dev
expect "ept show with counters" 0 "rx-queued 0 tx-queued 0.*stalls 0" "" \
	vrpmsgctl -s ept show $dev/echo
# What host_* use on a machine that may have the module.
# shellcheck disable=SC2317	# called through expect
without_module()
{
	LD_PRELOAD=$VRPMSG_BUILD/user/selftests/no_module.so vrpmsgctl "$@"
}
for words in "dev add hidden$$" "dev show $dev" "apply -" "ept exec dev $dev -- true"; do
	# shellcheck disable=SC2086	# they are words
	expect "there seems to be no module: $words" 2 "" \
		"is the (vhost_rpmsg )?module loaded" without_module $words
done
expect "and no file" 2 "" "/dev/vrpmsg-ep$id: No such file" without_module send "$id" hi
expect "nothing was made" 2 "" "No such device" vrpmsgctl dev show hidden$$
expect "ept set" 0 "" "" vrpmsgctl ept set $dev/all remote 9 policy hold \
	rx-limit 5000 tx-limit 6000
expect "what was set" 0 "remote 9 \(fixed\) policy hold rx-limit 5000 tx-limit 6000" "" \
	vrpmsgctl -o ept show $dev/all
expect "a remote that follows" 0 "" "" vrpmsgctl ept set $dev/all remote follow
expect "is shown" 0 "addr 77 follow policy" "" vrpmsgctl -o ept show $dev/all
expect "a remote that is taken back" 0 "" "" vrpmsgctl ept set $dev/all \
	remote none closed keep reset drop
expect "what was set then" 0 "name all addr 77 policy hold closed keep reset drop" \
	"" vrpmsgctl -o ept show $dev/all
vrpmsgctl ept set $dev/all remote 9 closed drop reset keep
expect "dev set" 0 "" "" vrpmsgctl dev set $dev mtu 1000 hold-time 0.5 owner any
expect "what a device was set to" 0 "mtu 1000 \\(fixed\\) hold-time 0.5 owner any" "" \
	vrpmsgctl -o dev show $dev
expect "dev set back" 0 "" "" vrpmsgctl dev set $dev mtu auto hold-time 10 owner 0
expect "what is as before" 0 "mtu 496 hold-time 10 owner 0" "" \
	vrpmsgctl -o dev show $dev
expect "dev set of nothing" 1 "" "dev set" vrpmsgctl dev set $dev
expect "ept set of the name" 1 "" 'unknown argument "name"' \
	vrpmsgctl ept set $dev/all name other
expect "ept set of no endpoint" 2 "" "No such file" \
	vrpmsgctl ept set 999999 remote 9
expect "a second endpoint of that name" 0 "name echo addr 1026" "" \
	vrpmsgctl ept add dev $dev name echo
cp "$tmp/out" "$tmp/second"
expect "a name that is not one endpoint's" 2 "" "several endpoints" \
	vrpmsgctl -o ept show $dev/echo
second=$(<"$tmp/second")
second=${second%%:*}
expect "ept del" 0 "" "" vrpmsgctl ept del "$second"
expect "ept del of no endpoint" 2 "" "No such file" \
	vrpmsgctl ept del "${second#/dev/vrpmsg-ep}"

# Messages. The guest has no buffers, so the second message waits for room.
vrpmsgctl ept set $dev/all tx-limit 1
vrpmsgctl send $dev/all count 2 hi 2>"$tmp/why" &
sender=$!
queued() { [[ $(vrpmsgctl -s ept show $dev/all) == *"tx-queued 66"* ]]; }
wait_for queued
kill -TERM $sender
wait $sender
[[ $? == 143 && ! -s $tmp/why ]]
result "SIGTERM ends a send that waits" $?
expect "send before there is a remote" 2 "" "no remote is known yet" \
	vrpmsgctl send $dev/echo hi
expect "ping before there is a remote" 2 "" "no remote is known yet" \
	vrpmsgctl ping $dev/echo count 1
expect "ns announce" 0 "" "" vrpmsgctl ns announce $dev/echo
expect "ns announce of no endpoint" 2 "" "No such file" \
	vrpmsgctl ns announce 999999
expect "announced" 0 " announced " "" vrpmsgctl -o ept show $dev/echo

vrpmsgctl -j -t monitor >"$tmp/events.json" 2>"$tmp/monitor.err" &
monitor=$!
vrpmsgctl monitor chans >"$tmp/chans" &
monitor_chan=$!
wait_for listens $monitor
wait_for listens $monitor_chan

vrpmsgctl -j recv $dev/echo timeout 10 >"$tmp/hello.json" &
receiver=$!
has_opener() { [[ $(field open ept show $dev/echo) == true ]]; }
wait_for has_opener
expect "one reader at a time" 2 "" "another process has it open" vrpmsgctl recv $dev/echo
start_guest $dev sensors=2000
# shellcheck disable=SC2317	# called through expect
received() { wait $receiver && cat "$1"; }
expect "the guest's driver says hello" 0 '"text":"hello","hex":"68656c6c6f"' "" \
	received "$tmp/hello.json"
expect "the remote is learned" 0 "remote 1024 \(learned\)" "" \
	vrpmsgctl -o ept show $dev/echo
expect "columns" 0 "^DEV +NAME +ADDR
$dev +sensors +2000$" "" vrpmsgctl chan show
expect "columns of devices" 0 "^ *ID +NAME +STATE +FLAGS +FEATURES +MTU +HOLD-TIME +OWNER +ENDPOINTS +CHANNELS
.*$dev +running +persistent +0x[0-9a-f]+ +[0-9]+ +10.000 +0 +[0-9] +[0-9]$" "" vrpmsgctl dev show
expect "columns of endpoints" 0 "^PATH +DEV +NAME +ADDR +REMOTE +FLAGS +POLICY +RX-LIMIT +TX-LIMIT
.*/dev/vrpmsg-ep$id +$dev +echo +1024 +1024 \(learned\) +announced +hold +256k +256k
" "" vrpmsgctl ept show dev $dev
expect "no colour in a file" 0 "^[^$(printf '\033')]*$" "" vrpmsgctl dev show
expect "colour" 0 "$(printf '\033')\[32mrunning" "" \
	vrpmsgctl --color=always dev show
# shellcheck disable=SC2317	# called through expect
on_terminal()
{
	TERM=xterm /usr/bin/python3 -c 'import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(["vrpmsgctl", *sys.argv[1:]])))' "$@"
}
unset NO_COLOR
for option in "" --color --color=auto; do
	NO_COLOR='' expect "colour on a terminal: $option" 0 \
		"$(printf '\033')\[32mrunning" "" on_terminal $option dev show $dev
	NO_COLOR=1 expect "unless NO_COLOR is set: $option" 0 \
		"^[^$(printf '\033')]*running[^$(printf '\033')]*$" "" \
		on_terminal $option dev show $dev
done
NO_COLOR=1 expect "but --color=always is stronger" 0 "$(printf '\033')\[32mrunning" "" \
	on_terminal --color=always dev show $dev
expect "chan show" 0 "^$dev: name sensors addr 2000$" "" vrpmsgctl -o chan show
expect "chan show of a device" 0 "name sensors addr 2000$" "" \
	vrpmsgctl -o chan show dev $dev
expect "chan show of no device" 2 "" "No such device" \
	vrpmsgctl -o chan show dev nosuch
expect "dev show of one that runs" 0 "state running .*channels 1" "" \
	vrpmsgctl -o dev show $dev

# The only reader receives the returned messages.
vrpmsgctl recv $dev/many count 0 >"$tmp/many" &
receiver=$!
many_open() { [[ $(field open ept show $dev/many) == true ]]; }
wait_for many_open
guest "send 4711 1025 from afar"
wait_for has "$tmp/many" "afar"
kill -TERM $receiver
wait $receiver
[[ $? == 143 ]]
result "recv dies of SIGTERM" $?
expect "recv of an addressed endpoint" 0 "^4711: from afar$" "" cat "$tmp/many"
expect "call of an addressed endpoint" 0 "^4711: how are you$" "" \
	vrpmsgctl call $dev/many to 4711 "how are you" timeout 10
expect "an addressed endpoint needs a destination" 1 "" '"to ADDR" is missing' \
	vrpmsgctl send $dev/many hi
expect "another one has none" 1 "" '"to" is not allowed' vrpmsgctl send $dev/echo to 5 hi

# A process that has it open for reading and writing: three messages, three echoes.
both()
{
	local i

	exec {ept}<>"/dev/vrpmsg-ep$id"
	"$@" >&$ept
	for i in 1 2 3; do
		timeout 10 dd bs=4096 count=1 <&$ept 2>/dev/null
		echo "|"
	done
	exec {ept}>&-
}
three() { printf "hi there"; printf "you"; printf "three"; }
expect "shell talks to the guest" 0 "^hi there\|
you\|
three\|$" "" both three

# sends NAME MESSAGES BYTES COMMAND...: check what has arrived in the guest.
sent_so_far()
{
	local pattern="tx-msgs ([0-9]+) tx-bytes ([0-9]+)"

	[[ $(vrpmsgctl -s ept show $dev/echo) =~ $pattern ]]
}
sends()
{
	local name=$1 messages=$2 bytes=$3
	shift 3
	sent_so_far
	((messages += BASH_REMATCH[1], bytes += BASH_REMATCH[2]))
	"$@" 2>"$tmp/why" || messages=failed
	sent()
	{
		sent_so_far && [[ ${BASH_REMATCH[1]} == "$messages" &&
				  ${BASH_REMATCH[2]} == "$bytes" ]]
	}
	wait_for sent
	result "$name" $?
}
sends "send of text" 1 5 vrpmsgctl send $dev/echo hello
sends "send of text with a keyword" 1 5 vrpmsgctl send $dev/echo text stdin
sends "send several times" 20 40 vrpmsgctl send $dev/echo count 20 hi
sends "send of digits" 1 4 vrpmsgctl send $dev/echo hex 00:ff:0d0a
last_was()
{
	echo last >&"${GUEST[1]}"
	read -r -t 10 -u "${GUEST[0]}" last && read -r -t 10 -u "${GUEST[0]}"
	[[ $last == "$1" ]]
}
wait_for last_was 00ff0d0a
result "and these are what arrives" $?
head -c 496 /dev/urandom >"$tmp/file"
sends "send of a file" 1 496 vrpmsgctl send $dev/echo file "$tmp/file"
: >"$tmp/empty"
sends "send of an empty file" 1 0 vrpmsgctl send $dev/echo file "$tmp/empty"
lines() { printf 'one\ntwo\n\nfour' | vrpmsgctl send $dev/echo "$@" stdin; }
sends "send of lines" 4 10 lines
sends "send of some lines" 2 6 lines count 2
sends "send to an addressed endpoint is elsewhere" 0 0 \
	vrpmsgctl send $dev/many to 4711 hi
head -c 497 /dev/urandom >"$tmp/file"
expect "send of too much" 2 "" "longer than the guest's buffers" \
	vrpmsgctl send $dev/echo file "$tmp/file"
head -c 70000 /dev/urandom >"$tmp/file"
expect "send of far too much" 2 "" "longer than the guest's buffers" \
	vrpmsgctl send $dev/echo file "$tmp/file"
expect "send of no file" 2 "" "No such file" \
	vrpmsgctl send $dev/echo file "$tmp/nosuch"
expect "recv of nothing ends in time" 1 "" "" \
	vrpmsgctl recv $dev/echo timeout 0.1

# All forms of recv, with messages of the guest.
receives()
{
	local name=$1 out=$2
	shift 2
	vrpmsgctl "$@" >"$tmp/received" &
	receiver=$!
	wait_for has_opener
	guest "send 1024 1024 back\\slash"
	expect "$name" 0 "$out" "" received "$tmp/received"
}
receives "recv as text" '^back\\\\slash$' recv $dev/echo
receives "recv as hex" "^6261636b5c736c617368$" recv $dev/echo hex
receives "recv raw" '^back\\slash$' recv $dev/echo raw
receives "recv with the time" "^20[0-9-]+T[0-9:.]+[+-][0-9]{2}:[0-9]{2} back" -t recv $dev/echo
receives "recv with the time since the start" "^[0-9]+\.[0-9]{6} back" \
	--monotonic recv $dev/echo
receives "recv as JSON" '"len":10,"text":"back\\\\slash"' -j recv $dev/echo
vrpmsgctl -j recv $dev/echo >"$tmp/bytes.json" &
receiver=$!
wait_for has_opener
guest "send 1024 1024 $(printf 'no\001text')"
expect "recv of bytes as JSON" 0 '^\{"len":7,"hex":"6e6f0174657874"\}$' "" \
	received "$tmp/bytes.json"

ping_out="^PING $dev/echo \(1024 > 1024\): 56 bytes
56 bytes: seq=1 time=[0-9.]+ us
56 bytes: seq=2 time=[0-9.]+ us
56 bytes: seq=3 time=[0-9.]+ us
--- $dev/echo ping statistics ---
3 sent, 3 received, 0% loss, time [0-9]+ us
rtt min/avg/max/mdev = [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ us
rtt p50/p90/p99/p99.9 = [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ us$"
expect "ping" 0 "$ping_out" "" \
	vrpmsgctl ping $dev/echo count 3 interval 0.1 timeout 10
expect "ping of all that fits" 0 "^PING .*: 496 bytes" "" \
	vrpmsgctl ping $dev/echo count 2 interval 0 size 496 timeout 10
expect "ping of more" 2 "^PING" "longer than the guest's buffers" \
	vrpmsgctl ping $dev/echo count 1 size 497
expect "ping of an addressed endpoint" 0 "1 sent, 1 received" "" \
	vrpmsgctl ping $dev/many to 4711 count 1 timeout 10
vrpmsgctl -j ping $dev/echo count 10 interval 0 timeout 10 >"$tmp/ping.json"
result "ping as JSON" $?
vrpmsgctl ping $dev/echo interval 0.01 timeout 10 >"$tmp/ping" &
pinger=$!
wait_for has "$tmp/ping" "seq=3 "
kill -TERM $pinger
wait $pinger
[[ $? == 143 ]]
result "ping dies of SIGTERM" $?
expect "and with its summary" 0 "rtt min/avg/max/mdev" "" cat "$tmp/ping"
guest garble
expect "ping with a wrong reply" 1 "1 sent, 0 received, 1 unexpected" "" \
	vrpmsgctl ping $dev/echo count 1 timeout 1
guest mute
expect "ping without a reply" 1 "2 sent, 0 received, 100% loss" "" \
	vrpmsgctl ping $dev/echo count 2 interval 0 timeout 0.1

# JSON and its schema.
vrpmsgctl -j -s dev show >"$tmp/devs.json"
vrpmsgctl -j dev show $dev >"$tmp/devs2.json"
vrpmsgctl -p ept show dev $dev >"$tmp/epts.json"
vrpmsgctl -j -s ept show "$id" >"$tmp/epts2.json"
vrpmsgctl -j chan show >"$tmp/chans.json"
vrpmsgctl -j ept add dev $dev name sensors >"$tmp/ept.json"
vrpmsgctl -j dev add other$$ >"$tmp/dev.json"
vrpmsgctl -j ept show dev other$$ >"$tmp/epts3.json"
vrpmsgctl dev del other$$
expect "an empty list" 0 "^\[\]$" "" cat "$tmp/epts3.json"
expect "a channel binds its endpoint" 0 "name sensors .*remote 2000 \(bound\)" \
	"" vrpmsgctl -o ept show $dev/sensors
expect "chan show of a bound one" 0 "bound to endpoint [0-9]+$" "" \
	vrpmsgctl -o chan show
expect "ns withdraw" 0 "" "" vrpmsgctl ns withdraw $dev/echo
expect "ns withdraw twice" 0 "" "" vrpmsgctl ns withdraw $dev/echo
stop_guest
wait_for has "$tmp/chans" "chan del $dev: name sensors addr 2000"
kill -TERM $monitor $monitor_chan
wait $monitor
[[ $? == 143 ]]
result "monitor dies of SIGTERM" $?
wait $monitor_chan
expect "monitor of channels has only them" 0 \
	"^chan new $dev: name sensors addr 2000
(chan change .*
)*chan del $dev: name sensors addr 2000[^
]*$" "" cat "$tmp/chans"
expect "monitor says no more" 0 "" "" cat "$tmp/monitor.err"
expect "monitor has the endpoint's opening" 0 '"event":"change","ept"' "" \
	cat "$tmp/events.json"

# The helper prints mismatches.
validate()
{
	/usr/bin/python3 - "$top/tools/vrpmsgctl/vrpmsgctl.schema.json" "$@" <<'PY'
import json
import sys
import jsonschema

def check_ping(docs):
    """The summary of a ping, in the last line, is that of the replies."""
    *replies, last = [json.loads(doc) for doc in docs]
    ms = [r["us"] for r in replies]
    avg = sum(ms) / len(ms)
    mdev = (sum((m - avg) ** 2 for m in ms) / len(ms)) ** 0.5
    want = {"sent": len(ms), "received": len(ms), "loss": 0, "min": min(ms),
            "avg": avg, "max": max(ms), "mdev": mdev}
    return {k: (last[k], v) for k, v in want.items() if abs(last[k] - v) > 0.1}

def strict(schema):
    """Nothing but what this version prints: the published one is open."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {k: strict(v) for k, v in schema.items()}
    if "properties" in schema and "type" in schema:
        schema["additionalProperties"] = False
    if "examples" in schema:
        schema["enum"] = schema.pop("examples")
    return schema

schema = json.load(open(sys.argv[1]))
# The published schema also accepts the output of later versions.
jsonschema.Draft202012Validator(
    {"$defs": schema["$defs"], "$ref": "#/$defs/chan"}).validate(
        {"dev": "d", "dev-id": 1, "name": "n", "addr": 5, "colour": "red"})
schema = strict(schema)
bad = 0
for arg in sys.argv[2:]:
    kinds, name = arg.split("=")
    lines = open(name).read()
    # One document, or one per line.
    docs = [lines] if name.endswith("s.json") and lines.lstrip().startswith("[") \
        else lines.splitlines()
    if not docs:
        print("nothing in", name)
        bad = 1
    if "summary" in kinds:
        times = check_ping(docs)
        if times:
            print(name, times)
            bad = 1
    for doc in docs:
        try:
            what = json.loads(doc)
            refs = [{"$ref": "#/$defs/" + k} for k in kinds.split("|")]
            jsonschema.Draft202012Validator(
                {"$defs": schema["$defs"], "anyOf": refs}).validate(what)
        except (ValueError, jsonschema.ValidationError) as e:
            print(name, str(e).splitlines()[0], doc[:200])
            bad = 1
# The schema can refuse output.
try:
    jsonschema.Draft202012Validator(
        {"$defs": schema["$defs"], "$ref": "#/$defs/devs"}).validate([{"id": 1}])
    print("the schema takes a device without a name")
    bad = 1
except jsonschema.ValidationError:
    pass
sys.exit(bad)
PY
}
# The endpoint of a driver of the host.
kclient=${VRPMSG_KCLIENT_KO-}
[[ ! $kclient ]] || insmod "$kclient" 2>/dev/null
if [[ $kclient ]] && wait_for test -e /dev/vhost-rpmsg-named; then
	exec 7<>/dev/vhost-rpmsg-named
	# NAMED_REGISTER of selftests/kernel/kclient/kclient.h, for this device.
	/usr/bin/python3 -c "import fcntl
fcntl.ioctl(7, 0x40206b0e, b'$dev'.ljust(32, b'\0'))"
	vrpmsgctl -o ept show dev $dev >"$tmp/epts"
	[[ $(<"$tmp/epts") =~ endpoint\ ([0-9]+):\ dev\ $dev\ name\ named ]]
	driver=${BASH_REMATCH[1]-}
	expect "a driver's endpoint" 0 \
		"^endpoint $driver: dev $dev name named addr 300 announced driver$" "" \
		vrpmsgctl -s -o ept show "$driver"
	expect "a driver's endpoint in columns" 0 \
		"^ *ID +DEV +NAME +ADDR +FLAGS"$'\n'"$driver +$dev +named +300 +announced,driver$" \
		"" vrpmsgctl ept show "$driver"
	refused="$driver: the endpoint is a driver's \(id\): Operation not permitted"
	expect "it cannot be deleted" 2 "" "$refused" vrpmsgctl ept del "$driver"
	expect "nor changed" 2 "" "$refused" vrpmsgctl ept set "$driver" policy drop
	expect "nor withdrawn" 2 "" "$refused" vrpmsgctl ns withdraw "$driver"
	expect "nor found by its name" 2 "" "No such file" \
		vrpmsgctl -o ept show $dev/named
	expect "nor opened" 2 "" "No such file" vrpmsgctl send "$driver" text
	vrpmsgctl save >"$tmp/saved"
	! has "$tmp/saved" "name named"
	result "nor is it saved" $?
	echo "ept add dev $dev addr 300" >"$tmp/addr.conf"
	expect "nor does a file get its address" 2 "" \
		"addr.conf:1: an endpoint of a driver has this address" \
		vrpmsgctl apply "$tmp/addr.conf"
	vrpmsgctl -j ept show dev $dev >"$tmp/4epts.json"
	exec 7>&-
	expect "it goes with its driver" 2 "" "No such file" \
		vrpmsgctl -o ept show "$driver"
else
	echo "[]" >"$tmp/4epts.json"
	echo "ok $((++number)) endpoints of drivers # SKIP no VRPMSG_KCLIENT_KO"
fi
mv "$tmp/devs2.json" "$tmp/2devs.json"
mv "$tmp/epts2.json" "$tmp/2epts.json"
mv "$tmp/epts3.json" "$tmp/3epts.json"
validate "devs=$tmp/devs.json" "devs=$tmp/2devs.json" "epts=$tmp/epts.json" \
	"epts=$tmp/2epts.json" "epts=$tmp/3epts.json" "epts=$tmp/4epts.json" \
	"chans=$tmp/chans.json" "ept=$tmp/ept.json" "dev=$tmp/dev.json" \
	"message=$tmp/hello.json" "reply|summary=$tmp/ping.json" \
	"event=$tmp/events.json" >"$tmp/why" 2>&1
result "JSON is as the schema says" $?

expect "a full disk is noticed" 2 "" "stdout: No space left" \
	bash -c "vrpmsgctl -o dev show >/dev/full"
expect "no privilege: reading" 2 "" "CAP_NET_ADMIN is needed" \
	setpriv --bounding-set -net_admin --inh-caps -net_admin vrpmsgctl -o dev show
expect "no privilege: changing" 2 "" "CAP_NET_ADMIN is needed" \
	setpriv --bounding-set -net_admin --inh-caps -net_admin \
	vrpmsgctl dev del $dev
expect "no privilege: a name without a link" 2 "" \
	"^vrpmsgctl: /dev/vrpmsg/by-name/$dev/nosuch: No such file" \
	setpriv --bounding-set -net_admin --inh-caps -net_admin \
	vrpmsgctl recv $dev/nosuch
expect "no privilege: monitor" 2 "" "CAP_NET_ADMIN is needed" \
	setpriv --bounding-set -net_admin --inh-caps -net_admin vrpmsgctl monitor
expect "dev del" 0 "" "" vrpmsgctl dev del $dev
expect "endpoints go with it" 2 "" "No such file" vrpmsgctl -o ept show "$id"
[[ ! -e /dev/vrpmsg-ep$id ]]
result "and the char device" $?

echo "1..$number"
((failed == 0))
