#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make deb: lintian prints nothing, the packages are reproducible, and DKMS builds the
# modules from their packages, but only for supported kernels. Prints TAP. VRPMSG_BUILD
# is the output folder.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail
. "$(dirname "$0")/../vm/lib.sh"
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MAKEOVERRIDES LD_LIBRARY_PATH

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

made()
{
	scripts/make-deb "$tmp/first" >"$tmp/out" 2>&1 || cat "$tmp/out"
	[[ $(tail -n 1 "$tmp/out") == "make deb: OK" ]] || echo "it is not OK"
	for package in vhost-rpmsg vhost-rpmsg-dkms rpmsg-virtio-dkms libvhostrpmsg0 \
		       libvhostrpmsg-dev vhost-rpmsg-doc python3-vhostrpmsg; do
		[[ -s $(echo "$tmp"/first/"${package}"_[0-9]*.deb) ]] ||
			echo "there is no $package"
	done
	# Where the next run would find it.
	find "$tmp"/first -mindepth 1 -type d
}

# Build again at another time, in another folder, with other settings.
made_again()
{
	(
		umask 027
		TZ=Pacific/Chatham LC_ALL=C HOME=$tmp TMPDIR=$tmp \
			scripts/make-deb "$tmp/second" >"$tmp/out" 2>&1
	) || cat "$tmp/out"
	for file in "$tmp"/first/*.deb; do
		cmp "$file" "$tmp/second/$(basename "$file")"
	done
}

# Build from the files of the DKMS package only.
dkms_builds()
{
	local kernel release src

	kernel=$(kernel_dir 6.12)
	release=$(<"$kernel/release")
	dpkg-deb -x "$tmp"/first/vhost-rpmsg-dkms_*.deb "$tmp/dkms"
	src=$(echo "$tmp"/dkms/usr/src/vhost-rpmsg-*)
	(
		cd / && ROOT=$kernel/root \
			HEADERS=$kernel/root/usr/src/linux-headers-$release \
			"$src/scripts/build-module" "$release" >"$tmp/out" 2>&1
	) || cat "$tmp/out"
	[[ -s $src/build/$release/kernel/vhost_rpmsg.ko ]] ||
		echo "there is no module where dkms.conf says"
}

# excluded KERNEL: does dkms.conf exclude this kernel?
excluded()
{
	(
		kernelver=$1
		# shellcheck disable=SC1090
		. "$(echo "$tmp"/dkms/usr/src/vhost-rpmsg-*/dkms.conf)"
		! [[ $kernelver =~ $BUILD_EXCLUSIVE_KERNEL ]]
	)
}

# config KERNEL OPTION=VALUE...: write the configuration of a kernel.
export install_tree=$tmp/modules
config()
{
	local build=$install_tree/$1/build
	shift
	mkdir -p "$build"
	printf 'CONFIG_%s\n' "$@" >"$build/.config"
}

# autoinstalled KERNEL OTHER: does dkms 3.0 build it when this kernel is installed?
# Excluding it would be an error. kernelver is OTHER: empty, or a kernel that has the
# module.
autoinstalled()
{
	local conf

	conf=$(echo "$tmp"/dkms/usr/src/vhost-rpmsg-*/dkms.conf)
	# shellcheck disable=SC2016	# it is the inner shell's
	[[ $(kernelver=$2 bash -c '. "$0"; echo "$AUTOINSTALL"' "$conf" \
		autoinstall --kernelver "$1") == yes ]]
}

# Run in a mount namespace, where our folders determine which kernels exist.
exclusions()
{
	local kernel other ours=$tmp/boot

	# The source can be of another version, and is no substitute for an image.
	touch "$tmp"/src/linux-source-{6.1,6.12,7.3}.tar.xz "$ours/vmlinuz-6.1.0-1-amd64"
	for kernel in 6.1.0-50-amd64 6.12.117+deb12-amd64 7.3.4+deb13-amd64 \
		      6.19.2-arch1 7.0.0; do
		touch "$ours/vmlinuz-$kernel"
		excluded "$kernel" && echo "$kernel is not built for"
		for other in "" 6.1.0-1-amd64; do
			autoinstalled "$kernel" "$other" ||
				echo "$kernel is not built for by itself ($other)"
		done
		rm "$ours/vmlinuz-$kernel"
		excluded "$kernel" || echo "$kernel is built for without an image"
		for other in "" 6.1.0-1-amd64; do
			autoinstalled "$kernel" "$other" &&
				echo "dkms fails for $kernel without an image ($other)"
		done
	done
	for kernel in 5.10.0-9-amd64 6.0.3 6.20.1 7.4.0 7.30.1 16.1.0 8.0.1; do
		touch "$ours/vmlinuz-$kernel"
		excluded "$kernel" || echo "$kernel is built for"
		for other in "" 6.1.0-1-amd64; do
			autoinstalled "$kernel" "$other" &&
				echo "dkms fails for $kernel ($other)"
		done
	done
	touch "$ours/vmlinuz-6.12.1"
	config 6.12.1 VHOST=m DEBUG_INFO_BTF=y
	autoinstalled 6.12.1 "" || echo "6.12.1 is not built for"
	config 6.12.1 VHOST=m
	autoinstalled 6.12.1 "" && echo "dkms fails for 6.12.1 without BTF"
	return 0
}

