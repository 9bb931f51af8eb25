#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: wrong arguments. It reports them before it sends a request to the kernel, so
# this needs no VM. No command may reach a module that the machine has, which a request
# would also load.
set -u
dev=nosuch
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"
export LD_PRELOAD=$VRPMSG_BUILD/user/selftests/no_module.so

echo "TAP version 13"
expect "help" 0 "^usage: vrpmsgctl.*ping EPT.*--json" "" \
	vrpmsgctl --help
expect "version" 0 "^vrpmsgctl [0-9]+\.[0-9]+\.[0-9]+$" "" vrpmsgctl -V
expect "no arguments" 1 "" "^usage: " vrpmsgctl
expect "unknown option" 1 "" "invalid option.*try vrpmsgctl --help$" vrpmsgctl -x
expect "unknown object" 1 "" 'unknown object or command "nonsense"' vrpmsgctl nonsense
expect "unknown command" 1 "" 'dev: unknown command "eat"; try vrpmsgctl dev --help' \
	vrpmsgctl dev eat

# Misspelt words, if it is clear what was meant.
similar()
{
	local words

	read -ra words <<<"$1"
	expect "$1 for $2" 1 "" "\(did you mean \"$2\"\?\); try vrpmsgctl $3--help$" \
		vrpmsgctl "${words[@]}"
}
similar "dev sho" show "dev "
similar "dev dl" del "dev "
similar "sned 0 hi" send ""
similar "mon" monitor ""
similar "ept add dve x" dev "ept add "
similar "recv 0 coutn 3" count "recv "
expect "a word that is similar to several" 1 "" \
	'unknown object or command "s"; try vrpmsgctl --help' vrpmsgctl s
for option in -j -jp --json; do
	expect "$option after the object" 1 "" \
		"options come first, as in \"vrpmsgctl $option dev show\"; try" \
		vrpmsgctl dev show $option
	expect "$option after an endpoint" 1 "" \
		"options come first, as in \"vrpmsgctl $option ept show\"; try" \
		vrpmsgctl ept show 0 $option
done
expect "a text that looks like an option" 2 "" "^vrpmsgctl: /dev/null: " \
	vrpmsgctl send /dev/null -j
expect "no endpoint of this number" 2 "" "^vrpmsgctl: /dev/vrpmsg-ep4294967294: No such file" \
	vrpmsgctl send 4294967294 hi
expect "the device is not an endpoint" 1 "" \
	'endpoint: "gpu0" is not a number, DEVICE/SERVICE or path; try' \
	vrpmsgctl recv gpu0
for word in gpu0 sensors 5x; do
	expect "wait for what no endpoint can be: $word" 1 "" \
		"endpoint: \"$word\" is not a number, DEVICE/SERVICE or path; try" \
		vrpmsgctl wait ept $word timeout 2
done
expect "ns needs a command" 1 "" "ns: COMMAND is missing; try vrpmsgctl ns --help" \
	vrpmsgctl ns
expect "too many arguments" 1 "" 'unknown argument "b"' vrpmsgctl dev show a b
expect "add without a name" 1 "" "dev add: NAME is missing" vrpmsgctl dev add
expect "not a number" 1 "" '"x" is not a 32-bit number' \
	vrpmsgctl ept add dev $dev addr x
expect "a number too large" 1 "" "is not a 32-bit number" \
	vrpmsgctl ept add dev $dev addr 4294967296
expect "a negative number" 1 "" "is not a 32-bit number" \
	vrpmsgctl ept add dev $dev remote -1
expect "no remote is none" 1 "" "remote: must be from 0 to 4294967294" \
	vrpmsgctl ept add dev $dev remote 0xffffffff
expect "nor any address one" 1 "" "addr: must be from 0 to 4294967294" \
	vrpmsgctl ept add dev $dev addr 4294967295
expect "the number of no user" 1 "" "owner: must be from 0 to 4294967294" \
	vrpmsgctl dev add $dev owner 4294967295
expect "a keyword without value" 1 "" "addr: ADDR is missing" \
	vrpmsgctl ept add dev $dev addr
expect "stats of two" 1 "" '"dev" conflicts with an earlier argument' \
	vrpmsgctl stats 0 dev $dev
expect "stats of nothing" 1 "" "stats: dev NAME or EPT\|DEV is missing" vrpmsgctl stats
expect "an unknown keyword" 1 "" 'unknown argument "colour"' \
	vrpmsgctl ept add dev $dev colour red
expect "an unknown policy" 1 "" '"hold" or "drop".*; try vrpmsgctl ept add --help' \
	vrpmsgctl ept add dev $dev policy maybe
