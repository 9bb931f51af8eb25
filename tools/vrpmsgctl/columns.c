// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "columns.h"

#define MAX_COLUMNS 24
#define FLAGS "flags"

struct cell {
	char *text;
	const char *color;
};

struct column {
	const char *heading;
	bool number;
	size_t width;		/* 0: no row has a value */
};

struct row {
	struct cell cell[MAX_COLUMNS];
};

static struct column columns[MAX_COLUMNS];
static int num_columns;
static struct row *rows;
static size_t num_rows;
static struct cell *last;
static bool colored;

void columns_begin(bool color)
{
	colored = color;
	num_columns = 0;
	num_rows = 0;
}

void columns_row(void)
{
	struct row *more = reallocarray(rows, num_rows + 1, sizeof(*rows));

	if (!more)
		abort();
	rows = more;
	rows[num_rows++] = (struct row){};
	last = NULL;
}

static int find(const char *heading)
{
	int i;

	for (i = 0; i < num_columns; i++) {
		if (!strcmp(columns[i].heading, heading))
			return i;
	}
	if (num_columns == MAX_COLUMNS)
		abort();
	columns[num_columns++] = (struct column){ .heading = heading };
	return i;
}

/* Width in characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void set(struct column *column, char *text)
{
	if (!text)
		abort();
	free(last->text);
	last->text = text;
	if (width_of(text) > column->width)
		column->width = width_of(text);
}

void columns_cell(const char *heading, const char *text, const char *color,
		  bool number)
{
	int i = find(heading);

	last = &rows[num_rows - 1].cell[i];
	last->color = color;
	columns[i].number |= number;
	set(&columns[i], strdup(text));
}

void columns_append(const char *text)
{
	char *both;

	if (asprintf(&both, "%s (%s)", last->text, text) < 0)
		abort();
	set(&columns[last - rows[num_rows - 1].cell], both);
}

void columns_flag(const char *flag)
{
	int i = find(FLAGS);
	char *both;

	last = &rows[num_rows - 1].cell[i];
	if (!flag)
		return;
	if (asprintf(&both, "%s%s%s", last->text ?: "", last->text ? "," : "",
		     flag) < 0)
		abort();
	set(&columns[i], both);
}

/* Print a cell. The last cell of a line has no trailing spaces. */
static void print_cell(FILE *to, const struct column *column, const char *text,
		       const char *color, bool end)
{
	int fill = column->width - width_of(text);

	if (column->number)
		fprintf(to, "%*s", fill, "");
	if (color && *text)
		fprintf(to, "\033[%sm%s\033[0m", color, text);
	else
		fputs(text, to);
	if (end)
		fputc('\n', to);
	else
		fprintf(to, "%*s", (column->number ? 0 : fill) + 2, "");
}

static int last_column(const struct row *row)
{
	int i, end = 0;

	for (i = 0; i < num_columns; i++) {
		if (columns[i].width &&
		    (!row || (row->cell[i].text && row->cell[i].text[0])))
			end = i;
	}
	return end;
}

/* Not toupper(): in Turkish, i is another letter. */
static char upper_case(char c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static void print_heading(FILE *to)
{
	char heading[32];
	int i, j, end = last_column(NULL);

	for (i = 0; i <= end; i++) {
		if (!columns[i].width)
			continue;
		for (j = 0; j < 31 && columns[i].heading[j]; j++)
			heading[j] = upper_case(columns[i].heading[j]);
		heading[j] = '\0';
		if ((size_t)j > columns[i].width)
			columns[i].width = j;
		print_cell(to, &columns[i], heading, colored ? "1" : NULL,
			   i == end);
	}
}

void columns_print(FILE *to)
{
	struct row *row;
	int i, end;

	if (num_rows)
		print_heading(to);
	for (row = rows; row < rows + num_rows; row++) {
		end = last_column(row);
		for (i = 0; i <= end; i++) {
			if (columns[i].width)
				print_cell(to, &columns[i],
					   row->cell[i].text ?: "",
					   row->cell[i].color, i == end);
		}
		for (i = 0; i < num_columns; i++)
			free(row->cell[i].text);
	}
	free(rows);
	rows = NULL;
	num_rows = 0;
}
