/* The characters of a Java expression: decoded, quotes resolved, read through a cursor. */
#include "mirror/javaregex_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Stands for a byte that is not UTF-8. */
#define BAD_CHARACTER 0xfffd

static void
add(struct expression *e, int32_t c, size_t where)
{
	if (e->count == e->capacity) {
		e->capacity = e->capacity ? e->capacity * 2 : 64;
		e->chars = mem_resize(e->chars, e->capacity, sizeof(*e->chars));
		e->where = mem_resize(e->where, e->capacity, sizeof(*e->where));
	}
	e->chars[e->count] = c;
	e->where[e->count++] = (uint32_t)where;
}

/* Reads one character at *s and moves on. */
static int32_t
decode(const char **s)
{
	static const int32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)*s;
	int length = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	int32_t c = length == 1 ? *p : *p & (0x7f >> length);

	++*s;
	if (*p >= 0x80 && (*p < 0xc0 || *p >= 0xf8))
		return BAD_CHARACTER;
	for (int i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return BAD_CHARACTER;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < smallest[length] || c > 0x10ffff)
		return BAD_CHARACTER;
	*s += length - 1;
	return c;
}

/* A quoted character as Java's parser shall see it. A digit right after \Q is spelled out, so that
   it cannot lengthen an escape that stands before the quote. */
static void
add_quoted(struct expression *e, int32_t c, size_t where, bool first)
{
	if (c < 128 && isdigit(c) && first) {
		add(e, '\\', where);
		add(e, 'x', where);
		add(e, '3', where);
	} else if (c < 128 && !isalnum(c)) {
		add(e, '\\', where);
	}
	add(e, c, where);
}

/* Copies raw into e without \Q and \E. */
static void
resolve_quotes(struct expression *e, const struct expression *raw)
{
	bool quoted = false, first = false;

	for (size_t i = 0; i < raw->count; i++) {
		int32_t c = raw->chars[i], after = i + 1 < raw->count ? raw->chars[i + 1] : 0;

		if (c == '\\' && after == (quoted ? 'E' : 'Q')) {
			quoted = first = !quoted;
			i++;
			continue;
		}
		if (quoted) {
			add_quoted(e, c, i + 1, first);
			first = false;
			continue;
		}
		add(e, c, i + 1);
		if (c == '\\' && after)
			add(e, after, ++i + 1);
	}
}

void
expression_init(struct expression *e, const char *utf8)
{
	struct expression raw = {0};

	memset(e, 0, sizeof(*e));
	while (*utf8)
		add(&raw, decode(&utf8), raw.count + 1);
	resolve_quotes(e, &raw);
	expression_fini(&raw);
}

void
expression_fini(struct expression *e)
{
	free(e->chars);
	free(e->where);
	memset(e, 0, sizeof(*e));
}

int32_t
expression_at(const struct expression *e, size_t ahead)
{
	return e->cursor + ahead < e->count ? e->chars[e->cursor + ahead] : 0;
}

static bool
is_blank(int32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_line_end(int32_t c)
{
	return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

int32_t
expression_peek(struct expression *e)
{
	int32_t c = expression_at(e, 0);

	if (!e->comments)
		return c;
	while (is_blank(c) || c == '#') {
		if (c == '#')
			while (!expression_is_over(e) && !is_line_end(expression_at(e, 0)))
				e->cursor++;
		else
			e->cursor++;
		c = expression_at(e, 0);
	}
	return c;
}

int32_t
expression_next(struct expression *e)
{
	e->cursor++;
	return expression_peek(e);
}

int32_t
expression_read(struct expression *e)
{
	int32_t c = expression_peek(e);

	e->cursor++;
	return c;
}

bool
expression_is_over(const struct expression *e)
{
	return e->cursor >= e->count;
}

size_t
expression_number(const struct expression *e, size_t cursor)
{
	if (!e->count)
		return 1;
	return cursor < e->count ? e->where[cursor] : e->where[e->count - 1] + 1;
}
