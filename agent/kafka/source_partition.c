/* One assigned partition of a consumer: its records, and where they stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/consumer_state.h"
#include "kafka/library.h"
#include "kafka/reset.h"

/* Partitions whose queues are checked in one turn. */
#define CHECKS 64
/* One that is read is read this often. */
#define FLOWING_MS 100
/* The library finds a topic by comparing its name with all others: ten thousand of them take it a
   second. A stream has better things to do. */
#define LOOK_MS 20
/* The library's main thread answers at once, unless it is at something long. */
#define SEEK_MS 20
/* So many looks must find nothing to read in a partition that nothing has come of yet. */
#define EMPTY_LOOKS 2

/* @thread library, with the queue's lock held: may only signal */
static void
on_ready(rd_kafka_t *rk, void *opaque)
{
	struct source_partition *p = opaque;
	struct consumer *c = p->consumer;
	struct source_partition *head;
	uint64_t one = 1;

	(void)rk;
	if (atomic_exchange(&p->is_ready, true))
		return;
	head = atomic_load(&c->ready);
	do
		p->next = head;
	while (!atomic_compare_exchange_weak(&c->ready, &head, p));
	if (!head && write(c->ready_fd, &one, sizeof(one)) < 0)
		return;
}

/* The library gave up a position of one of our partitions, and goes to the beginning: this comes
   before it fetches again. @thread library */
void
consumer_on_offset_line(const char *line, void *arg)
{
	struct consumer *c = arg;
	struct reset reset;
	struct source_partition *p;

	if (!reset_parse(line, &reset))
		return;
	pthread_mutex_lock(&c->lock);
	for (p = c->open; p; p = p->next_open)
		if (p->partition == reset.partition && !strcmp(p->topic, reset.topic))
			break;
	if (p && atomic_load(&p->refused) < 0) {
		atomic_store(&p->has_more_before,
			rd_kafka_queue_length(p->queue) > 0 || atomic_load(&p->has_given));
		atomic_store_explicit(&p->refused, reset.offset, memory_order_release);
		on_ready(c->rk, p);
	}
	pthread_mutex_unlock(&c->lock);
}

/* Moves what the library's threads pushed behind what is still to be given, oldest first. */
static void
take_ready(struct consumer *c)
{
	struct source_partition *p, *next, *order = NULL, **end = &c->taken;
	uint64_t wakes;

	/* In this order: what is pushed after the exchange makes the descriptor readable again. */
	if (read(c->ready_fd, &wakes, sizeof(wakes)) < 0)
		wakes = 0;
	for (p = atomic_exchange(&c->ready, NULL); p; p = next) {
		next = p->next;
		p->next = order;
		order = p;
	}
	while (*end)
		end = &(*end)->next;
	*end = order;
}

static void
note_unread(struct source_partition *p)
{
	if (p->is_unread)
		return;
	p->is_unread = true;
	p->consumer->unread_count++;
	TAILQ_INSERT_TAIL(&p->consumer->unread, p, unread);
}

static void
forget_unread(struct source_partition *p)
{
	if (!p->is_unread)
		return;
	p->is_unread = false;
	p->consumer->unread_count--;
	TAILQ_REMOVE(&p->consumer->unread, p, unread);
}

/* Its records are not wanted any more. */
static void
drop_stock(struct source_partition *p)
{
	p->consumer->stocked -= p->stock.bytes;
	stock_clear(&p->stock);
}

struct source_partition *
consumer_next_ready(struct consumer *c)
{
	struct source_partition *p;

	if (!c->taken)
		take_ready(c);
	p = c->taken;
	if (!p)
		return NULL;
	c->taken = p->next;
	p->next = NULL;
	/* From here on the library may report it again: it is read to its end, or stays with the
	 * caller. */
	atomic_store(&p->is_ready, false);
	note_unread(p);
	return p;
}

static void
forget_look(struct source_partition *p)
{
	p->low = p->high = p->position = -1;
}

struct source_partition *
consumer_open_partition(struct consumer *c, const char *topic, int32_t partition, void *owner)
{
	struct source_partition *p = mem_zero(1, sizeof(*p));

	p->consumer = c;
	p->owner = owner;
	p->topic = mem_strdup(topic);
	p->partition = partition;
	p->next_offset = p->error_offset = p->sought = -1;
	forget_look(p);
	p->refused = -1;
	p->queue = rd_kafka_queue_get_partition(c->rk, topic, partition);
	rd_kafka_queue_forward(p->queue, NULL);
	rd_kafka_queue_cb_event_enable(p->queue, on_ready, p);
	/* Records that came before the callback was set are not reported by it. */
	on_ready(c->rk, p);
	pthread_mutex_lock(&c->lock);
	p->next_open = c->open;
	c->open = p;
	pthread_mutex_unlock(&c->lock);
	c->open_count++;
	return p;
}

