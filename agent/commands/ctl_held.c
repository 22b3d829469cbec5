/* reflejo ctl: records at which partitions are held, shown and decided about. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "commands/ctl.h"

/* The year 9999 ends then, in ms since 1970; no year has more digits. */
#define TIME_MOST 253402300800000.0

static const cJSON *
get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* Its text for a terminal; "-" where there is none. */
static void
put_text(struct text *out, const cJSON *object, const char *name)
{
	const cJSON *value = get(object, name);

	if (cJSON_IsString(value))
		ctl_add_clean(out, value->valuestring);
	else
		text_putc(out, '-');
}

static double
number_of(const cJSON *object, const char *name)
{
	const cJSON *value = get(object, name);

	return cJSON_IsNumber(value) ? value->valuedouble : -1;
}

/* "text", 0xhex, or null. The document has name, or name_hex, and name_size where that is not all
   of it. */
static void
put_bytes(struct text *out, const cJSON *object, const char *name)
{
	char *hex_name = mem_printf("%s_hex", name), *size_name = mem_printf("%s_size", name);
	const cJSON *text = get(object, name), *hex = get(object, hex_name);
	const cJSON *size = get(object, size_name);

	if (cJSON_IsString(hex)) {
		text_puts(out, "0x");
		put_text(out, object, hex_name);
	} else if (cJSON_IsString(text)) {
		text_putc(out, '"');
		put_text(out, object, name);
		text_putc(out, '"');
	} else {
		text_puts(out, "null");
	}
	if (cJSON_IsNumber(size))
		text_printf(out, " (%.0f bytes)", size->valuedouble);
	free(hex_name);
	free(size_name);
}

/* A record's timestamp, which may be anything. */
static void
put_time(struct text *out, double ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (ms >= 0 && ms < TIME_MOST)
		text_puts(out, clock_print((int64_t)ms, text));
	else
		text_printf(out, ms < 0 ? "-" : "%.0f", ms);
}

static void
put_headers(struct text *out, const cJSON *held)
{
	const cJSON *header, *headers = get(held, "headers");
	int left = (int)number_of(held, "header_count") - cJSON_GetArraySize(headers);

	cJSON_ArrayForEach(header, headers)
	{
		text_puts(out, "  header     ");
		put_text(out, header, "name");
		text_puts(out, " = ");
		put_bytes(out, header, "value");
		text_putc(out, '\n');
	}
	if (left > 0)
		text_printf(out, "  header     and %d more\n", left);
}

static void
put_record(struct text *out, const cJSON *held)
{
	const cJSON *output = get(held, "output");

	text_puts(out, "  to         ");
	put_text(out, held, "destination");
	text_puts(out, "\n  timestamp  ");
	put_time(out, number_of(held, "timestamp"));
	text_puts(out, "\n  key        ");
	put_bytes(out, held, "key");
	text_puts(out, "\n  value      ");
	put_bytes(out, held, "value");
	text_putc(out, '\n');
	put_headers(out, held);
	if (!cJSON_IsObject(output))
		return;
	text_puts(out, "  sent as    key ");
	put_bytes(out, output, "key");
	text_puts(out, ", value ");
	put_bytes(out, output, "value");
	text_puts(out, cJSON_IsTrue(get(output, "dead_letter")) ? ", a dead letter\n" : "\n");
}

/* One held partition. */
static void
put_held(struct text *out, const cJSON *held)
{
	bool is_gap = !get(held, "value") && !get(held, "value_hex");

	put_text(out, held, "topic");
	text_printf(out, ":%.0f@%.0f  held by the ", number_of(held, "partition"),
		number_of(held, "offset"));
	put_text(out, held, "kind");
	text_puts(out, " since ");
	put_text(out, held, "since");
	if (cJSON_IsString(get(held, "error"))) {
		text_puts(out, ", ");
		put_text(out, held, "error");
	}
	text_puts(out, "\n  reason     ");
	put_text(out, held, "reason");
	text_putc(out, '\n');
	if (!is_gap)
		put_record(out, held);
}

/* By topic and partition. */
static int
compare(const void *a, const void *b)
{
	const cJSON *const *left = a, *const *right = b;
	const char *x = cJSON_GetStringValue(get(*left, "topic"));
	const char *y = cJSON_GetStringValue(get(*right, "topic"));
	int order = strcmp(x ? x : "", y ? y : "");

	return order ? order
		     : (number_of(*left, "partition") > number_of(*right, "partition")) -
			       (number_of(*left, "partition") < number_of(*right, "partition"));
}

static void
put_all(struct text *out, const cJSON *document)
{
	const cJSON *item, *held = get(document, "held"), **sorted;
	size_t count = 0;

	sorted = mem_zero((size_t)cJSON_GetArraySize(held) + 1, sizeof(*sorted));
	cJSON_ArrayForEach(item, held) sorted[count++] = item;
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 0; i < count; i++)
		put_held(out, sorted[i]);
	if (count == 0)
		text_puts(out, "no partition is held here\n");
	if (number_of(document, "left_out") > 0)
		text_printf(out, "and %.0f more; name a topic, or a partition\n",
			number_of(document, "left_out"));
	free(sorted);
}

int
ctl_show_held(const struct ctl *ctl, int argc, char **argv)
{
	struct text body = {0}, out = {0};
	struct client_answer answer;
	bool is_json;
	cJSON *document;
	struct err err;
	int rc = ctl_read_place(ctl, argc, argv, "--json", &is_json, &body);

	if (rc != CTL_DONE)
		return rc;
	text_puts(&body, body.length ? "}" : "{}");
	rc = ctl_ask(ctl, "POST", "/show-held", body.s, CTL_SOON, &answer, &err);
	text_fini(&body);
	if (rc < 0)
		return ctl_unreached(&err);
	document = answer.status < 300 && !is_json ? cJSON_Parse(answer.body.s) : NULL;
	if (answer.status >= 300)
		rc = ctl_refused(&answer);
	else if (is_json)
		text_add(&out, answer.body.s, answer.body.length);
	else
		put_all(&out, document);
	fputs(out.s ? out.s : "", stdout);
	cJSON_Delete(document);
	text_fini(&out);
	text_fini(&answer.body);
	return rc;
}

/* TOPIC:PARTITION@OFFSET: all of it must be said, so that nothing else is meant. */
static int
decide(const struct ctl *ctl, const char *path, int argc, char **argv)
{
	const char *at = argc == 1 ? strchr(argv[0], '@') : NULL;
	struct text body = {0};
	int64_t offset;
	struct err err;
	char *place;
	int rc;

	if (!at || !memchr(argv[0], ':', (size_t)(at - argv[0])))
		return ctl_usage(ctl);
	if (parse_int(at + 1, 0, INT64_MAX, &offset, &err) < 0) {
		fprintf(stderr, "reflejo: the offset of %s: %s\n", argv[0], err.text);
		return CTL_REFUSED;
	}
	place = mem_strndup(argv[0], (size_t)(at - argv[0]));
	rc = ctl_add_place(&body, place);
	free(place);
	if (rc < 0) {
		text_fini(&body);
		return CTL_REFUSED;
	}
	text_printf(&body, ",\"offset\":%lld}", (long long)offset);
	return ctl_do(ctl, path, &body, CTL_SOON);
}

int
ctl_skip(const struct ctl *ctl, int argc, char **argv)
{
	return decide(ctl, "/skip", argc, argv);
}

int
ctl_dead_letter(const struct ctl *ctl, int argc, char **argv)
{
	return decide(ctl, "/dead-letter", argc, argv);
}
