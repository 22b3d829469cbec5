/* Any bytes as a look-up file: what was read has rows of equal length, each key leads to its last
   row, and the same table comes out when it is written in quotes and read again. The first line
   says how the file is to be read. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "script/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* More rows are not compared with each other. */
#define ROWS_MOST 200

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* Bytes that end where their memory does. */
static struct table *
read_bytes(const char *bytes, size_t size, const struct table_format *format)
{
	char *text = mem_alloc(size ? size : 1);
	struct err err = {""};
	struct table *table;

	if (size)
		memcpy(text, bytes, size);
	table = table_read(text, size, format, "f", &err);
	/* A file, a line, and what is wrong. */
	require(table || (!strncmp(err.text, "f:", 2) && strtol(err.text + 2, NULL, 10) > 0));
	return table;
}

static void
put_field(struct text *out, const char *bytes, int32_t size)
{
	text_putc(out, '"');
	for (int32_t i = 0; i < size; i++)
		text_add(out, bytes[i] == '"' ? "\"\"" : &bytes[i], bytes[i] == '"' ? 2 : 1);
	text_putc(out, '"');
}

/* The table as a file with every field in quotes; row -1: the names. */
static void
put_row(struct text *out, const struct table *table, int32_t row, char separator)
{
	for (int32_t c = 0; c < table_columns(table); c++) {
		const char *bytes = NULL;
		int32_t n =
			row < 0 ? table_name(table, c, &bytes) : table_field(table, row, c, &bytes);

		if (c > 0)
			text_putc(out, separator);
		put_field(out, bytes, n);
	}
	text_putc(out, '\n');
}

static void
compare(const struct table *a, const struct table *b)
{
	require(table_rows(a) == table_rows(b) && table_columns(a) == table_columns(b) &&
		table_value_column(a) == table_value_column(b));
	for (int32_t row = 0; row < table_rows(a); row++) {
		for (int32_t c = 0; c < table_columns(a); c++) {
			const char *in_a, *in_b;
			int32_t n = table_field(a, row, c, &in_a);

			require(table_field(b, row, c, &in_b) == n &&
				!memcmp(in_a, in_b, (size_t)n));
		}
	}
}

/* Written and read again it is the same. */
static void
check_again(const struct table *table, const struct table_format *format)
{
	struct table_format csv = *format;
	struct text out = {0};
	struct table *again;
	const char *name;

	if (table_columns(table) == 0)
		return;
	if (format->kind == TABLE_LINES) {
		csv.kind = TABLE_CSV;
		csv.key = "1";
		csv.value = NULL;
	}
	if (table_name(table, 0, &name) >= 0)
		put_row(&out, table, -1, format->separator);
	for (int32_t row = 0; row < table_rows(table); row++)
		put_row(&out, table, row, format->separator);
	again = read_bytes(out.s, out.length, &csv);
	if (out.length > 0) {
		require(again != NULL);
		compare(table, again);
	}
	table_release(again);
	text_fini(&out);
}

/* The column of keys, by what find says. */
static bool
is_key_column(const struct table *table, int32_t column)
{
	for (int32_t row = 0; row < table_rows(table); row++) {
		const char *key, *found;
		int32_t n = table_field(table, row, column, &key);
		int32_t last = table_find(table, key, (size_t)n);

		if (last < row || table_field(table, last, column, &found) != n ||
			memcmp(key, found, (size_t)n) != 0)
			return false;
	}
	return true;
}

static void
check_keys(const struct table *table)
{
	bool is_found = table_rows(table) == 0;

	for (int32_t c = 0; c < table_columns(table) && !is_found; c++)
		is_found = is_key_column(table, c);
	require(is_found);
	table_find(table, "", 0);
	table_find(table, "no such key", 11);
}

/* "2,KEY,VALUE": kind, separator, and two columns of which the last may be missing. */
static void
read_format(char *line, struct table_format *ret)
{
	static const int kinds[] = {TABLE_LINES, TABLE_CSV, TABLE_CSV_WITH_NAMES};
	char *value;

	*ret = (struct table_format){.kind = TABLE_CSV, .separator = ',', .key = "1"};
	if (strlen(line) < 2 || strchr("\"\r\n", line[1]))
		return;
	ret->kind = kinds[(unsigned char)line[0] % 3];
	ret->separator = line[1];
	value = strchr(line + 2, line[1]);
	if (value) {
		*value = '\0';
		ret->value = value + 1;
	}
	ret->key = line + 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data, *nl = memchr(bytes, '\n', size);
	char *line = mem_strndup(bytes, nl ? (size_t)(nl - bytes) : 0);
	const char *file = nl ? nl + 1 : bytes;
	struct table_format format;
	struct table *table;

	read_format(line, &format);
	table = read_bytes(file, size - (size_t)(file - bytes), &format);
	if (table && table_rows(table) <= ROWS_MOST) {
		check_keys(table);
		check_again(table, &format);
	}
	table_release(table);
	free(line);
	return 0;
}
