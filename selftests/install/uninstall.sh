# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Uninstall what part `source` has installed. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

uninstalls()
{
	types "$(readme_inline 'sudo make modules_uninstall' |
		 sed "s/KVER=.*/KVER=$(newest_kernel)/")"
	types "$(readme_inline 'sudo make uninstall')"
	rm -rf ~me/src
	nothing_left
}

check "make uninstall leaves nothing" uninstalls