in_namespace()
{
	mkdir -p "$tmp/boot" "$tmp/src"
	unshare --mount --map-root-user bash -c "
		mount --bind '$tmp/boot' /boot && mount --bind '$tmp/src' /usr/src ||
			exit
		tmp='$tmp'
		$(declare -f config excluded autoinstalled exclusions)
		exclusions"
}

# Build the drivers of guests with the command in dkms.conf.
guest_builds()
{
	local kernel kernelver kernel_source_dir dkms_tree=$tmp/tree i module

	kernel=$(kernel_dir 6.12)
	kernelver=$(<"$kernel/release")
	kernel_source_dir=$kernel/root/usr/src/linux-headers-$kernelver
	dpkg-deb -x "$tmp"/first/rpmsg-virtio-dkms_*.deb "$tmp/guest"
	# shellcheck disable=SC1090
	. "$(guest_conf)"
	mkdir -p "$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION"
	cp -r "$(dirname "$(guest_conf)")" \
		"$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build"
	eval "${MAKE[0]}" W=1 >"$tmp/out" 2>&1 || cat "$tmp/out"
	grep -i warning "$tmp/out"
	for i in "${!BUILT_MODULE_NAME[@]}"; do
		module=${BUILT_MODULE_LOCATION[i]}/${BUILT_MODULE_NAME[i]}.ko
		[[ -s $dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build/$module ]] ||
			echo "there is no $module"
	done
	# The patches are applied, to each series.
	for i in "$tmp"/guest/usr/src/rpmsg-virtio-*/*/virtio_rpmsg_bus.c; do
		grep -q rpmsg_rx_work "$i" || echo "$i is not patched"
	done
}

guest_conf()
{
	echo "$tmp"/guest/usr/src/rpmsg-virtio-*/dkms.conf
}

# guest_drivers KERNEL CONFIG...: print what DKMS builds for a kernel.
guest_drivers()
{
	(
		# shellcheck disable=SC2034	# used by dkms.conf
		kernelver=$1 kernel_source_dir=$tmp dkms_tree=$tmp/tree
		shift
		printf 'CONFIG_%s\n' "$@" >"$tmp/.config"
		# shellcheck disable=SC1090
		. "$(guest_conf)"
		[[ ! ${BUILD_EXCLUSIVE_KERNEL-} ]] || exit
		echo "${BUILT_MODULE_NAME[*]}"
	)
}

guest_exclusions()
{
	local kernel all

	all="virtio_rpmsg_bus rpmsg_core rpmsg_ns rpmsg_char rpmsg_ctrl rpmsg_tty"
	for kernel in 6.1.0-57-amd64 6.12.117+deb12-amd64; do
		same "$(guest_drivers "$kernel" NET=y)" "$all"
		same "$(guest_drivers "$kernel" RPMSG=m)" "${all/ rpmsg_core/}"
		same "$(guest_drivers "$kernel" RPMSG{,_CHAR,_NS,_VIRTIO}=m)" \
			"virtio_rpmsg_bus rpmsg_ctrl rpmsg_tty"
		same "$(guest_drivers "$kernel" RPMSG_VIRTIO=y)" ""
	done
	for kernel in 5.10.0-9-amd64 6.13.0 6.120.1 7.4.0 16.1.0; do
		same "$(guest_drivers "$kernel" NET=y)" ""
		same "$(guest_autoinstall "$kernel")" ""
	done
	same "$(guest_autoinstall 6.12.117+deb12-amd64)" yes
	config 6.12.1 {VIRTIO,NET,TTY}=y RPMSG_VIRTIO=m
	same "$(guest_autoinstall 6.12.1)" yes
	config 6.12.1 {VIRTIO,NET,TTY,RPMSG_VIRTIO}=y
	same "$(guest_autoinstall 6.12.1)" ""
	config 6.12.1 {VIRTIO,NET}=y
	same "$(guest_autoinstall 6.12.1)" ""
}

# guest_autoinstall KERNEL: print AUTOINSTALL when this kernel is installed. It must be
# empty for those without drivers: in dkms 3.0, excluding a kernel is an error then.
guest_autoinstall()
{
	# shellcheck disable=SC2016	# it is the inner shell's
	kernelver='' kernel_source_dir='' bash -c '. "$0"; echo "$AUTOINSTALL"' \
		"$(guest_conf)" autoinstall --kernelver "$1"
}

same()
{
	[[ $1 == "$2" ]] || echo "it is '$1', not '$2'"
}

cd "$top" || exit
echo "TAP version 13"
if ! command -v dh dh_dkms lintian >/dev/null; then
	echo "1..0 # SKIP there is no debhelper, dh-dkms or lintian"
	exit 0
fi
echo "1..6"
check "packages are made, and lintian has nothing to say" made
check "the same packages are made again" made_again
check "DKMS has all that the module is built from" dkms_builds
check "DKMS is told for which kernels there is nothing to build" in_namespace
check "DKMS builds the drivers of guests" guest_builds
check "DKMS builds those that a kernel lacks" guest_exclusions
exit $failed
