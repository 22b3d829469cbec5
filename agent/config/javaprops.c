/* Java properties: what becomes of each property of Kafka's Java clients here; the rows are in
 * javaprops.def. */
#include "config/javaprops.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "config/translation.h"

static const struct javaprop table[] = {
#define JAVAPROP(side, name, verdict, rule, to, min, max, help) \
	{SIDE_##side, name, VERDICT_##verdict, rule_##rule, to, min, max, help},
#include "config/javaprops.def"
#undef JAVAPROP
};

#define TABLE_COUNT (sizeof(table) / sizeof(*table))

/* Properties of this name are librdkafka's whatever the table says. */
#define NATIVE_PREFIX "rdkafka."

/* What Kafka Connect and MirrorMaker 2 write before a client's property; longer ones first. */
struct prefix {
	enum javaprop_side side;
	const char *text;
};

static const struct prefix prefixes[] = {
	{SIDE_CONSUMER, "source.consumer."},
	{SIDE_CONSUMER, "consumer.override."},
	{SIDE_CONSUMER, "consumer."},
	{SIDE_CONSUMER, "source."},
	{SIDE_PRODUCER, "target.producer."},
	{SIDE_PRODUCER, "producer.override."},
	{SIDE_PRODUCER, "producer."},
	{SIDE_PRODUCER, "target."},
};

const struct javaprop *
javaprops_at(size_t i)
{
	return i < TABLE_COUNT ? &table[i] : NULL;
}

const struct javaprop *
javaprops_find(enum javaprop_side side, const char *name)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if ((table[i].side & side) && !strcmp(table[i].name, name))
			return &table[i];
	}
	return NULL;
}

static const char *
candidate(size_t i, void *arg)
{
	const enum javaprop_side *side = arg;

	if (i >= TABLE_COUNT)
		return NULL;
	return table[i].side & *side ? table[i].name : "";
}

const char *
javaprops_nearest(enum javaprop_side side, const char *name)
{
	const char *found = parse_nearest(name, candidate, &side);

	return found && *found ? found : NULL;
}

bool
javaprops_is_secret(const char *name)
{
	static const char *const parts[] = {"password", "passphrase", "secret", "jaas",
		"keystore.key", "key.pem", "oauthbearer.config"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (strcasestr(name, parts[i]))
			return true;
	}
	return false;
}

/* The prefix that name starts with, NULL when there is none. */
static const struct prefix *
find_prefix(const char *name)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		if (!strncmp(name, prefixes[i].text, strlen(prefixes[i].text)))
			return &prefixes[i];
	}
	return NULL;
}

/* A name that is in no table: librdkafka's, or nobody's. */
static void
translate_native(struct translation *t, const char *name, const char *value, bool is_forced)
{
	char why[256] = "";
	const char *nearest;

	/* librdkafka has two names for it; all others look for the one of Java. */
	if (!strcmp(name, "sasl.mechanisms"))
		name = "sasl.mechanism";
	if (is_forced || !t->known || t->known(name, value, why, sizeof(why)) != 0) {
		translation_give(t, name, value, NULL);
		return;
	}
	nearest = javaprops_nearest(t->side, name);
	translation_warn(t, "is not a property that Kafka's clients or librdkafka know%s%s%s",
		nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* A name with a prefix of MirrorMaker 2; false when it has none. */
static bool
translate_prefixed(struct translation *t, const char *name, const char *value)
{
	const struct prefix *prefix = find_prefix(name);
	const char *rest = prefix ? name + strlen(prefix->text) : NULL;
	const struct javaprop *row = prefix ? javaprops_find(prefix->side, rest) : NULL;

	if (!row)
		return false;
	if (prefix->side != t->side)
		translation_note(t, VERDICT_IGNORED, "is the other client's");
	else if (translation_other(t, rest))
		translation_note(t, VERDICT_IGNORED, "'%s' is given without prefix", rest);
	else
		row->how(t, row, value);
	return true;
}

static bool
is_forced(const struct property *property)
{
	return strncmp(property->key, NATIVE_PREFIX, strlen(NATIVE_PREFIX)) == 0;
}

static void
translate_one(struct translation *t, const char *value)
{
	const char *name = t->current->key;
	const struct javaprop *row = javaprops_find(t->side, name);

	if (is_forced(t->current))
		translate_native(t, name + strlen(NATIVE_PREFIX), value, true);
	else if (row)
		row->how(t, row, value);
	else if (javaprops_find(SIDE_BOTH, name))
		translation_note(t, VERDICT_IGNORED, "is the other client's");
	else if (!strncmp(name, "config.providers.", 17))
		translation_note(t, VERDICT_HANDLED, "says who looks up ${...}");
	else if (!strncmp(name, "metrics.context.", 16))
		translation_note(t, VERDICT_IGNORED, "The agent counts for itself.");
	else if (!translate_prefixed(t, name, value))
		translate_native(t, name, value, false);
}

/* s without the blanks around it. @gives a string */
static char *
trim(const char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return mem_strndup(s, n);
}

static void
note_passed(struct translation *t)
{
	const struct property *last = t->current;

	for (size_t i = 0; i < t->properties->count; i++) {
		const struct property *item = &t->properties->items[i];

		if (!strcmp(item->section, t->section) && !strcmp(item->key, t->current->key))
			last = item;
	}
	translation_note(t, VERDICT_IGNORED, "%s says otherwise, and counts", last->origin);
}

/* Translates the properties that are, or are not, forced to be librdkafka's. */
static void
translate_pass(struct translation *t, bool forced)
{
	for (size_t i = 0; i < t->properties->count; i++) {
		char *value;

		t->current = &t->properties->items[i];
		if (strcmp(t->current->section, t->section) || is_forced(t->current) != forced)
			continue;
		if (t->current->is_passed) {
			note_passed(t);
			continue;
		}
		value = trim(t->current->value);
		translate_one(t, value);
		free(value);
	}
}

void
javaprops_translate(struct config *config, enum javaprop_side side,
	const struct properties *properties, config_known *known, struct problems *problems)
{
	struct translation t = {
		.config = config,
		.side = side,
		.section = side == SIDE_CONSUMER ? "consumer" : "producer",
		.properties = properties,
		.settings = side == SIDE_CONSUMER ? &config->consumer : &config->producer,
		.known = known,
		.problems = problems,
	};

	rules_begin_profile(&t);
	translate_pass(&t, false);
	translate_pass(&t, true);
	rules_finish_login(&t);
	rules_finish_kerberos(&t);
	rules_finish_trust(&t);
	rules_finish_both(&t);
	if (side == SIDE_PRODUCER)
		rules_finish_producer(&t);
	else
		rules_finish_consumer(&t);
}
