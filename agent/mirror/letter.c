/* Letters: what a dead letter says of itself, in headers behind those of the record that was put
   aside. */
#include "mirror/letter.h"

#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "kafka/record.h"

static void
add_text(void **headers, const char *name, const char *text)
{
	record_add_header(headers, name, text, strlen(text));
}

static void
add_number(void **headers, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	add_text(headers, name, text);
}

void
letter_write(const struct letter *l, void **headers)
{
	add_text(headers, LETTER_TOPIC, l->topic);
	add_number(headers, LETTER_PARTITION, l->partition);
	add_number(headers, LETTER_OFFSET, l->offset);
	if (l->script) {
		add_text(headers, LETTER_SCRIPT, l->script);
		add_number(headers, LETTER_GENERATION, l->generation);
	}
	add_text(headers, LETTER_REASON, l->reason);
	if (l->error && *l->error)
		add_text(headers, LETTER_ERROR, l->error);
}

/* A header's value as a text, cut where there is no room. */
static void
take_text(const void *value, size_t size, char *out, size_t room)
{
	size_t n = value && size < room ? size : value ? room - 1 : 0;

	if (n > 0)
		memcpy(out, value, n);
	out[n] = '\0';
}

static void
take_number(const void *value, size_t size, int64_t most, int64_t *ret)
{
	char text[24];

	take_text(value, size, text, sizeof(text));
	if (parse_int(text, 0, most, ret, NULL) < 0)
		*ret = -1;
}

bool
letter_read(void *message, struct letter_origin *ret)
{
	const char *name;
	const void *value;
	size_t size;

	*ret = (struct letter_origin){.partition = -1, .offset = -1};
	for (size_t i = 0; record_header(message, i, &name, &value, &size); i++) {
		/* What stands before is of a dead letter that was mirrored, and put aside anew. */
		if (!strcmp(name, LETTER_TOPIC)) {
			*ret = (struct letter_origin){.own = i, .partition = -1, .offset = -1};
			take_text(value, size, ret->topic, sizeof(ret->topic));
		} else if (!strcmp(name, LETTER_PARTITION)) {
			take_number(value, size, INT32_MAX, &ret->partition);
		} else if (!strcmp(name, LETTER_OFFSET)) {
			take_number(value, size, INT64_MAX, &ret->offset);
		} else if (!strcmp(name, LETTER_REASON)) {
			take_text(value, size, ret->reason, sizeof(ret->reason));
		} else if (!strcmp(name, LETTER_ERROR)) {
			take_text(value, size, ret->error, sizeof(ret->error));
		}
	}
	return parse_is_topic_name(ret->topic) && ret->partition >= 0 && ret->offset >= 0;
}
