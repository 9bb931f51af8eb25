#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/build-module and the types of the vhost core: a module that is built with a
# kernel's type information is the same as with the kernel's vhost.h, and a vhost.h with
# another layout is refused. Prints TAP. VRPMSG_BUILD is the output folder; the kernels
# are those in the cache.
# shellcheck disable=SC2317	# functions are called through check
set -euo pipefail
. "$(dirname "$0")/../vm/lib.sh"
dir=${VRPMSG_BUILD:-$build}/types
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unset MAKEFLAGS MAKEOVERRIDES

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

series=6.12
kernel=$(kernel_dir $series)
release=$(<"$kernel/release")
vhost_h=$kernel/source/drivers/vhost/vhost.h

# code FOLDER: print the code of all objects without debug information.
code()
{
	local object

	for object in "$1"/kernel/*.o; do
		[[ $object == *.mod.o ]] || objdump -drs -j .text -j .rodata \
			-j .data "$object" 2>/dev/null | grep -v 'file format'
	done
}

# The names of the two folders have the same length: the strings of a WARN_ON() contain
# the path of the file, and their length affects the layout.
same_code()
{
	local what

	for what in given types; do
		(
			export BUILD=$dir/$what
			[[ $what == given ]] || export VHOST_H=
			"$top/selftests/vm/build-modules" "$1" 2>&1
		) | grep -v 'Skipping BTF'
		code "$dir/$what/$1" >"$tmp/$what"
	done
	[[ $(wc -l <"$tmp/types") -gt 5000 ]] || echo "there is hardly any code"
	cmp "$tmp/given" "$tmp/types" || :
	! cmp -s "$dir/given/$1/kernel/vhost.h" "$dir/types/$1/kernel/vhost.h" ||
		echo "both were built with the same vhost.h"
}

# build_for ROOT SETTING...: run without compiling; $tmp/out has the vhost.h that would be
# used. build_again keeps what is there of an earlier run.
build_for()
{
	rm -rf "$tmp/out"
	build_again "$@"
}

build_again()
{
	local root=$1
	shift
	env ROOT="$root" OUT="$tmp/out" KBUILD=true \
		HEADERS="$kernel/root/usr/src/linux-headers-$release" \
		"$@" "$top/scripts/build-module" "$release" >"$tmp/said" 2>&1
}

# refused WORDS COMMAND...: the command fails with a message that contains WORDS.
refused()
{
	local words=$1
	shift
	if "$@" >>"$tmp/said" 2>&1; then
		echo "it was taken"
	fi
	grep -q "$words" "$tmp/said" || cat "$tmp/said"
}

# changed WORDS SED: vhost.h with this change is refused with WORDS.
changed()
{
	sed -e "$2" "$vhost_h" >"$tmp/vhost.h"
	! cmp -s "$vhost_h" "$tmp/vhost.h" || echo "nothing was changed"
	: >"$tmp/said"
	BUILD=$dir/changed VHOST_H=$tmp/vhost.h refused "$1" \
		"$top/selftests/vm/build-modules" "$series"
	grep -q "vhost.h is not the vhost.h that $release" "$tmp/said" ||
		echo "it does not say what is wrong"
	[[ ! -e $dir/changed/$series/kernel/vhost_rpmsg.ko ]] ||
		echo "there is a module"
}

# A kernel with the other byte order: everything but the names is 32-bit numbers.
swap()
{
	/usr/bin/python3 - "$1" "$2" <<-'END'
		import struct, sys
		data = open(sys.argv[1], 'rb').read()
		at = data.index(b'\x9f\xeb\x01\x00')
		h = struct.unpack_from('<HBB5I', data, at)
		start = at + h[3] + h[4]
		words = struct.unpack_from('<%dI' % (h[5] // 4), data, start)
		names = at + h[3] + h[6]
		with open(sys.argv[2], 'wb') as f:
		    f.write(b'\x7fjunk' + struct.pack('>HBB5I', h[0], h[1], h[2],
		            24, 0, h[5], h[5], h[7]))
		    f.write(struct.pack('>%dI' % len(words), *words))
		    f.write(data[names:names + h[7]])
	END
}

other_byte_order()
{
	local types=$dir/types/$series/vhost-types

	echo vhost_dev_init >"$tmp/names"
	swap "$dir/types/$series/base.btf" "$tmp/base"
	swap "$dir/types/$series/vhost.ko" "$tmp/ko"
	"$types" checks "$dir/types/$series/base.btf" \
		"$dir/types/$series/vhost.ko" <"$tmp/names" >"$tmp/ours"
	"$types" checks "$tmp/base" "$tmp/ko" <"$tmp/names" >"$tmp/theirs"
	[[ $(wc -l <"$tmp/ours") -gt 100 ]] || echo "there are hardly any types"
	cmp "$tmp/ours" "$tmp/theirs" || :
	# Changing both at the same time does not match any kernel.
	: >"$tmp/said"
	refused "for another processor" "$types" checks "$tmp/base" \
		"$dir/types/$series/vhost.ko"
}

# image FOLDER COMMAND...: create a root with an image. The image contains the kernel,
# compressed by COMMAND, after data that only looks like a compressed kernel.
image()
{
	local root=$1
	shift
	mkdir -p "$root/boot" "$root/lib/modules/$release/kernel/drivers/vhost"
	{
		head -c 1000 /dev/urandom
		printf '\x1f\x8b\x08junk\xfd7zXZ\x28\xb5\x2f\xfd'
		"$@" <"$dir/types/$series/base.btf"
		head -c 1000 /dev/urandom
	} >"$root/boot/vmlinuz-$release"
}

# compressed IMAGE-COMMAND SUFFIX MODULE-COMMAND
compressed()
{
	local root=$tmp/root

	rm -rf "$root"
	read -ra words <<<"$1"
	image "$root" "${words[@]}"
	read -ra words <<<"$3"
	"${words[@]}" <"$dir/types/$series/vhost.ko" \
		>"$root/lib/modules/$release/kernel/drivers/vhost/vhost.ko$2"
	build_for "$root" || cat "$tmp/said"
	cmp "$tmp/out/kernel/vhost.h" "$dir/types/$series/kernel/vhost.h" || :
}

# source_package FOLDER SUBLEVEL: create a linux-source with the vhost.h of that release.
source_package()
{
	local root=$1 name=linux-source-$series

	rm -rf "$root"
	mkdir -p "$root/usr/src" "$tmp/$name/drivers/vhost"
	printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = %s\n' "$2" \
		>"$tmp/$name/Makefile"
	cp "$vhost_h" "$tmp/$name/drivers/vhost/"
	tar -C "$tmp" -cJf "$root/usr/src/$name.tar.xz" "$name"
}

# The files of a package are as old as its build, that is, older than what was made of
# those of the former package.
another_package()
{
	local root=$tmp/root image=$tmp/root/boot/vmlinuz-$release file
	local headers=$kernel/root/usr/src/linux-headers-$release ours=$tmp/headers

	rm -rf "$root"
	image "$root" cat
	cp "$dir/types/$series/vhost.ko" \
		"$root/lib/modules/$release/kernel/drivers/vhost/"
	for file in include/generated/{uapi/linux/version,autoconf}.h Module.symvers; do
		install -D "$headers/$file" "$ours/$file"
	done
	build_for "$root" HEADERS="$ours" || cat "$tmp/said"
	touch "$tmp/out/kernel/main.o"
	build_again "$root" HEADERS="$ours" || cat "$tmp/said"
	[[ -e $tmp/out/kernel/main.o ]] || echo "everything is compiled again"
	LC_ALL=C sed -i 's/task_struct/tsak_struct/' "$image"
	touch -d '1 day ago' "$image" "$ours/include/generated/autoconf.h"
	build_again "$root" HEADERS="$ours" || cat "$tmp/said"
	grep -qa tsak_struct "$tmp/out/base.btf" ||
		echo "the types are those of the former image"
	[[ ! -e $tmp/out/kernel/main.o ]] ||
		echo "objects are those of the former headers"
}

without_types()
{
	local sublevel=${release#6.12.}

	sublevel=${sublevel%%[^0-9]*}
	source_package "$tmp/root" "$sublevel"
	build_for "$tmp/root" || cat "$tmp/said"
	cmp "$tmp/out/kernel/vhost.h" "$vhost_h" || :
	source_package "$tmp/root" "$((sublevel - 1))"
	touch -d '1 day ago' "$tmp/root/usr/src/linux-source-$series.tar.xz"
	refused "is of Linux 6.12.$((sublevel - 1)), and $release of 6.12.$sublevel" \
		build_again "$tmp/root"
}

nothing_there()
{
	mkdir -p "$tmp/empty"
	refused "install linux-image-$release, or linux-source-$series, or set VHOST_H" \
		build_for "$tmp/empty"
}

no_compiler()
{
	refused "programs cannot be compiled here" build_for "$tmp/empty" HOSTCC=false
}

# It can be run in any folder, and make, which runs in another one, finds OUT.
other_folder()
{
	mkdir -p "$tmp/empty"
	(
		cd "$tmp"
		build_for "$tmp/empty" VHOST_H="$vhost_h" OUT=out KBUILD=echo
	) || cat "$tmp/said"
	[[ -s $tmp/out/kernel/main.c ]] || echo "the source is not there"
	grep -qF " M=$tmp/out/kernel " "$tmp/said" || cat "$tmp/said"
}

available=()
for s in $all_series; do
	[[ ! -s $(kernel_dir "$s")/release ]] || available+=("$s")
done
echo "TAP version 13"
echo "1..$((${#available[@]} + 17))"
for s in "${available[@]}"; do
	check "$s: types of the kernel make the code that its vhost.h makes" \
		same_code "$s"
done
check "a member more is refused" changed "another place: mutex of struct vhost_dev" \
	's/^struct vhost_dev {/&\n\tu64 not_there;/'
check "a member less is refused" changed "no member named .busyloop_timeout" \
	'/u32 busyloop_timeout;/d'
check "two members that changed places are refused" changed \
	"another place: iov_limit of struct vhost_dev" \
	's/int iov_limit;/int X;/; s/int byte_weight;/int iov_limit;/; s/int X;/int byte_weight;/'
check "a longer array is refused" changed \
	"another size: struct vhost_virtqueue" \
	's/iotlb_iov\[64\]/iotlb_iov[65]/'
check "another type in the same place is refused" changed \
	"another type: error_ctx of struct vhost_virtqueue" \
	's/struct eventfd_ctx \*error_ctx;/struct file *error_ctx;/'
check "other parameters of a function are refused" changed \
	"conflicting types for .vhost_add_used_n" \
	'/vhost_add_used_n(/,/;/s/unsigned count/u16 *n, unsigned count/'
check "types of another byte order are read" other_byte_order
check "an image compressed with zstd, vhost.ko with xz" \
	compressed "zstd -cq" .xz "xz -c"
check "an image compressed with gzip, vhost.ko with gzip" \
	compressed "gzip -c" .gz "gzip -c"
check "an image compressed with xz, vhost.ko with zstd" \
	compressed "xz -c -1" .zst "zstd -cq"
check "an image compressed with lz4, vhost.ko not at all" \
	compressed "lz4 -lcq" "" cat
check "an image that is not compressed" compressed cat "" cat
check "another package of the same name has its own types" another_package
check "without types, the source package of exactly that version is used" \
	without_types
check "without anything it says what to install" nothing_there
check "without a compiler for programs it says so" no_compiler
check "it can be run in any folder" other_folder
exit $failed
