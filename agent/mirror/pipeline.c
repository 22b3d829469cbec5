/* The pipeline: the way of every record of one stream, from a source partition to its settled
 * offset. */
#include "mirror/pipeline.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "mirror/route.h"
#include "mirror/tracker.h"

/* Records read from one partition before the next one has its turn. */
#define BATCH 256
/* Partitions read and deliveries taken in one turn, so that timers and messages are never far. */
#define VISITS 16
#define DELIVERIES 4096
/* What a record on its way costs besides its bytes: the library's bookkeeping at the source (340,
   librdkafka.md 1.2), its message at the target (about 170) and our flight. */
#define RECORD_OVERHEAD 560
/* Pauses before sending again: doubled from the first to the last. */
#define RETRY_MS 200
#define RETRY_MAX_MS 5000

enum partition_state {
	PARTITION_FLOWING,    /* reads and sends */
	PARTITION_RECOVERING, /* something failed: nothing is read or sent until all deliveries are
				 back */
	PARTITION_RESENDING,  /* the flights WAITING are sent in order, then it flows again */
	PARTITION_HELD,	      /* stands at a record that the target refuses */
	PARTITION_ORPHAN      /* not ours any more: goes when its deliveries are back */
};

struct partition {
	struct partition *next;	       /* of all, or of the orphans */
	struct partition *next_active; /* of those that may have records */
	struct source_partition *source;
	struct tracker *tracker;
	struct route *route;
	char *topic;
	int32_t number;
	uint8_t state;
	uint8_t lane; /* its records go through; changes only while none is on its way, or they
			 could overtake */
	bool is_active, is_quiet,
		is_touched;    /* in the active list; reads no more; moved since the last commit */
	bool resends_singly;   /* this recovery uses the single-record lane */
	bool is_batch_suspect; /* it began with a batch that was too large, and no record was found
				  to be */
	int64_t resume_at, pause_ms;   /* recovery: not before, and the pause used last */
	int64_t committed, committing; /* offsets; -1 none */
};

struct pipeline {
	const struct config *config;
	struct producer *producer;
	struct counters *counters;
	struct routes routes;
	struct partition *partitions, *orphans;
	struct partition *active, **active_end;
	size_t troubled; /* partitions RECOVERING or RESENDING */
	int64_t buffered, limit;
	int64_t last_delivery; /* clock_ms of the last delivery, or when last none was
				  due */
	struct topic_partition *positions;
	size_t positions_capacity;
	enum consumer_event_kind source_error;
	char source_reason[512];
	char failure[1024];
	struct record records[BATCH];
	struct delivery deliveries[BATCH];
};

struct pipeline *
pipeline_new(const struct config *config, struct producer *producer, struct counters *counters,
	int64_t buffer_bytes)
{
	struct pipeline *pl = mem_zero(1, sizeof(*pl));

	pl->config = config;
	pl->producer = producer;
	pl->counters = counters;
	pl->limit = buffer_bytes;
	pl->routes = (struct routes){.config = config, .producer = producer};
	pl->active_end = &pl->active;
	return pl;
}

void
pipeline_free(struct pipeline **pipeline)
{
	struct pipeline *pl = *pipeline;

	if (!pl)
		return;
	routes_fini(&pl->routes);
	free(pl->positions);
	free(pl);
	*pipeline = NULL;
}

static void
activate(struct pipeline *pl, struct partition *p)
{
	if (p->is_active)
		return;
	p->is_active = true;
	p->next_active = NULL;
	*pl->active_end = p;
	pl->active_end = &p->next_active;
}

static void
deactivate(struct pipeline *pl, struct partition *p)
{
	struct partition **link = &pl->active;

	if (!p->is_active)
		return;
	while (*link != p)
		link = &(*link)->next_active;
	*link = p->next_active;
	if (!*link)
		pl->active_end = link;
	p->is_active = false;
}

static bool
is_troubled(enum partition_state state)
{
	return state == PARTITION_RECOVERING || state == PARTITION_RESENDING;
}

