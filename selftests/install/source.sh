# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# README's build and installation without packages. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

# `uname -r` must print the kernel of the disk, not the one of the machine.
working_copy()
{
	rm -rf ~me/src
	cp -r "$share/source" ~me/src
	chown -R me: ~me/src
	printf '#!/bin/sh\n[ "$*" = -r ] && echo %s\n' "$(newest_kernel)" \
		>/usr/local/bin/uname
	chmod +x /usr/local/bin/uname
}

without_packages()
{
	types "$(readme "make modules" | grep -v modprobe)"
	rm /usr/local/bin/uname
}

check "a working copy" working_copy
check "README's build and installation without packages" without_packages
