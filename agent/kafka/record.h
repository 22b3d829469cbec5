/* One record on its way: the fields of what was consumed, and what keeps their memory alive. */
#ifndef KAFKA_RECORD_H
#define KAFKA_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum record_timestamp_type {
	RECORD_TIMESTAMP_NONE,
	RECORD_TIMESTAMP_CREATE,
	RECORD_TIMESTAMP_APPEND
};

/* key and value point into the consumer's memory and live until record_release. A NULL pointer is
   Kafka's null; length 0 with a pointer is empty. */
struct record {
	void *message; /* the consumer's message; opaque outside kafka/ */
	void *headers; /* headers that came back from a producer, NULL: still in the message; opaque
			  outside kafka/ */
	const void *key, *value;
	size_t key_size, value_size;
	int64_t offset;
	int64_t timestamp; /* ms since 1970, -1: the source had none */
	int32_t partition;
	uint8_t timestamp_type;
};

/* Fills the fields again from the message and the headers that a record was made of, for sending it
   once more. @thread owner @borrows message and headers until they are released */
void record_restore(struct record *record, void *message, void *headers);

/* Gives the memory back to the library. NULLs are accepted. @takes message and headers. @thread any
 */
void record_release(void *message, void *headers);

#endif
