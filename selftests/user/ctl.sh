# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions for the tests of vrpmsgctl. Source this; $tmp is a folder for the test.

: "${tmp:?}"
# Numbers have a decimal point.
export LC_ALL=C.UTF-8
# shellcheck source=../lib/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

# expect NAME STATUS STDOUT STDERR COMMAND...: check the exit status, and the whole output
# with extended regular expressions; "" means no output.
expect()
{
	local name=$1 status=$2 out=$3 err=$4 rc bad=0 got_out got_err
	shift 4
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	rc=$?
	# Start no process but the tested one, since that is slow in a VM.
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

# wait_for COMMAND...: wait until the command succeeds, at most 10 seconds.
wait_for()
{
	local i

	for ((i = 0; i < 100; i++)); do
		"$@" && return
		sleep 0.1
	done
	echo "# gave up waiting for: $*"
	return 1
}

# listens PID: the command has opened its monitor and sleeps in poll().
listens() { has "/proc/$1/wchan" poll; }

# start_guest DEVICE SERVICE=ADDR...: start echo_guest, see there.
guest_pid=
start_guest()
{
	coproc GUEST { exec "$VRPMSG_BUILD/user/selftests/echo_guest" "$@"; }
	# shellcheck disable=SC2153	# coproc sets it
	guest_pid=$GUEST_PID
	read -r -t 10 -u "${GUEST[0]}" line && [[ $line == ready ]] ||
		echo "# the guest did not start"
}

guest()
{
	echo "$*" >&"${GUEST[1]}"
	read -r -t 10 -u "${GUEST[0]}" line && [[ $line == "done" ]] ||
		echo "# the guest did not do it: $*"
}

stop_guest()
{
	local fd=${GUEST[1]}

	exec {fd}>&-
	wait "$guest_pid"
	guest_pid=
}

# End it without notice, even if it is stopped.
kill_guest()
{
	kill -KILL "$guest_pid"
	wait "$guest_pid" 2>/dev/null
	guest_pid=
}

# hex_of TEXT: print the text in hexadecimal, without starting a program.
hex_of()
{
	local i

	for ((i = 0; i < ${#1}; i++)); do
		printf %02x "'${1:i:1}"
	done
}

# The last message of the guest is this text.
got()
{
	local hex

	echo last >&"${GUEST[1]}"
	read -r -t 10 -u "${GUEST[0]}" hex
	read -r -t 10 -u "${GUEST[0]}" line
	[[ $hex == "$(hex_of "$1")" ]]
}

# Print a field of the only object that a command prints.
field()
{
	local pattern="\"$1\":(\"([^\"]*)\"|[^,}]*)" out
	shift
	out=$(vrpmsgctl -j "$@")
	[[ $out =~ $pattern ]] || return
	echo "${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}"
}

# has FILE PATTERN
has()
{
	[[ $(<"$1") =~ $2 ]]
}
