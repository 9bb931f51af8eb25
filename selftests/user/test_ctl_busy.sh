#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vrpmsgctl: commands that follow changes of a device whose objects come and go all the
# time. preload/fake_ept.c changes what the kernel answers.
set -u
tmp=$(mktemp -d)
dev=busy$$
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"
fake=$VRPMSG_BUILD/user/selftests/fake_ept.so

# shellcheck disable=SC2317	# called by the trap
cleanup()
{
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
expect "wait goes on" 1 "" "" with busy wait chan sensors dev $dev timeout 0.5
expect "wait for an endpoint goes on" 1 "" "" \
	with busy wait ept $dev/sensors timeout 0.5
expect "monitor goes on" 124 "\"event\":\"present\".*\"event\":\"lost\"" "" \
	with busy -j monitor dev $dev
expect "the end of the time, although there is always an event" 1 "" "" \
	with lost wait dev nosuch timeout 0.5
echo "1..$number"
((failed == 0))