/* The one place where a partition changes its state. */
static void
set_state(struct pipeline *pl, struct partition *p, enum partition_state state)
{
	pl->troubled += is_troubled(state);
	pl->troubled -= is_troubled(p->state);
	if ((state == PARTITION_HELD) != (p->state == PARTITION_HELD))
		counter_add(
			&pl->counters->partitions_held, state == PARTITION_HELD ? 1 : UINT64_MAX);
	p->state = state;
	if (state == PARTITION_FLOWING) {
		p->resends_singly = false;
		p->pause_ms = 0;
		activate(pl, p);
	}
}

void
pipeline_add(struct pipeline *pl, struct consumer *consumer, const char *topic, int32_t number)
{
	struct partition *p = mem_zero(1, sizeof(*p));

	p->topic = mem_strdup(topic);
	p->number = number;
	p->route = routes_get(&pl->routes, topic);
	p->tracker = tracker_new(p);
	p->committed = p->committing = -1;
	p->source = consumer_open_partition(consumer, topic, number, p);
	p->next = pl->partitions;
	pl->partitions = p;
	counter_add(&pl->counters->partitions, 1);
}

/* The record of this flight is finished with. */
static void
release(struct pipeline *pl, struct flight *f)
{
	record_release(f->message, f->headers);
	pl->buffered -= f->bytes;
}

static void
free_partition(struct pipeline *pl, struct partition *p)
{
	struct flight f;

	while (tracker_discard(p->tracker, &f))
		release(pl, &f);
	tracker_free(&p->tracker);
	free(p->topic);
	free(p);
}

/* Takes p off the list it is on. */
static void
unlink_partition(struct partition **list, struct partition *p)
{
	while (*list != p)
		list = &(*list)->next;
	*list = p->next;
}

void
pipeline_remove(struct pipeline *pl, struct partition *p)
{
	unlink_partition(&pl->partitions, p);
	deactivate(pl, p);
	source_partition_close(&p->source);
	set_state(pl, p, PARTITION_ORPHAN);
	counter_add(&pl->counters->partitions, UINT64_MAX);
	if (tracker_sent(p->tracker) == 0) {
		free_partition(pl, p);
		return;
	}
	p->next = pl->orphans;
	pl->orphans = p;
}

struct partition *
pipeline_find(struct pipeline *pl, const char *topic, int32_t number)
{
	struct partition *p;

	for (p = pl->partitions; p; p = p->next)
		if (p->number == number && !strcmp(p->topic, topic))
			return p;
	return NULL;
}

struct partition *
pipeline_next(struct pipeline *pl, struct partition *p)
{
	return p ? p->next : pl->partitions;
}

void
pipeline_quiesce(struct pipeline *pl, struct partition *p)
{
	if (p) {
		p->is_quiet = true;
		return;
	}
	for (p = pl->partitions; p; p = p->next)
		p->is_quiet = true;
}

static bool
is_drained(const struct partition *p)
{
	return tracker_count(p->tracker) == 0 ||
	       (p->state == PARTITION_HELD && tracker_sent(p->tracker) == 0);
}

bool
pipeline_is_drained(struct pipeline *pl, struct partition *p)
{
	if (p)
		return is_drained(p);
	for (p = pl->partitions; p; p = p->next)
		if (!is_drained(p))
			return false;
	return true;
}

void
pipeline_wake(struct pipeline *pl, struct source_partition *source)
{
	activate(pl, source_partition_owner(source));
}

/* Everything settled at the front of the tracker leaves it. */
static void
pop_settled(struct pipeline *pl, struct partition *p)
{
	struct flight f;
	uint64_t records = 0, bytes = 0;

	while (tracker_pop(p->tracker, &f)) {
		if (f.state == FLIGHT_ACKED) {
			records++;
			bytes += f.bytes - RECORD_OVERHEAD;
		}
		release(pl, &f);
		p->is_touched = true;
	}
	if (records) {
		counter_add(&pl->counters->records_mirrored, records);
		counter_add(&pl->counters->bytes_mirrored, bytes);
	}
}