static void
forget_open(struct source_partition *p)
{
	struct source_partition **link = &p->consumer->open;

	pthread_mutex_lock(&p->consumer->lock);
	while (*link != p)
		link = &(*link)->next_open;
	*link = p->next_open;
	if (p->consumer->look_next == p)
		p->consumer->look_next = p->next_open;
	pthread_mutex_unlock(&p->consumer->lock);
}

void
source_partition_close(struct source_partition **partition)
{
	struct source_partition *p = *partition, **link;

	if (!p)
		return;
	forget_open(p);
	/* Takes the queue's lock: after this no callback runs or will run. */
	rd_kafka_queue_cb_event_enable(p->queue, NULL, NULL);
	take_ready(p->consumer);
	for (link = &p->consumer->taken; *link; link = &(*link)->next) {
		if (*link != p)
			continue;
		*link = p->next;
		break;
	}
	forget_unread(p);
	drop_stock(p);
	p->consumer->open_count--;
	rd_kafka_queue_destroy(p->queue);
	free(p->topic);
	free(p);
	*partition = NULL;
}

void *
source_partition_owner(const struct source_partition *p)
{
	return p->owner;
}

static void
view_message_error(
	struct source_partition *p, const rd_kafka_message_t *m, struct consumer_event *ret)
{
	struct consumer *c = p->consumer;

	ret->kind = consumer_judge(m->err);
	if (ret->kind == CONSUMER_DENIED && p->next_offset >= 0)
		ret->kind = CONSUMER_DENIED_NOW;
	ret->is_connection = consumer_is_connection_error(m->err);
	snprintf(c->reason, sizeof(c->reason), "%s", rd_kafka_message_errstr(m));
	ret->reason = c->reason;
	while (c->capacity < 1)
		c->partitions = mem_grow(c->partitions, &c->capacity, 0, sizeof(*c->partitions));
	c->partitions[0] = (struct topic_partition){p->topic, p->partition, m->offset};
	ret->partitions = c->partitions;
	ret->count = 1;
}

/* Takes over one message. Returns 1 when it became a record. */
static size_t
accept_message(struct source_partition *p, rd_kafka_message_t *m, struct record *record,
	struct consumer_event *ret_event)
{
	if (m->err) {
		view_message_error(p, m, ret_event);
		p->error_offset = m->offset;
		rd_kafka_message_destroy(m);
		return 0;
	}
	p->next_offset = m->offset + 1;
	p->sought = -1;
	record_restore(record, m, NULL);
	return 1;
}

static size_t
read_single(struct source_partition *p, struct record *records, size_t max,
	struct consumer_event *ret_event)
{
	size_t n = 0;
	rd_kafka_message_t *m;

	while (n < max && (m = rd_kafka_consume_queue(p->queue, 0)))
		n += accept_message(p, m, &records[n], ret_event);
	return n;
}

static size_t
read_batch(struct source_partition *p, struct record *records, size_t max,
	struct consumer_event *ret_event)
{
	rd_kafka_message_t *messages[256];
	size_t n = 0;
	ssize_t got;

	while (n < max) {
		size_t room = max - n;

		if (room > sizeof(messages) / sizeof(messages[0]))
			room = sizeof(messages) / sizeof(messages[0]);
		got = rd_kafka_consume_batch_queue(p->queue, 0, messages, room);
		if (got <= 0)
			break;
		for (ssize_t i = 0; i < got; i++)
			n += accept_message(p, messages[i], &records[n], ret_event);
	}
	return n;
}

static size_t
read_stock(struct source_partition *p, struct record *records, size_t max,
	struct consumer_event *ret_event)
{
	int64_t before = p->stock.bytes;
	size_t n = 0;
	rd_kafka_message_t *m;

	while (n < max && (m = stock_take(&p->stock)))
		n += accept_message(p, m, &records[n], ret_event);
	p->consumer->stocked -= before - p->stock.bytes;
	return n;
}

/* Is its queue, with so many records in it, at this share of its limit, or above? */
static bool
is_filled(const struct source_partition *p, int64_t length, double share)
{
	const struct consumer *c = p->consumer;

	return length >= share * c->queued_records ||
	       length * p->record_size >= share * c->queued_bytes;
}

