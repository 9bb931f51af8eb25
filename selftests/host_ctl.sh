#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: arguments that are wrong. It says so before it asks the kernel for
# anything, so that this needs no VM.
set -u
dev=nosuch
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"

echo "TAP version 13"
expect "help" 0 "^usage: vrpmsgctl.*ping EPT" "" vrpmsgctl --help
expect "version" 0 "^vrpmsgctl [0-9]+\.[0-9]+\.[0-9]+$" "" vrpmsgctl -V
expect "no arguments" 1 "" "^usage: " vrpmsgctl
expect "unknown option" 1 "" "invalid option" vrpmsgctl -x
expect "unknown object" 1 "" 'no object or command "nonsense"' vrpmsgctl nonsense
expect "unknown command" 1 "" 'dev: no command "eat"' vrpmsgctl dev eat
expect "ns needs a command" 1 "" "ns: no command" vrpmsgctl ns
expect "too many arguments" 1 "" 'what is "b"' vrpmsgctl dev show a b
expect "add without a name" 1 "" "one name" vrpmsgctl dev add
expect "not a number" 1 "" '"x" is not a number' \
	vrpmsgctl ept add dev $dev addr x
expect "a number too large" 1 "" "is not a number of 32 bits" \
	vrpmsgctl ept add dev $dev addr 4294967296
expect "a negative number" 1 "" "is not a number" \
	vrpmsgctl ept add dev $dev remote -1
expect "a keyword without value" 1 "" "addr: a number is missing" \
	vrpmsgctl ept add dev $dev addr
expect "an unknown keyword" 1 "" 'what is "colour"' \
	vrpmsgctl ept add dev $dev colour red
expect "an unknown policy" 1 "" '"hold" or "drop"' \
	vrpmsgctl ept add dev $dev policy maybe
expect "an endpoint without device" 1 "" "on which dev" vrpmsgctl ept add
expect "set without endpoint" 1 "" "ept set" vrpmsgctl ept set
expect "set of nothing" 1 "" "what to change" vrpmsgctl ept set 0
expect "an endpoint that is no number" 1 "" "is not a number" \
	vrpmsgctl ept del xyz
expect "send without a message" 1 "" "a message" vrpmsgctl send 0
expect "send of an odd number of digits" 1 "" "pairs of digits" \
	vrpmsgctl send 0 hex 123
expect "send of no digits" 1 "" "pairs of digits" vrpmsgctl send 0 hex zz
expect "send of nothing known" 1 "" "send: TEXT" vrpmsgctl send 0 a b c
expect "send with count 0" 1 "" "count: from 1" vrpmsgctl send 0 count 0 a
expect "recv of nothing known" 1 "" 'what is "loud"' vrpmsgctl recv 0 loud
expect "recv with a bad time" 1 "" "not a number of seconds" \
	vrpmsgctl recv 0 timeout soon
expect "ping with a size too small" 1 "" "size: from 8 to 65535" \
	vrpmsgctl ping 0 size 7
expect "ping with a size too large" 1 "" "size: from 8 to 65535" \
	vrpmsgctl ping 0 size 65536
expect "monitor of something else" 1 "" 'what is "weather"' \
	vrpmsgctl monitor weather
[[ -d /sys/module/vhost_rpmsg ]] ||
	expect "no module" 2 "" "is the vhost_rpmsg module loaded" \
		vrpmsgctl dev show
echo "1..$number"
((failures == 0))