/* From now on the partition waits for its deliveries and then sends again. */
static void
recover(struct pipeline *pl, struct partition *p, bool after_a_pause)
{
	if (p->state == PARTITION_ORPHAN || p->state == PARTITION_HELD)
		return;
	if (p->state != PARTITION_RECOVERING) {
		set_state(pl, p, PARTITION_RECOVERING);
		p->resume_at = 0;
	}
	if (!after_a_pause || p->resume_at)
		return;
	p->pause_ms = p->pause_ms ? p->pause_ms * 2 : RETRY_MS;
	if (p->pause_ms > RETRY_MAX_MS)
		p->pause_ms = RETRY_MAX_MS;
	p->resume_at = clock_ms() + p->pause_ms;
}

/* What the operator must create at the target. */
static void
say_missing(struct partition *p, const struct delivery *d)
{
	const char *name = target_topic_name(p->route->target);
	char advice[400];

	snprintf(advice, sizeof(advice),
		d->is_missing_topic
			? "create it at the target, for example kafka-topics --create --topic %s "
			  "--partitions N --replication-factor N; its records wait until then"
			: "add partitions to %s at the target, or use partition.mode=key; its "
			  "records wait until then",
		name);
	log_write(d->is_missing_topic ? EVENT_target_topic_missing : EVENT_target_partition_missing,
		&p->route->missing,
		(const struct log_field[]){F_STR("topic", name),
			F_INT("source_partition", p->number), F_STR("reason", d->reason),
			F_STR("advice", advice)},
		4);
}

/* The batch this record was in was refused. */
static void
on_split(struct pipeline *pl, struct partition *p, const struct delivery *d)
{
	if (!p->resends_singly && d->is_too_large) {
		LOG_LIMITED(10, EVENT_batch_too_large,
			F_STR("topic", target_topic_name(p->route->target)),
			F_INT("partition", d->partition), F_STR("reason", d->reason));
		p->is_batch_suspect = true;
	}
	p->resends_singly = true;
	recover(pl, p, false);
}

/* Sent one by one, all records of a batch that was too large were taken: then it was the batch, and
   the topic gets smaller ones. Many partitions meet the same refusal; only the first lowers the
   lane. */
static void
judge_batch(struct pipeline *pl, struct partition *p)
{
	if (p->is_batch_suspect && p->lane == target_topic_lane(p->route->target))
		producer_limit_batch(pl->producer, p->route->target, 0);
	p->is_batch_suspect = false;
}

/* The target refuses this record for good. Returns true when the record is done with, false when it
 * stays. */
static bool
on_refused(struct pipeline *pl, struct partition *p, struct flight *f, const struct delivery *d)
{
	bool drops = !strcmp(pl->config->mirror.send_on_error, "drop");
	const char *action = pl->config->mirror.abort_on_send_failure ? "stop"
			     : drops				      ? "drop"
								      : "pause";

	if (p->state == PARTITION_ORPHAN || p->state == PARTITION_HELD)
		return false;
	if (d->is_too_large)
		p->is_batch_suspect = false;
	counter_add(&pl->counters->send_failures, 1);
	LOG(EVENT_send_failure, F_STR("topic", p->topic), F_INT("partition", p->number),
		F_INT("offset", f->offset),
		F_STR("target_topic", target_topic_name(p->route->target)),
		F_UINT("bytes", f->bytes - RECORD_OVERHEAD), F_STR("reason", d->reason),
		F_STR("action", action));
	if (pl->config->mirror.abort_on_send_failure) {
		if (!pl->failure[0])
			snprintf(pl->failure, sizeof(pl->failure),
				"the target refuses the record at offset %lld of %s partition %d: "
				"%s",
				(long long)f->offset, p->topic, (int)p->number, d->reason);
		set_state(pl, p, PARTITION_HELD);
		return false;
	}
	if (drops) {
		counter_add(&pl->counters->records_dropped, 1);
		return true;
	}
	set_state(pl, p, PARTITION_HELD);
	LOG(EVENT_partition_paused, F_STR("topic", p->topic), F_INT("partition", p->number),
		F_INT("offset", f->offset), F_STR("reason", d->reason));
	return false;
}

