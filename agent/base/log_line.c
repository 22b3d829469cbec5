/* Log lines: the forms in which an event is written. */
#include "base/log_line.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

/* What a level is called, syslog's number, and a terminal's colour. */
static const struct {
	const char *word;
	int priority;
	const char *colour;
} looks[] = {
	[LOG_LEVEL_DEBUG] = {"DEBUG", 7, "\x1b[2m"},
	[LOG_LEVEL_INFO] = {"INFO ", 6, "\x1b[32m"},
	[LOG_LEVEL_WARN] = {"WARN ", 4, "\x1b[33m"},
	[LOG_LEVEL_ERROR] = {"ERROR", 3, "\x1b[1;31m"},
};
#define DIM "\x1b[2m"
#define BOLD "\x1b[1m"
#define PLAIN "\x1b[0m"

/* How many of the next bytes may stand as they are; 0: the next one must be escaped. On a terminal
   that is everything which is no character, or might steer it. */
static size_t
plain_length(const char *s, bool for_terminal)
{
	const unsigned char *c = (const unsigned char *)s;

	if (c[0] < ' ' || c[0] == 0x7f)
		return 0;
	if (!for_terminal)
		return 1;
	if (c[0] == 0xc2 && c[1] < 0xa0)
		return 0;
	return utf8_length(s, strnlen(s, 4));
}

/* A bare word stays bare; everything else is quoted, so that a line can be split again. */
static bool
is_bare(const char *s, bool for_terminal)
{
	if (!*s)
		return false;
	for (size_t n; *s; s += n) {
		n = plain_length(s, for_terminal);
		if (n == 0 || *s == ' ' || *s == '"' || *s == '=' || *s == '\\')
			return false;
	}
	return true;
}

static void
put_text(struct text *out, const char *s, bool for_terminal)
{
	if (!s) {
		text_putc(out, '-');
		return;
	}
	if (is_bare(s, for_terminal)) {
		text_puts(out, s);
		return;
	}
	text_putc(out, '"');
	for (size_t n; *s; s += n ? n : 1) {
		n = plain_length(s, for_terminal);
		if (*s == '"' || *s == '\\')
			text_printf(out, "\\%c", *s);
		else if (*s == '\n')
			text_puts(out, "\\n");
		else if (n == 0)
			text_printf(out, "\\x%02x", (unsigned char)*s);
		else
			text_add(out, s, n);
	}
	text_putc(out, '"');
}

static void
put_value(struct text *out, const struct log_field *field, bool for_terminal)
{
	switch (field->type) {
	case LOG_FIELD_TEXT: put_text(out, field->text, for_terminal); break;
	case LOG_FIELD_INT: text_printf(out, "%" PRId64, field->i); break;
	case LOG_FIELD_UINT: text_printf(out, "%" PRIu64, field->u); break;
	case LOG_FIELD_REAL: text_printf(out, "%.1f", field->real); break;
	}
}

/* Adds "level event key=value ...". */
static void
put_kv(struct text *out, const struct log_line *line)
{
	text_printf(out, "%s %s", log_level_name(line->info->level), line->info->name);
	for (size_t i = 0; i < line->count; i++) {
		text_printf(out, " %s=", line->fields[i].key);
		put_value(out, &line->fields[i], false);
	}
	if (line->repeated)
		text_printf(out, " repeated=%" PRIu64, line->repeated);
}

static void
put_human(struct text *out, const struct log_line *line, bool is_coloured)
{
	const char *plain = is_coloured ? PLAIN : "", *dim = is_coloured ? DIM : "";
	enum log_level level = line->info->level;
	char now[CLOCK_LOCAL_SIZE];

	text_printf(out, "%s %s%s%s %s%s%s", clock_print_local(line->wall_ms, now),
		is_coloured ? looks[level].colour : "", looks[level].word, plain,
		is_coloured ? BOLD : "", line->info->name, plain);
	for (size_t i = 0; i < line->count; i++) {
		text_printf(out, " %s%s=%s", dim, line->fields[i].key, plain);
		put_value(out, &line->fields[i], true);
	}
	if (line->repeated)
		text_printf(out, " %srepeated=%s%" PRIu64, dim, plain, line->repeated);
}

static void
put_json(struct text *out, const struct log_line *line)
{
	char now[CLOCK_TEXT_SIZE];

	text_printf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"",
		clock_print(line->wall_ms, now), log_level_name(line->info->level),
		line->info->name);
	for (size_t i = 0; i < line->count; i++) {
		const struct log_field *field = &line->fields[i];

		text_printf(out, ",\"%s\":", field->key);
		if (field->type == LOG_FIELD_TEXT)
			json_put_text(out, field->text);
		else if (field->type == LOG_FIELD_REAL)
			json_put_real(out, field->real, 1);
		else
			put_value(out, field, false);
	}
	if (line->repeated)
		text_printf(out, ",\"repeated\":%" PRIu64, line->repeated);
	text_putc(out, '}');
}

void
log_line_put(
	struct text *out, const struct log_line *line, enum log_format format, bool is_coloured)
{
	char now[CLOCK_TEXT_SIZE];

	switch (format) {
	case LOG_FORMAT_HUMAN: put_human(out, line, is_coloured); return;
	case LOG_FORMAT_JSON: put_json(out, line); return;
	case LOG_FORMAT_JOURNAL:
		text_printf(out, "<%d>", looks[line->info->level].priority);
		put_kv(out, line);
		return;
	case LOG_FORMAT_AUTO:
	case LOG_FORMAT_KV:
		text_printf(out, "%s ", clock_print(line->wall_ms, now));
		put_kv(out, line);
		return;
	}
}
