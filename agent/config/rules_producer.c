/* Rules of single properties of the producer, and what they mean together. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "config/translation.h"

/* Batches below this cost a request each for little (librdkafka.md 7.3). */
#define BATCH_FLOOR 1000000
#define REQUEST_DEFAULT 1048576

/* Reads a whole number and holds it within the row's range; refuses what is none. */
static bool
read_held(struct translation *t, const struct javaprop *row, const char *value, int64_t *ret)
{
	struct err err;
	int64_t number;

	if (parse_int(value, INT64_MIN, INT64_MAX, &number, &err)) {
		translation_refuse(t, "%s", err.text);
		return false;
	}
	*ret = number < row->min ? row->min : number > row->max ? row->max : number;
	return true;
}

static bool
give_number(struct translation *t, const char *name, int64_t number, const char *extra)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, number);
	return translation_give(t, name, digits, extra);
}

/* Adds the setting, and warns in these words instead of the usual verdict. */
static void
give_with_warning(struct translation *t, const char *name, const char *value, const char *warning)
{
	char why[256] = "";
	int answer = translation_add(t, name, value, why);

	if (answer < 0)
		translation_refuse(t, "librdkafka does not take this value: %s", why);
	else
		translation_warn(t, "is overridden to %s - %s", value, warning);
}

RULE(acks)
{
	(void)row;
	if (!strcasecmp(value, "all") || !strcmp(value, "-1"))
		translation_give(t, "acks", "all", NULL);
	else if (!strcmp(value, "0") || !strcmp(value, "1"))
		give_with_warning(t, "acks", value, "data loss or message reordering is possible");
	else
		translation_refuse(t, "'%s' is none of: all -1 0 1", value);
}

RULE(idempotence)
{
	struct err err;

	(void)row;
	if (parse_bool(value, &t->config->target.idempotence, &err)) {
		translation_refuse(t, "%s", err.text);
		return;
	}
	t->config->target.idempotence_given = true;
	translation_note(t, VERDICT_HANDLED, "%s",
		t->config->target.idempotence ? "records are not doubled by retries"
					      : "retries may double records");
}

RULE(in_flight)
{
	int64_t number;

	if (read_held(t, row, value, &number))
		give_number(t, "max.in.flight.requests.per.connection", number,
			number > 5 ? "idempotence needs at most 5" : NULL);
}

RULE(retries)
{
	int64_t number;
	char digits[24];

	if (!read_held(t, row, value, &number))
		return;
	snprintf(digits, sizeof(digits), "%" PRId64, number);
	if (number == row->max)
		translation_give(t, "retries", digits, NULL);
	else
		give_with_warning(t, "retries", digits,
			"a record is given up after so many tries, data loss is possible");
}

RULE(delivery_timeout)
{
	int64_t number;
	char digits[24];

	if (!read_held(t, row, value, &number))
		return;
	snprintf(digits, sizeof(digits), "%" PRId64, number);
	if (number == 0 || number == row->max)
		translation_give(t, "message.timeout.ms", "0", "without bound");
	else
		give_with_warning(t, "message.timeout.ms", digits,
			"a record is given up when the target is away for longer, data loss is "
			"possible");
}

RULE(batch_size)
{
	struct err err;
	int64_t size;

	(void)row;
	if (parse_int(value, 0, INT32_MAX, &size, &err)) {
		translation_refuse(t, "%s", err.text);
		return;
	}
	t->config->target.batch_size = size == 0 ? 1 : size < BATCH_FLOOR ? BATCH_FLOOR : size;
	translation_note(t, VERDICT_TRANSLATED, "%s",
		size == 0	     ? "each record alone"
		: size < BATCH_FLOOR ? "batch.size=1000000, the least that is good here; "
				       "max.request.size bounds it"
				     : "max.request.size bounds it");
}

RULE(batch_records)
{
	int64_t number;

	if (read_held(t, row, value, &number))
		give_number(t, "batch.num.messages", number, NULL);
}

RULE(buffer_memory)
{
	struct err err;
	int64_t bytes, kbytes;

	if (parse_int(value, 0, INT64_MAX, &bytes, &err)) {
		translation_refuse(t, "%s", err.text);
		return;
	}
	kbytes = bytes / 1024 + (bytes % 1024 != 0);
	kbytes = kbytes < 1 ? 1 : kbytes > INT32_MAX ? INT32_MAX : kbytes;
	give_number(t, row->to ? row->to : "queue.buffering.max.kbytes", kbytes,
		"[mirror] buffer.memory bounds the whole process");
}

RULE(request_size)
{
	int64_t bytes;

	if (read_held(t, row, value, &bytes))
		give_number(t, "message.max.bytes", bytes, NULL);
}

