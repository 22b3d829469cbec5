/* JSON text: stepping over its values, and the bytes of its strings and numbers. */
#include "script/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const char *
json_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

#define EACH(byte) (0x0101010101010101u * (byte))

/* Is none of eight bytes a quote, a backslash or a control character? Subtracting from each byte
   what it must not be below borrows into its highest bit; bytes above 127 have that set from the
   start and are left out. */
static bool
is_plain(const char *p)
{
	uint64_t word, quote, backslash;

	memcpy(&word, p, sizeof(word));
	quote = word ^ EACH('"');
	backslash = word ^ EACH('\\');
	return !(((word - EACH(0x20)) | (quote - EACH(1)) | (backslash - EACH(1))) & EACH(0x80) &
		 ~word);
}

bool
json_is_plain(const char *p, const char *end)
{
	while (end - p >= 8 && is_plain(p))
		p += 8;
	while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
		p++;
	return p == end;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return -1;
}

/* Steps over what follows a backslash. */
static const char *
escape(const char *p, const char *end)
{
	if (p == end)
		return NULL;
	if (*p != 'u')
		return *p && strchr("\"\\/bfnrt", *p) ? p + 1 : NULL;
	if (end - p < 5)
		return NULL;
	for (int i = 1; i < 5; i++)
		if (hex_digit(p[i]) < 0)
			return NULL;
	return p + 5;
}

const char *
json_string(const char *p, const char *end)
{
	if (p == end || *p != '"')
		return NULL;
	p++;
	for (;;) {
		while (end - p >= 8 && is_plain(p))
			p += 8;
		if (p == end || (unsigned char)*p < 0x20)
			return NULL;
		if (*p == '"')
			return p + 1;
		if (*p++ == '\\' && !(p = escape(p, end)))
			return NULL;
	}
}

static const char *
digits(const char *p, const char *end)
{
	const char *first = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > first ? p : NULL;
}

static const char *
number(const char *p, const char *end)
{
	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else if (!(p = digits(p, end)))
		return NULL;
	if (p < end && *p == '.' && !(p = digits(p + 1, end)))
		return NULL;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = digits(p, end);
	}
	return p;
}

static const char *
word(const char *p, const char *end, const char *expected, size_t size)
{
	return (size_t)(end - p) >= size && !memcmp(p, expected, size) ? p + size : NULL;
}

/* A value that holds no others. */
static const char *
scalar(const char *p, const char *end)
{
	switch (*p) {
	case '"': return json_string(p, end);
	case 't': return word(p, end, "true", 4);
	case 'f': return word(p, end, "false", 5);
	case 'n': return word(p, end, "null", 4);
	default: return number(p, end);
	}
}

/* Steps over a member's name and colon, to its value. */
static const char *
name(const char *p, const char *end)
{
	p = json_string(p, end);
	if (!p)
		return NULL;
	p = json_blanks(p, end);
	return p < end && *p == ':' ? json_blanks(p + 1, end) : NULL;
}

/* Where json_value stands: which of the values around it are objects. */
struct nest {
	uint64_t objects[(JSON_DEPTH_MAX + 64) / 64];
	size_t depth;
};

static bool
in_object(const struct nest *nest)
{
	return nest->objects[nest->depth / 64] >> nest->depth % 64 & 1;
}

/* Goes into an array or object that has something in it, or past one that is empty. */
static const char *
enter(struct nest *nest, const char *p, const char *end, bool *ret_is_done)
{
	bool is_object = *p == '{';
	uint64_t bit;

	p = json_blanks(p + 1, end);
	if (p == end)
		return NULL;
	*ret_is_done = *p == (is_object ? '}' : ']');
	if (*ret_is_done)
		return p + 1;
	if (++nest->depth > JSON_DEPTH_MAX)
		return NULL;
	bit = (uint64_t)1 << nest->depth % 64;
	nest->objects[nest->depth / 64] &= ~bit;
	if (!is_object)
		return p;
	nest->objects[nest->depth / 64] |= bit;
	return name(p, end);
}

/* Behind a value: out of what it ended, and to the next value; *ret_is_done: there is none any
 * more. */
static const char *
leave(struct nest *nest, const char *p, const char *end, bool *ret_is_done)
{
	for (; nest->depth; nest->depth--, p++) {
		p = json_blanks(p, end);
		if (p == end)
			return NULL;
		if (*p == ',') {
			p = json_blanks(p + 1, end);
			return in_object(nest) ? name(p, end) : p;
		}
		if (*p != (in_object(nest) ? '}' : ']'))
			return NULL;
	}
	*ret_is_done = true;
	return p;
}

const char *
json_value(const char *p, const char *end)
{
	struct nest nest;
	bool is_done = false;

	nest.depth = 0;
	nest.objects[0] = 0;
	while (p && p < end) {
		bool is_value_done = true;
		if (*p == '{' || *p == '[')
			p = enter(&nest, p, end, &is_value_done);
		else
			p = scalar(p, end);
		if (p && is_value_done)
			p = leave(&nest, p, end, &is_done);
		if (is_done)
			return p;
	}
	return NULL;
}

static uint32_t
code_unit(const char *p)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 | (uint32_t)hex_digit(p[i]);
	return unit;
}

static void
put_utf8(struct text *text, uint32_t c)
{
	if (c < 0x80) {
		text_putc(text, (char)c);
		return;
	}
	if (c < 0x800) {
		text_putc(text, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			text_putc(text, (char)(0xe0 | c >> 12));
		} else {
			text_putc(text, (char)(0xf0 | c >> 18));
			text_putc(text, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		text_putc(text, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	text_putc(text, (char)(0x80 | (c & 0x3f)));
}

/* p is behind "\u"; returns what follows the one or two units that make a character. */
static const char *
put_units(struct text *text, const char *p, const char *end)
{
	uint32_t c = code_unit(p), low;

	p += 4;
	if (c < 0xd800 || c > 0xdfff) {
		put_utf8(text, c);
		return p;
	}
	if (c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		low = code_unit(p + 2);
		if (low >= 0xdc00 && low <= 0xdfff) {
			put_utf8(text, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return p + 6;
		}
	}
	put_utf8(text, 0xfffd);
	return p;
}

void
json_unescape(const char *p, const char *end, struct text *text)
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";

	while (p < end) {
		const char *next = memchr(p, '\\', (size_t)(end - p)), *letter;
		text_add(text, p, (size_t)((next ? next : end) - p));
		if (!next)
			return;
		p = next + 2;
		letter = strchr(letters, next[1]);
		if (next[1] == 'u')
			p = put_units(text, p, end);
		else
			text_putc(text, letter ? meant[letter - letters] : next[1]);
	}
}

double
json_number(const char *p, const char *end)
{
	char small[64], *copy = small;
	size_t size = (size_t)(end - p);
	int64_t whole = 0;
	bool is_whole = size <= 15 && *p != '-';
	double result;

	for (size_t i = 0; is_whole && i < size; i++) {
		is_whole = p[i] >= '0' && p[i] <= '9';
		whole = whole * 10 + (p[i] - '0');
	}
	if (is_whole)
		return (double)whole;
	if (size >= sizeof(small))
		copy = mem_alloc(size + 1);
	memcpy(copy, p, size);
	copy[size] = '\0';
	result = strtod(copy, NULL);
	if (copy != small)
		free(copy);
	return result;
}
