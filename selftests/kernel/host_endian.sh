#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fault 5 of the code of 2020: a missing byte order conversion. A little-endian machine
# does not show it, but sparse does, since it checks virtio's types: the module has no
# warnings, and sparse reports each conversion that is removed.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
failed=0 number=0
mkdir -p "$copy/selftests/kernel"
cp -r "$top/kernel" "$top/uapi" "$top/scripts" "$copy/"
cp -r "$top/selftests/vm" "$copy/selftests/"
cp -r "$top/selftests/kernel/kclient" "$copy/selftests/kernel/"

sparse_says()
{
	BUILD=$copy/build "$copy/selftests/vm/build-modules" 6.12 "C=$1" \
		CHECK=sparse >"$copy/out" 2>&1
	grep -E 'warning: (incorrect type|cast |restricted |invalid assign)' \
		"$copy/out"
}

# without NAME FILE 'OLD=>NEW'
without()
{
	local name=$1 file=$copy/kernel/$2 old=${3%=>*} new=${3#*=>}

	((++number))
	cp "$top/kernel/$2" "$file"
	# make decides by the time of a file what to compile.
	sed "s/$old/$new/" "$top/kernel/$2" >"$file"
	if cmp -s "$top/kernel/$2" "$file"; then
		echo "# nothing is changed by $3"
		echo "not ok $number $name"
		failed=1
	elif sparse_says 1 | grep -q "$2"; then
		echo "ok $number $name"
	else
		sed 's/^/# /' "$copy/out"
		echo "not ok $number $name"
		failed=1
	fi
	cp "$top/kernel/$2" "$file"
}

echo "TAP version 13"
if ! command -v sparse >/dev/null; then
	echo "1..0 # SKIP no sparse"
	exit 0
fi
((++number))
if sparse_says 2 >"$copy/complaints" || ! [[ -s \
   $copy/build/6.12/kernel/vhost_rpmsg.ko ]]; then
	sed 's/^/# /' "$copy/out"
	echo "not ok $number the module is clean"
	failed=1
else
	echo "ok $number the module is clean"
fi
without "the length of a request" ring.c \
	'vhost16_to_cpu(vq, hdr.len)=>hdr.len'
without "the source of a request" ring.c \
	'vhost32_to_cpu(vq, hdr.src)=>hdr.src'
without "the length of a response" ring.c \
	'cpu_to_vhost16(vq, \(.*\)),$=>\1,'
without "the address in an announcement" ns.c \
	'cpu_to_vhost32(iter->vq, ann->addr)=>ann->addr'
without "the flags of a name service message" ns.c \
	'vhost32_to_cpu(iter->vq, msg.flags)=>msg.flags'
echo "1..$number"
exit $failed
