// SPDX-License-Identifier: GPL-2.0-only
#include <stdint.h>

#include "utf8.h"

/* Invisible characters, and those that change the order of others. */
static bool is_hidden(uint32_t c)
{
	return (c >= 0x80 && c < 0xa0) || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || (c >= 0xd800 && c <= 0xf8ff) ||
	       c == 0xfeff || (c >= 0xfff0 && c <= 0xfffc) ||
	       (c & 0xfffe) == 0xfffe || (c >= 0xe0000 && c <= 0xe0fff) ||
	       c >= 0xf0000;
}

size_t utf8_char(const unsigned char *text, size_t len)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = text[0];
	size_t n, i;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	if (c >= 0xc2 && c < 0xe0)
		n = 2;
	else if (c >= 0xe0 && c < 0xf0)
		n = 3;
	else if (c >= 0xf0 && c < 0xf5)
		n = 4;
	else
		return 0;
	if (len < n)
		return 0;
	c &= 0x7f >> n;
	for (i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	return c < smallest[n] || is_hidden(c) ? 0 : n;
}

bool utf8_is_text(const void *text, size_t len)
{
	const unsigned char *c = text, *end = c + len;
	size_t n;

	for (; c < end; c += n) {
		n = *c >= 0x20 && *c < 0x7f ? 1 : utf8_char(c, end - c);
		if (!n)
			return false;
	}
	return true;
}
