#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The example in libvhostrpmsg(3) compiles, and fails as it should where there
# is no module; prints TAP. VRPMSG_BUILD says where the library was built.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${VRPMSG_BUILD:-$top/build}
page=$top/libvhostrpmsg/man/libvhostrpmsg.3
lib=$build/user/lib
flags=(-Wall -Wextra -Werror "-I$top/libvhostrpmsg")
cc=${CC:-gcc}
cxx=${CXX:-g++}
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT

# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

# skip NAME REASON
skip()
{
	echo "ok $((++number)) $1 # SKIP $2"
}

# The first .EX of the examples, as one would read it.
extract()
{
	sed -n '/^\.SH EXAMPLES/,/^\.EE/{/^\.EX/,/^\.EE/{/^\.E[XE]/!p}}' \
		"$page" | sed -e 's/\\e/\\/g' -e 's/\\-/-/g' -e 's/\\&//g'
}

# It is all there, and can be read at a glance.
length()
{
	local lines

	lines=$(wc -l <"$tmp/example.c")
	grep -q 'int main' "$tmp/example.c" || echo "there is no main()"
	((lines <= 40)) || echo "it has $lines lines"
}

shared()
{
	"$cc" "${flags[@]}" -o "$tmp/shared" "$tmp/example.c" "-L$lib" \
		-lvhostrpmsg || return
	nm -D --undefined-only "$tmp/shared" | grep -q ' vrpmsg_' ||
		echo "it does not use the shared library"
}

static()
{
	local libs

	read -ra libs < <(pkg-config --libs libnl-3.0 libnl-genl-3.0)
	"$cc" "${flags[@]}" -o "$tmp/static" "$tmp/example.c" \
		"$lib/libvhostrpmsg.a" "${libs[@]}" || return
	nm -D --undefined-only "$tmp/static" | grep ' vrpmsg_'
	return 0
}

cplusplus()
{
	echo '#include <vhostrpmsg.h>' >"$tmp/header.cc"
	echo 'int main() { return !vrpmsg_version(); }' >>"$tmp/header.cc"
	"$cxx" "${flags[@]}" -pedantic -x c++ -o "$tmp/header" \
		"$tmp/header.cc" "-L$lib" -lvhostrpmsg
}

# fails PROGRAM: it says why on stderr, nothing on stdout, and exits with 1.
fails()
{
	local rc

	[[ -x $1 ]] || echo "it was not compiled"
	LD_LIBRARY_PATH=$lib timeout 10 "$1" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	if ((rc != 1)) || [[ -s $tmp/out ]] ||
	   ! grep -q 'vhost_rpmsg' "$tmp/err"; then
		echo "status $rc"
		cat "$tmp/out" "$tmp/err"
	fi
}

echo "TAP version 13"
echo "1..6"

extract >"$tmp/example.c"
check "the example has at most 40 lines" length
check "it compiles with the shared library" shared
check "it compiles with the static library" static
if command -v "$cxx" >/dev/null; then
	check "C++ can use the header" cplusplus
else
	skip "C++ can use the header" "there is no $cxx"
fi
for kind in shared static; do
	name="without the module the $kind one says so and fails"
	if [[ -e /sys/module/vhost_rpmsg ]]; then
		skip "$name" "the module is loaded"
	else
		check "$name" fails "$tmp/$kind"
	fi
done
exit $failed
