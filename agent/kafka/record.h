/* One record on its way: the fields of what was consumed, and what keeps their memory alive. */
#ifndef KAFKA_RECORD_H
#define KAFKA_RECORD_H

#include <stdbool.h>
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
	void *message; /* the consumer's message; opaque outside kafka/. NULL: not what was
			  consumed, and headers are all the headers there are */
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

/* The i-th header of a consumer's message whose headers were not taken; false: there is none. A
   NULL value is null. @thread owner @borrows the message's memory */
bool record_header(
	void *message, size_t i, const char **ret_name, const void **ret_value, size_t *ret_size);

/* A message's headers for another record; NULL: it has none. Both can be had again: the library
   reads them from the bytes of the fetch when it has them no more (rd_kafka_message_headers).
   Taking saves the copy. @thread owner @gives headers; record_release, or a record that is sent */
void *record_copy_headers(void *message);
void *record_take_headers(void *message);

/* From now on the message has only its first count headers. @thread owner */
void record_keep_headers(void *message, size_t count);

/* Adds one to *headers, which is made when it is NULL. A NULL value is null. The bytes are copied.
 */
void record_add_header(void **headers, const char *name, const void *value, size_t size);

/* Likewise, in place of all that have the name. */
void record_set_header(void **headers, const char *name, const void *value, size_t size);

/* Lists of one header that are not needed any more, kept for the next records: making and freeing
   them anew is most of what a header costs a thread. One thread at a time. NULL is accepted.
   @gives the spares; record_spares_free */
struct record_spares;
struct record_spares *record_spares_new(void);
void record_spares_free(struct record_spares **spares);

/* Takes headers if they are one, there is room for them, and spares is not NULL; false: they stay
   the caller's. @takes headers */
bool record_spare(struct record_spares *spares, void *headers);

/* A list whose one header is to be replaced, NULL: there is none. @gives headers */
void *record_take_spare(struct record_spares *spares);

#endif
