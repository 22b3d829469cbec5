/* What the tests of scripts share: a configuration, records with headers, and what became of them
 * as a text. */
#ifndef TESTS_UNIT_SCRIPT_RIG_H
#define TESTS_UNIT_SCRIPT_RIG_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/options.h"
#include "script/script.h"

/* A size of -1 is null. */
struct rig_header {
	const char *name, *value;
	int size;
};

struct rig_record {
	const char *key, *value;
	int key_size, value_size;
	const struct rig_header *headers;
	size_t header_count;
	int64_t offset, timestamp;
	int type;
};

/* One script, loaded from a file of its own that is removed again. */
struct rig {
	struct config config;
	struct script_world *world;
	struct script *script;
	struct err err;
	const struct rig_record *records;
	struct script_batch *batch;
	char folder[64];
};

static bool
rig_header_at(
	void *message, size_t i, const char **ret_name, const void **ret_value, size_t *ret_size)
{
	const struct rig_record *r = message;

	if (i >= r->header_count)
		return false;
	*ret_name = r->headers[i].name;
	*ret_value = r->headers[i].size < 0 ? NULL : r->headers[i].value;
	*ret_size = r->headers[i].size < 0 ? 0 : (size_t)r->headers[i].size;
	return true;
}

static const struct script_headers_of rig_headers = {rig_header_at};

/* A folder and the defaults; options are changed in rig.config or with rig_set before rig_load. */
static void
rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	options_set_defaults(&rig->config);
	strcpy(rig->folder, "/tmp/reflejo-script-XXXXXX");
	if (!mkdtemp(rig->folder))
		abort();
	rig->world = script_world_new();
}

__attribute__((unused)) static void
rig_set(struct rig *rig, const char *key, const char *value)
{
	struct err err;

	if (options_set(&rig->config, options_find("script", key), value, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

/* Writes a file into the folder. */
static void
rig_write(struct rig *rig, const char *name, const char *text, size_t size)
{
	char *path = mem_printf("%s/%s", rig->folder, name);
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text, 1, size, f) != size || fclose(f))
		abort();
	free(path);
}

static int32_t
rig_partitions_of(void *arg, const char *topic)
{
	(void)arg;
	return !strcmp(topic, "six") ? 6 : -1;
}

/* Loads a script from its text. */
static bool
rig_load_bytes(struct rig *rig, const char *text, size_t size)
{
	char *path = mem_printf("%s/s.lua", rig->folder);
	const struct script_options options = {.config = &rig->config,
		.file = path,
		.world = rig->world,
		.headers = &rig_headers,
		.stream = 0,
		.streams = 1,
		.partitions_of = rig_partitions_of};

	rig_write(rig, "s.lua", text, size);
	script_free(&rig->script);
	rig->err.text[0] = '\0';
	rig->script = script_load(&options, &rig->err);
	free(path);
	return rig->script != NULL;
}

__attribute__((unused)) static bool
rig_load(struct rig *rig, const char *text)
{
	return rig_load_bytes(rig, text, strlen(text));
}

/* Loads a script whose record hook has this body. */
__attribute__((unused)) static bool
rig_load_body(struct rig *rig, const char *body)
{
	char *text = mem_printf("local mirror = require 'mirror'\nreturn { api = 1, record = "
				"function(r)\n%s\nend }\n",
		body);
	bool is_loaded = rig_load(rig, text);

	free(text);
	return is_loaded;
}

__attribute__((unused)) static void
rig_fini(struct rig *rig)
{
	char *command = mem_printf("rm -rf %s", rig->folder);

	script_free(&rig->script);
	script_world_free(&rig->world);
	options_fini(&rig->config);
	if (system(command))
		abort();
	free(command);
}

/* Shows records to the script, as the topic "source" partition 3 that goes to "target". */
__attribute__((unused)) static void
rig_run(struct rig *rig, const struct rig_record *records, size_t count)
{
	struct script_batch *b = script_batch(rig->script, count, "source", 3, "target");

	rig->records = records;
	rig->batch = b;
	for (size_t i = 0; i < count; i++) {
		const struct rig_record *from = &records[i];
		struct script_record *r = &b->_records[i];

		r->_key = from->key_size < 0 ? NULL : from->key;
		r->_key_size = from->key_size < 0 ? 0 : from->key_size;
		r->_value = from->value_size < 0 ? NULL : from->value;
		r->_value_size = from->value_size < 0 ? 0 : from->value_size;
		r->_message = (void *)(uintptr_t)from;
		r->_offset = (double)from->offset;
		r->_timestamp = (double)from->timestamp;
		r->_timestamp_type = (uint8_t)from->type;
		r->_partition = -1;
	}
	script_run(rig->script);
}

/* Bytes as a text: null, or with what does not print as \xHH. */
static void
rig_add_bytes(struct text *out, const char *bytes, int64_t size)
{
	if (!bytes) {
		text_puts(out, "null");
		return;
	}
	text_putc(out, '\'');
	for (int64_t i = 0; i < size; i++)
		if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '\\' || bytes[i] == '\'')
			text_printf(out, "\\x%02x", (unsigned char)bytes[i]);
		else
			text_putc(out, bytes[i]);
	text_putc(out, '\'');
}

