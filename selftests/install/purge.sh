# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Purge the packages. In the VM depmod would take minutes. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

purge()
{
	# Files of the administrator.
	quiet systemctl disable gpu0-shell.service
	rm /etc/systemd/system/gpu0-shell.service /usr/local/bin/service.sh
	types "$(readme "sudo apt purge")"
}

check "README's purge" purge
check "nothing is left" nothing_left
