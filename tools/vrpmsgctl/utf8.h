/* SPDX-License-Identifier: GPL-2.0-only */
/* Find out which bytes are text. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns the length in bytes of the first character. Returns 0 if it is not UTF-8, or
 * is unsafe for a terminal: invisible, a control character, or one that changes the
 * order of the following text.
 */
size_t utf8_char(const unsigned char *text, size_t len);
/* Whether the text consists only of such characters. */
bool utf8_is_text(const void *text, size_t len);

#endif /* UTF8_H */
