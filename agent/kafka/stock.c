/* Records that were taken out of a partition's queue before anybody reads them, oldest first. */
#include "kafka/stock.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What the library keeps for a message beside its bytes (librdkafka.md 1.2). */
#define BOOKKEEPING 320
#define AT_ONCE 1024

static int64_t
size_of(const rd_kafka_message_t *m)
{
	return BOOKKEEPING + (int64_t)(m->len + m->key_len);
}

/* Room for count more, at the end. */
static rd_kafka_message_t **
make_room(struct stock *s, size_t count)
{
	if (s->first > 0) {
		memmove(s->messages, s->messages + s->first, s->count * sizeof(*s->messages));
		s->first = 0;
	}
	while (s->capacity < s->count + count)
		s->messages =
			mem_grow(s->messages, &s->capacity, s->capacity, sizeof(*s->messages));
	return s->messages + s->count;
}

/* Takes up to max messages. Returns how many there were. */
static size_t
take_some(rd_kafka_queue_t *queue, bool in_batches, rd_kafka_message_t **ret, size_t max)
{
	size_t n = 0;
	ssize_t got;

	if (in_batches) {
		got = rd_kafka_consume_batch_queue(queue, 0, ret, max);
		return got > 0 ? (size_t)got : 0;
	}
	while (n < max && (ret[n] = rd_kafka_consume_queue(queue, 0)))
		n++;
	return n;
}

size_t
stock_fill(struct stock *s, rd_kafka_queue_t *queue, bool in_batches)
{
	size_t before = s->count, n;

	do {
		rd_kafka_message_t **fresh = make_room(s, AT_ONCE);

		n = take_some(queue, in_batches, fresh, AT_ONCE);
		for (size_t i = 0; i < n; i++)
			s->bytes += size_of(fresh[i]);
		s->count += n;
	} while (n == AT_ONCE);
	return s->count - before;
}

size_t
stock_fill_one(struct stock *s, rd_kafka_queue_t *queue)
{
	rd_kafka_message_t *m = rd_kafka_consume_queue(queue, 0);

	if (!m)
		return 0;
	*make_room(s, 1) = m;
	return s->count = 1;
}

int64_t
stock_offset(const struct stock *s)
{
	int64_t offset = s->count > 0 ? s->messages[s->first]->offset : -1;

	return offset < 0 ? -1 : offset;
}

rd_kafka_message_t *
stock_take(struct stock *s)
{
	rd_kafka_message_t *m;

	if (s->count == 0)
		return NULL;
	m = s->messages[s->first++];
	s->bytes -= size_of(m);
	/* What is empty for long should not cost anything: there are as many as partitions. */
	if (--s->count == 0)
		stock_clear(s);
	return m;
}

void
stock_clear(struct stock *s)
{
	for (size_t i = 0; i < s->count; i++)
		rd_kafka_message_destroy(s->messages[s->first + i]);
	free(s->messages);
	*s = (struct stock){0};
}