static void
rig_add_headers(struct text *out, const struct rig *rig, int32_t list)
{
	const char *name, *comma = "";
	const void *value;
	size_t size;

	text_puts(out, " headers=[");
	for (size_t i = 0; script_header(rig->script, list, i, &name, &value, &size); i++) {
		text_printf(out, "%s%s=", comma, name);
		rig_add_bytes(out, value, (int64_t)size);
		comma = " ";
	}
	text_putc(out, ']');
}

/* What an output has of its own. Works for records and emits. */
#define RIG_ADD_FIELDS(out, rig, o)                                                               \
	do {                                                                                      \
		if ((o)->_changes & SCRIPT_CHANGED_KEY) {                                         \
			text_puts(out, " key=");                                                  \
			rig_add_bytes(out, (o)->_key, (o)->_key_size);                            \
		}                                                                                 \
		if ((o)->_changes & SCRIPT_CHANGED_VALUE) {                                       \
			text_puts(out, " value=");                                                \
			rig_add_bytes(out, (o)->_value, (o)->_value_size);                        \
		}                                                                                 \
		if ((o)->_changes & SCRIPT_CHANGED_TIMESTAMP)                                     \
			text_printf(out, " timestamp=%.17g", (o)->_timestamp);                    \
		if ((o)->_changes & SCRIPT_CHANGED_HEADERS)                                       \
			rig_add_headers(out, rig, (o)->_header_list);                             \
		if ((o)->_changes & SCRIPT_CHANGED_TOPIC)                                         \
			text_printf(                                                              \
				out, " topic=%s", script_topic_name((rig)->script, (o)->_topic)); \
		if ((o)->_changes & SCRIPT_CHANGED_PARTITION)                                     \
			text_printf(out, " partition=%d", (int)(o)->_partition);                  \
	} while (0)

/* What became of a record: "keep key='x' + topic=other". Lives until the next call. */
__attribute__((unused)) static const char *
rig_outcome(struct rig *rig, size_t i)
{
	static const char *const words[] = {"keep", "drop", "dead", "retry", "failed"};
	static struct text out;
	const struct script_record *r = &rig->batch->_records[i];

	out.length = 0;
	text_puts(&out, words[r->_outcome]);
	if (r->_outcome == SCRIPT_RETRY)
		text_printf(&out, " %d", (int)r->_wait_ms);
	if (r->_reason >= 0)
		text_printf(&out, "(%s)", script_reason_text(rig->script, r));
	if (r->_outcome == SCRIPT_RETRY)
		return out.s;
	RIG_ADD_FIELDS(&out, rig, r);
	for (int32_t e = r->_first_emit; e >= 0; e = script_emit_at(rig->script, e)->_next) {
		text_puts(&out, " +");
		RIG_ADD_FIELDS(&out, rig, script_emit_at(rig->script, e));
	}
	return out.s;
}

#ifdef TEST
/* Checks what became of a record; what: where this was. */
__attribute__((unused)) static void
rig_check(struct rig *rig, size_t i, const char *expected, const char *what)
{
	const char *outcome = rig_outcome(rig, i);

	if (!CHECK(!strcmp(outcome, expected)))
		printf("# %s\n# record %zu gives: %s\n# not:            %s\n", what, i, outcome,
			expected);
}

/* Fails, with what was found, when part does not stand in text. */
__attribute__((unused)) static void
check_contains(const char *text, const char *part, const char *what)
{
	if (!CHECK(strstr(text, part) != NULL))
		printf("# %s\n# gives: %s\n# not:   %s\n", what, text, part);
}
#endif

#endif
