/* Properties: the lines of a properties or INI file as keys and values with the place they came
 * from. */
#include "config/properties.h"

#include <ini.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/file.h"

/* After so many problems the rest of a file is not read: it is not a configuration. */
#define MAX_PROBLEMS 20

/* inih cuts long lines and section names, takes " ;" for a comment and ':' for a separator, each
   build in its own way. So it gets lines of a few bytes that mean the same to all builds, [s] for a
   section and k=v for a property, and the text they stand for is kept here until the handler takes
   it. */
#define LINE_SECTION "[s]\n"
#define LINE_PROPERTY "k=v\n"

/* Where the reading of one text stands. */
struct source {
	const char *name;
	const char *bytes;
	size_t n, at;
	unsigned natural_line; /* number of the natural line that starts at `at` */
	unsigned line;	       /* number of the one that the current logical line starts on */
	enum properties_format format;
	struct text logical; /* the logical line: continuations joined, escapes as they are */
	char *section;	     /* NULL before the first one of an INI file */
	size_t pending;	     /* lines given to inih that its handler has not taken */
	unsigned found;	     /* problems of this text */
	bool is_stopped;
	bool is_homeless_said; /* keys before the first section were complained about */
	struct properties *properties;
	struct problems *problems;
};

static void complain(struct source *source, bool is_error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void
complain(struct source *source, bool is_error, const char *fmt, ...)
{
	char *origin = mem_printf("%s:%u", source->name, source->line);
	struct text text = {0};
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&text, fmt, ap);
	va_end(ap);
	if (is_error)
		problems_error(source->problems, origin, "%s", text.s);
	else
		problems_warn(source->problems, origin, "%s", text.s);
	if (++source->found == MAX_PROBLEMS) {
		problems_error(source->problems, origin,
			"too many problems; the rest of the file is not read");
		source->is_stopped = true;
	}
	text_fini(&text);
	free(origin);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

/* The next natural line, without blanks at its start and without its end (LF, CR or CR LF). False
   at the end of the text. */
static bool
next_natural(struct source *source, const char **ret_start, size_t *ret_length)
{
	size_t start = source->at, end;

	if (start >= source->n)
		return false;
	while (start < source->n && is_blank(source->bytes[start]))
		start++;
	for (end = start; end < source->n; end++) {
		if (source->bytes[end] == '\n' || source->bytes[end] == '\r')
			break;
	}
	source->at = end + 1;
	if (end + 1 < source->n && source->bytes[end] == '\r' && source->bytes[end + 1] == '\n')
		source->at++;
	source->natural_line++;
	*ret_start = source->bytes + start;
	*ret_length = end - start;
	return true;
}

/* Does it end with a backslash that is not itself escaped? */
static bool
is_continued(const char *s, size_t n)
{
	size_t backslashes = 0;

	while (backslashes < n && s[n - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 1;
}

static bool
is_comment(const struct source *source, char c)
{
	return c == '#' || c == '!' || (c == ';' && source->format == PROPERTIES_INI);
}

/* The next logical line that is neither empty nor a comment, into source->logical. False at the
 * end. */
static bool
next_logical(struct source *source)
{
	const char *s;
	size_t n;

	source->logical.length = 0;
	for (;;) {
		source->line = source->natural_line;
		if (source->is_stopped || !next_natural(source, &s, &n))
			return false;
		if (n == 0 || is_comment(source, *s))
			continue;
		/* A lone backslash begins nothing: as in Java, what follows may be a comment. */
		if (n == 1 && *s == '\\')
			continue;
		while (is_continued(s, n)) {
			text_add(&source->logical, s, n - 1);
			n = 0;
			if (!next_natural(source, &s, &n))
				break;
		}
		text_add(&source->logical, s, n);
		if (source->logical.length)
			break;
	}
	if (memchr(source->logical.s, '\0', source->logical.length)) {
		complain(source, true, "a NUL byte: this is not a text file");
		source->is_stopped = true;
		return false;
	}
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four hexadecimal digits at s, -1 when they are not there. */
static int32_t
read_unit(const char *s, const char *end)
{
	int32_t unit = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(s[i]);

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static void
add_utf8(struct text *text, uint32_t c)
{
	if (c < 0x80) {
		text_putc(text, (char)c);
	} else if (c < 0x800) {
		text_putc(text, (char)(0xc0 | c >> 6));
		text_putc(text, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		text_putc(text, (char)(0xe0 | c >> 12));
		text_putc(text, (char)(0x80 | (c >> 6 & 0x3f)));
		text_putc(text, (char)(0x80 | (c & 0x3f)));
	} else {
		text_putc(text, (char)(0xf0 | c >> 18));
		text_putc(text, (char)(0x80 | (c >> 12 & 0x3f)));
		text_putc(text, (char)(0x80 | (c >> 6 & 0x3f)));
		text_putc(text, (char)(0x80 | (c & 0x3f)));
	}
}

/* Reads the XXXX of \uXXXX at s, and the second half of a surrogate pair with it. Returns what
   follows, NULL after a complaint. */
static const char *
add_unicode(struct source *source, struct text *text, const char *s, const char *end)
{
	int32_t unit = read_unit(s, end), low = -1;

	if (unit < 0) {
		complain(source, true, "'\\u' needs four hexadecimal digits");
		return NULL;
	}
	if (unit == 0) {
		complain(source, true, "'\\u0000' cannot be part of a name or value");
		return NULL;
	}
	s += 4;
	if (unit < 0xd800 || unit > 0xdfff) {
		add_utf8(text, (uint32_t)unit);
		return s;
	}
	if (unit < 0xdc00 && end - s >= 6 && s[0] == '\\' && s[1] == 'u')
		low = read_unit(s + 2, end);
	if (low < 0xdc00 || low > 0xdfff) {
		complain(source, true, "'\\u%04x' is half of a surrogate pair", (unsigned)unit);
		return NULL;
	}
	add_utf8(text, 0x10000u + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
	return s + 6;
}

/* s to end with its escapes replaced; NULL after a complaint. @gives a string */
static char *
unescape(struct source *source, const char *s, const char *end)
{
	struct text text = {0};

	while (s < end) {
		const char *names = "tnrf", *codes = "\t\n\r\f", *found;

		if (*s != '\\' || s + 1 == end) {
			text_putc(&text, *s++);
		} else if (s[1] == 'u') {
			s = add_unicode(source, &text, s + 2, end);
			if (!s) {
				text_fini(&text);
				return NULL;
			}
		} else {
			found = strchr(names, s[1]);
			text_putc(&text, found ? codes[found - names] : s[1]);
			s += 2;
		}
	}
	return text_take(&text);
}

/* Where the key at s ends: at the first =, : or blank that is not escaped. */
static const char *
key_end(const char *s, const char *end)
{
	while (s < end && *s != '=' && *s != ':' && !is_blank(*s))
		s += *s == '\\' && s + 1 < end ? 2 : 1;
	return s;
}

/* Makes a property of the logical line. */
static void
take_property(struct source *source)
{
	const char *s = source->logical.s, *end = s + source->logical.length;
	const char *key_stop = key_end(s, end), *value_start = key_stop;
	char *key = unescape(source, s, key_stop), *value = NULL, *origin;

	while (value_start < end && is_blank(*value_start))
		value_start++;
	if (value_start < end && (*value_start == '=' || *value_start == ':'))
		value_start++;
	while (value_start < end && is_blank(*value_start))
		value_start++;
	if (key)
		value = unescape(source, value_start, end);
	if (value && !*key) {
		complain(source, true, "a value without a name before it");
	} else if (value && source->properties->count >= PROPERTIES_MAX_KEYS) {
		complain(source, true, "more than %d keys; is this a configuration?",
			PROPERTIES_MAX_KEYS);
		source->is_stopped = true;
	} else if (value) {
		origin = mem_printf("%s:%u", source->name, source->line);
		properties_add(source->properties, source->section, key, value, origin);
		free(origin);
	}
	free(key);
	free(value);
}

/* Is the logical line a [section]? Blanks behind the bracket are allowed. */
static bool
is_section(const struct source *source)
{
	size_t n = source->logical.length;

	while (n && is_blank(source->logical.s[n - 1]))
		n--;
	return n >= 2 && source->logical.s[0] == '[' && source->logical.s[n - 1] == ']';
}

static void
take_section(struct source *source)
{
	const char *s = source->logical.s + 1, *end = strrchr(source->logical.s, ']');

	while (s < end && is_blank(*s))
		s++;
	while (end > s && is_blank(end[-1]))
		end--;
	free(source->section);
	source->section = mem_strndup(s, (size_t)(end - s));
}

/* Says what is wrong with a line that inih shall not see. False when there is nothing wrong. */
static bool
is_misplaced(struct source *source)
{
	if (source->format == PROPERTIES_JAVA) {
		if (!is_section(source))
			return false;
		complain(source, false,
			"a section of an INI file in a properties file has no effect (an INI file "
			"is given "
			"with --config)");
		return true;
	}
	if (is_section(source))
		return false;
	if (source->logical.s[0] == '[') {
		complain(source, true, "a section is written as [name] and nothing else");
		return true;
	}
	if (!source->section) {
		if (!source->is_homeless_said)
			complain(source, true,
				"a key before the first [section]; write [mirror], [consumer], "
				"[producer] or "
				"[log] above it");
		source->is_homeless_said = true;
		return true;
	}
	return false;
}

/* The line source of inih (see LINE_SECTION). */
static char *
give_line(char *line, int size, void *arg)
{
	struct source *source = arg;
	const char *stand_in;

	do {
		if (!next_logical(source))
			return NULL;
	} while (is_misplaced(source));
	if (source->format == PROPERTIES_INI && is_section(source)) {
		take_section(source);
		stand_in = LINE_SECTION;
	} else {
		source->pending++;
		stand_in = LINE_PROPERTY;
	}
	if (size <= (int)strlen(stand_in))
		return NULL;
	memcpy(line, stand_in, strlen(stand_in) + 1);
	return line;
}

/* The handler of inih: takes what its line stands for. */
static int
take_line(void *arg, const char *section, const char *name, const char *value)
{
	struct source *source = arg;

	(void)section;
	if (source->pending != 1 || strcmp(name, "k") != 0 || strcmp(value, "v") != 0)
		return 0;
	source->pending = 0;
	take_property(source);
	return 1;
}

void
properties_read_text(const char *name, const char *bytes, size_t n, enum properties_format format,
	struct properties *properties, struct problems *problems)
{
	struct source source = {
		.name = name,
		.bytes = bytes,
		.n = n,
		.natural_line = 1,
		.format = format,
		.section = format == PROPERTIES_JAVA ? mem_strdup("") : NULL,
		.properties = properties,
		.problems = problems,
	};

	if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		source.at = 3;
	if (ini_parse_stream(give_line, &source, take_line, &source) || source.pending)
		problems_error(problems, name, "the inih library does not read it as it should");
	free(source.section);
	text_fini(&source.logical);
}

int
properties_read(const char *path, enum properties_format format, struct properties *properties,
	struct problems *problems)
{
	char *bytes;
	size_t n;
	struct err err;

	if (file_read(path, PROPERTIES_MAX_BYTES, &bytes, &n, &err)) {
		problems_error(problems, NULL, "%s", err.text);
		return -1;
	}
	properties_read_text(path, bytes, n, format, properties, problems);
	explicit_bzero(bytes, n);
	free(bytes);
	return 0;
}

void
properties_add(struct properties *properties, const char *section, const char *key,
	const char *value, const char *origin)
{
	properties->items = mem_grow(properties->items, &properties->capacity, properties->count,
		sizeof(*properties->items));
	properties->items[properties->count++] = (struct property){
		.section = mem_strdup(section),
		.key = mem_strdup(key),
		.value = mem_strdup(value),
		.origin = mem_strdup(origin),
	};
}

/* Order by section and key, then by place in the list (the items lie in one array). */
static int
compare(const void *a, const void *b)
{
	const struct property *x = *(struct property *const *)a, *y = *(struct property *const *)b;
	int order = strcmp(x->section, y->section);

	if (!order)
		order = strcmp(x->key, y->key);
	return order ? order : (x > y) - (x < y);
}

void
properties_mark_passed(struct properties *properties, bool warns, struct problems *problems)
{
	struct property **sorted = mem_zero(properties->count, sizeof(*sorted));

	for (size_t i = 0; i < properties->count; i++)
		sorted[i] = &properties->items[i];
	qsort(sorted, properties->count, sizeof(struct property *), compare);
	for (size_t i = 1; i < properties->count; i++) {
		struct property *early = sorted[i - 1], *late = sorted[i];

		if (strcmp(early->section, late->section) || strcmp(early->key, late->key))
			continue;
		if (warns && !early->is_passed)
			problems_warn(problems, late->origin,
				"'%s' stands at %s already; the last one counts", late->key,
				early->origin);
		early->is_passed = true;
	}
	free(sorted);
}

const char *
properties_get(const struct properties *properties, const char *section, const char *key)
{
	for (size_t i = properties->count; i-- > 0;) {
		const struct property *item = &properties->items[i];

		if (!strcmp(item->key, key) && !strcmp(item->section, section))
			return item->value;
	}
	return NULL;
}

void
properties_fini(struct properties *properties)
{
	for (size_t i = 0; i < properties->count; i++) {
		struct property *item = &properties->items[i];

		free(item->section);
		free(item->key);
		mem_wipe(&item->value);
		mem_wipe(&item->shown);
		free(item->origin);
	}
	free(properties->items);
	*properties = (struct properties){0};
}
