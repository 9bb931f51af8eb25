# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# DKMS and the source of the module, on a bare system. Sourced by parts.
# shellcheck disable=SC2154,SC2317	# its variables; called through check

# No compiler, no headers.
bare()
{
	command -v gcc cc clang make dkms
	ls -d /lib/modules/*/build 2>/dev/null
	return 0
}

# Without headers DKMS must not build, and must not fail.
before_headers()
{
	quiet apt-get install -y --no-install-recommends vhost-rpmsg-dkms
	find /lib/modules -name 'vhost_rpmsg*'
}

headers()
{
	quiet apt-get install -y linux-headers-amd64
	module_of_dkms "$(newest_kernel)"
}

# apt can resolve the dependencies of all packages. Debian's own are installed here,
# because configuring Python takes minutes in the VM.
dependencies()
{
	quiet apt-get install -s vhost-rpmsg{,-dkms,-doc} libvhostrpmsg-dev \
		python3-vhostrpmsg
	quiet apt-get install -y libnl-genl-3-dev mokutil pkg-config \
		python3-cffi-backend
}

check "it is bare" bare
check "apt reads the repository" quiet apt-get update
check "there is all that the packages depend on" dependencies
check "without headers nothing is built" before_headers
check "DKMS builds the module when headers come" headers
