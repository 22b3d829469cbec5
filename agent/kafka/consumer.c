/* The source side of one stream: a member of the consumer group, read partition by partition. */
#include "kafka/consumer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/library.h"
#include "kafka/reset.h"
#include "kafka/topic_ids.h"

struct consumer {
	struct client *client;
	rd_kafka_t *rk;
	rd_kafka_queue_t *events;
	int event_fd, ready_fd;
	bool is_cooperative, reads_batches;
	bool is_sleepy;			      /* the library must be nudged, see consumer_nudge */
	int64_t queued_bytes, queued_records; /* a partition queue is full from here on */
	int64_t next_nudge;		      /* clock_ms */
	rd_kafka_topic_partition_list_t *nudges; /* partitions read down since the last nudge */
	_Atomic(struct source_partition *)
		ready; /* pushed by the library's threads, taken whole by the worker */
	struct source_partition *taken;	    /* what consumer_next_ready still has to give */
	rd_kafka_event_t *current;	    /* the event the caller is looking at */
	rd_kafka_event_t *rebalance;	    /* ASSIGN, REVOKE or LOST not yet answered */
	struct topic_partition *partitions; /* room for the caller's view of an event */
	size_t capacity;
	char reason[512];
	pthread_mutex_t lock;	       /* of the list below */
	struct source_partition *open; /* for the library's threads to find one */
};

struct source_partition {
	struct consumer *consumer;
	void *owner;
	char *topic;
	int32_t partition;
	int64_t next_offset;  /* behind the record that was given out last; -1 before the first */
	int64_t error_offset; /* where the last error was reported; -1 for none */
	rd_kafka_queue_t *queue;
	bool was_full;		       /* its queue reached the limit since the last nudge */
	int64_t record_size;	       /* average of the last batch that was read */
	atomic_bool is_ready;	       /* in the ready list, or about to be */
	struct source_partition *next; /* in the ready list */
	struct source_partition *next_open;
	_Atomic int64_t refused;     /* see source_partition_refused; -1 none */
	atomic_bool has_given;	     /* records were given out since it was opened, or sought */
	atomic_bool has_more_before; /* there were some, or some waited, when it was refused */
	int64_t sought;		     /* read from here on, until a record has come; -1: it has */
};

/* See below. @thread library */
static void on_offset_line(const char *line, void *arg);

static struct client *
make_client(const struct config *config, const char *client_id, const char *instance_id,
	const char *bootstrap_servers, const struct intake *intake, struct err *err)
{
	char queued_kbytes[24], queued_records[24], fetch[24], part[24], wait[24], refresh[24];
	const char *level = client_settings_get(&config->consumer, "log_level");
	const char *reset = config->source.offset_reset == OFFSET_RESET_NONE ? "error" : "earliest";
	bool is_exact = config->mirror.exactly_once;
	const struct client_rule rules[] = {
		{"bootstrap.servers", bootstrap_servers, true},
		{"client.id", client_id, true},
		{"group.instance.id", instance_id, true},
		{"enable.auto.commit", "false", true},
		{"enable.auto.offset.store", "false", true},
		{"enable.partition.eof", "false", true},
		{"allow.auto.create.topics", "false", true},
		{"auto.offset.reset", reset, true},
		{"isolation.level", is_exact ? "read_committed" : "read_uncommitted", is_exact},
		{"check.crcs", "true", false},
		{"topic.metadata.refresh.interval.ms", refresh, false},
		{"partition.assignment.strategy", "range,roundrobin", false},
		{"queued.max.messages.kbytes", queued_kbytes, false},
		{"queued.min.messages", queued_records, false},
		{"fetch.queue.backoff.ms", "10", false},
		{"fetch.wait.max.ms", wait, false},
		{"message.max.bytes", "1000", false},
		{"fetch.max.bytes", fetch, false},
		{"max.partition.fetch.bytes", part, false},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
		{"log.connection.close", "false", false},
		/* That it gave up a position the library says in its log only, as a warning. */
		{"log_level", level && atoi(level) > 4 ? level : "4", level != NULL},
	};

	snprintf(queued_kbytes, sizeof(queued_kbytes), "%" PRId64, intake->queue_bytes / 1024);
	snprintf(queued_records, sizeof(queued_records), "%" PRId64, intake->queue_records);
	snprintf(fetch, sizeof(fetch), "%" PRId64, intake->response_bytes);
	snprintf(part, sizeof(part), "%" PRId64, intake->partition_bytes);
	snprintf(wait, sizeof(wait), "%" PRId64, intake->wait_ms);
	snprintf(refresh, sizeof(refresh), "%" PRId64, config->source.metadata_max_age_ms);
	return client_new(CLIENT_SOURCE, RD_KAFKA_CONSUMER, &config->consumer, rules,
		sizeof(rules) / sizeof(rules[0]),
		RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT,
		err);
}

