/* A translation: the properties of one client on their way to settings, and the words its rules are
 * written in. */
#include "config/translation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"

static void
note(struct translation *t, enum verdict verdict, const char *detail)
{
	const struct property *p = t->current;
	const char *shown = javaprops_is_secret(p->key) ? "***" : p->value;

	verdicts_add(t->config->verdicts, p->origin, t->section, p->key,
		p->shown ? p->shown : shown, verdict, "%s", detail);
}

/* The text of a verdict: as printf has it, without the full stop of a table's sentence. @gives a
 * string */
static char *
print_text(const char *fmt, va_list ap)
{
	struct text text = {0};

	text_vprintf(&text, fmt, ap);
	if (text.length && text.s[text.length - 1] == '.')
		text.s[--text.length] = '\0';
	return text_take(&text);
}

void
translation_note(struct translation *t, enum verdict verdict, const char *detail, ...)
{
	va_list ap;
	char *text;

	va_start(ap, detail);
	text = print_text(detail, ap);
	va_end(ap);
	note(t, verdict, text);
	free(text);
}

/* What stands between a property's name and a text about it: "acks is ...", "acks: 'x' is ...". */
static const char *
joint(const char *text)
{
	return !strncmp(text, "is ", 3) || !strncmp(text, "has ", 4) ? " " : ": ";
}

void
translation_warn(struct translation *t, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = print_text(fmt, ap);
	va_end(ap);
	note(t, VERDICT_WARNED, text);
	problems_warn(
		t->problems, t->current->origin, "%s%s%s", t->current->key, joint(text), text);
	free(text);
}

void
translation_refuse(struct translation *t, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = print_text(fmt, ap);
	va_end(ap);
	note(t, VERDICT_REFUSED, text);
	problems_error(
		t->problems, t->current->origin, "%s%s%s", t->current->key, joint(text), text);
	free(text);
}

int
translation_add(struct translation *t, const char *name, const char *value, char *why)
{
	int answer = t->known ? t->known(name, value, why, 256) : 1;

	if (answer != 1)
		return answer;
	t->settings->items = mem_grow(
		t->settings->items, &t->capacity, t->settings->count, sizeof(*t->settings->items));
	t->settings->items[t->settings->count++] = (struct client_setting){
		.name = mem_strdup(name),
		.value = mem_strdup(value),
		.is_secret = t->current->shown || javaprops_is_secret(name) ||
			     javaprops_is_secret(t->current->key),
		.origin = mem_strdup(t->current->origin),
	};
	return 1;
}

bool
translation_give(struct translation *t, const char *name, const char *value, const char *extra)
{
	const struct property *p = t->current;
	bool is_secret = p->shown || javaprops_is_secret(name) || javaprops_is_secret(p->key);
	bool is_same = !strcmp(name, p->key) && !strcmp(value, p->value);
	char why[256] = "";
	int answer = translation_add(t, name, value, why);

	if (answer < 0) {
		translation_refuse(t, "librdkafka does not take this value%s%s",
			is_secret || !*why ? "" : ": ", is_secret ? "" : why);
	} else if (answer == 0) {
		translation_warn(
			t, "the installed librdkafka does not know %s; it has no effect", name);
	} else if (is_same && !t->is_implied) {
		translation_note(t, VERDICT_SET, "%s", extra ? extra : "");
	} else {
		translation_note(t, is_same ? VERDICT_SET : VERDICT_TRANSLATED, "%s=%s%s%s", name,
			is_secret ? "***" : value, extra ? "; " : "", extra ? extra : "");
	}
	return answer == 1;
}

const char *
translation_other(const struct translation *t, const char *key)
{
	return properties_get(t->properties, t->section, key);
}

void
translation_apply(struct translation *t, const char *key, const char *value, const char *origin,
	void (*how)(struct translation *t, const struct javaprop *row, const char *value))
{
	const struct property *before = t->current;
	struct property property = {
		.section = mem_strdup(t->section),
		.key = mem_strdup(key),
		.value = mem_strdup(value),
		.origin = mem_strdup(origin),
	};

	t->current = &property;
	t->is_implied = true;
	how(t, javaprops_find(t->side, key), value);
	t->is_implied = false;
	t->current = before;
	free(property.section);
	free(property.key);
	mem_wipe(&property.value);
	free(property.origin);
}

/* Does security.protocol hold this word? */
static bool
protocol_has(const struct translation *t, const char *word)
{
	const char *protocol = translation_other(t, "security.protocol");

	return protocol && strcasestr(protocol, word);
}

bool
translation_has_tls(const struct translation *t)
{
	return protocol_has(t, "ssl");
}

bool
translation_has_sasl(const struct translation *t)
{
	return protocol_has(t, "sasl");
}

RULE(same)
{
	if (!*value) {
		translation_note(t, VERDICT_IGNORED, "empty: the default stays");
		return;
	}
	translation_give(t, row->to ? row->to : row->name, value, NULL);
}

RULE(newer)
{
	const char *name = row->to ? row->to : row->name;
	char why[256] = "";

	if (t->known && t->known(name, value, why, sizeof(why)) == 0)
		translation_note(t, VERDICT_IGNORED, "the installed librdkafka is too old for it");
	else
		translation_give(t, name, value, NULL);
}

/* Gives the number on, held within the row's range. */
static void
give_number(struct translation *t, const struct javaprop *row, int64_t number)
{
	int64_t held = number < row->min ? row->min : number > row->max ? row->max : number;
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, held);
	translation_give(t, row->to ? row->to : row->name, digits,
		held < number	? "the largest value there is"
		: held > number ? "the smallest value there is"
				: NULL);
}

RULE(integer)
{
	struct err err;
	int64_t number;

	if (parse_int(value, INT64_MIN, INT64_MAX, &number, &err))
		translation_refuse(t, "%s", err.text);
	else
		give_number(t, row, number);
}

RULE(os_size)
{
	struct err err;
	int64_t number;

	if (parse_int(value, INT64_MIN, INT64_MAX, &number, &err))
		translation_refuse(t, "%s", err.text);
	else
		give_number(t, row, number == -1 ? 0 : number);
}

RULE(boolean)
{
	struct err err;
	bool is_true;

	if (parse_bool(value, &is_true, &err))
		translation_refuse(t, "%s", err.text);
	else
		translation_give(
			t, row->to ? row->to : row->name, is_true ? "true" : "false", NULL);
}

RULE(handled)
{
	(void)value;
	translation_note(t, VERDICT_HANDLED, "%s", row->help);
}

RULE(quiet)
{
	(void)value;
	translation_note(t, VERDICT_IGNORED, "%s", row->help);
}

RULE(warning)
{
	(void)value;
	translation_warn(t, "has no effect here: %s", row->help);
}

RULE(refusal)
{
	(void)value;
	translation_refuse(t, "%s", row->help);
}
