#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What vrpmsgctl prints of a name that a guest chose, also where char is unsigned, as
# on arm64; prints TAP.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
ctl=$top/tools/vrpmsgctl
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

cat >"$tmp/show.c" <<-'END'
	#include "output.h"

	int main(int argc, char **argv)
	{
		struct out_opts opts = { .oneline = true };

		out_init(&opts);
		out_begin(0);
		out_string("name", "%s", argv[argc - 1]);
		out_end();
		return !out_finish();
	}
END

build()
{
	"${CC:-gcc}" -D_GNU_SOURCE "-f$1-char" "-I$ctl" -o "$tmp/$1" \
		"$tmp/show.c" "$ctl"/{output,columns,quote,utf8}.c
}

# shows PROGRAM LOCALE NAME TEXT
shows()
{
	diff <(LC_ALL=$2 "$tmp/$1" "$3") <(printf '%s\n' "$4")
}

echo "TAP version 13"
for char in signed unsigned; do
	check "it builds where char is $char" build $char
	check "$char: a name" shows $char C gpu0 gpu0
	check "$char: no UTF-8 in the C locale" \
		shows $char C $'gr\xc3\xbcn' '"gr\xc3\xbcn"'
	check "$char: UTF-8" shows $char C.UTF-8 $'gr\xc3\xbcn' $'"gr\xc3\xbcn"'
	# CSI, which begins commands for a terminal, in one byte and in UTF-8.
	check "$char: a control character of 8 bits" \
		shows $char C.UTF-8 $'a\x9b2J' '"a\x9b2J"'
	check "$char: a control character in UTF-8" \
		shows $char C.UTF-8 $'a\xc2\x9b2J' '"a\xc2\x9b2J"'
	check "$char: DEL" shows $char C.UTF-8 $'a\x7f' '"a\x7f"'
done

# A newer kernel may have values that have no word yet.
cat >"$tmp/setting.c" <<-'END'
	#include <stdlib.h>

	#include "config.h"

	int main(int argc, char **argv)
	{
		const struct ctl_command *command = ctl_commands;

		while (command->run != ept_add)
			command++;
		puts(config_setting(ctl_keyword(command, "policy"),
				    atoi(argv[argc - 1])));
		return 0;
	}
END

build_setting()
{
	local flags

	read -ra flags < <(pkg-config --cflags --libs libnl-3.0 libnl-genl-3.0)
	"${CC:-gcc}" -D_GNU_SOURCE -DVRPMSG_VERSION='"0"' -I"$top/uapi" \
		-I"$top/libvhostrpmsg" -I"$ctl" -Dmain=ctl_main -c -o "$tmp/main.o" \
		"$ctl/main.c" "${flags[@]}" &&
		"${CC:-gcc}" -D_GNU_SOURCE -DVRPMSG_VERSION='"0"' \
			-fsanitize=address,undefined -I"$top/uapi" \
			-I"$top/libvhostrpmsg" -I"$ctl" -o "$tmp/setting" \
			"$tmp"/{setting.c,main.o} "$ctl"/[!m]*.c \
			"$ctl"/m[!a]*.c "$top"/libvhostrpmsg/*.c "${flags[@]}" -lm
}

# setting VALUE TEXT
setting()
{
	diff <(ASAN_OPTIONS=detect_leaks=0 "$tmp/setting" "$1" 2>&1) \
	     <(printf '%s\n' "$2")
}

# Without memory.
nomem()
{
	echo '#include <errno.h>
	void *vrpmsg_dev_config_new(void) { errno = ENOMEM; return 0; }' |
		"${CC:-gcc}" -shared -fPIC -x c -o "$tmp/nomem.so" - || return
	diff <(LD_PRELOAD=$tmp/nomem.so vrpmsgctl dev "$1" x mtu 1 2>&1) \
	     <(echo "vrpmsgctl: x: Cannot allocate memory")
}

check "dev add without memory" nomem add
check "dev set without memory" nomem set
check "it builds with its library" build_setting
check "a policy" setting 1 " policy drop"
check "the next one" setting 2 " policy 2"
check "and another one" setting 7 " policy 7"
echo "1..$number"
exit $failed