/* What became of a record that was not simply acknowledged. Its flight is back in state WAITING. */
static void
on_failed(struct pipeline *pl, struct partition *p, struct flight *f, const struct delivery *d)
{
	switch (d->verdict) {
	case DELIVERY_SPLIT: on_split(pl, p, d); break;
	case DELIVERY_AGAIN: recover(pl, p, p->pause_ms || p->state == PARTITION_RESENDING); break;
	case DELIVERY_LATER:
		say_missing(p, d);
		recover(pl, p, true);
		break;
	default:
		if (on_refused(pl, p, f, d))
			tracker_set(f, FLIGHT_DONE);
	}
}

static void
free_orphan(struct pipeline *pl, struct partition *p)
{
	if (tracker_sent(p->tracker) > 0)
		return;
	unlink_partition(&pl->orphans, p);
	free_partition(pl, p);
}

static void
on_delivery(struct pipeline *pl, const struct delivery *d)
{
	struct flight *f = d->opaque;
	struct partition *p = tracker_owner(f->tracker);

	f->headers = d->headers;
	f->partition = d->partition;
	if (d->verdict == DELIVERY_ACKED) {
		tracker_set(f, FLIGHT_ACKED);
	} else {
		tracker_set(f, FLIGHT_WAITING);
		on_failed(pl, p, f, d);
	}
	if (p->state == PARTITION_ORPHAN)
		free_orphan(pl, p);
	else
		pop_settled(pl, p);
}

/* Returns true when there may be more. */
static bool
take_deliveries(struct pipeline *pl)
{
	size_t n, total = 0;

	do {
		n = producer_deliveries(pl->producer, pl->deliveries, BATCH);
		for (size_t i = 0; i < n; i++)
			on_delivery(pl, &pl->deliveries[i]);
		total += n;
	} while (n == BATCH && total < DELIVERIES);
	if (total > 0 || producer_outstanding(pl->producer) == 0)
		pl->last_delivery = clock_ms();
	return n == BATCH;
}

/* Offers a flight's record to the producer. Returns false when there is no room. */
static bool
send_flight(struct pipeline *pl, struct partition *p, struct flight *f, struct record *r)
{
	enum producer_lane lane = p->resends_singly ? PRODUCER_SINGLE : p->lane;
	struct delivery failure;
	enum send_result result = producer_send(pl->producer, p->route->target, lane,
		route_partition(p->route, r->partition), r, f, &failure);

	f->headers = r->headers;
	if (result == SEND_QUEUED) {
		tracker_set(f, FLIGHT_SENT);
		return true;
	}
	if (result == SEND_FAILED)
		on_failed(pl, p, f, &failure);
	return result == SEND_FAILED && f->state == FLIGHT_DONE;
}

/* Flights that were acknowledged after one that failed go out again when they went to the same
   target partition: there the later record must not stand before the earlier one only. Those that
   went elsewhere stay. */
static void
choose_resends(struct pipeline *pl, struct partition *p)
{
	enum { KNOWN = 16 };
	int32_t failed[KNOWN];
	size_t count = 0, resent = 0;
	bool any = false;

	for (struct flight *f = NULL; (f = tracker_next(p->tracker, f));) {
		bool again = any;

		for (size_t i = 0; i < count && !again; i++)
			again = failed[i] == f->partition;
		if (f->state == FLIGHT_ACKED && again)
			tracker_set(f, FLIGHT_WAITING);
		if (f->state != FLIGHT_WAITING)
			continue;
		resent++;
		if (again)
			continue;
		if (f->partition < 0 || count == KNOWN)
			any = true;
		else
			failed[count++] = f->partition;
	}
	counter_add(&pl->counters->records_resent, resent);
}

