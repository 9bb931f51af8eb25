# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# After a reboot the configuration is applied again. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables and functions

back()
{
	is active systemctl is-active vrpmsg.service
	is active systemctl is-active vrpmsg-bridge@gpu0.socket
	is inactive systemctl is-active vrpmsg-bridge@gpu0.service
	is "$(</etc/vrpmsg/gpu0.conf)" vrpmsgctl save
	wait_for test -e /dev/vrpmsg/by-name/gpu0/shell
}

# Nothing was started by hand.
serves()
{
	wait_for systemctl -q is-active gpu0-shell.service
	guest_asks gpu0 shell host "$(uname -n)"
	is active systemctl is-active vrpmsg-bridge@gpu0.service
}

# An error in a file is reported with its line, and nothing is changed.
fault()
{
	printf 'dev add gpu1\nept add dev gpu1 colour red\n' >/etc/vrpmsg/bad.conf
	fails "Job" systemctl reload vrpmsg.service
	journalctl -u vrpmsg.service -o cat --no-pager >"$tmp/journal"
	grep -q 'bad.conf:2: ept add: unknown argument "colour"' "$tmp/journal" ||
		cat "$tmp/journal"
	fails "No such device" vrpmsgctl dev show gpu1
	echo 'dev add gpu1' >/etc/vrpmsg/bad.conf
	quiet systemctl reload vrpmsg.service
	quiet vrpmsgctl dev show gpu1
	rm /etc/vrpmsg/bad.conf
	vrpmsgctl dev del gpu1
}

# Configuration tools may run as another user.
others_file()
{
	install -m 600 -o nobody /dev/stdin /etc/vrpmsg/other.conf <<<"dev add gpu1"
	quiet systemctl reload vrpmsg.service
	quiet vrpmsgctl dev show gpu1
	rm /etc/vrpmsg/other.conf
	vrpmsgctl dev del gpu1
}

# The service stops when its endpoint is deleted, and starts with a new one.
bound()
{
	vrpmsgctl ept del gpu0/shell
	wait_for eval "! systemctl -q is-active gpu0-shell.service"
	quiet systemctl reload vrpmsg.service
	wait_for systemctl -q is-active gpu0-shell.service
}

reinstall()
{
	systemctl start vrpmsg-bridge@gpu0.service
	systemctl show -p MainPID vrpmsg-bridge@gpu0.service >"$tmp/before"
	grep -q '=[1-9]' "$tmp/before" || echo "there is no bridge"
	quiet apt-get install -y --reinstall vhost-rpmsg libvhostrpmsg0
	systemctl show -p MainPID vrpmsg-bridge@gpu0.service >"$tmp/after"
	cmp "$tmp/before" "$tmp/after"
	guest_asks gpu0 shell host "$(uname -n)"
}

check "devices, endpoints and the socket are back" back
check "a server starts with its endpoint, the bridge with its VMM" serves
check "a fault in a file has its line" fault
check "a file of another user is applied, too" others_file
check "a server ends and starts with its endpoint" bound
check "an upgrade of the packages leaves a bridge alone" reinstall
