#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a guest prints arrives in parts, which may end anywhere. No guest runs here.
# shellcheck disable=SC2317	# functions are called through check
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

text=$'of another command\r\n@a 9\r\n  two  words \r\n@tag 3\r\n'

# in_parts LENGTH: the first part has this length.
in_parts()
{
	local fd printed rc

	printf %s "${text:0:$1}" >"$tmp/out"
	exec {fd}<"$tmp/out"
	guest_out[a]=$fd guest_rest[a]='' guest_pid[a]=$$ guest_tag[a]=tag
	{ moment 0.05; printf %s "${text:$1}" >>"$tmp/out"; } &
	printed=$(guest_wait a 5)
	rc=$?
	wait $!
	exec {fd}<&-
	((rc == 3)) || echo "status $rc"
	[[ $printed == $'of another command\n  two  words ' ]] || echo "'$printed'"
}

for ((length = 0; length <= ${#text}; length++)); do
	check "a guest's output in parts of $length and $((${#text} - length)) characters" \
		in_parts $length
done
echo "1..$number"
exit "$failed"
