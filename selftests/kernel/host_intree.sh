#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build kernel/ and uapi/ in a kernel tree, as kernel/Makefile describes, built in and as
# a module: with W=1 C=2 the compiler and sparse print no warnings. Prints TAP.
# VRPMSG_BUILD is the output folder, which keeps the prepared kernel for the next run.
#
# The tree consists of links to Debian's 6.12 in the cache, which does not change.
# shellcheck disable=SC2317	# functions are called through check
set -euo pipefail
. "$(dirname "$0")/../vm/lib.sh"

dir=${VRPMSG_BUILD:-$build}/intree
src=$dir/source
tree=$cache/tree/6.12
# kbuild must not see the settings of the outer make.
unset MAKEFLAGS MAKEOVERRIDES

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# Create the folders of the tree that get new files, with links to all other files.
link_folders()
{
	local folder

	for folder in "$@"; do
		[[ ! -L $src/$folder ]] || rm "$src/$folder"
		mkdir -p "$src/$folder"
		find "$tree/$folder" -mindepth 1 -maxdepth 1 \
			-exec ln -s -t "$src/$folder" {} +
	done
}

make_tree()
{
	rm -rf "$src"
	link_folders . drivers drivers/vhost include include/uapi \
		include/uapi/linux
	cp -r "$top/kernel" "$src/drivers/vhost/rpmsg"
	cp "$top"/uapi/linux/*.h "$src/include/uapi/linux/"
	rm "$src"/drivers/vhost/{Kconfig,Makefile}
	sed '$s,^endif$,source "drivers/vhost/rpmsg/Kconfig"\n\n&,' \
		"$tree/drivers/vhost/Kconfig" >"$src/drivers/vhost/Kconfig"
	{
		cat "$tree/drivers/vhost/Makefile"
		# shellcheck disable=SC2016	# make's
		echo 'obj-$(CONFIG_VHOST_RPMSG) += rpmsg/'
	} >"$src/drivers/vhost/Makefile"
}

# kbuild NAME ARGUMENT...: run make for the configuration NAME.
kbuild()
{
	local name=$1
	shift
	# Without input a question is an error and does not wait for ever.
	make -s -j"$(nproc)" -C "$src" O="$dir/$name" "$@" </dev/null
}

# prepare NAME OPTION...: build everything that objects need. All other options are off.
prepare()
{
	local name=$1
	shift
	mkdir -p "$dir/$name"
	printf '%s\n' "$@" >"$dir/$name.config"
	kbuild "$name" KCONFIG_ALLCONFIG="$dir/$name.config" allnoconfig &&
		(check_config "$dir/$name.config" "$dir/$name/.config") &&
		kbuild "$name" prepare
}

# Objects that are up to date would not cause warnings again.
compile()
{
	rm -rf "$dir/$1/drivers/vhost/rpmsg"
	kbuild "$1" W=1 C=2 drivers/vhost/rpmsg/
}

# Each source has become an object, which is in the archive or the module.
all_there()
{
	local out=$dir/$1/drivers/vhost/rpmsg source object

	for source in "$top"/kernel/*.c; do
		object=$(basename "$source" .c).o
		[[ -s $out/$object ]] || echo "there is no $object"
	done
	if [[ $1 == module ]]; then
		nm --defined-only "$out/vhost_rpmsg.o" >"$dir/names"
		grep -q ' init_module$' "$dir/names" || echo "it is no module"
	else
		diff <(ar t "$out/built-in.a" | xargs -n 1 basename | sort) \
			<(cd "$top/kernel" && basename -s .c -- *.c |
			  sed 's/$/.o/' | sort)
	fi
}

# Global symbols of built-in drivers are shared with the whole kernel: none is defined
# twice, and ours have our prefixes.
names_are_ours()
{
	local out=$dir/builtin/drivers/vhost

	kbuild builtin W=1 drivers/vhost/ &&
		ld -r --whole-archive -o "$out/all.o" "$out/built-in.a" || return
	nm "$out/all.o" >"$dir/names"
	grep -q ' T vhost_rpmsg_init$' "$dir/names" ||
		echo "drivers/vhost/built-in.a is without vhost_rpmsg"
	nm --defined-only --extern-only "$out"/rpmsg/*.o | awk 'NF == 3 {
		print $3 }' | grep -vE '^(__[a-zA-Z_]+_)?(vrpmsg|vhost_rpmsg)_'
	return 0
}

# notices NAME CODE WORDS: CODE at the end of ept.c causes a warning with WORDS.
notices()
{
	local file=$src/drivers/vhost/rpmsg/ept.c

	{
		cat "$top/kernel/ept.c"
		echo "$2"
	} >"$file.new"
	mv "$file.new" "$file"
	kbuild "$1" W=1 C=2 drivers/vhost/rpmsg/ept.o >"$dir/said" 2>&1
	grep -q "rpmsg/ept\.c.*$3" "$dir/said" || {
		echo "it was not noticed:"
		cat "$dir/said"
	}
}

"$top/selftests/vm/fetch" --tree 6.12
make_tree
# With one processor, sparse thinks that spin_trylock() takes its lock twice.
least=(CONFIG_64BIT=y CONFIG_SMP=y CONFIG_NET=y CONFIG_EVENTFD=y
       CONFIG_VHOST_MENU=y)
more=(CONFIG_CGROUPS=y CONFIG_MEMCG=y CONFIG_FTRACE=y
      CONFIG_ENABLE_DEFAULT_TRACERS=y CONFIG_TRACEPOINTS=y)
# Options with their dependencies.
others=(CONFIG_INET=y CONFIG_VHOST_NET=y CONFIG_VSOCKETS=y
	CONFIG_VHOST_VSOCK=y CONFIG_BLOCK=y CONFIG_SCSI=y CONFIG_CONFIGFS_FS=y
	CONFIG_TARGET_CORE=y CONFIG_VHOST_SCSI=y CONFIG_VDPA=y
	CONFIG_VHOST_VDPA=y)

echo "TAP version 13"
echo "1..9"
check "a kernel with it built in can be configured" prepare builtin \
	"${least[@]}" "${more[@]}" "${others[@]}" CONFIG_VHOST_RPMSG=y
check "built in, W=1 C=2 is silent" compile builtin
check "built in, all of it is there" all_there builtin
check "built in, it shares no name with other drivers" names_are_ours
check "a kernel with the module and little else can be configured" \
	prepare module "${least[@]}" CONFIG_MODULES=y CONFIG_VHOST_RPMSG=m
check "as a module, W=1 C=2 is silent" compile module
check "as a module, all of it is there" all_there module
check "what the compiler says is noticed" notices module \
	'static int odd(int a) { int b; return a; }' "unused variable"
check "what sparse says is noticed" notices builtin \
	'static __used int odd(__le32 a) { return a; }' "incorrect type in return"
exit $failed
