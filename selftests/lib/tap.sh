# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# TAP for tests that are scripts: one line for each check. Source this. result and
# succeeds use $tmp/why for the output of a test.

# shellcheck disable=SC2034	# used by those who source this
# shellcheck disable=SC2154	# they set tmp
number=0 failed=0
# check NAME COMMAND...: not ok if the command fails or prints anything.
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

# result NAME STATUS: print the result of the last test.
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

# succeeds NAME COMMAND...: ok if the command succeeds, whatever it prints.
succeeds()
{
	local name=$1
	shift
	"$@" >"$tmp/why" 2>&1
	result "$name" $?
}
