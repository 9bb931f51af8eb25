/* SPDX-License-Identifier: GPL-2.0-only */
/* A list as a table: cells are kept until all widths are known. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stdbool.h>
#include <stdio.h>

void columns_begin(bool color);
/* The next row. */
void columns_row(void);
/*
 * A cell of the row. All rows have the columns in the same order; one that no
 * row fills is left out.
 */
void columns_cell(const char *heading, const char *text, const char *color,
		  bool number);
/* More for the last cell, in parentheses. */
void columns_append(const char *text);
/* A word for the column of flags; NULL only makes the column. */
void columns_flag(const char *flag);
/* Print and forget. */
void columns_print(FILE *to);

#endif /* COLUMNS_H */
