#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Send vrpmsg-bridge messages that no front end would send, with AddressSanitizer and UBSan.
# Prints TAP.
#
# usage: selftests/fuzz/fuzz_bridge.sh [--seconds N]
#	 selftests/fuzz/fuzz_bridge.sh --merge FOLDER
#
# Without arguments, this only sends the inputs in bridge/corpus. With --seconds, libFuzzer
# generates new ones from them for that time. build/fuzz/corpus has the new inputs with
# more coverage, and build/fuzz/fail-* the failing ones; add a failing input to the corpus
# together with the fix. --merge adds the inputs of FOLDER that increase the coverage of
# the corpus.
# shellcheck disable=SC2317	# functions are called through check
set -euo pipefail
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

seconds=0 merge=''
while (($#)); do
	case $1 in
	--seconds)	seconds=${2:?} ;;
	--merge)	merge=$(realpath "${2:?}") ;;
	*)		die "see the top of $0" ;;
	esac
	shift 2
done

need_packages clang libclang-rt-dev
corpus=$top/selftests/fuzz/bridge/corpus
fuzz=$build/fuzz/fuzz_bridge
log=$build/fuzz/log
quietly "$build/log/fuzz" make -s -C "$top" BUILD="$build" fuzz
run=("$fuzz" -timeout=20 -artifact_prefix="$build/fuzz/fail-")

if [[ $merge ]]; then
	quietly "$log" "${run[@]}" -set_cover_merge=1 -use_counters=0 \
		"$corpus" "$merge"
	say "$(find "$corpus" -type f | wc -l) inputs"
	exit
fi

number=0 failed=0
# check NAME COMMAND...: if the command fails, print not ok and the end of the log.
check()
{
	local name=$1
	shift
	((++number))
	if "$@" >"$log" 2>&1; then
		echo "ok $number $name"
	else
		tail -n 60 "$log" | sed 's/^/# /'
		echo "not ok $number $name"
		failed=1
	fi
}

# The inputs are still valid: they contain each request, and rings start.
reaches_all()
{
	local said what absent=0
	local requests

	mapfile -t requests < <(sed -nE 's/^\tHANDLER\((\w+),.*/request=\1 /p' \
		"$top/tools/vrpmsg-bridge/protocol.c")
	said=$(FUZZ_BRIDGE_LOG=1 "${run[@]}" "$corpus"/* 2>&1) || return
	for what in "${requests[@]}" event=started event=stopped; do
		grep -q "$what" <<<"$said" || { echo "no $what"; absent=1; }
	done
	return "$absent"
}

echo "TAP version 13"
echo "1..$((seconds ? 3 : 2))"
check "the corpus does no harm" "${run[@]}" "$corpus"/*
check "the corpus has each request" reaches_all
if ((seconds)); then
	mkdir -p "$build/fuzz/corpus"
	check "$seconds seconds of more do no harm" "${run[@]}" \
		-max_total_time="$seconds" -max_len=8192 -print_final_stats=1 \
		"$build/fuzz/corpus" "$corpus"
	sed -n 's/^stat::number_of_executed_units/# inputs/p' "$log"
fi
exit $failed
