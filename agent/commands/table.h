/* A table for a terminal: columns as wide as what stands in them, and cut where the terminal ends.
 */
#ifndef COMMANDS_TABLE_H
#define COMMANDS_TABLE_H

#include <stddef.h>

#include "base/mem.h"

struct table;

struct table_column {
	const char *title;
	enum { TABLE_LEFT, TABLE_RIGHT } side;
	enum {
		TABLE_WHOLE,	  /* is never cut */
		TABLE_CUT_MIDDLE, /* a name: its beginning and its end tell it from others */
		TABLE_CUT_END
	} cut;
};

/* @borrows columns until table_put @gives the table */
struct table *table_new(const struct table_column *columns, size_t count);

/* The next cell, from left to right, row after row. text is copied. */
void table_add(struct table *table, const char *text);

/* Adds the table with its titles, in lines of at most width characters as long as the columns that
   are never cut leave room; nothing when there is no row. Frees and clears. */
void table_put(struct table **table, size_t width, struct text *out);

#endif
