#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The example in libvhostrpmsg(3) compiles, and fails with a message without the module;
# those in examples/ compile like programs of a user; units are valid. Prints TAP.
# VRPMSG_BUILD is the folder with the library.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${VRPMSG_BUILD:-$top/build}
man=$top/libvhostrpmsg/man
lib=$build/user/lib
flags=(-Wall -Wextra -Werror "-I$top/libvhostrpmsg")
cc=${CC:-gcc}
cxx=${CXX:-g++}
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT

# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=extract.sh
. "$(dirname "$0")/extract.sh"

# skip NAME REASON
skip()
{
	echo "ok $((++number)) $1 # SKIP $2"
}

# The example is complete and short.
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
	nm -D --undefined-only "$tmp/shared" | grep ' vrpmsg_' >/dev/null ||
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

# Compile with the flags of the library only.
compiles()
{
	"$cc" "${flags[@]}" -o "$tmp/example" "$1" "-L$lib" -lvhostrpmsg
}

cplusplus()
{
	echo '#include <vhostrpmsg.h>' >"$tmp/header.cc"
	echo 'int main() { return !vrpmsg_version(); }' >>"$tmp/header.cc"
	"$cxx" "${flags[@]}" -pedantic -x c++ -o "$tmp/header" \
		"$tmp/header.cc" "-L$lib" -lvhostrpmsg
}

# fails PROGRAM: it prints the reason on stderr, nothing on stdout, and exits with 1.
fails()
{
	local preload=$build/user/selftests/no_module.so rc

	[[ -x $1 ]] || echo "it was not compiled"
	# Without it the program would reach a module of this machine.
	[[ -e $preload ]] || { echo "there is no $preload"; return; }
	LD_PRELOAD=$preload LD_LIBRARY_PATH=$lib \
		timeout 10 "$1" demo0 echo >"$tmp/out" 2>"$tmp/err"
	rc=$?
	if ((rc != 1)) || [[ -s $tmp/out ]] ||
	   ! grep -q 'vhost_rpmsg' "$tmp/err"; then
		echo "status $rc"
		cat "$tmp/out" "$tmp/err"
	fi
}

# No answer can be sent: it is too long, or the guest was reset meanwhile.
service()
{
	mkdir "$tmp/bin"
	cat >"$tmp/bin/vrpmsgctl" <<-'END'
		#!/bin/sh
		case $1 in
		recv)	printf 'one\ntwo\n' ;;
		send)	echo "$4"; exit 2 ;;
		esac
	END
	chmod 755 "$tmp/bin/vrpmsgctl"
	diff <(PATH=$tmp/bin:$PATH "$top/examples/service.sh" /dev/null 2>&1) \
	     <(printf 'what is %s?\n' one two)
}

# Then its unit starts it again.
reader_fails()
{
	printf '#!/bin/sh\nexit 2\n' >"$tmp/bin/vrpmsgctl"
	PATH=$tmp/bin:$PATH "$top/examples/service.sh" /dev/null
	(($? == 2)) || echo "service.sh ends with another status"
}

# The programs of the unit are not installed here.
unit()
{
	sed 's,=/usr/.*/[a-z0-9_.-]*,=/bin/true,' "$1" >"$tmp/${1##*/}"
	SYSTEMD_UNIT_PATH=$tmp: systemd-analyze verify --man=no \
		"$tmp/${1##*/}" 2>&1 | grep -E "(^|/)${1##*/}:"
	return 0
}

# DynamicUser implies ProtectSystem=strict, which leaves no other folder writable.
disk()
{
	local unit=$top/examples/gpu0/gpu0.service state

	state=$(sed -n 's/^StateDirectory=//p' "$unit")
	grep -q "file=/var/lib/${state:?}/" "$unit"
}

echo "TAP version 13"
programs=("$top"/examples/*.c "$tmp/vrpmsg_ctrl.3.c")
echo "1..$((11 + ${#programs[@]}))"

extract "$man/libvhostrpmsg.3" >"$tmp/example.c"
extract "$man/vrpmsg_ctrl.3" >"$tmp/vrpmsg_ctrl.3.c"
check "the example has at most 40 lines" length
check "it compiles with the shared library" shared
check "it compiles with the static library" static
if command -v "$cxx" >/dev/null; then
	check "C++ can use the header" cplusplus
else
	skip "C++ can use the header" "there is no $cxx"
fi
for program in "${programs[@]}"; do
	check "${program##*/} compiles" compiles "$program"
done
for kind in shared static; do
	check "without the module the $kind one says so and fails" fails "$tmp/$kind"
done
check "a guest cannot end service.sh" service
check "but a reader that fails does" reader_fails
cp "$top"/tools/vrpmsg-bridge/*@* "$tmp"
for file in "$top"/examples/gpu0/*.service; do
	name="systemd has no complaint about ${file##*/}"
	if command -v systemd-analyze >/dev/null; then
		check "$name" unit "$file"
	else
		skip "$name" "there is no systemd-analyze"
	fi
done
check "the user of gpu0.service may write to its disk" disk
exit $failed
