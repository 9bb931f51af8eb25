# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Run the autopkgtests. The third one, `use`, is the part of that name. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

package_test()
{
	mkdir -p "$tmp/$1"
	cd "$share/source" || return
	AUTOPKGTEST_TMP=$tmp/$1 quiet "debian/tests/$1"
}

check "autopkgtest: the library's example compiles" package_test compile
check "autopkgtest: DKMS has built the module" package_test module
