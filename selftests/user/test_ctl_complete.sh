#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Completion in shells: names with code that a shell could run, spaces, quotes and globs are
# completed literally.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
completion=$top/tools/vrpmsgctl/completion
# shellcheck source=ctl.sh
. "$(dirname "$0")/ctl.sh"

devs=(f:g@h)
# shellcheck disable=SC2016	# they are names
services=('a$(id>pwned)' 'b`id>pwned`' 'c*' "d'q\"u" 'e;id>pwned' '~g' '#j' '-k'
	'l $(id>pwned) m' 'n  *' "o'p\\ q")

# shellcheck disable=SC2317	# called by the trap
cleanup()
{
	local dev

	for dev in "${devs[@]}" plain; do
		vrpmsgctl dev del "$dev" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap cleanup EXIT

# Lines to type before a TAB, and the output of the resulting command.
lines=() wanted=()
completes()
{
	lines+=("$1")
	wanted+=("$2")
}

# Type the lines into a shell.
complete_in()
{
	local shell=$1 script=$completion/vrpmsgctl.$1 i bad

	[[ $shell != zsh ]] || script=$completion/_vrpmsgctl
	rm -rf "${tmp:?}/home"
	mkdir "$tmp/home"
	/usr/bin/python3 "$top/selftests/user/complete.py" "$shell" "$tmp/home" \
		"$script" "${lines[@]}" >"$tmp/screen" 2>&1
	for i in "${!lines[@]}"; do
		bad=0
		[[ $(cat "$tmp/home/$((i + 1)).out" 2>&1) == *"${wanted[i]}"* ]] ||
			bad=1
		((!bad)) || cat "$tmp/home/$((i + 1)).out" "$tmp/screen" \
			>"$tmp/why" 2>&1
		result "$shell: ${lines[i]} and TAB" $bad
	done
	ls "$tmp/home" >"$tmp/why"
	[[ ! -e $tmp/home/pwned ]]
	result "$shell: no name was run" $?
}

# Print the name as in the JSON output of the tool.
json()
{
	local name=${1//\\/\\\\}

	echo "\"name\":\"${name//\"/\\\"}\""
}

echo "TAP version 13"
for dev in "${devs[@]}"; do
	vrpmsgctl dev add "$dev" >/dev/null || echo "# cannot add $dev"
done
vrpmsgctl dev add plain >/dev/null
for service in "${services[@]}"; do
	vrpmsgctl ept add dev plain name "$service" >/dev/null
done

completes "vrpmsgctl -j de" '"name":"plain"'
for dev in "${devs[@]}"; do
	completes "vrpmsgctl -j dev show ${dev:0:1}" "$(json "$dev")"
done
completes "vrpmsgctl -j dev show f:" "$(json f:g@h)"
for service in "${services[@]}"; do
	completes "vrpmsgctl -j ept show plain/${service:0:1}" \
		"$(json "$service")"
done
completes 'vrpmsgctl -j ept show plain/n\ \ ' "$(json "n  *")"
completes 'vrpmsgctl -j ept show "plain/n ' "$(json "n  *")"

for shell in bash zsh fish; do
	if command -v $shell >/dev/null; then
		complete_in $shell
	else
		echo "ok $((++number)) completion in $shell # SKIP there is no $shell"
	fi
done

echo "1..$number"
((failed == 0))
