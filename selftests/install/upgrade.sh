# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install a newer kernel. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

modules()
{
	find /lib/modules -name 'vhost_rpmsg*' | wc -l
}

# DKMS cannot build without the kernel's image, and must not fail. In Debian 13 headers
# depend on the image.
headers_first()
{
	echo 'deb [trusted=yes] file:/run/check/new ./' >>/etc/apt/sources.list
	quiet apt-get update
	quiet apt-get install -y linux-headers-amd64
	is 2 eval 'ls -d /lib/modules/*/build | wc -l'
	is "$(find /boot -name 'vmlinuz-*' | wc -l)" modules
}

upgrade()
{
	quiet apt-get full-upgrade -y
	is 2 modules
	module_of_dkms "$(newest_kernel)"
}

if ls "$share"/new/linux-image-[0-9]* >/dev/null 2>&1; then
	check "headers of a newer kernel come first" headers_first
	check "the newer kernel gets its module" upgrade
else
	skip "headers of a newer kernel come first" "the suite has no newer one"
	skip "the newer kernel gets its module" "the suite has no newer one"
fi