RULE(compression)
{
	static const struct {
		const char *name, *to;
	} names[] = {
		{"none", "none"},
		{"gzip", "gzip"},
		{"snappy", "snappy"},
		{"lz4", "lz4"},
		{"zstd", "zstd"},
		{"0", "none"},
		{"1", "gzip"},
		{"2", "snappy"},
		{"3", "lz4"},
	};

	(void)row;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcasecmp(value, names[i].name)) {
			translation_give(t, "compression.type", names[i].to, NULL);
			return;
		}
	}
	if (!strcasecmp(value, "uncompressed") || !strcasecmp(value, "producer"))
		give_with_warning(t, "compression.type", "none",
			"it is a topic's word; write none, gzip, snappy, lz4 or zstd");
	else
		translation_refuse(t, "'%s' is none of: none gzip snappy lz4 zstd", value);
}

RULE(compression_level)
{
	const char *codec = translation_other(t, "compression.type");
	int64_t level;

	if (!read_held(t, row, value, &level))
		return;
	if (codec && strcasestr(codec, row->to))
		give_number(t, "compression.level", level, NULL);
	else
		translation_note(t, VERDICT_IGNORED, "compression.type is not %s", row->to);
}

RULE(partitioner)
{
	static const char *const words[] = {"", "murmur2_random", "murmur2",
		"org.apache.kafka.clients.producer.internals.DefaultPartitioner"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(value, words[i])) {
			translation_note(t, VERDICT_HANDLED, "%s", row->help);
			return;
		}
	}
	translation_refuse(t,
		"'%s' is not available; remove the line for Java's default partitioner, or keep "
		"the "
		"source's partitions with partition.mode=preserve in [mirror]",
		value);
}

RULE(false_only)
{
	struct err err;
	bool is_true;

	if (parse_bool(value, &is_true, &err))
		translation_refuse(t, "%s", err.text);
	else if (is_true)
		translation_refuse(t, "%s", row->help);
	else
		translation_note(t, VERDICT_IGNORED, "the default");
}

RULE(producer_type)
{
	if (!strcasecmp(value, "sync"))
		translation_warn(t, "has no effect here: %s", row->help);
	else
		translation_note(t, VERDICT_IGNORED, "%s", row->help);
}

/* The property by its name or its old one, NULL when neither counts. */
static const struct property *
find(const struct translation *t, const char *name, const char *old_name)
{
	const struct property *found = NULL;

	for (size_t i = 0; i < t->properties->count; i++) {
		const struct property *item = &t->properties->items[i];

		if (!item->is_passed && !strcmp(item->section, "producer") &&
			(!strcmp(item->key, name) || !strcmp(item->key, old_name)))
			found = item;
	}
	return found;
}

/* A producer cannot be idempotent with this property: an error when idempotence was asked for, else
   it is turned off, as ProducerConfig does since Kafka 3.0. */
static void
give_up_idempotence(struct translation *t, const struct property *property, const char *needed)
{
	struct config_target *target = &t->config->target;

	if (target->idempotence_given && target->idempotence) {
		problems_error(t->problems, property->origin,
			"%s=%s does not go with enable.idempotence=true, which needs %s; change "
			"one of "
			"them",
			property->key, property->value, needed);
		return;
	}
	/* That of acks was said with acks itself. */
	if (target->idempotence && strcmp(needed, "acks=all"))
		problems_warn(t->problems, property->origin,
			"%s=%s turns idempotence off, which needs %s - data loss or message "
			"reordering "
			"is possible",
			property->key, property->value, needed);
	target->idempotence = false;
	target->idempotence_given = true;
}

static void
finish_idempotence(struct translation *t)
{
	const struct property *acks = find(t, "acks", "request.required.acks");
	const struct property *in_flight =
		find(t, "max.in.flight.requests.per.connection", "max.in.flight");
	const struct property *retries = find(t, "retries", "message.send.max.retries");
	bool asked = t->config->target.idempotence_given && t->config->target.idempotence;
	int64_t number;

	if (acks && strcspn(acks->value, "01") == 0)
		give_up_idempotence(t, acks, "acks=all");
	if (in_flight && !parse_int(in_flight->value, INT64_MIN, INT64_MAX, &number, NULL) &&
		number > 5 && (asked || t->config->target.idempotence))
		give_up_idempotence(t, in_flight, "at most 5");
	if (retries && !parse_int(retries->value, INT64_MIN, INT64_MAX, &number, NULL) &&
		number <= 0 && (asked || t->config->target.idempotence))
		give_up_idempotence(t, retries, "retries");
}

void
rules_finish_producer(struct translation *t)
{
	struct config_target *target = &t->config->target;
	const char *bytes = client_settings_get(t->settings, "message.max.bytes");
	int64_t limit = bytes ? strtoll(bytes, NULL, 10) : REQUEST_DEFAULT;

	if (!target->batch_size)
		target->batch_size = BATCH_FLOOR;
	if (target->batch_size > limit)
		target->batch_size = limit;
	finish_idempotence(t);
}
