#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The manual pages, the header and the symbols of the library agree, and documents name
# only what exists. Prints TAP. VRPMSG_BUILD is the folder with the library.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail
export LC_ALL=C

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${VRPMSG_BUILD:-$top/build}
lib=$top/libvhostrpmsg
so=$build/user/lib/libvhostrpmsg.so
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
shopt -s nullglob
pages=("$lib"/man/*.3)
tool_pages=("$top"/tools/*/*.[178])

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# Like check, but skip the check without mandoc.
check_pages()
{
	if command -v mandoc >/dev/null; then
		check "$@"
	else
		echo "ok $((++number)) $1 # SKIP there is no mandoc"
	fi
}

# Print the header without comments.
header()
{
	sed -z 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/, ,g' "$lib/vhostrpmsg.h"
}

# Print the functions that C code on stdin declares, one per line as NAME PROTOTYPE, with
# minimal white space.
prototypes()
{
	sed '/^[[:space:]]*#/d' | tr -s '[:space:]' ' ' | sed 's/[{};]/\n/g' |
		sed -E 's/\bVRPMSG_API\b//; s/ +/ /g; s/^ //; s/ $//
			s/ ?([*(),]) ?/\1/g' |
		sed -nE 's/^.*\b(vrpmsg_[a-z0-9_]+)\(.*\)$/\1 &/p' | sort
}

# Print the text of a page with long lines.
text()
{
	mandoc -T ascii -O width=1000 "$1" | sed 's/.\x08//g'
}

synopsis()
{
	text "$1" | sed -n '/^SYNOPSIS/,/^[A-Z]/{/^ /p}'
}

# Print lines of the first list that are not in the second, after a text.
only_in()
{
	comm -23 "$2" "$3" | sed "s/^/$1: /"
}

once_each()
{
	[[ -s $tmp/declared ]] || echo "the header declares nothing"
	only_in "in no synopsis" "$tmp/declared" "$tmp/described"
	uniq -d "$tmp/all_described" | sed 's/^/in several synopses: /'
}

same_prototypes()
{
	join "$tmp/header" "$tmp/synopses" -t ' ' -o 0 | uniq >"$tmp/both"
	join -t ' ' "$tmp/header" "$tmp/both" >"$tmp/header.both"
	join -t ' ' "$tmp/synopses" "$tmp/both" >"$tmp/synopses.both"
	[[ -s $tmp/both ]] || echo "there are none to compare"
	diff "$tmp/header.both" "$tmp/synopses.both"
}

# Print names vrpmsg_* and VRPMSG_* in the page $1 that are neither in the header nor, with
# (3), a page.
unknown_names()
{
	local name file

	text "$1" | grep -oiE '\bvrpmsg_[a-z0-9_]+(\(3\))?' | sort -u |
		while read -r name; do
		file=$lib/man/${name,,}
		if [[ $name == *'(3)' ]]; then
			[[ -e ${file%(3)}.3 ]] && continue
		else
			grep -qxF "$name" "$tmp/known" && continue
			# The name of the page itself.
			[[ $file.3 == "$1" ]] && continue
		fi
		echo "${1##*/} names $name"
	done
}

names_known()
{
	local page

	only_in "in a synopsis only" "$tmp/described" "$tmp/declared"
	header | grep -oiE '\bvrpmsg_[a-z0-9_]+' | sort -u >"$tmp/known"
	for page in "${pages[@]}"; do
		unknown_names "$page"
	done
}

