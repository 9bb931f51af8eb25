# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions for the tests of the examples: programs that serve a device, and a guest that
# sends requests. Source this.
# shellcheck disable=SC2034,SC2317	# used by those who source this
tmp=$(mktemp -d)
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$VRPMSG_BUILD/user/examples
dev=examples$$ pid=''
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"

cleanup()
{
	[[ ! $pid ]] || kill -- "-$pid"
	[[ ! $guest_pid ]] || stop_guest
	vrpmsgctl dev del "$dev" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
cd "$tmp" || exit

# start COMMAND...: start a program. $to is its input; the file out has its output.
start()
{
	rm -f in
	mkfifo in
	exec {to}<>in
	setsid "$@" <in >out 2>&1 &
	pid=$!
}

# ends STATUS: the program ends by itself with this status.
ends()
{
	local rc

	exec {to}>&-
	wait "$pid"
	rc=$?
	pid=
	cat out
	((rc == $1))
}

stop()
{
	exec {to}>&-
	# Also kill the processes that it has started.
	kill -- "-$pid"
	wait "$pid" 2>/dev/null
	pid=
}

# A service is ready when its endpoint is open.
serves()
{
	wait_for eval "[[ \$(field open ept show $dev/$1) == true ]]" 2>/dev/null
}

# asks_at FROM ADDR TEXT ANSWER: the guest sends a text and receives the answer.
asks_at()
{
	guest "send $1 $2 $3"
	wait_for got "$4" || { cat out; return 1; }
}

# The same with the name of a service.
asks()
{
	asks_at "$1" "$(field addr ept show "$dev/$2")" "$3" "$4"
}

says()
{
	wait_for has "$tmp/out" "$1" || { cat out; return 1; }
}

# block LANGUAGE: print the code block of README in this language.
block()
{
	sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$top/README.md"
}
