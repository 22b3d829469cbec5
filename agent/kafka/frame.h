/* A frame: one request to a broker, byte by byte, and its answer, for the few that librdkafka does
   not send. Format: Kafka's protocol guide, versions without tagged fields. For kafka/ only. */
#ifndef KAFKA_FRAME_H
#define KAFKA_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "kafka/wire.h"

/* Kafka's numbers of requests. */
enum frame_api {
	FRAME_PRODUCE = 0,
	FRAME_FETCH = 1,
	FRAME_METADATA = 3,
	FRAME_OFFSET_COMMIT = 8,
	FRAME_SASL_HANDSHAKE = 17,
	FRAME_API_VERSIONS = 18,
	FRAME_CREATE_TOPICS = 19,
	FRAME_INIT_PRODUCER_ID = 22,
	FRAME_END_TXN = 26,
	FRAME_DESCRIBE_ACLS = 29,
	FRAME_CREATE_ACLS = 30,
	FRAME_DESCRIBE_CONFIGS = 32,
	FRAME_ALTER_CONFIGS = 33,
	FRAME_SASL_AUTHENTICATE = 36,
	FRAME_CREATE_PARTITIONS = 37,
	FRAME_INCREMENTAL_ALTER_CONFIGS = 44,
	FRAME_APIS = 128
};

/* Begins a request. @gives text; frame_ask takes it */
void frame_begin(struct text *request, enum frame_api api, int version);

/* Add a number of so many bits at the end. */
void frame_put8(struct text *request, int number);
/* The same, 16 bits. */
void frame_put16(struct text *request, int number);
/* The same, 32 bits. */
void frame_put32(struct text *request, int32_t number);
/* The same, 64 bits. */
void frame_put64(struct text *request, int64_t number);

/* Adds a text with its length; NULL is null. */
void frame_put_text(struct text *request, const char *s);

/* What a broker answered. A get beyond the end gives 0, "" or NULL, and sets is_short. */
struct answer {
	char *bytes;
	size_t size, at;
	bool is_short;
};

/* The next 8 bits. */
int frame_get8(struct answer *answer);
/* The next 16. */
int frame_get16(struct answer *answer);
/* The next 32. */
int32_t frame_get32(struct answer *answer);
/* The next 64. */
int64_t frame_get64(struct answer *answer);

/* NULL: null. @gives a string */
char *frame_get_text(struct answer *answer);

/* Bytes with a length of 32 bits in front. @borrows answer */
const char *frame_get_bytes(struct answer *answer, size_t *ret_size);

/* How many elements an array has, of which each takes so many bytes at least; never more than the
   answer has room for: 0 then, and is_short. */
size_t frame_get_count(struct answer *answer, size_t least);

/* Goes past so many bytes. */
void frame_skip(struct answer *answer, size_t n);

/* Sends the request and awaits its answer, in which the next get is the first behind the header.
   When it fails with bytes that are no frame, the first of them are in ret->bytes. @takes request's
   bytes @gives *ret, after a failure too; answer_fini @blocks */
enum wire_end frame_ask(struct wire *wire, struct text *request, struct answer *ret);

/* The same with bare bytes behind a length of 32 bits, as logins before Kafka 1.0. @takes request's
   bytes @gives *ret; answer_fini @blocks */
enum wire_end frame_ask_bare(struct wire *wire, struct text *request, struct answer *ret);

/* Frees what it holds. */
void answer_fini(struct answer *answer);

#endif
