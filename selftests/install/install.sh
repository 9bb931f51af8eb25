# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install the packages on a running system. Sourced by parts.
# shellcheck disable=SC2016,SC2154,SC2317	# its variables; called through check

# The packages that README installs, and its optional ones.
packages=(vhost-rpmsg vhost-rpmsg-dkms libvhostrpmsg0)
more=(libvhostrpmsg-dev python3-vhostrpmsg vhost-rpmsg-doc)

# check has run `make deb`, which installs a compiler.
readme_installs()
{
	local group

	runuser -u me -- mkdir -p ~me/src/build
	ln -s "$share/deb" ~me/src/build/deb
	types "$(readme ./build/deb/ | sed -E '/^(sudo apt (update|install make)|make deb)\>/d')"
	for group in kvm vrpmsg; do
		id -nG me | grep -qw "$group" || echo "me is not in group $group"
	done
}

# Without configuration, installing must start nothing and load nothing.
installed()
{
	local package

	for package in "${packages[@]}" "${more[@]}"; do
		is "installed" dpkg-query -W -f '${db:Status-Status}' "$package"
	done
	module_of_dkms "$(uname -r)"
	[[ ! -e /sys/module/vhost_rpmsg ]] || echo "the module is loaded"
	is enabled systemctl is-enabled vrpmsg.service
	is disabled systemctl is-enabled vrpmsg-bridge@gpu0.service
	is disabled systemctl is-enabled vrpmsg-bridge@gpu0.socket
	getent group vrpmsg >/dev/null || echo "there is no group vrpmsg"
}

check "apt reads the repository" quiet apt-get update
check "README's installation" readme_installs
check "apt install of the others" quiet apt-get install -y "${more[@]}" pkg-config
check "all of it is there, and nothing runs yet" installed
