/* SPDX-License-Identifier: GPL-2.0-only */
/* Which bytes are text. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Length in bytes of the character at the beginning, 0 if that is not UTF-8, or
 * one that a terminal should not get: a control character, or one that changes
 * the order of what follows.
 */
size_t utf8_char(const unsigned char *text, size_t len);
/* Whether all of it is such text. */
bool utf8_is_text(const void *text, size_t len);

#endif /* UTF8_H */