lint()
{
	((${#pages[@]})) || { echo "there are no pages"; return; }
	mandoc -T lint -W warning "${pages[@]}" "${tool_pages[@]}"
}

same_symbols()
{
	nm -D --defined-only "$so" >"$tmp/nm" || return
	awk '$2 != "A" { sub("@.*", "", $3); print $3 }' "$tmp/nm" |
		sort >"$tmp/exported"
	sed -n '/^global:/,/^local:/s/^[[:space:]]*\(.*\);$/\1/p' \
		"$lib/libvhostrpmsg.map" | sort >"$tmp/map"
	only_in "declared, not in the map" "$tmp/declared" "$tmp/map"
	only_in "in the map, not declared" "$tmp/map" "$tmp/declared"
	only_in "declared, not exported" "$tmp/declared" "$tmp/exported"
	only_in "exported, not declared" "$tmp/exported" "$tmp/declared"
}

# `man FUNCTION` finds the page that describes it.
page_each()
{
	local function page

	make -s -C "$top" install DESTDIR="$tmp/installed" BUILD="$build" \
		PREFIX=/usr >/dev/null || return
	[[ -s $tmp/declared ]] || echo "the header declares nothing"
	while read -r function; do
		page=$tmp/installed/usr/share/man/man3/$function.3
		if [[ ! -e $page ]]; then
			echo "there is no $function.3"
		elif ! synopsis "$page" | grep "\<$function(" >/dev/null; then
			echo "$function.3 does not have it"
		fi
	done <"$tmp/declared"
}

# C++ can use the names of types and functions.
cplusplus()
{
	# shellcheck disable=SC2028	# it is C++
	echo '#include <vhostrpmsg.h>
		int main()
		{
			vrpmsg_state state = VRPMSG_DEV_RUNNING;
			vrpmsg_object object = VRPMSG_EVENT_DEV;
			vrpmsg_action action = VRPMSG_EVENT_NEW;
			vrpmsg_remote_kind kind = VRPMSG_REMOTE_NONE;
			vrpmsg_remote_mode mode = VRPMSG_REMOTE_MODE_LEARN;
			vrpmsg_policy policy = VRPMSG_POLICY_HOLD;
			vrpmsg_stat stat = VRPMSG_STAT_RX_MSGS;
			state = vrpmsg_dev_state((vrpmsg_dev *)nullptr);
			return state + object + action + kind + mode + policy + stat;
		}' >"$tmp/enums.cc"
	g++ -std=c++11 -Wall -Wextra -Werror -I"$lib" -fsyntax-only "$tmp/enums.cc"
}

# Each function is documented at its declaration in the header.
documented()
{
	local function

	while read -r function; do
		grep -qE "^ \* $function\(\) - " "$lib/vhostrpmsg.h" ||
			echo "the header says nothing about $function()"
	done <"$tmp/declared"
}

# Each event of the bridge's log is described.
events()
{
	grep -oh 'event=[a-z-]*' "$top"/tools/vrpmsg-bridge/*.c | cut -d = -f 2 |
		sort -u >"$tmp/events"
	sed -n '/^\.SH LOG/,/^\.SH/{/^\.TP/{n;s/^\.BR\? //;s/[",]//g;s/\\-/-/g;p}}' \
		"$top/tools/vrpmsg-bridge/vrpmsg-bridge.8" | tr -s ' ' '\n' |
		sort >"$tmp/events.page"
	[[ -s $tmp/events ]] || echo "there are no events"
	only_in "not described" "$tmp/events" "$tmp/events.page"
	only_in "not logged" "$tmp/events.page" "$tmp/events"
}

synopsis_of_tool()
{
	PATH=$build/user/bin:$PATH LD_LIBRARY_PATH=$build/user/lib \
		"$top/tools/vrpmsgctl/synopsis" --check
}

# Links, files, commands and options.
documents()
{
	local page

	mkdir "$tmp/pages"
	for page in "${pages[@]}" "${tool_pages[@]}"; do
		text "$page" >"$tmp/pages/${page##*/}"
	done
	PATH=$build/user/bin:$PATH LD_LIBRARY_PATH=$build/user/lib \
		LD_PRELOAD=$build/user/selftests/no_module.so \
		/usr/bin/python3 "$top/selftests/user/documents.py" "$tmp"/pages/*
}

echo "TAP version 13"
echo "1..11"

header | prototypes >"$tmp/header"
cut -d ' ' -f 1 "$tmp/header" | sort -u >"$tmp/declared"

for page in "${pages[@]}"; do
	synopsis "$page" | prototypes
done | sort >"$tmp/synopses"
cut -d ' ' -f 1 "$tmp/synopses" >"$tmp/all_described"
sort -u "$tmp/all_described" >"$tmp/described"

check_pages "each function is in one synopsis" once_each
check_pages "synopses have the prototypes of the header" same_prototypes
check_pages "pages name nothing that the header lacks" names_known
check_pages "mandoc has no warning" lint
check "map, symbols and header have the same functions" same_symbols
check_pages "each function has a page of its name" page_each
check "each function is documented in the header" documented
check "C++ can name the types" cplusplus
check "the synopsis of vrpmsgctl(8) is the tool's" synopsis_of_tool
check "vrpmsg-bridge(8) has the events of the log" events
check_pages "documents name only what exists" documents
exit $failed