/* Sends what waits, in order, as far as there is room; flows again when all of it is settled. */
static void
resend(struct pipeline *pl, struct partition *p)
{
	struct record r;

	if (p->state == PARTITION_RECOVERING) {
		if (tracker_sent(p->tracker) > 0 || clock_ms() < p->resume_at ||
			producer_failure(pl->producer))
			return;
		choose_resends(pl, p);
		p->lane = target_topic_lane(p->route->target);
		set_state(pl, p, PARTITION_RESENDING);
	}
	for (struct flight *f = NULL; (f = tracker_next(p->tracker, f));) {
		if (f->state != FLIGHT_WAITING)
			continue;
		record_restore(&r, f->message, f->headers);
		if (!send_flight(pl, p, f, &r))
			break;
	}
	pop_settled(pl, p);
	if (p->state != PARTITION_RESENDING || tracker_count(p->tracker) > 0)
		return;
	judge_batch(pl, p);
	set_state(pl, p, PARTITION_FLOWING);
}

static void
resend_all(struct pipeline *pl)
{
	for (struct partition *p = pl->partitions; p && pl->troubled > 0; p = p->next)
		if (is_troubled(p->state))
			resend(pl, p);
}

static uint32_t
record_cost(const struct record *r)
{
	return (uint32_t)(r->key_size + r->value_size + RECORD_OVERHEAD);
}

static void
note_source_error(
	struct pipeline *pl, const struct partition *p, const struct consumer_event *event)
{
	if (event->kind == CONSUMER_NOTHING || pl->source_error == CONSUMER_FATAL)
		return;
	pl->source_error = event->kind;
	snprintf(pl->source_reason, sizeof(pl->source_reason), "%s partition %d: %s", p->topic,
		(int)p->number, event->reason);
}

/* The source went back: its offsets begin anew, and so does the tracker. What is on its way of the
   old ones goes on as an orphan, for its offsets mean nothing any more. */
static void
rewind_partition(struct pipeline *pl, struct partition *p, int64_t offset)
{
	struct partition *old = mem_zero(1, sizeof(*old));

	LOG(EVENT_source_rewound, F_STR("topic", p->topic), F_INT("partition", p->number),
		F_INT("from", tracker_last_offset(p->tracker) + 1), F_INT("to", offset));
	*old = (struct partition){.topic = mem_strdup(p->topic),
		.number = p->number,
		.route = p->route,
		.tracker = p->tracker,
		.state = PARTITION_ORPHAN,
		.next = pl->orphans};
	tracker_set_owner(old->tracker, old);
	pl->orphans = old;
	p->tracker = tracker_new(p);
	p->committed = p->committing = -1;
	free_orphan(pl, old);
}

/* Reads one batch and sends it. Returns true when there may be more. */
static bool
feed(struct pipeline *pl, struct partition *p)
{
	struct consumer_event event;
	size_t n = consumer_read(p->source, pl->records, BATCH, &event);
	uint64_t bytes = 0;
	bool has_room = true;

	for (size_t i = 0; i < n; i++) {
		struct record *r = &pl->records[i];
		struct flight *f;

		if (r->offset <= tracker_last_offset(p->tracker))
			rewind_partition(pl, p, r->offset);
		f = tracker_begin(p->tracker, r->offset, record_cost(r));
		f->message = r->message;
		pl->buffered += f->bytes;
		bytes += r->key_size + r->value_size;
		/* Once one could not be sent, none behind it may go first. */
		has_room = has_room && send_flight(pl, p, f, r);
	}
	counter_add(&pl->counters->records_read, n);
	counter_add(&pl->counters->bytes_read, bytes);
	note_source_error(pl, p, &event);
	p->is_touched = true;
	if (!has_room && p->state == PARTITION_FLOWING)
		set_state(pl, p, PARTITION_RESENDING);
	pop_settled(pl, p);
	return n == BATCH;
}

/* The topic's batches must be of another size from now on: what is on its way comes first. Returns
   true while it is waited for. */
static bool
changes_lane(struct pipeline *pl, struct partition *p)
{
	if (p->lane == target_topic_lane(p->route->target))
		return false;
	if (tracker_sent(p->tracker) > 0) {
		recover(pl, p, false);
		return true;
	}
	p->lane = target_topic_lane(p->route->target);
	return false;
}

