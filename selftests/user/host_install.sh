#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make install, uninstall and dist: every folder can be set, also after make has run with
# another setting; the installed files work, and uninstall leaves nothing. Prints TAP.
# VRPMSG_BUILD is the folder with the library.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${VRPMSG_BUILD:-$top/build}
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
# Do not use the settings of `make check`.
unset MAKEFLAGS MAKEOVERRIDES
unset "${!PKG_CONFIG@}"

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# skip NAME REASON
skip()
{
	echo "ok $((++number)) $1 # SKIP $2"
}

run_make()
{
	make -s -C "$top" BUILD="$build" "$@" >"$tmp/out" || cat "$tmp/out"
}

# Print the files and links below a folder, relative to it.
files()
{
	(cd "$1" 2>/dev/null && find . ! -type d | sed 's,^\.,,' | sort)
}

# Files in /usr that contain /usr/local are left from an earlier make.
other_prefix()
{
	run_make tools PREFIX=/usr/local
	run_make install PREFIX=/usr DESTDIR="$tmp/usr"
	grep -rI /usr/local "$tmp/usr"
	grep -q '^prefix=/usr$' "$tmp/usr/usr/lib/pkgconfig/libvhostrpmsg.pc" ||
		echo "the .pc file has another prefix"
	grep -q '^ExecStart=/usr/sbin/vrpmsg-bridge ' \
		"$tmp/usr/usr/lib/systemd/system/vrpmsg-bridge@.service" ||
		echo "the unit starts another program"
}

# No file is installed outside the folders of the variables.
all_folders()
{
	run_make install DESTDIR="$tmp/all" PREFIX=/p BINDIR=/v/bin \
		SBINDIR=/v/sbin LIBDIR=/v/lib INCLUDEDIR=/v/include \
		DATADIR=/v/data MANDIR=/v/man UNITDIR=/v/unit \
		UDEVDIR=/v/udev SYSUSERSDIR=/v/sysusers PRESETDIR=/v/preset
	files "$tmp/all" >"$tmp/list"
	grep -v '^/v/' "$tmp/list"
	for file in bin/vrpmsgctl sbin/vrpmsg-bridge lib/libvhostrpmsg.so.0 \
		    lib/libvhostrpmsg.a lib/pkgconfig/libvhostrpmsg.pc \
		    include/vhostrpmsg.h include/linux/vhost_rpmsg.h \
		    man/man8/vrpmsgctl.8 man/man3/libvhostrpmsg.3 \
		    unit/vrpmsg-bridge@.service unit/vrpmsg.service \
		    udev/rules.d/60-vrpmsg.rules preset/80-vrpmsg.preset \
		    unit/vrpmsg-bridge@.socket \
		    data/qemu/vhost-user/50-vhost-rpmsg.json \
		    sysusers/vrpmsg.conf data/vhost-rpmsg/vrpmsgctl.schema.json; do
		grep -qxF "/v/$file" "$tmp/list" || echo "there is no $file"
	done
	# Each file is at the path that other files contain.
	grep -q '"binary": "/v/sbin/vrpmsg-bridge"' \
		"$tmp/all/v/data/qemu/vhost-user/50-vhost-rpmsg.json" ||
		echo "VMMs do not know where the bridge is"
	grep -q '^includedir=/v/include$' "$tmp/all/v/lib/pkgconfig/"*.pc ||
		echo "the .pc file does not know where the headers are"
	grep -q '^ExecStart=/v/sbin/' "$tmp/all/v/unit/vrpmsg-bridge@.service" ||
		echo "the unit does not know where the bridge is"
	grep -q '^.I /v/unit/vrpmsg' "$tmp/all/v/man/man8/vrpmsg-bridge.8" ||
		echo "the manual page does not know where the units are"
}

nothing_stays()
{
	run_make uninstall DESTDIR="$tmp/all" PREFIX=/p BINDIR=/v/bin \
		SBINDIR=/v/sbin LIBDIR=/v/lib INCLUDEDIR=/v/include \
		DATADIR=/v/data MANDIR=/v/man UNITDIR=/v/unit \
		UDEVDIR=/v/udev SYSUSERSDIR=/v/sysusers PRESETDIR=/v/preset
	files "$tmp/all"
	[[ ! -e $tmp/all/v/data/vhost-rpmsg ]] || echo "our own folder is there"
	[[ -d $tmp/all/v/bin ]] || echo "a folder of others is gone"
}

# Installation by a user without root; with DESTDIR, root does not notify the system.
install_home()
{
	run_make install PREFIX="$tmp/home" DESTDIR=/
	LD_LIBRARY_PATH=$tmp/home/lib "$tmp/home/bin/vrpmsgctl" -V >"$tmp/out" || cat "$tmp/out"
}

