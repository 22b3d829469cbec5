/* The tap: records before and after the script, as JSON lines for an operator who asked for them.
 */
#include "mirror/tap.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

/* More of a key or value is not shown. */
#define SHOWN 1024

/* Up to where the bytes are UTF-8; a character that is cut at the end of what is shown does not
 * count against them. */
static size_t
utf8_prefix(const char *s, size_t size)
{
	size_t at = 0, n;

	while (at < size && (n = utf8_length(s + at, size - at)) > 0)
		at += n;
	return at;
}

void
tap_put_bytes(struct text *out, const char *name, const void *bytes, size_t size, size_t most,
	bool is_sized)
{
	size_t shown = size < most ? size : most, text;

	if (!bytes) {
		text_printf(out, ",\"%s\":null", name);
		return;
	}
	text = utf8_prefix(bytes, shown);
	if (text == shown || (size > most && shown - text < 4)) {
		text_printf(out, ",\"%s\":", name);
		json_put_bytes(out, bytes, text);
	} else {
		text_printf(out, ",\"%s_hex\":\"", name);
		for (size_t i = 0; i < shown; i++)
			text_printf(out, "%02x", ((const unsigned char *)bytes)[i]);
		text_putc(out, '"');
	}
	if (size > most || is_sized)
		text_printf(out, ",\"%s_size\":%zu", name, size);
}

/* What is shown of a key or a value here. */
static void
put_bytes(struct text *out, const char *name, const void *bytes, size_t size)
{
	tap_put_bytes(out, name, bytes, size, SHOWN, false);
}

static void
put_name(struct text *out, const char *name, const char *value)
{
	json_put_field(out, name, value, "");
}

void
tap_put_output(struct text *out, const struct output *o)
{
	text_putc(out, '{');
	put_name(out, "topic", target_topic_name(o->target));
	put_bytes(out, "key", o->key, o->key_size);
	put_bytes(out, "value", o->value, o->value_size);
	if (o->wanted >= 0)
		text_printf(out, ",\"partition\":%d", (int)o->wanted);
	text_printf(out, ",\"dead_letter\":%s}", o->is_dead_letter ? "true" : "false");
}

/* What was decided, in a word. */
static const char *
outcome(const struct flight *f, const struct script_record *decided)
{
	static const char *const words[] = {[SCRIPT_KEEP] = "keep",
		[SCRIPT_DROP] = "drop",
		[SCRIPT_DEAD_LETTER] = "dead_letter",
		[SCRIPT_RETRY] = "retry",
		[SCRIPT_FAILED] = "failed"};

	if (!decided)
		return f->state == FLIGHT_DONE ? "loop" : "keep";
	return decided->_outcome == SCRIPT_KEEP && f->state == FLIGHT_DONE
		       ? "failed"
		       : words[decided->_outcome];
}

char *
tap_sample(const char *source_topic, const char *routed, const struct record *record,
	const struct flight *flight, const struct script_record *decided)
{
	const struct outputs *outputs = flight->outputs;
	struct text out = {0};

	text_putc(&out, '{');
	put_name(&out, "topic", source_topic);
	text_printf(&out, ",\"partition\":%d,\"offset\":%lld", (int)record->partition,
		(long long)record->offset);
	put_bytes(&out, "key", record->key, record->key_size);
	put_bytes(&out, "value", record->value, record->value_size);
	text_putc(&out, ',');
	put_name(&out, "outcome", outcome(flight, decided));
	text_puts(&out, ",\"outputs\":[");
	for (uint32_t i = 0; outputs && i < outputs->count; i++) {
		if (i > 0)
			text_putc(&out, ',');
		tap_put_output(&out, &outputs->items[i]);
	}
	/* Kept as it was, or failed and passed on. */
	if (!outputs && flight->state != FLIGHT_DONE) {
		text_putc(&out, '{');
		put_name(&out, "topic", routed);
		text_puts(&out, ",\"unchanged\":true}");
	}
	text_puts(&out, "]}");
	return text_take(&out);
}
