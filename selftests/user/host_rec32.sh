#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Records of a batch where size_t has 32 bits, as on 32-bit processors; prints TAP. The
# file of the library is compiled without a libc, since most machines have none for this.
# shellcheck disable=SC2317	# functions are called through check
set -uo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
lib=$top/libvhostrpmsg
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# Exits with the number of the first step that went wrong.
cat >"$tmp/records.c" <<-'END'
	#include <errno.h>

	#include "vhostrpmsg.h"

	static int number;

	int *__errno_location(void)
	{
		return &number;
	}

	void *memcpy(void *to, const void *from, size_t n)
	{
		while (n--)
			((char *)to)[n] = ((const char *)from)[n];
		return to;
	}

	void *memset(void *to, int byte, size_t n)
	{
		while (n--)
			((char *)to)[n] = byte;
		return to;
	}

	static char buf[64];

	/* A record of @len bytes behind @used others does not fit, and changes nothing. */
	static int is_refused(size_t used, uint32_t len)
	{
		struct vrpmsg_rec rec = { .len = len, .data = buf };
		size_t pos = used;

		number = 0;
		return vrpmsg_rec_put(buf, sizeof(buf), &pos, &rec) == -1 &&
		       number == ENOBUFS && pos == used && !buf[0];
	}

	static int test(void)
	{
		struct vrpmsg_rec rec = { .len = 5, .data = "12345" };
		size_t pos = 40;

		if (sizeof(size_t) != 4)
			return 1;
		/* With the header it has 15 bytes modulo 2^32. */
		if (!is_refused(0, UINT32_MAX))
			return 2;
		/* Only rounding up wraps. */
		if (!is_refused(0, UINT32_MAX - 16))
			return 3;
		if (!is_refused(56, 0) || !is_refused(64, 0) || !is_refused(65, 0))
			return 4;
		if (!is_refused(40, 9))
			return 5;
		if (vrpmsg_rec_put(buf, sizeof(buf), &pos, &rec) || pos != 64)
			return 6;
		return 0;
	}

	void _start(void)
	{
		__asm__ volatile("int $0x80" : : "a"(1), "b"(test()));
		__builtin_unreachable();
	}
END
cat >"$tmp/nothing.c" <<-'END'
	void _start(void)
	{
		__asm__ volatile("int $0x80" : : "a"(1), "b"(0));
	}
END

# build NAME SOURCE...
build()
{
	local name=$1 flags
	shift
	read -ra flags < <(pkg-config --cflags libnl-3.0)
	# An empty file that only the 32-bit libc has.
	mkdir -p "$tmp/gnu"
	: >"$tmp/gnu/stubs-32.h"
	"${CC:-gcc}" -m32 -O1 -ffreestanding -fno-pie -no-pie -fno-stack-protector \
		-ffunction-sections -Wl,--gc-sections -nostdlib -D_GNU_SOURCE \
		-I"$tmp" -I"$top/uapi" -I"$lib" "${flags[@]}" \
		-idirafter "/usr/include/$(gcc -print-multiarch)" -o "$tmp/$name" "$@"
}

works()
{
	"$tmp/records" || echo "step $?"
}

echo "TAP version 13"
if ! build nothing "$tmp/nothing.c" 2>/dev/null || ! "$tmp/nothing"; then
	echo "1..0 # SKIP no 32-bit programs here"
	exit 0
fi
echo "1..2"
check "it builds" build records "$tmp/records.c" "$lib/fd.c"
check "what does not fit is refused, whatever the length" works
exit $failed
