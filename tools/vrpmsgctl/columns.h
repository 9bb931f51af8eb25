/* SPDX-License-Identifier: GPL-2.0-only */
/* Print a list as a table. Cells are kept until all widths are known. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stdbool.h>
#include <stdio.h>

void columns_begin(bool color);
/* Begin a row. */
void columns_row(void);
/*
 * Add a cell to the row. All rows must have their columns in the same order. A column
 * that is empty in all rows is not printed.
 */
void columns_cell(const char *heading, const char *text, const char *color,
		  bool number);
/* Append text in parentheses to the last cell. */
void columns_append(const char *text);
/* Add a word to the column of flags; NULL only adds the column. */
void columns_flag(const char *flag);
/* Print the table and free it. */
void columns_print(FILE *to);

#endif /* COLUMNS_H */
