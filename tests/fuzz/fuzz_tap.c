/* Any bytes as records that the tap shows: a sample is one line of JSON, whatever the bytes are; it
   steers no terminal; and key and value can be had back from it. */
#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "kafka/library.h"
#include "kafka/producer.h"
#include "mirror/tap.h"
#include "script/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* More of a key or value is not shown. */
#define SHOWN 1024
#define OUTPUTS_MOST 3

struct bytes {
	const char *p; /* NULL: null */
	size_t size;
};

/* What is left of the input. */
struct input {
	const char *p, *end;
};

static void
require(bool holds, const char *sample)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", sample);
	abort();
}

static uint8_t
next_byte(struct input *in)
{
	return in->p < in->end ? (uint8_t)*in->p++ : 0;
}

/* A byte says how many follow; 255: null; 254: the rest, over and over, until it is more than is
   shown. The memory ends with them. */
static struct bytes
next_bytes(struct input *in)
{
	uint8_t kind = next_byte(in);
	size_t left = (size_t)(in->end - in->p), n = kind < left ? kind : left;
	struct text text = {0};

	if (kind == 255)
		return (struct bytes){NULL, 0};
	if (kind == 254)
		n = left;
	do
		text_add(&text, in->p, n);
	while (kind == 254 && n > 0 && text.length <= SHOWN);
	in->p += n;
	n = text.length;
	return (struct bytes){mem_resize(text_take(&text), n ? n : 1, 1), n};
}

/* Is the field what the bytes are: as text, in hex, null; the first of them where size says so? */
static void
check_bytes(const cJSON *object, const char *name, struct bytes bytes, const char *sample)
{
	char hex_name[32], size_name[32];
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(object, name), *hex, *size;
	size_t shown = bytes.size < SHOWN ? bytes.size : SHOWN;

	snprintf(hex_name, sizeof(hex_name), "%s_hex", name);
	snprintf(size_name, sizeof(size_name), "%s_size", name);
	hex = cJSON_GetObjectItemCaseSensitive(object, hex_name);
	size = cJSON_GetObjectItemCaseSensitive(object, size_name);
	require(!text != !hex, sample);
	require(cJSON_IsNull(text) == !bytes.p, sample);
	require(bytes.size > SHOWN ? size && size->valuedouble == (double)bytes.size : !size,
		sample);
	if (hex) {
		require(strlen(hex->valuestring) == 2 * shown, sample);
		for (size_t i = 0; i < shown; i++) {
			char digits[3];

			snprintf(digits, sizeof(digits), "%02x", (unsigned char)bytes.p[i]);
			require(!memcmp(hex->valuestring + 2 * i, digits, 2), sample);
		}
	} else if (bytes.p && !memchr(bytes.p, 0, shown)) {
		size_t n = strlen(text->valuestring);

		/* The last character may be cut where not all is shown. */
		require(n == shown || (bytes.size > SHOWN && n < shown && n + 3 >= shown), sample);
		require(!memcmp(text->valuestring, bytes.p, n), sample);
	}
}

/* One line of characters that steer no terminal. */
static void
check_line(const char *sample)
{
	const char *end = sample + strlen(sample);

	require(json_value(sample, end) == end, sample);
	for (size_t n; *sample; sample += n) {
		n = utf8_length(sample, (size_t)(end - sample));
		require(n > 0 && (unsigned char)*sample >= ' ' && *sample != 0x7f, sample);
		require((unsigned char)*sample != 0xc2 || (unsigned char)sample[1] >= 0xa0, sample);
	}
}

/* What is produced for the record. */
static void
check_outputs(const cJSON *list, const struct bytes *keys, const struct bytes *values, size_t count,
	const char *sample)
{
	require((size_t)cJSON_GetArraySize(list) == count, sample);
	for (size_t i = 0; i < count; i++) {
		const cJSON *output = cJSON_GetArrayItem(list, (int)i);

		check_bytes(output, "key", keys[i], sample);
		check_bytes(output, "value", values[i], sample);
	}
}

/* The record is the first pair of bytes, what is produced for it the others. */
static void
check(const struct bytes *keys, const struct bytes *values, size_t outputs, uint8_t outcome,
	struct target_topic *target)
{
	struct record record = {.key = keys[0].p,
		.value = values[0].p,
		.key_size = keys[0].size,
		.value_size = values[0].size};
	struct script_record decided = {._outcome = outcome % (SCRIPT_FAILED + 1)};
	struct flight flight = {.state = outcome & 0x40 ? FLIGHT_DONE : FLIGHT_WAITING};
	char *sample;
	cJSON *json;

	flight.outputs = outputs ? outputs_new(&flight, outputs, 0) : NULL;
	for (size_t i = 1; i <= outputs; i++) {
		struct output *o = outputs_add(flight.outputs);

		o->target = target;
		o->key = keys[i].p;
		o->value = values[i].p;
		o->key_size = (uint32_t)keys[i].size;
		o->value_size = (uint32_t)values[i].size;
	}
	sample = tap_sample("t", "to", &record, &flight, outcome & 0x80 ? &decided : NULL);
	check_line(sample);
	json = cJSON_Parse(sample);
	require(json != NULL, sample);
	check_bytes(json, "key", keys[0], sample);
	check_bytes(json, "value", values[0], sample);
	if (outputs)
		check_outputs(cJSON_GetObjectItem(json, "outputs"), keys + 1, values + 1, outputs,
			sample);
	cJSON_Delete(json);
	free(sample);
	outputs_free(&flight.outputs);
}

static struct config *config;
static struct producer *producer;

/* A target that is never reached: its topics have names. */
static struct target_topic *
some_topic(void)
{
	char *argv[] = {"--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist", ".*"};
	struct problems problems = {0};
	struct err err;

	if (!producer) {
		log_open("/dev/null", &err);
		config = config_load(8, argv, library_knows_property, &problems);
		producer = producer_new(config, "fuzz", false, &err);
	}
	return producer_topic(producer, "to.other");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {(const char *)data, (const char *)data + size};
	struct bytes keys[OUTPUTS_MOST + 1], values[OUTPUTS_MOST + 1];
	uint8_t outcome = next_byte(&in);
	size_t outputs = next_byte(&in) % (OUTPUTS_MOST + 1);

	for (size_t i = 0; i <= outputs; i++) {
		keys[i] = next_bytes(&in);
		values[i] = next_bytes(&in);
	}
	check(keys, values, outputs, outcome, some_topic());
	for (size_t i = 0; i <= outputs; i++) {
		free((char *)(uintptr_t)keys[i].p);
		free((char *)(uintptr_t)values[i].p);
	}
	return 0;
}
