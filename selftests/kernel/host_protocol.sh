#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each MUST of docs/protocol.md has a test, and scripts/check-protocol finds one without
# a test. Prints TAP.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

as_it_is()
{
	"$top/scripts/check-protocol"
}

# finds WHAT SED: after a change with sed, the script reports WHAT.
finds()
{
	local out

	sed -E "$2" "$top/docs/protocol.md" >"$tmp/protocol.md"
	! cmp -s "$top/docs/protocol.md" "$tmp/protocol.md" ||
		echo "nothing has changed"
	out=$("$top/scripts/check-protocol" "$tmp/protocol.md") &&
		echo "it is content"
	[[ $out == *"$1"* ]] || echo "it says: $out"
}

# A test that no longer exists.
removed()
{
	local out

	mkdir -p "$tmp/kernel"
	cp "$top"/selftests/kernel/test_*.c "$tmp/kernel"
	"$top/scripts/check-protocol" "$top/docs/protocol.md" "$tmp"
	sed -i 's/who_sends_a_message_does_not_matter/another/' \
		"$tmp"/kernel/test_*.c
	out=$("$top/scripts/check-protocol" "$top/docs/protocol.md" "$tmp") &&
		echo "it is content"
	[[ $out == "protocol.md: D-NS-3: there is no test "* ]] ||
		echo "it says: $out"
}

echo "TAP version 13"
echo "1..8"
check as_it_is as_it_is
check a_must_without_a_name finds "a MUST without a name: * The device MUST NOT use" \
	's/ \[D-INIT-1\]//'
check a_name_without_a_test finds "D-HDR-4: has no test" '/^\| D-HDR-4 /d'
check a_test_that_does_not_exist finds \
	"D-HDR-4: there is no test test_ring: none" \
	's/^\| D-HDR-4 .*/| D-HDR-4 | test_ring: none |/'
check a_test_without_a_clause finds "D-HDR-9: is no clause" \
	's/^(\| D-HDR-)4( .*)/&\n\19\2/'
check two_of_a_name finds "D-HDR-4: two of that name" 's/\[D-HDR-3\]/[D-HDR-4]/'
check no_clauses finds "there are no clauses" 's/MUST/must/g'
check removed removed