expect "an endpoint without device" 1 "" "dev NAME is missing" \
	vrpmsgctl ept add
expect "set without endpoint" 1 "" "ept set: EPT is missing" \
	vrpmsgctl ept set
expect "set of nothing" 1 "" "no setting to change" vrpmsgctl ept set 0
expect "an endpoint that is no number" 1 "" "is not a number" \
	vrpmsgctl ept del xyz
expect "send without a message" 1 "" "TEXT or .* is missing" \
	vrpmsgctl send 0
expect "send of an odd number of digits" 1 "" "pairs of digits" \
	vrpmsgctl send 0 hex 123
expect "send of no digits" 1 "" "pairs of digits" vrpmsgctl send 0 hex zz
expect "send of nothing known" 1 "" 'send: unknown argument "b"' \
	vrpmsgctl send 0 a b c
expect "send with count 0" 1 "" "count: must be from 1 to" vrpmsgctl send 0 count 0 a
expect "recv of nothing known" 1 "" 'unknown argument "loud"' vrpmsgctl recv 0 loud
expect "recv with a bad time" 1 "" "not a number of seconds" \
	vrpmsgctl recv 0 timeout soon
expect "a hold-time that is too long" 1 "" "hold-time: must be at most 4294967 seconds" \
	vrpmsgctl dev add $dev hold-time 4294968
expect "ping with a size too small" 1 "" "size: must be from 8 to 65535" \
	vrpmsgctl ping 0 size 7
expect "ping with a size too large" 1 "" "size: must be from 8 to 65535" \
	vrpmsgctl ping 0 size 65536
expect "monitor of something else" 1 "" 'unknown argument "weather"' \
	vrpmsgctl monitor weather
expect "an octal number is none" 1 "" "size: must be from 8 to" \
	vrpmsgctl ping 0 size 007
expect "0x twice" 1 "" "is not a 32-bit number" \
	vrpmsgctl ept add dev $dev addr 0x0x10
expect "a hexadecimal number" 1 "" "size: must be from 8 to" vrpmsgctl ping 0 size 0x7
expect "a keyword twice" 1 "" '"count" conflicts with an earlier argument' \
	vrpmsgctl recv 0 count 1 count 2
expect "keywords that exclude each other" 1 "" '"raw" conflicts with an earlier argument' \
	vrpmsgctl recv 0 hex raw

expect "a time that is almost 0" 2 "" "is the vhost_rpmsg module loaded" \
	vrpmsgctl stats x interval 1e-12

# Configuration files.
printf 'dev add a\0 rubbish\n\ndev add b\n#\0\n' >"$tmp/nul"
expect "NUL bytes in a file" 1 "" \
	"nul:1: a NUL byte is not allowed.*nul:4: a NUL byte is not allowed$" \
	vrpmsgctl apply "$tmp/nul"

printf 'dev add a\r\n\r\nept add dev a name b policy drop\r\nnonsense\r\n' >"$tmp/crlf"
expect "lines that end with CR and LF" 1 "" \
	'^vrpmsgctl: [^ ]*/crlf:4: unknown object or command "nonsense"$' \
	vrpmsgctl apply "$tmp/crlf"
printf 'ept add dev a name b addressed remote 5\nept add dev a name b remote none addressed\n' \
	>"$tmp/addressed"
expect "remotes of addressed endpoints" 1 "" \
	"addressed:1: an addressed endpoint has no remote.*addressed:2: an addressed" \
	vrpmsgctl apply "$tmp/addressed"

# ept exec: arguments after -- belong to the program.
expect "exec on no device" 1 "" "dev NAME or ctrl PATH is missing" \
	vrpmsgctl ept exec name x -- true
expect "exec on two" 1 "" '"ctrl" conflicts with an earlier argument' \
	vrpmsgctl ept exec dev $dev ctrl x -- true
expect "exec without --" 1 "" "-- COMMAND is missing" vrpmsgctl ept exec dev $dev
expect "exec of nothing" 1 "" "COMMAND is missing" \
	vrpmsgctl ept exec dev $dev --
expect "exec with what only an administrator can have" 1 "" 'unknown argument "policy"' \
	vrpmsgctl ept exec dev $dev policy hold -- true
expect "add has no stdio" 1 "" 'unknown argument "stdio"' \
	vrpmsgctl ept add dev $dev stdio
expect "exec: words of the program" 2 "" "^vrpmsgctl: /nosuch: No such file" \
	vrpmsgctl ept exec ctrl /nosuch -- cat name --help -- addr