struct consumer *
consumer_new(const struct config *config, const char *client_id, const char *instance_id,
	const char *bootstrap_servers, const struct consumer_limits *limits, struct err *err)
{
	static const uint64_t one = 1;
	const char *gathered = client_settings_get(&config->consumer, "fetch.min.bytes");
	struct consumer_limits all = *limits;
	struct intake intake;
	struct client *client;
	struct consumer *c;

	all.gathered = gathered ? atoll(gathered) : 0;
	intake = intake_plan(&all);
	client = make_client(config, client_id, instance_id, bootstrap_servers, &intake, err);
	if (!client)
		return NULL;
	c = mem_zero(1, sizeof(*c));
	c->client = client;
	c->rk = client_handle(client);
	pthread_mutex_init(&c->lock, NULL);
	client_on_offset_line(client, on_offset_line, c);
	/* Before 2.1.0 the batch call loses records when a partition is paused meanwhile
	 * (librdkafka.md 1.6). */
	c->reads_batches = library_at_least(2, 1, 0);
	c->is_sleepy = !library_at_least(2, 2, 0);
	/* The library's kilobytes are of 1,000 bytes here. */
	c->queued_bytes = intake.queue_bytes / 1024 * 1000;
	c->queued_records = intake.queue_records;
	c->nudges = rd_kafka_topic_partition_list_new(8);
	c->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	c->ready_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->event_fd < 0 || c->ready_fd < 0) {
		err_set(err, "no descriptor left for a stream: raise the limit of open files");
		consumer_free(&c);
		return NULL;
	}
	rd_kafka_poll_set_consumer(c->rk);
	c->events = rd_kafka_queue_get_consumer(c->rk);
	rd_kafka_queue_io_event_enable(c->events, c->event_fd, &one, sizeof(one));
	return c;
}

void
consumer_free(struct consumer **consumer)
{
	struct consumer *c = *consumer;

	if (!c)
		return;
	if (c->current)
		rd_kafka_event_destroy(c->current);
	if (c->rebalance)
		rd_kafka_event_destroy(c->rebalance);
	if (c->events) {
		rd_kafka_queue_io_event_enable(c->events, -1, NULL, 0);
		rd_kafka_queue_destroy(c->events);
	}
	client_on_offset_line(c->client, NULL, NULL);
	client_retire(&c->client);
	if (c->event_fd >= 0)
		close(c->event_fd);
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	if (c->nudges)
		rd_kafka_topic_partition_list_destroy(c->nudges);
	free(c->partitions);
	pthread_mutex_destroy(&c->lock);
	free(c);
	*consumer = NULL;
}

int
consumer_subscribe(struct consumer *c, const char *const *topics, size_t count, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
	code = count ? rd_kafka_subscribe(c->rk, list) : rd_kafka_unsubscribe(c->rk);
	rd_kafka_topic_partition_list_destroy(list);
	if (code)
		return err_set(
			err, "cannot subscribe to %zu topics: %s", count, rd_kafka_err2str(code));
	return 0;
}

void
consumer_add_brokers(struct consumer *c, const char *bootstrap_servers)
{
	rd_kafka_brokers_add(c->rk, bootstrap_servers);
}

int
consumer_event_fd(const struct consumer *c)
{
	return c->event_fd;
}

int
consumer_ready_fd(const struct consumer *c)
{
	return c->ready_fd;
}

/* Shows the event's partitions to the caller. */
static void
view_partitions(
	struct consumer *c, const rd_kafka_topic_partition_list_t *list, struct consumer_event *ret)
{
	size_t count = list ? (size_t)list->cnt : 0;

	while (c->capacity < count)
		c->partitions =
			mem_grow(c->partitions, &c->capacity, c->capacity, sizeof(*c->partitions));
	for (size_t i = 0; i < count; i++) {
		c->partitions[i].topic = list->elems[i].topic;
		c->partitions[i].partition = list->elems[i].partition;
		c->partitions[i].offset = list->elems[i].offset;
	}
	ret->partitions = c->partitions;
	ret->count = count;
}

static void
view_rebalance(struct consumer *c, rd_kafka_event_t *event, struct consumer_event *ret)
{
	c->is_cooperative = !strcmp(rd_kafka_rebalance_protocol(c->rk), "COOPERATIVE");
	/* One that was not answered is overtaken. */
	if (c->rebalance)
		rd_kafka_event_destroy(c->rebalance);
	c->rebalance = event;
	c->current = NULL;
	if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		ret->kind = CONSUMER_ASSIGN;
	else
		ret->kind = rd_kafka_assignment_lost(c->rk) ? CONSUMER_LOST : CONSUMER_REVOKE;
	view_partitions(c, rd_kafka_event_topic_partition_list(event), ret);
}

