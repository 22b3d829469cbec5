/* A reader: partitions of either cluster from an offset on, outside any group, for whoever may
 * wait. */
#include "kafka/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/library.h"
#include "kafka/revival.h"

/* The library is nudged so often at most while its queue runs low, see wake_fetching. */
#define NUDGE_MS 5
#define NUDGE_PARTITIONS 50 /* one more millisecond for each so many */
/* Clients are looked after so often, while nothing comes. */
#define LOOK_MS 1000

/* Less than this is not kept to. */
#define BUFFER_LEAST (1024 * 1024)
/* A small record that waits, with the library's bookkeeping (librdkafka.md 1.2). */
#define SMALL_RECORD 440
/* The part of the buffer that one response may be. */
#define FETCHES 16

/* One partition that is read. */
struct reading {
	struct reading *next;
	rd_kafka_topic_t *topic;
	int32_t partition;
	void *owner;
};

struct reader {
	const char *side; /* "source" or "target" */
	struct client *client;
	rd_kafka_t *rk;
	rd_kafka_queue_t *records;
	struct reading *readings, *last; /* last: the one found last; NULL: none */
	int64_t buffer_bytes;
	bool is_sleepy;	     /* the library must be nudged */
	bool was_full;	     /* since the last nudge */
	int64_t record_size; /* average of the last items */
	int64_t next_nudge;  /* clock_ms */
	int64_t next_look;   /* clock_ms */
};

static struct client *
make_client(enum client_side side, const struct config *config, const char *brokers,
	int64_t buffer_bytes, enum reader_isolation isolation, struct err *err)
{
	char kbytes[24], records[24], fetch[24];
	const struct client_rule rules[] = {
		{"bootstrap.servers", brokers, true},
		{"client.id", "reflejo-reader", true},
		/* No group is joined, and none is asked for. */
		{"group.id", NULL, true},
		{"group.instance.id", NULL, true},
		{"enable.auto.commit", "false", true},
		{"enable.auto.offset.store", "false", true},
		{"enable.partition.eof", "true", true},
		{"allow.auto.create.topics", "false", true},
		{"auto.offset.reset", "error", true},
		{"isolation.level",
			isolation == READER_COMMITTED ? "read_committed" : "read_uncommitted",
			isolation != READER_AS_SET},
		{"check.crcs", "true", false},
		{"queued.min.messages", records, true},
		{"queued.max.messages.kbytes", kbytes, true},
		{"fetch.queue.backoff.ms", "10", false},
		{"fetch.wait.max.ms", "50", false},
		/* What is asked for at once may be compressed, and is as large as it is then. */
		{"fetch.max.bytes", fetch, false},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
		{"log.connection.close", "false", false},
		/* A producer's settings are carried along to reach the target; that a consumer has
		   no use for some of them is no news. */
		{"log_level", side == CLIENT_TARGET ? "3" : "6", true},
	};
	const struct client_settings *settings =
		side == CLIENT_SOURCE ? &config->consumer : &config->producer;

	snprintf(kbytes, sizeof(kbytes), "%" PRId64, buffer_bytes / 1024);
	snprintf(records, sizeof(records), "%" PRId64, buffer_bytes / SMALL_RECORD);
	snprintf(fetch, sizeof(fetch), "%" PRId64, buffer_bytes / FETCHES);
	return client_new(side, RD_KAFKA_CONSUMER, settings, rules,
		sizeof(rules) / sizeof(rules[0]), RD_KAFKA_EVENT_ERROR, err);
}

struct reader *
reader_open(enum client_side side, const struct config *config, const char *brokers,
	int64_t buffer_bytes, enum reader_isolation isolation, struct err *err)
{
	struct client *client;
	struct reader *r;

	if (buffer_bytes < BUFFER_LEAST)
		buffer_bytes = BUFFER_LEAST;
	client = make_client(side, config, brokers, buffer_bytes, isolation, err);
	if (!client)
		return NULL;
	r = mem_zero(1, sizeof(*r));
	r->side = side == CLIENT_SOURCE ? "source" : "target";
	r->buffer_bytes = buffer_bytes;
	r->client = client;
	r->rk = client_handle(client);
	r->records = rd_kafka_queue_new(r->rk);
	/* Before 2.2.0 a full queue is looked at again after a second only (librdkafka.md 9.3). */
	r->is_sleepy = !library_at_least(2, 2, 0);
	return r;
}