expect "exec with another file" 2 "" "^vrpmsgctl: /dev/null: not a ctrl node" \
	vrpmsgctl ept exec ctrl /dev/null name a -- true
expect "exec without the module" 2 "" \
	"$dev: is the module loaded. try modprobe vhost_rpmsg" \
	vrpmsgctl ept exec dev $dev -- true
expect "a descriptor that is no endpoint" 2 "" "not the char device of an endpoint" \
	vrpmsgctl recv /dev/fd/0
for folder in /dev /proc/self; do
	expect "$folder: a descriptor that is not open" 2 "" "Bad file descriptor" \
		vrpmsgctl send $folder/fd/99 a
done

# Help is complete and available everywhere.
expect "help of an object" 0 "vrpmsgctl ept show .*vrpmsgctl ept del EPT" "" \
	vrpmsgctl ept help
expect "--help of an object" 0 "vrpmsgctl dev show.*vrpmsgctl dev del" "" \
	vrpmsgctl dev --help
expect "help of a command" 0 "^usage: vrpmsgctl ept add dev NAME.*rx-limit" "" \
	vrpmsgctl ept add --help
expect "--help after arguments" 0 "^usage: vrpmsgctl recv" "" \
	vrpmsgctl recv 0 count 5 --help
expect "help of a command without object" 0 "^usage: vrpmsgctl send" "" \
	vrpmsgctl send help
expect "help as an object" 0 "^usage: " "" vrpmsgctl help
expect "help before an object" 0 "^vrpmsgctl ept show .*vrpmsgctl ept del EPT" "" \
	vrpmsgctl help ept
expect "help before a command" 0 "^usage: vrpmsgctl ept add dev NAME.*rx-limit" "" \
	vrpmsgctl help ept add
expect "help before a command without object" 0 "^usage: vrpmsgctl send" "" \
	vrpmsgctl help send
expect "help before nothing known" 1 "" 'unknown object or command "nonsense"' \
	vrpmsgctl help nonsense
expect "help before no command" 1 "" 'dev: unknown command "eat"' \
	vrpmsgctl help dev eat
expect "help that cannot be printed" 2 "" "stdout: No space left" \
	bash -c "vrpmsgctl --help >/dev/full"
expect "a version that cannot be printed" 2 "" "stdout: No space left" \
	bash -c "vrpmsgctl -V >/dev/full"

# Standard input is closed, and there is no file for its number.
without_dev()
{
	unshare -rm bash -c 'mount -t tmpfs none /dev && exec "$@" <&-' - "$@"
}
if unshare -rm true 2>/dev/null; then
	for tool in vrpmsgctl vrpmsg-bridge; do
		expect "$tool without /dev/null" 2 "" \
			"^$tool: /dev/null: No such file or directory$" without_dev $tool -V
	done
fi

# Completion of the next word, which the tool does for all shells.
completes()
{
	local name=$1 out=$2
	shift 2
	expect "completion of $name" 0 "$out" "" vrpmsgctl --complete "$@"
}
completes objects "^dev
ept
.*
ping" ""
completes "a part of an option" "^--pretty	print results as JSON with indentation$" --pr
completes commands "^show	.*
add	.*
set	.*
del	" -j ept ""
completes settings "^rx-limit	limit of the receive queue .256k.$" ept set 0 rx
completes "what can be changed only" "^policy	[^
]*
closed	[^
]*
reset	[^
]*$" ept set 0 remote 1 rx-limit 2 tx-limit 3 ""
completes "what has counters" "^dev	.*
interval	[^
]*
count	[^
]*$" stats ""
completes policies "^hold	.*
drop	" ept add dev x policy ""
completes "what to send" "^text	.*
hex	.*
file	.*
stdin	[^
]*$" send 0 count 3 to 2 ""
expect "completion of files" 3 "" "" vrpmsgctl --complete send 0 file ""
completes "a ctrl node or its device" "^dev	.*
ctrl	.*
stdio	.*
--	" ept exec ""
completes "the other is left out" "^name	.*
stdio	.*
--	[^
]*$" ept exec dev x ""
expect "completion of a program's words" 3 "" "" \
	vrpmsgctl --complete ept exec dev x -- name ""
expect "completion of a line" 0 "^hold
drop$" "" vrpmsgctl --complete-line "vrpmsgctl  -j ept 'add' dev a\\ b policy " ""
expect "no module" 2 "" "is the vhost_rpmsg module loaded. try modprobe vhost_rpmsg" \
	vrpmsgctl dev show
echo "1..$number"
((failed == 0))
