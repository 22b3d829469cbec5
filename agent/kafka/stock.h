/* Records that were taken out of a partition's queue before anybody reads them, oldest first. */
#ifndef KAFKA_STOCK_H
#define KAFKA_STOCK_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one. All calls: @thread worker, none blocks. */
struct stock {
	rd_kafka_message_t **messages; /* from first on, count of them */
	size_t first, count, capacity;
	int64_t bytes; /* what they take, with the library's bookkeeping */
};

/* Takes all that waits in the queue, errors too, for the library counts all of it when it thinks
   the queue is full. in_batches: by the call that takes many at once (librdkafka.md 1.6). Returns
   how many. */
size_t stock_fill(struct stock *stock, rd_kafka_queue_t *queue, bool in_batches);

/* Takes one message, if one waits, into an empty stock; nothing may be added before it is taken,
   and it is not counted in bytes, as it was not where it came from. Returns how many it took. */
size_t stock_fill_one(struct stock *stock, rd_kafka_queue_t *queue);

/* The offset of the oldest, -1: there is none, or it is an error that has none. */
int64_t stock_offset(const struct stock *stock);

/* The oldest, NULL: there is none.
   @gives the message; rd_kafka_message_destroy */
rd_kafka_message_t *stock_take(struct stock *stock);

/* Empties it; its memory too is given back. */
void stock_clear(struct stock *stock);

#endif
