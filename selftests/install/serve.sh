# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Use what part `source` has installed. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

serves_guest()
{
	types "$(readme "make modules" | grep modprobe)"
	quiet vrpmsgctl dev add gpu0
	quiet vrpmsgctl ept add dev gpu0 name shell
	quiet systemctl start vrpmsg-bridge@gpu0
	served gpu0 shell
	systemctl stop vrpmsg-bridge@gpu0
	vrpmsgctl dev del gpu0
	rmmod vhost_rpmsg
}

check "what was installed without packages serves a guest" serves_guest
