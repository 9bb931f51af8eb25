# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What tests that are scripts share: TAP, one line for each check. Sourced. result
# and succeeds keep what a test has said in $tmp/why.

# shellcheck disable=SC2034	# used by those who source this
# shellcheck disable=SC2154	# tmp is theirs
number=0 failed=0
# check NAME COMMAND...: not ok when the command fails, or says anything.
check()
{
	local name=$1 out ok=ok
	shift
	if ! out=$("$@" 2>&1) || [[ $out ]]; then
		echo "# ${out//$'\n'/$'\n# '}"
		ok="not ok" failed=1
	fi
	echo "$ok $((++number)) $name"
}

# result NAME STATUS: of the test that has just been made.
result()
{
	((++number))
	if [[ $2 == 0 ]]; then
		echo "ok $number $1"
	else
		sed 's/^/# /' "$tmp/why"
		echo "not ok $number $1"
		failed=1
	fi
	: >"$tmp/why"
}

# succeeds NAME COMMAND...: ok if the command succeeds, whatever it says.
succeeds()
{
	local name=$1
	shift
	"$@" >"$tmp/why" 2>&1
	result "$name" $?
}