static void
view_commit(struct consumer *c, rd_kafka_event_t *event, struct consumer_event *ret)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

	ret->kind = CONSUMER_COMMITTED;
	for (int i = 0; !code && list && i < list->cnt; i++)
		code = list->elems[i].err;
	if (!code || code == RD_KAFKA_RESP_ERR__NO_OFFSET)
		return;
	snprintf(c->reason, sizeof(c->reason), "%s", rd_kafka_err2str(code));
	ret->reason = c->reason;
}

/* What an error of the library means for the mirror. */
static enum consumer_event_kind
judge(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
	case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
	case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT: return CONSUMER_FATAL;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: return CONSUMER_DENIED;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR__NO_OFFSET: return CONSUMER_NO_OFFSET;
	default: return CONSUMER_TROUBLE;
	}
}

static bool
is_connection_error(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__BAD_MSG: return true;
	default: return false;
	}
}

static void
view_error(struct consumer *c, rd_kafka_event_t *event, struct consumer_event *ret)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);

	ret->kind = rd_kafka_event_error_is_fatal(event) ? CONSUMER_FATAL : judge(code);
	ret->is_connection = is_connection_error(code);
	client_explain(rd_kafka_event_error_string(event), c->reason, sizeof(c->reason));
	ret->reason = c->reason;
}

void
consumer_next_event(struct consumer *c, struct consumer_event *ret)
{
	uint64_t wakes;

	*ret = (struct consumer_event){.kind = CONSUMER_NOTHING};
	if (c->current)
		rd_kafka_event_destroy(c->current);
	c->current = NULL;
	if (read(c->event_fd, &wakes, sizeof(wakes)) < 0)
		wakes = 0;
	c->current = rd_kafka_queue_poll(c->events, 0);
	if (!c->current)
		return;
	switch (rd_kafka_event_type(c->current)) {
	case RD_KAFKA_EVENT_REBALANCE: view_rebalance(c, c->current, ret); break;
	case RD_KAFKA_EVENT_OFFSET_COMMIT: view_commit(c, c->current, ret); break;
	case RD_KAFKA_EVENT_ERROR: view_error(c, c->current, ret); break;
	default:
		/* Nothing else is enabled; were a record here, it would not belong to a partition
		 * we read. */
		LOG(EVENT_library_debug, F_STR("client", rd_kafka_name(c->rk)),
			F_STR("facility", "EVENT"), F_STR("text", rd_kafka_event_name(c->current)));
		ret->kind = CONSUMER_TROUBLE;
		ret->reason = NULL;
	}
}

/* A rebalance answer that the library refuses would leave it waiting for ever: fall back to
 * nothing. */
static void
check_answer(struct consumer *c, rd_kafka_error_t *error)
{
	if (!error)
		return;
	LOG(EVENT_library_log, F_STR("client", rd_kafka_name(c->rk)), F_STR("facility", "ASSIGN"),
		F_STR("text", rd_kafka_error_string(error)));
	rd_kafka_error_destroy(error);
	rd_kafka_assign(c->rk, NULL);
}

void
consumer_answer(struct consumer *c)
{
	rd_kafka_event_t *event = c->rebalance;
	rd_kafka_topic_partition_list_t *list;

	if (!event)
		return;
	c->rebalance = NULL;
	list = rd_kafka_event_topic_partition_list(event);
	if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		if (c->is_cooperative)
			check_answer(c, rd_kafka_incremental_assign(c->rk, list));
		else
			rd_kafka_assign(c->rk, list);
	} else if (c->is_cooperative) {
		check_answer(c, rd_kafka_incremental_unassign(c->rk, list));
	} else {
		rd_kafka_assign(c->rk, NULL);
	}
	rd_kafka_event_destroy(event);
}

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
static void
on_offset_line(const char *line, void *arg)
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
	return p;
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

	ret->kind = judge(m->err);
	if (ret->kind == CONSUMER_DENIED && p->next_offset >= 0)
		ret->kind = CONSUMER_DENIED_NOW;
	ret->is_connection = is_connection_error(m->err);
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