/* So many have left the queue: was it full, and is it now down? */
static void
watch_fill(struct source_partition *p, size_t taken)
{
	int64_t length = (int64_t)rd_kafka_queue_length(p->queue);

	p->was_full |= is_filled(p, length + (int64_t)taken, 1);
	if (!p->was_full || is_filled(p, length, 0.5))
		return;
	p->was_full = false;
	rd_kafka_topic_partition_list_add(p->consumer->nudges, p->topic, p->partition);
}

static void
note_size(struct source_partition *p, const struct record *records, size_t n)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += (int64_t)(records[i].key_size + records[i].value_size);
	if (n == 0)
		return;
	p->record_size = bytes / (int64_t)n;
	p->was_read = true;
	p->read_at = p->consumer->turn;
}

size_t
consumer_read(struct source_partition *p, struct record *records, size_t max,
	struct consumer_event *ret_event)
{
	struct consumer *c = p->consumer;
	size_t n, fresh = 0;

	*ret_event = (struct consumer_event){.kind = CONSUMER_NOTHING};
	/* Before they leave the queue, or for a moment they would be nowhere. */
	if (p->next_offset < 0)
		atomic_store(&p->has_given, true);
	n = read_stock(p, records, max, ret_event);
	if (n < max)
		fresh = c->reads_batches ? read_batch(p, records + n, max - n, ret_event)
					 : read_single(p, records + n, max - n, ret_event);
	n += fresh;
	if (p->next_offset < 0 && p->stock.count == 0)
		atomic_store(&p->has_given, false);
	note_size(p, records, n);
	if (n < max)
		forget_unread(p);
	if (c->is_sleepy)
		watch_fill(p, fresh);
	return n;
}

/* Only of one that was read since the last check: who is not read should not take from those who
   are. And no partition has more than twice of what is left for others. */
static void
stock_up(struct source_partition *p)
{
	struct consumer *c = p->consumer;
	int64_t before = p->stock.bytes;
	bool was_read = p->was_read;
	size_t n;

	p->was_read = false;
	if (!was_read || before >= 2 * (c->stock_limit - c->stocked) ||
		!is_filled(p, (int64_t)rd_kafka_queue_length(p->queue), 0.5))
		return;
	/* As in consumer_read. */
	atomic_store(&p->has_given, true);
	n = stock_fill(&p->stock, p->queue, c->reads_batches);
	c->stocked += p->stock.bytes - before;
	if (c->is_sleepy)
		watch_fill(p, n);
}

/* Has every partition records that are being read? Then each fetch that is under way names those of
   which there are more, and does not wait. */
static bool
are_all_flowing(const struct consumer *c)
{
	const struct source_partition *p = TAILQ_FIRST(&c->unread);

	if (c->unread_count < c->open_count)
		return false;
	for (int checks = 0; p && checks < CHECKS; checks++, p = TAILQ_NEXT(p, unread))
		if (c->turn - p->read_at > FLOWING_MS)
			return false;
	return true;
}

void
consumer_stock_up(struct consumer *c)
{
	struct source_partition *p;

	c->turn = clock_ms();
	if (are_all_flowing(c))
		return;
	for (size_t checks = 0; checks < c->unread_count && checks < CHECKS; checks++) {
		p = TAILQ_FIRST(&c->unread);
		TAILQ_REMOVE(&c->unread, p, unread);
		TAILQ_INSERT_TAIL(&c->unread, p, unread);
		stock_up(p);
	}
}

/* Any request to a partition's leader wakes the thread that fetches from it; asking where the
   partition ends, without waiting for the answer, is the cheapest. */
bool
consumer_nudge(struct consumer *c)
{
	int64_t now;

	if (c->nudges->cnt == 0)
		return false;
	now = clock_ms();
	if (now < c->next_nudge)
		return true;
	c->next_nudge = now + CONSUMER_NUDGE_MS;
	for (int i = 0; i < c->nudges->cnt; i++)
		c->nudges->elems[i].offset = RD_KAFKA_OFFSET_END;
	rd_kafka_offsets_for_times(c->rk, c->nudges, 0);
	rd_kafka_topic_partition_list_destroy(c->nudges);
	c->nudges = rd_kafka_topic_partition_list_new(8);
	return false;
}

int64_t
source_partition_lag(const struct source_partition *p, int64_t *ret_end)
{
	int64_t next = p->next_offset;

	/* The look may be older than what was read since. */
	*ret_end = p->high < 0 || p->high > p->next_offset ? p->high : p->next_offset;
	if (p->high < 0)
		return -1;
	if (next < 0)
		next = p->sought;
	if (next < 0)
		next = stock_offset(&p->stock);
	/* It is known where the log ends, and nothing has come of it for several looks: there is
	   nothing. */
	if (next < 0)
		return p->stock.count == 0 && p->empty_looks >= EMPTY_LOOKS ? 0 : -1;
	/* Transaction markers behind the last record are read as well. */
	if (source_partition_seen(p) > next)
		next = source_partition_seen(p);
	return p->high > next ? p->high - next : 0;
}