static void
end_reading(struct reader *r, struct reading **link)
{
	struct reading *g = *link;

	r->last = NULL;
	rd_kafka_consume_stop(g->topic, g->partition);
	rd_kafka_topic_destroy(g->topic);
	*link = g->next;
	free(g);
}

void
reader_close(struct reader **reader)
{
	struct reader *r = *reader;

	if (!r)
		return;
	while (r->readings)
		end_reading(r, &r->readings);
	rd_kafka_queue_destroy(r->records);
	client_retire(&r->client);
	free(r);
	*reader = NULL;
}

/* What was answered for each of them, in the order that they were asked for. A time may be behind
   the last record; a beginning or an end there is, so without one nothing was answered. */
static rd_kafka_resp_err_t
take_offsets(const rd_kafka_topic_partition_list_t *list, int64_t when,
	struct topic_partition *positions, size_t *ret_failed)
{
	for (int i = 0; i < list->cnt; i++) {
		positions[i].offset = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
		*ret_failed = (size_t)i;
		if (list->elems[i].err)
			return list->elems[i].err;
		if (when < 0 && list->elems[i].offset < 0)
			return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int
reader_find(struct reader *r, int64_t when, struct topic_partition *positions, size_t count,
	int timeout_ms, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	char failure[600];
	rd_kafka_resp_err_t code;
	size_t failed = 0;

	/* ListOffsets takes a timestamp, and -1 means the end, -2 the beginning. */
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)
			->offset = when;
	code = count > 0 ? rd_kafka_offsets_for_times(r->rk, list, timeout_ms)
			 : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (code) {
		client_last_failure(r->client, failure, sizeof(failure));
		err_set(err, "the %s does not tell where its partitions begin and end: %s", r->side,
			failure[0] ? failure : rd_kafka_err2str(code));
	} else if ((code = take_offsets(list, when, positions, &failed)) != 0) {
		err_set(err, "the %s does not tell where %s partition %d begins and ends: %s",
			r->side, positions[failed].topic, (int)positions[failed].partition,
			rd_kafka_err2str(code));
	}
	rd_kafka_topic_partition_list_destroy(list);
	return code ? -1 : 0;
}

int
reader_start(struct reader *r, const char *topic, int32_t partition, int64_t offset, void *owner,
	struct err *err)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(r->rk, topic, NULL);
	int64_t from = offset == READER_BEGINNING ? RD_KAFKA_OFFSET_BEGINNING : offset;
	struct reading *g;

	if (!handle || rd_kafka_consume_start_queue(handle, partition, from, r->records) < 0) {
		if (handle)
			rd_kafka_topic_destroy(handle);
		return err_set(err, "%s partition %d cannot be read: %s", topic, (int)partition,
			rd_kafka_err2str(rd_kafka_last_error()));
	}
	g = mem_zero(1, sizeof(*g));
	*g = (struct reading){r->readings, handle, partition, owner};
	r->readings = g;
	return 0;
}

void
reader_stop(struct reader *r, const char *topic, int32_t partition)
{
	for (struct reading **link = &r->readings; *link; link = &(*link)->next)
		if ((*link)->partition == partition &&
			!strcmp(rd_kafka_topic_name((*link)->topic), topic)) {
			end_reading(r, link);
			return;
		}
}

static bool
is_of(const struct reading *g, const rd_kafka_message_t *m)
{
	return g->partition == m->partition && m->rkt &&
	       !strcmp(rd_kafka_topic_name(g->topic), rd_kafka_topic_name(m->rkt));
}

/* NULL: its partition is not read any more. Records come in runs of one partition. */
static struct reading *
reading_of(struct reader *r, const rd_kafka_message_t *m)
{
	struct reading *g = r->readings;

	if (r->last && is_of(r->last, m))
		return r->last;
	while (g && !is_of(g, m))
		g = g->next;
	r->last = g;
	return g;
}

