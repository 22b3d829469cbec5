/* A table: what one version of a look-up file holds. Never changes once it was read. */
#ifndef SCRIPT_TABLE_H
#define SCRIPT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The largest file that is read. */
#define TABLE_FILE_MAX 536870912

struct table;

/* How a file is to be read. */
struct table_format {
	enum {
		TABLE_LINES, /* a key a line; empty lines and those that begin with # do not count
			      */
		TABLE_CSV,   /* rows of fields, quoted as RFC 4180 has it */
		TABLE_CSV_WITH_NAMES /* the first row names the columns */
	} kind;
	char separator;	 /* of fields */
	const char *key; /* the column of keys: its number from 1 or its name */
	const char
		*value; /* what get gives, likewise; NULL: column 2, or 1 where there is one only */
};

/* Reads a file's text; the last row of a key counts. NULL: it is malformed, the error names path
   and line.
   @takes text, which is changed. @gives the table, with one reference. @thread any */
struct table *table_read(char *text, size_t size, const struct table_format *format,
	const char *path, struct err *err);

/* One more holder; one less, the last one frees. NULL is accepted. @thread any */
struct table *table_hold(struct table *table);
void table_release(struct table *table);

/* The row of a key, -1: there is none. */
int32_t table_find(const struct table *table, const char *key, size_t size);

/* Rows (the names not counted), fields of each row, and the column of values, from 0. */
int32_t table_rows(const struct table *table);
int32_t table_columns(const struct table *table);
int32_t table_value_column(const struct table *table);

/* A field's bytes (size returned), or a column's name (-1: columns have none). Live as long as the
   table. row and column from 0 and within range. */
int32_t table_field(const struct table *table, int32_t row, int32_t column, const char **ret);
int32_t table_name(const struct table *table, int32_t column, const char **ret);

#endif
