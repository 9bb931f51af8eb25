# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion for vrpmsgctl(8). The tool prints the candidates, quoted; its output is
# never evaluated. Exit status 3 requests file names.

_vrpmsgctl()
{
	local status=0 out

	COMPREPLY=()
	out=$(vrpmsgctl --complete-line "${COMP_LINE:0:COMP_POINT}" \
		"$COMP_WORDBREAKS" 2>/dev/null) || status=$?
	[[ ! $out ]] || mapfile -t COMPREPLY <<<"$out"
	if ((status == 3)); then
		compopt -o filenames
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$2")
	fi
}

complete -F _vrpmsgctl vrpmsgctl