/* Reads the partitions that have records while there is room. Returns true when it stopped for
 * fairness only. */
static bool
feed_all(struct pipeline *pl)
{
	struct partition *p;

	for (int visits = 0; visits < VISITS; visits++) {
		if (!pl->active || pl->buffered >= pl->limit || pl->failure[0])
			return false;
		p = pl->active;
		deactivate(pl, p);
		/* Not flowing: set_state activates it when it does again. */
		if (p->state != PARTITION_FLOWING || p->is_quiet || changes_lane(pl, p))
			continue;
		if (feed(pl, p))
			activate(pl, p);
	}
	return pl->active != NULL;
}

bool
pipeline_turn(struct pipeline *pl)
{
	bool more = take_deliveries(pl);
	const char *failure = producer_failure(pl->producer);

	if (failure && !pl->failure[0])
		snprintf(pl->failure, sizeof(pl->failure), "%s", failure);
	if (pl->troubled > 0)
		resend_all(pl);
	more |= feed_all(pl);
	atomic_store_explicit(
		&pl->counters->buffered_bytes, (uint64_t)pl->buffered, memory_order_relaxed);
	return more;
}

bool
pipeline_wants_time(const struct pipeline *pl)
{
	return pl->troubled > 0 || producer_wants_turn(pl->producer);
}

size_t
pipeline_positions(struct pipeline *pl, const struct topic_partition **ret)
{
	size_t n = 0;

	for (struct partition *p = pl->partitions; p; p = p->next) {
		int64_t position;

		p->committing = p->committed;
		if (!p->is_touched)
			continue;
		if (tracker_count(p->tracker) == 0)
			tracker_advance(p->tracker, source_partition_position(p->source));
		position = tracker_position(p->tracker);
		if (position <= p->committed)
			continue;
		pl->positions =
			mem_grow(pl->positions, &pl->positions_capacity, n, sizeof(*pl->positions));
		pl->positions[n++] = (struct topic_partition){p->topic, p->number, position};
		p->committing = position;
	}
	*ret = pl->positions;
	return n;
}

void
pipeline_committed(struct pipeline *pl)
{
	for (struct partition *p = pl->partitions; p; p = p->next) {
		p->committed = p->committing;
		p->is_touched = tracker_count(p->tracker) > 0 ||
				tracker_position(p->tracker) > p->committed;
	}
}

int64_t
pipeline_lag(struct pipeline *pl)
{
	int64_t sum = 0, lag;

	for (struct partition *p = pl->partitions; p; p = p->next) {
		lag = source_partition_lag(p->source);
		if (lag < 0)
			return -1;
		sum += lag + (int64_t)tracker_count(p->tracker);
	}
	return sum;
}

int64_t
pipeline_stalled_ms(const struct pipeline *pl)
{
	return producer_outstanding(pl->producer) > 0 ? clock_ms() - pl->last_delivery : 0;
}

void
pipeline_limit_batch(struct pipeline *pl, const char *target_topic, int64_t max_bytes)
{
	producer_limit_batch(pl->producer, producer_topic(pl->producer, target_topic), max_bytes);
}

void
pipeline_abandon(struct pipeline *pl, int timeout_ms)
{
	int64_t until = clock_ms() + timeout_ms;
	struct pollfd fd = {.fd = producer_fd(pl->producer), .events = POLLIN};

	producer_abandon(pl->producer);
	while (take_deliveries(pl) || pl->orphans) {
		if (clock_ms() >= until)
			return;
		poll(&fd, 1, 20);
	}
}

const char *
pipeline_failure(const struct pipeline *pl)
{
	return pl->failure[0] ? pl->failure : NULL;
}

enum consumer_event_kind
pipeline_take_source_error(struct pipeline *pl, const char **ret_reason)
{
	enum consumer_event_kind kind = pl->source_error;

	pl->source_error = CONSUMER_NOTHING;
	*ret_reason = pl->source_reason;
	return kind;
}
