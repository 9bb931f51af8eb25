# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests of vrpmsgctl share. Sourced; $tmp is a folder for them.

: "${tmp:?}"
number=0 failures=0

# result NAME STATUS: of the test that has just been made; details in $tmp/why.
result()
{
	((++number))
	if [[ $2 == 0 ]]; then
		echo "ok $number $1"
	else
		sed 's/^/# /' "$tmp/why"
		echo "not ok $number $1"
		((++failures))
	fi
	: >"$tmp/why"
}

# expect NAME STATUS STDOUT STDERR COMMAND...: the exit status, and patterns
# (extended regular expressions) for all of the output; "" is no output.
expect()
{
	local name=$1 status=$2 out=$3 err=$4 rc bad=0 got_out got_err
	shift 4
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	# Processes are slow to start in a VM: none is, but what is tested.
	IFS= read -rd '' got_out <"$tmp/out"
	IFS= read -rd '' got_err <"$tmp/err"
	out_is "$out" "${got_out%$'\n'}" || bad=1
	out_is "$err" "${got_err%$'\n'}" || bad=1
	[[ $rc == "$status" ]] || bad=1
	printf '%s\n' "$* ended with $rc, $status was expected" \
		"stdout: $got_out" "stderr: $got_err" >"$tmp/why"
	result "$name" $bad
}

out_is()
{
	if [[ $1 ]]; then
		[[ $2 =~ $1 ]]
	else
		[[ ! $2 ]]
	fi
}
