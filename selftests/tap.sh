# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What tests that are scripts on the host share: TAP, one line for each check.
# Sourced.

# shellcheck disable=SC2034	# used by those who source this
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
