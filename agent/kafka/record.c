/* One record on its way: the fields of what was consumed, and what keeps their memory alive. */
#include "kafka/record.h"

#include <librdkafka/rdkafka.h>

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

bool
record_header(
	void *message, size_t i, const char **ret_name, const void **ret_value, size_t *ret_size)
{
	rd_kafka_headers_t *headers;

	return rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	       rd_kafka_header_get_all(headers, i, ret_name, ret_value, ret_size) ==
		       RD_KAFKA_RESP_ERR_NO_ERROR;
}

void *
record_copy_headers(void *message)
{
	rd_kafka_headers_t *headers;

	if (!message || rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return NULL;
	return rd_kafka_headers_copy(headers);
}

void *
record_take_headers(void *message)
{
	rd_kafka_headers_t *headers = NULL;

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