int64_t
source_partition_seen(const struct source_partition *p)
{
	return p->stock.count == 0 && p->sought < 0 && p->position > p->next_offset
		       ? p->position
		       : p->next_offset;
}

int64_t
source_partition_looked(const struct source_partition *p)
{
	return p->looked;
}

int64_t
source_partition_position(const struct source_partition *p)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t position = p->sought;

	if (position >= 0)
		goto out;
	/* The library's is behind them. */
	if (p->stock.count > 0) {
		position = p->next_offset;
		goto out;
	}
	rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
	if (!rd_kafka_position(p->consumer->rk, list) && list->elems[0].offset >= 0)
		position = list->elems[0].offset;
out:
	rd_kafka_topic_partition_list_destroy(list);
	/* From 2.1.0 to 2.13.1 the batch call takes an error for a record at its offset, which has
	   still to come: a commit behind it would lose that one (librdkafka.md 1.6). */
	return p->error_offset >= 0 && position == p->error_offset + 1 ? p->next_offset : position;
}

int64_t
source_partition_refused(const struct source_partition *p, bool *ret_before)
{
	int64_t offset = atomic_load_explicit(&p->refused, memory_order_acquire);

	*ret_before = offset >= 0 && atomic_load(&p->has_more_before);
	return offset;
}

/* Before anything was read, where reading begins is what the first record says. The length of the
   queue does not say how many there are: the library has marks of its own in it. That a record was
   seen here moves no position: whether there is a gap in front of it is found where it is read. */
static void
find_beginning(struct source_partition *p)
{
	if (p->next_offset >= 0 || p->sought >= 0 || p->stock.count > 0 ||
		atomic_load(&p->refused) >= 0)
		return;
	/* As in consumer_read. */
	atomic_store(&p->has_given, true);
	if (stock_fill_one(&p->stock, p->queue) > 0)
		return;
	atomic_store(&p->has_given, false);
	/* The end comes with an answer before its records do, and with one that has no room for
	   any. */
	p->empty_looks += p->empty_looks < EMPTY_LOOKS;
}

static void
look(struct source_partition *p, int64_t now)
{
	int64_t low, high;

	forget_look(p);
	p->looked = now;
	if (rd_kafka_get_watermark_offsets(p->consumer->rk, p->topic, p->partition, &low, &high) ||
		high < 0)
		return;
	p->low = low;
	p->high = high;
	find_beginning(p);
	if (high > p->next_offset)
		p->position = source_partition_position(p);
}

/* Returns whether the library will go there. It refuses where it does not fetch, and begins to
   fetch only when the coordinator has told where the group stands. What was queued for the old
   position is not given out from here on. */
static bool
ask_to_seek(struct source_partition *p, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	bool is_fetched = p->next_offset >= 0, is_taken;
	/* Until 2.0.2 it takes milliseconds for microseconds. Without a time it only asks. */
	int wait = is_fetched ? 0 : library_at_least(2, 1, 0) ? SEEK_MS : SEEK_MS * 1000;
	rd_kafka_error_t *error;

	rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = offset;
	error = rd_kafka_seek_partitions(p->consumer->rk, list, wait);
	is_taken = is_fetched || (!error && !list->elems[0].err);
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
	return is_taken;
}

bool
source_partition_seek(struct source_partition *p, int64_t offset)
{
	bool is_taken;

	drop_stock(p);
	forget_look(p);
	p->was_read = false;
	atomic_store(&p->has_given, false);
	/* Before it is asked: that offset may be refused as well. */
	atomic_store(&p->refused, -1);
	is_taken = ask_to_seek(p, offset);
	p->next_offset = p->error_offset = -1;
	p->sought = is_taken ? offset : -1;
	return is_taken;
}

void
source_partition_range(const struct source_partition *p, int64_t *ret_low, int64_t *ret_high)
{
	*ret_low = p->low;
	*ret_high = p->high;
}

void
consumer_look(struct consumer *c)
{
	int64_t now = clock_ms(), until = now + LOOK_MS;

	for (size_t i = 0; i < c->open_count && now < until; i++) {
		struct source_partition *p = c->look_next ? c->look_next : c->open;

		c->look_next = p->next_open;
		look(p, now);
		now = clock_ms();
	}
}