/* Turns a message into an item; false: it concerns nobody. @takes m */
static bool
take(struct reader *r, rd_kafka_message_t *m, struct reader_item *item)
{
	struct reading *g = reading_of(r, m);

	*item = (struct reader_item){.kind = READER_RECORD, .owner = g ? g->owner : NULL};
	if (g && !m->err) {
		record_restore(&item->record, m, NULL);
		return true;
	}
	item->kind = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ? READER_END : READER_TROUBLE;
	item->offset = m->offset;
	if (item->kind == READER_TROUBLE && g)
		item->reason = mem_printf("%s partition %d cannot be read: %s",
			rd_kafka_topic_name(g->topic), (int)g->partition,
			rd_kafka_message_errstr(m));
	rd_kafka_message_destroy(m);
	return g != NULL;
}

/* Serves what the library has to say on its own; a connection's failure is kept by the client. */
static void
drop_events(struct reader *r)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(r->rk);
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(queue, 0)))
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
}

/* Is it time to wake the threads that fetch: the queue was full and is half empty now, or runs dry?
 */
static bool
is_low(struct reader *r, size_t taken)
{
	int64_t length = (int64_t)rd_kafka_queue_length(r->records);
	int64_t bytes = length * (r->record_size < SMALL_RECORD ? SMALL_RECORD : r->record_size);

	if (bytes >= r->buffer_bytes * 9 / 10)
		r->was_full = true;
	return length <= (int64_t)taken || (r->was_full && bytes < r->buffer_bytes / 2);
}

/* A queue that was full has been read down: any request to the leaders wakes the threads that
   fetch, as consumer_nudge does it. */
static void
wake_fetching(struct reader *r, size_t taken)
{
	rd_kafka_topic_partition_list_t *list;
	int64_t now = clock_ms();

	if (!r->is_sleepy || taken == 0 || !is_low(r, taken) || now < r->next_nudge)
		return;
	r->was_full = false;
	list = rd_kafka_topic_partition_list_new(8);
	for (const struct reading *g = r->readings; g; g = g->next)
		rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(g->topic), g->partition)
			->offset = RD_KAFKA_OFFSET_END;
	/* The question grows with the partitions. */
	r->next_nudge = now + NUDGE_MS + list->cnt / NUDGE_PARTITIONS;
	rd_kafka_offsets_for_times(r->rk, list, 0);
	rd_kafka_topic_partition_list_destroy(list);
}

/* Takes what is there, or waits for the first one: the library's call for many at once waits for
   all of them. */
static ssize_t
wait_for_records(struct reader *r, rd_kafka_message_t **ret, size_t max, int timeout_ms)
{
	ssize_t got = rd_kafka_consume_batch_queue(r->records, 0, ret, max);
	rd_kafka_message_t *first =
		got == 0 ? rd_kafka_consume_queue(r->records, timeout_ms) : NULL;

	if (!first)
		return got;
	ret[0] = first;
	got = rd_kafka_consume_batch_queue(r->records, 0, ret + 1, max - 1);
	return 1 + (got > 0 ? got : 0);
}

/* Nothing came. A command has nobody else to see to this. */
static void
look_after_clients(struct reader *r)
{
	int64_t now = clock_ms();

	if (now < r->next_look)
		return;
	r->next_look = now + LOOK_MS;
	revival_look_after_clients();
}

size_t
reader_next(struct reader *r, struct reader_item *items, size_t max, int timeout_ms)
{
	rd_kafka_message_t *messages[READER_AT_ONCE];
	size_t n = 0;
	int64_t bytes = 0;
	ssize_t got = wait_for_records(
		r, messages, max < READER_AT_ONCE ? max : READER_AT_ONCE, timeout_ms);

	if (got <= 0)
		look_after_clients(r);
	for (ssize_t i = 0; i < got; i++) {
		bytes += (int64_t)(messages[i]->len + messages[i]->key_len);
		n += take(r, messages[i], &items[n]);
	}
	if (got > 0)
		r->record_size = bytes / got;
	drop_events(r);
	if (n > 0)
		client_forget_failure(r->client);
	wake_fetching(r, n);
	return n;
}

void
reader_release(struct reader_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		record_release(items[i].record.message, items[i].record.headers);
		free(items[i].reason);
	}
}

void
reader_failure(struct reader *r, char *text, size_t size)
{
	client_last_failure(r->client, text, size);
}