# compile NAME FLAG...: compile the example of the manual page with the installed library,
# and start it.
compile()
{
	local name=$1 flags rc
	shift
	sed -n '/^\.SH EXAMPLES/,/^\.EE/{/^\.EX/,/^\.EE/{/^\.E[XE]/!p}}' \
		"$top/libvhostrpmsg/man/libvhostrpmsg.3" |
		sed -e 's/\\e/\\/g' -e 's/\\-/-/g' -e 's/\\&//g' >"$tmp/example.c"
	read -ra flags < <(PKG_CONFIG_PATH=$tmp/home/lib/pkgconfig \
			   pkg-config --cflags --libs "$@" libvhostrpmsg)
	[[ " ${flags[*]} " == *" -I$tmp/home/include "* ]] ||
		echo "these are not flags for $tmp/home: ${flags[*]}"
	[[ $name == shared ]] || flags=(-static-libgcc "-Wl,-Bstatic" \
		"${flags[@]}" "-Wl,-Bdynamic")
	"${CC:-gcc}" -Wall -Wextra -Werror -o "$tmp/$name" "$tmp/example.c" \
		"${flags[@]}" || return
	readelf -d "$tmp/$name" | grep -q 'NEEDED.*libvhostrpmsg' &&
		[[ $name != shared ]] && echo "it wants the shared library"
	LD_PRELOAD=$build/user/selftests/no_module.so LD_LIBRARY_PATH=$tmp/home/lib \
		timeout 10 "$tmp/$name" demo0 echo >"$tmp/out" 2>&1
	rc=$?
	if ((rc != 1)) || ! grep -q vhost_rpmsg "$tmp/out"; then
		echo "it ended with status $rc"
		cat "$tmp/out"
	fi
}

verify_units()
{
	local unit

	for unit in "$tmp"/home/lib/systemd/system/*; do
		# A template alone is not a unit.
		[[ $unit != *@.* ]] || {
			cp "$unit" "${unit/@./@test.}"
			unit=${unit/@./@test.}
		}
		SYSTEMD_UNIT_PATH=$tmp/home/lib/systemd/system: \
			systemd-analyze verify --man=no "$unit" 2>&1
	done
}

clang_builds()
{
	make -s -C "$top" BUILD="$tmp/clang" CC=clang WERROR=1 tools |
		grep -v '^  [A-Z]* *'
	[[ -x $tmp/clang/user/bin/vrpmsgctl ]] || echo "there is no vrpmsgctl"
}

# The tarball only has committed files, and builds without git, also in a folder of
# another repository.
tarball_builds()
{
	local name other=$tmp/other src

	name=$(make -s -C "$top" dist DISTDIR="$tmp") || return
	git init -q "$other"
	git -C "$other" -c user.name=a -c user.email=a@b commit -q --allow-empty -m a
	tar -C "$other" -xJf "$tmp/$name" || return
	src=$other/${name%.tar.xz}
	make -s -C "$src" tools >"$tmp/out" || cat "$tmp/out"
	[[ -x $src/build/user/bin/vrpmsgctl ]] || echo "there is no vrpmsgctl"
	install -D /dev/null "$src/.git/not_there"
	packaged "$src"
	diff <(tar -tJf "$tmp/$name" | sed -n 's,^[^/]*/\(.*[^/]\)$,\1,p' | LC_ALL=C sort) \
		"$tmp/packaged"
}

# packaged FOLDER: list the files that make-deb takes of it, in $tmp/packaged.
packaged()
{
	mkdir -p "$tmp/bin"
	printf '#!/bin/sh\necho installed\n' >"$tmp/bin/dpkg-query"
	printf '#!/bin/sh\nfind . ! -type d -printf "%%P\\n" | LC_ALL=C sort >%s\nexit 1\n' \
		"$tmp/packaged" >"$tmp/bin/dpkg-buildpackage"
	chmod +x "$tmp"/bin/*
	PATH=$tmp/bin:$PATH DEB_BUILD_PROFILES=pkg.vhost-rpmsg.noguest \
		"$1/scripts/make-deb" "$tmp/deb" >/dev/null 2>&1
}

same_tarball()
{
	local name

	name=$(make -s -C "$top" dist DISTDIR="$tmp/")
	mv "$tmp/$name" "$tmp/first"
	make -s -C "$top" dist DISTDIR="$tmp" >"$tmp/out"
	cmp "$tmp/first" "$tmp/$name"
}

echo "TAP version 13"
echo "1..11"
check "PREFIX can be another one than make had" other_prefix
check "each kind of file has a folder that can be chosen" all_folders
check "uninstall leaves nothing" nothing_stays
check "a user can install below HOME" install_home
check "the example compiles with the installed library" compile shared
name="it compiles with the installed static library"
libnl=$(pkg-config --variable libdir libnl-genl-3.0)/libnl-genl-3.a
if [[ -e $libnl ]]; then
	check "$name" compile static --static
else
	skip "$name" "there is no $libnl"
fi
if command -v systemd-analyze >/dev/null; then
	check "systemd has no complaint about the units" verify_units
else
	skip "systemd has no complaint about the units" "no systemd-analyze"
fi
if udevadm verify --help >/dev/null 2>&1; then
	check "udev has no complaint about the rules" udevadm verify \
		--no-summary "$tmp/home/lib/udev/rules.d/60-vrpmsg.rules"
else
	skip "udev has no complaint about the rules" "no udevadm verify"
fi
if command -v clang >/dev/null; then
	check "clang compiles it without a warning" clang_builds
else
	skip "clang compiles it without a warning" "there is no clang"
fi
if [[ -e $top/.git ]]; then
	check "the tarball of a release builds" tarball_builds
	check "the same tarball is made again" same_tarball
else
	skip "the tarball of a release builds" "this is not a git repository"
	skip "the same tarball is made again" "this is not a git repository"
fi
exit $failed