/* Before and after a read: remembers whether the queue was full and has now been read down. */
static void
watch_fill(struct source_partition *p, const struct record *records, size_t n)
{
	struct consumer *c = p->consumer;
	int64_t length = (int64_t)rd_kafka_queue_length(p->queue), bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += (int64_t)(records[i].key_size + records[i].value_size);
	if (n)
		p->record_size = bytes / (int64_t)n;
	/* What was just read was waiting as well. */
	if (length + (int64_t)n >= c->queued_records ||
		(length + (int64_t)n) * p->record_size >= c->queued_bytes)
		p->was_full = true;
	if (!p->was_full || length * 2 > c->queued_records ||
		length * p->record_size * 2 > c->queued_bytes)
		return;
	p->was_full = false;
	rd_kafka_topic_partition_list_add(c->nudges, p->topic, p->partition);
}

size_t
consumer_read(struct source_partition *p, struct record *records, size_t max,
	struct consumer_event *ret_event)
{
	size_t n;

	*ret_event = (struct consumer_event){.kind = CONSUMER_NOTHING};
	/* Before they leave the queue, or for a moment they would be nowhere. */
	if (p->next_offset < 0)
		atomic_store(&p->has_given, true);
	n = p->consumer->reads_batches ? read_batch(p, records, max, ret_event)
				       : read_single(p, records, max, ret_event);
	if (p->next_offset < 0)
		atomic_store(&p->has_given, false);
	if (p->consumer->is_sleepy)
		watch_fill(p, records, n);
	return n;
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
	int64_t low, high, next = p->next_offset;

	*ret_end = -1;
	if (rd_kafka_get_watermark_offsets(p->consumer->rk, p->topic, p->partition, &low, &high) ||
		high < 0)
		return -1;
	*ret_end = high;
	if (next < 0)
		next = p->sought;
	/* Nothing read yet: where it starts is not known here, but what has come is. */
	if (next < 0)
		return (int64_t)rd_kafka_queue_length(p->queue);
	/* Transaction markers behind the last record are read as well. */
	if (high > next && source_partition_position(p) > next)
		next = source_partition_position(p);
	return high > next ? high - next : 0;
}

int64_t
source_partition_position(const struct source_partition *p)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int64_t position = p->sought;

	if (position >= 0)
		goto out;
	rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
	if (!rd_kafka_position(p->consumer->rk, list) && list->elems[0].offset >= 0)
		position = list->elems[0].offset;
out:
	rd_kafka_topic_partition_list_destroy(list);
	/* From 2.1.0 to 2.13.1 the batch call takes an error for a record at its offset, which has
	   still to come: a commit behind it would lose that one (librdkafka.md 1.6). */
	return position == p->error_offset + 1 ? p->next_offset : position;
}

int64_t
source_partition_refused(const struct source_partition *p, bool *ret_before)
{
	int64_t offset = atomic_load_explicit(&p->refused, memory_order_acquire);

	*ret_before = offset >= 0 && atomic_load(&p->has_more_before);
	return offset;
}

void
source_partition_seek(struct source_partition *p, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_error_t *error;

	p->next_offset = p->error_offset = -1;
	p->sought = offset;
	atomic_store(&p->has_given, false);
	atomic_store(&p->refused, -1);
	rd_kafka_topic_partition_list_add(list, p->topic, p->partition)->offset = offset;
	/* Without a time to wait it only asks; what was queued for the old position is not given
	   out from here on. */
	error = rd_kafka_seek_partitions(p->consumer->rk, list, 0);
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
}

void
source_partition_range(const struct source_partition *p, int64_t *ret_low, int64_t *ret_high)
{
	*ret_low = *ret_high = -1;
	if (rd_kafka_get_watermark_offsets(
		    p->consumer->rk, p->topic, p->partition, ret_low, ret_high))
		*ret_low = *ret_high = -1;
}

bool
consumer_knows_topic_ids(void)
{
	return topic_ids_are_known();
}

int
consumer_commit(struct consumer *c, const struct topic_partition *positions,
	const char *const *topic_ids, size_t count, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(
			list, positions[i].topic, positions[i].partition);

		p->offset = positions[i].offset;
		topic_ids_note(topic_ids[i], p);
	}
	code = rd_kafka_commit_queue(c->rk, list, c->events, NULL, NULL);
	rd_kafka_topic_partition_list_destroy(list);
	if (code)
		return err_set(err, "%s", rd_kafka_err2str(code));
	return 0;
}

bool
consumer_is_joining(const struct consumer *c)
{
	return client_is_joining(c->client);
}

void
consumer_close(struct consumer *c)
{
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->rk, c->events);

	if (!error)
		return;
	LOG(EVENT_library_debug, F_STR("client", rd_kafka_name(c->rk)), F_STR("facility", "CLOSE"),
		F_STR("text", rd_kafka_error_string(error)));
	rd_kafka_error_destroy(error);
}

bool
consumer_is_closed(const struct consumer *c)
{
	return rd_kafka_consumer_closed(c->rk);
}
