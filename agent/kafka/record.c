/* One record on its way: the fields of what was consumed, and what keeps their memory alive. */
#include "kafka/record.h"

#include <librdkafka/rdkafka.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/library.h"

/* About as many as leave the pipeline and enter it in one turn; 200 bytes each. */
#define SPARES 4096
/* Of a list with more headers than that none is removed, but the others are copied. */
#define REMOVED_IN_PLACE 64

/* Memory is readable or not by pages, which are never smaller. */
#define PAGE 4096

struct record_spares {
	size_t count;
	rd_kafka_headers_t *items[SPARES];
};

void
record_restore(struct record *record, void *message, void *headers)
{
	const rd_kafka_message_t *m = message;
	rd_kafka_timestamp_type_t type;

	record->message = message;
	record->headers = headers;
	record->key = m->key;
	record->key_size = m->key_len;
	record->value = m->payload;
	record->value_size = m->len;
	record->offset = m->offset;
	record->partition = m->partition;
	record->timestamp = rd_kafka_message_timestamp(m, &type);
	record->timestamp_type = type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? RECORD_TIMESTAMP_CREATE
				 : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME
					 ? RECORD_TIMESTAMP_APPEND
					 : RECORD_TIMESTAMP_NONE;
}

void
record_release(void *message, void *headers)
{
	if (headers)
		rd_kafka_headers_destroy(headers);
	if (message)
		rd_kafka_message_destroy(message);
}

/* Has it surely no headers? The library finds that out by making a buffer of its own for what may
   be one byte, an eighth of all that a mirrored record costs. In a record as brokers keep them
   (Record of message format v2, KIP-98) the number of headers stands behind the value, and that is
   where the library's message points to: into the response as it came, or as it was unpacked
   (rd_kafka_msgset_reader_msg_v2 in rdkafka_msgset_reader.c, 2.0.2 to 2.13). Older formats have no
   headers, whatever stands there, and an empty value stands elsewhere. The byte is looked at only
   where it shares a page with the value's last one, so it can be. */
__attribute__((no_sanitize("address"))) static bool
is_bare(const rd_kafka_message_t *m)
{
	const unsigned char *end = (const unsigned char *)m->payload + m->len;

	return m->payload && m->len > 0 && (uintptr_t)end % PAGE && *end == 0 &&
	       !library_at_least(2, 14, 0);
}

bool
record_header(
	void *message, size_t i, const char **ret_name, const void **ret_value, size_t *ret_size)
{
	rd_kafka_headers_t *headers;

	return !is_bare(message) &&
	       rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	       rd_kafka_header_get_all(headers, i, ret_name, ret_value, ret_size) ==
		       RD_KAFKA_RESP_ERR_NO_ERROR;
}

void *
record_copy_headers(void *message)
{
	rd_kafka_headers_t *headers;

	if (!message || is_bare(message) ||
		rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return NULL;
	return rd_kafka_headers_copy(headers);
}

void *
record_take_headers(void *message)
{
	rd_kafka_headers_t *headers = NULL;

	if (!is_bare(message))
		rd_kafka_message_detach_headers(message, &headers);
	return headers;
}

void
record_keep_headers(void *message, size_t count)
{
	rd_kafka_headers_t *kept = rd_kafka_headers_new(count);
	const char *name;
	const void *value;
	size_t size;

	for (size_t i = 0; i < count && record_header(message, i, &name, &value, &size); i++)
		rd_kafka_header_add(kept, name, -1, value, (ssize_t)size);
	rd_kafka_message_set_headers(message, kept);
}

void
record_add_header(void **headers, const char *name, const void *value, size_t size)
{
	if (!*headers)
		*headers = rd_kafka_headers_new(8);
	rd_kafka_header_add(*headers, name, -1, value, (ssize_t)size);
}

struct record_spares *
record_spares_new(void)
{
	return mem_zero(1, sizeof(struct record_spares));
}

void
record_spares_free(struct record_spares **spares)
{
	for (size_t i = 0; *spares && i < (*spares)->count; i++)
		rd_kafka_headers_destroy((*spares)->items[i]);
	free(*spares);
	*spares = NULL;
}

bool
record_spare(struct record_spares *spares, void *headers)
{
	if (!spares || !headers || spares->count == SPARES || rd_kafka_header_cnt(headers) != 1)
		return false;
	spares->items[spares->count++] = headers;
	return true;
}

void *
record_take_spare(struct record_spares *spares)
{
	return spares && spares->count > 0 ? spares->items[--spares->count] : NULL;
}

/* Without the headers of the name. Taking many out of the list one by one takes the square of their
   number, and a record of a megabyte has room for tens of thousands. @takes headers @gives headers;
   */
static rd_kafka_headers_t *
copy_without(rd_kafka_headers_t *headers, const char *name)
{
	rd_kafka_headers_t *rest = rd_kafka_headers_new(rd_kafka_header_cnt(headers));
	const char *other;
	const void *value;
	size_t size;

	for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &other, &value, &size); i++)
		if (strcmp(other, name) != 0)
			rd_kafka_header_add(rest, other, -1, value, (ssize_t)size);
	rd_kafka_headers_destroy(headers);
	return rest;
}

void
record_set_header(void **headers, const char *name, const void *value, size_t size)
{
	if (!*headers)
		*headers = rd_kafka_headers_new(1);
	else if (rd_kafka_header_cnt(*headers) > REMOVED_IN_PLACE)
		*headers = copy_without(*headers, name);
	else
		rd_kafka_header_remove(*headers, name);
	rd_kafka_header_add(*headers, name, -1, value, (ssize_t)size);
}
