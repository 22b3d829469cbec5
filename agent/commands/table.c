/* A table for a terminal. */
#include "commands/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Between two columns. */
#define GAP 2
/* A column is not cut below this. */
#define LEAST 6

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells;
	size_t count, capacity;
};

struct table *
table_new(const struct table_column *columns, size_t count)
{
	struct table *t = mem_zero(1, sizeof(*t));

	t->columns = columns;
	t->column_count = count;
	return t;
}

void
table_add(struct table *t, const char *text)
{
	t->cells = mem_grow(t->cells, &t->capacity, t->count, sizeof(*t->cells));
	t->cells[t->count++] = mem_strdup(text);
}

/* Where the next character begins. */
static const char *
step(const char *s)
{
	size_t n = utf8_length(s, strnlen(s, 4));

	return s + (n ? n : 1);
}

static size_t
width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s = step(s))
		n++;
	return n;
}

/* Up to so many characters from s on. Returns where they end. */
static const char *
put_some(struct text *out, const char *s, size_t n)
{
	const char *end = s;

	while (n-- > 0 && *end)
		end = step(end);
	text_add(out, s, (size_t)(end - s));
	return end;
}

static void
put_cut(struct text *out, const char *s, size_t width, bool in_middle)
{
	size_t whole = width_of(s), front = in_middle ? width / 2 : width - 1;

	if (whole <= width) {
		text_puts(out, s);
		return;
	}
	s = put_some(out, s, front);
	text_puts(out, "\u2026");
	for (size_t skip = whole - (width - 1); skip > 0; skip--)
		s = step(s);
	if (in_middle)
		text_puts(out, s);
}

/* What each column would like. */
static void
measure(const struct table *t, size_t *widths)
{
	for (size_t i = 0; i < t->column_count; i++)
		widths[i] = width_of(t->columns[i].title);
	for (size_t i = 0; i < t->count; i++) {
		size_t n = width_of(t->cells[i]);

		if (n > widths[i % t->column_count])
			widths[i % t->column_count] = n;
	}
}

/* Takes from the widest of those that may be cut, until all fits or nothing more can be taken. */
static void
narrow(const struct table *t, size_t *widths, size_t width)
{
	size_t sum = GAP * (t->column_count - 1);

	for (size_t i = 0; i < t->column_count; i++)
		sum += widths[i];
	while (sum > width) {
		size_t widest = t->column_count;

		for (size_t i = 0; i < t->column_count; i++)
			if (t->columns[i].cut != TABLE_WHOLE && widths[i] > LEAST &&
				(widest == t->column_count || widths[i] >= widths[widest]))
				widest = i;
		if (widest == t->column_count)
			return;
		widths[widest]--;
		sum--;
	}
}

static void
put_blanks(struct text *out, size_t n)
{
	while (n-- > 0)
		text_putc(out, ' ');
}

static void
put_row(const struct table *t, const char *const *cells, const size_t *widths, struct text *out)
{
	for (size_t i = 0; i < t->column_count; i++) {
		const struct table_column *c = &t->columns[i];
		size_t n = width_of(cells[i]);
		size_t blanks = n < widths[i] ? widths[i] - n : 0;

		put_blanks(out, (i ? GAP : 0) + (c->side == TABLE_RIGHT ? blanks : 0));
		put_cut(out, cells[i], widths[i], c->cut == TABLE_CUT_MIDDLE);
		if (c->side == TABLE_LEFT && i + 1 < t->column_count)
			put_blanks(out, blanks);
	}
	text_putc(out, '\n');
}

void
table_put(struct table **table, size_t width, struct text *out)
{
	struct table *t = *table;
	size_t *widths = mem_zero(t->column_count, sizeof(*widths));
	const char **titles = mem_zero(t->column_count, sizeof(*titles));

	measure(t, widths);
	narrow(t, widths, width);
	for (size_t i = 0; i < t->column_count; i++)
		titles[i] = t->columns[i].title;
	if (t->count > 0)
		put_row(t, titles, widths, out);
	for (size_t i = 0; i + t->column_count <= t->count; i += t->column_count)
		put_row(t, (const char *const *)t->cells + i, widths, out);
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(titles);
	free(widths);
	free(t->cells);
	free(t);
	*table = NULL;
}
