/* The pipeline: the way of every record of one stream, from a source partition to its settled
 * offset. */
#include "mirror/pipeline.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "mirror/pauses.h"
#include "mirror/pipeline_state.h"
#include "script/watchdog.h"

/* Partitions read in one turn, so that timers and messages are never far. */
#define VISITS 16
/* What one partition's records that wait for the script may take, however small its share is. */
#define RAW_LEAST 8192

struct pipeline *
pipeline_new(const struct config *config, struct producer *producer, struct counters *counters,
	int64_t buffer_bytes)
{
	struct pipeline *pl = mem_zero(1, sizeof(*pl));

	pl->config = config;
	pl->producer = producer;
	pl->counters = counters;
	/* A header costs about 200 bytes of bookkeeping more, which nothing counts. */
	if (config->mirror.provenance)
		buffer_bytes -= buffer_bytes / 4;
	pl->limit = buffer_bytes;
	atomic_store_explicit(
		&counters->buffer_bound, (uint64_t)buffer_bytes, memory_order_relaxed);
	pl->most = BATCH;
	pl->records = mem_zero(pl->most, sizeof(*pl->records));
	pl->active_end = &pl->active;
	return pl;
}

void
pipeline_free(struct pipeline **pipeline)
{
	struct pipeline *pl = *pipeline;

	if (!pl)
		return;
	plan_release(&pl->plan);
	provenance_free(&pl->provenance);
	record_spares_free(&pl->spares);
	pauses_release(&pl->pauses);
	limit_release(&pl->overall);
	limits_release(&pl->limits);
	free(pl->records);
	free(pl->batch);
	free(pl->handles);
	free(pl->positions);
	free(pl->position_ids);
	pipeline_forget_wishes(pl);
	free(pl);
	*pipeline = NULL;
}

void
partition_activate(struct pipeline *pl, struct partition *p)
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

void
partition_count_held(struct pipeline *pl, struct partition *p)
{
	bool is_held = p->state == PARTITION_HELD || p->is_script_held || partition_is_gap_held(p);

	if (is_held != p->is_counted_held)
		counter_add(&pl->counters->partitions_held, is_held ? 1 : UINT64_MAX);
	if (is_held && !p->is_counted_held)
		p->held_since = clock_wall_ms();
	p->is_counted_held = is_held;
}

void
partition_set_state(struct pipeline *pl, struct partition *p, enum partition_state state)
{
	pl->troubled += is_troubled(state);
	pl->troubled -= is_troubled(p->state);
	p->state = state;
	/* With exactly.once it comes back to that record when all before it are sent again. */
	if (state != PARTITION_HELD && !(p->refused.flight && p->refused.flight->is_barred))
		standing_clear(&p->refused);
	partition_count_held(pl, p);
	if (state == PARTITION_FLOWING) {
		p->resends_singly = false;
		p->pause_ms = 0;
		p->is_missing = false;
		/* What its script fails for, or a gap, stands behind what was sent. */
		if (!p->is_script_held && !partition_is_gap_held(p))
			partition_forget_reason(p);
		partition_activate(pl, p);
	}
}

void
pipeline_add(struct pipeline *pl, struct consumer *consumer, const char *topic, int32_t number,
	struct meter *meter)
{
	struct partition *p = mem_zero(1, sizeof(*p));

	p->topic = mem_strdup(topic);
	p->number = number;
	p->route = route_new(pl->plan, topic, pl->producer);
	p->lanes_seen = producer_lane_changes(pl->producer);
	p->tracker = tracker_new(p);
	partition_find_origin(pl, p);
	partition_start_meter(p, meter);
	p->committed = p->committing = p->advised = p->advising = p->floor = -1;
	partition_find_until(pl, p);
	p->seen_low = p->seen_high = -1;
	p->has_poison = watchdog_is_poisoned(topic, number, &p->poison_offset);
	p->source = consumer_open_partition(consumer, topic, number, p);
	partition_find_limit(pl, p);
	partition_find_pause(pl, p);
	partition_say_wait(p);
	partition_ask_identity(pl, p);
	partition_begin_notes(pl, p);
	p->next = pl->partitions;
	pl->partitions = p;
	pl->count++;
	counter_add(&pl->counters->partitions, 1);
}

/* The record of this flight is finished with. */
static void
release(struct pipeline *pl, struct flight *f)
{
	if (record_spare(pl->spares, f->headers))
		f->headers = NULL;
	record_release(f->message, f->headers);
	outputs_free(&f->outputs);
	pl->buffered -= f->bytes;
}

void
partition_discard(struct pipeline *pl, struct partition *p)
{
	struct flight f;

	standing_clear(&p->refused);
	while (tracker_discard(p->tracker, &f))
		release(pl, &f);
	p->raw = 0;
	p->first_raw = NULL;
}

static void
free_partition(struct pipeline *pl, struct partition *p)
{
	partition_discard(pl, p);
	tracker_free(&p->tracker);
	route_release(&p->route);
	route_release(&p->next_route);
	limit_release(&p->limit);
	free(p->origin);
	free(p->topic);
	free(p);
}

/* What the script has still to see is forgotten, and with it that it wanted to wait. */
static void
forget_raw(struct pipeline *pl, struct partition *p)
{
	p->raw = 0;
	p->first_raw = NULL;
	partition_release_script(pl, p);
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
	partition_end_notes(pl, p);
	deactivate(pl, p);
	partition_stop_meter(p);
	source_partition_close(&p->source);
	partition_forget_gap(pl, p);
	partition_forget_identity(pl, p);
	partition_set_state(pl, p, PARTITION_ORPHAN);
	forget_raw(pl, p);
	partition_leave_limits(pl, p);
	pl->count--;
	counter_add(&pl->counters->partitions, UINT64_MAX);
	counter_add(&p->meter->given_up, tracker_count(p->tracker));
	partition_leave_transaction(pl, p);
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
		partition_leave_limits(pl, p);
		return;
	}
	for (p = pl->partitions; p; p = p->next)
		pipeline_quiesce(pl, p);
}

/* What the script has not seen is read again by whoever comes next; so is what waits for a topic
   that may not be made for days. */
static bool
is_drained(const struct pipeline *pl, const struct partition *p)
{
	return tracker_count(p->tracker) == p->raw ||
	       (tracker_sent(p->tracker) == 0 &&
		       (p->state == PARTITION_HELD || partition_waits_for_topic(p) ||
			       partition_is_out(pl, p)));
}

bool
pipeline_waits_for_topic(const struct pipeline *pl)
{
	for (const struct partition *p = pl->partitions; p; p = p->next)
		if (partition_waits_for_topic(p))
			return true;
	return false;
}

bool
pipeline_is_drained(struct pipeline *pl, struct partition *p)
{
	if (p)
		return is_drained(pl, p);
	for (p = pl->partitions; p; p = p->next)
		if (!is_drained(pl, p))
			return false;
	return true;
}

void
pipeline_wake(struct pipeline *pl, struct source_partition *source)
{
	partition_activate(pl, source_partition_owner(source));
}

/* An orphan goes when nothing of it is on its way any more. */
static void
free_orphan(struct pipeline *pl, struct partition *p)
{
	if (tracker_sent(p->tracker) > 0)
		return;
	unlink_partition(&pl->orphans, p);
	free_partition(pl, p);
}

/* Records have left the tracker, the last one with this offset. */
static void
count_settled(struct meter *m, const uint64_t fates[METER_FATES], int64_t last)
{
	for (int i = 0; i < METER_FATES; i++)
		if (fates[i])
			counter_add(&m->settled[i], fates[i]);
	atomic_store_explicit(&m->last, last, memory_order_relaxed);
	atomic_store_explicit(&m->last_ms, clock_ms(), memory_order_relaxed);
}

void
partition_pop_settled(struct pipeline *pl, struct partition *p)
{
	if (p->state == PARTITION_ORPHAN)
		free_orphan(pl, p);
	else if (!pl->is_exact)
		partition_pop(pl, p);
}

void
partition_pop(struct pipeline *pl, struct partition *p)
{
	struct flight f;
	uint64_t records = 0, bytes = 0;
	uint64_t fates[METER_FATES] = {0};
	int64_t timestamp = -1, last = -1;

	while (tracker_pop(p->tracker, &f)) {
		if (f.timestamp > 0)
			timestamp = f.timestamp;
		if (f.state == FLIGHT_ACKED) {
			records++;
			bytes += f.bytes - RECORD_OVERHEAD - (f.outputs ? f.outputs->bytes : 0);
		}
		fates[f.fate]++;
		last = f.offset;
		if (p->notes)
			partition_note(p, &f);
		release(pl, &f);
		p->is_touched = true;
	}
	if (last >= 0)
		count_settled(p->meter, fates, last);
	if (timestamp > 0)
		atomic_store_explicit(&p->meter->oldest_ms, timestamp, memory_order_relaxed);
	if (records) {
		counter_add(&pl->counters->records_mirrored, records);
		counter_add(&pl->counters->bytes_mirrored, bytes);
		counter_add(&p->meter->records_mirrored, records);
		counter_add(&p->meter->bytes_mirrored, bytes);
	}
}

void
partition_count_dropped(struct pipeline *pl, struct partition *p, struct flight *f,
	enum meter_fate fate, const char *reason)
{
	f->fate = (uint8_t)fate;
	pl->has_content = true;
	counter_add(&pl->counters->records_dropped, 1);
	counter_add(&p->meter->records_dropped, 1);
	if (reason)
		tally_run_add(&pl->drops, TALLY_DROPPED, reason);
	/* For its report. */
	if (reason && pl->until)
		meter_drop(p->meter, reason);
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

/* How many records to read at once. With a script, what one partition keeps while it is held must
   not be more than its share. */
static size_t
read_most(const struct pipeline *pl, const struct partition *p)
{
	int64_t share = pl->limit / (int64_t)pl->count, most;

	if (!pl->script)
		return pl->most;
	if (share < RAW_LEAST)
		share = RAW_LEAST;
	most = share / (p->cost ? p->cost : 4096);
	return most < 1 ? 1 : most < (int64_t)pl->most ? (size_t)most : pl->most;
}

/* Takes a record that was read. Once one could not be sent, none behind it may go first. */
static void
begin(struct pipeline *pl, struct partition *p, struct record *r, bool *has_room)
{
	struct flight *f;

	if (pl->provenance && partition_leave_loop(pl, p, r))
		return;
	f = tracker_begin(p->tracker, r->offset, record_cost(r));
	f->message = r->message;
	f->timestamp = r->timestamp;
	pl->buffered += f->bytes;
	if (pl->script) {
		partition_add_raw(p, f);
		return;
	}
	if (pl->wishes)
		pipeline_sample(pl, p, f, r, NULL);
	*has_room = *has_room && send_flight(pl, p, f, r);
}

/* The first record of all that this stream has of the partition. */
static void
note_first(struct meter *m, int64_t offset)
{
	atomic_store_explicit(&m->first, offset, memory_order_relaxed);
	atomic_store_explicit(&m->first_ms, clock_ms(), memory_order_relaxed);
}

/* Reads one batch and sends it, or shows it to the script. Returns true when there may be more. */
static bool
feed(struct pipeline *pl, struct partition *p)
{
	struct consumer_event event;
	size_t most = read_most(pl, p), n;
	uint64_t bytes = 0;
	bool has_room = true, more;

	if ((p->limit || pl->overall) && !partition_may_read(pl, p, &most))
		return false;
	n = consumer_read(p->source, pl->records, most, &event);
	more = n == most;
	partition_skip_to_floor(pl, p, &n);
	more |= partition_find_gap(pl, p, &n);
	if (p->until >= 0)
		n = partition_cut(pl, p, n);
	if (n > 0 && p->meter->first < 0)
		note_first(p->meter, pl->records[0].offset);
	for (size_t i = 0; i < n; i++) {
		if (pl->records[i].offset <= tracker_last_offset(p->tracker)) {
			partition_go_back(pl, p, i, &n);
			break;
		}
		bytes += pl->records[i].key_size + pl->records[i].value_size;
		begin(pl, p, &pl->records[i], &has_room);
	}
	if (n > 0) {
		p->cost = (int64_t)(bytes / n) + RECORD_OVERHEAD;
		pl->has_content = true;
	}
	if (p->limit || pl->overall)
		partition_settle_limits(pl, p, n, bytes);
	counter_add(&pl->counters->records_read, n);
	counter_add(&pl->counters->bytes_read, bytes);
	counter_add(&p->meter->records_read, n);
	counter_add(&p->meter->bytes_read, bytes);
	note_source_error(pl, p, &event);
	p->is_touched = true;
	if (!has_room && p->state == PARTITION_FLOWING)
		partition_set_state(pl, p, PARTITION_RESENDING);
	if (p->raw == 0) {
		partition_pop_settled(pl, p);
		return more && !p->gap;
	}
	pl->fresh = p->raw == n ? n : 0;
	return partition_run_script(pl, p) || (p->raw == 0 && more && !p->gap);
}

/* What waits for the script goes first, then what the source has. Returns true when there is more
   to do now. */
static bool
advance(struct pipeline *pl, struct partition *p)
{
	if (p->state != PARTITION_FLOWING || p->is_quiet || p->is_user_paused ||
		!partition_may_flow(pl, p) || partition_must_drain(pl, p) || !p->route->target)
		return false;
	if (p->raw == 0)
		return !p->is_over && !p->gap && feed(pl, p);
	return partition_run_script(pl, p) || (p->raw == 0 && p->state == PARTITION_FLOWING);
}

/* Reads the partitions that have records while there is room. Returns true when it stopped for
 * fairness only. */
static bool
feed_all(struct pipeline *pl)
{
	struct partition *p;

	for (int visits = 0; visits < VISITS; visits++) {
		if (!pl->active || pl->is_paused || pl->gate != PIPELINE_FLOWS ||
			pl->buffered >= pl->limit || pl->failure[0] ||
			!producer_is_informed(pl->producer))
			return false;
		p = pl->active;
		deactivate(pl, p);
		/* Where it does not flow, partition_set_state activates it when it does again. */
		if (advance(pl, p))
			partition_activate(pl, p);
	}
	return pl->active != NULL;
}

/* Partitions whose script wanted to wait, and has. */
static void
wake_waiting(struct pipeline *pl)
{
	int64_t now = clock_ms();

	for (struct partition *p = pl->partitions; p; p = p->next)
		if (p->offer_at && p->offer_at <= now)
			partition_activate(pl, p);
}

void
pipeline_fail(struct pipeline *pl, const char *reason)
{
	if (!pl->failure[0])
		snprintf(pl->failure, sizeof(pl->failure), "%s", reason);
}

bool
pipeline_turn(struct pipeline *pl)
{
	bool more = take_deliveries(pl);
	const char *failure = producer_failure(pl->producer);

	if (failure)
		pipeline_fail(pl, failure);
	if (pl->troubled > 0 && pl->gate != PIPELINE_STANDS)
		resend_all(pl);
	if (pl->waiting > 0)
		wake_waiting(pl);
	if (pl->limited > 0)
		wake_limited(pl);
	if (pl->gaps > 0)
		pass_gaps(pl);
	more |= feed_all(pl);
	atomic_store_explicit(
		&pl->counters->buffered_bytes, (uint64_t)pl->buffered, memory_order_relaxed);
	return more;
}

void
pipeline_set_script(struct pipeline *pl, struct script *script)
{
	size_t batch = script ? script_batch_size(script) : 0;

	pl->script = script && script_has(script, SCRIPT_RECORD) ? script : NULL;
	free(pl->handles);
	pl->handles = NULL;
	pl->handle_count = 0;
	if (batch > pl->most) {
		pl->most = batch;
		pl->records = mem_resize(pl->records, pl->most, sizeof(*pl->records));
	}
	pl->batch = mem_resize(pl->batch, pl->most, sizeof(*pl->batch));
	for (struct partition *p = pl->partitions; p; p = p->next) {
		partition_release_script(pl, p);
		p->has_poison = false;
		partition_activate(pl, p);
	}
}

static void
retry(struct pipeline *pl, struct partition *p)
{
	partition_release_script(pl, p);
	partition_release_gap(pl, p);
	partition_offer_again(pl, p);
	partition_activate(pl, p);
}

void
pipeline_retry(struct pipeline *pl, const char *topic, int32_t number)
{
	for (struct partition *p = pl->partitions; p; p = p->next) {
		bool is_meant =
			!topic || (!strcmp(p->topic, topic) && (number < 0 || number == p->number));

		/* One that is quiet goes to whoever reads it next. */
		if (is_meant && !p->is_quiet)
			retry(pl, p);
	}
}

void
pipeline_pause(struct pipeline *pl, bool is_paused)
{
	pl->is_paused = is_paused;
}

void
pipeline_set_dry(struct pipeline *pl)
{
	pl->is_dry = true;
}

/* Topics at the target that have more partitions than in the plan before: the producer would find
   out minutes later. */
static void
refresh_grown(struct pipeline *pl, const struct plan *plan)
{
	for (size_t i = 0; pl->plan && i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];
		int32_t before = t->leads ? plan_target_partitions(pl->plan, t->target) : 0;

		if (before > 0 && before < t->target_partitions)
			producer_refresh(pl->producer, producer_topic(pl->producer, t->target));
	}
}

static size_t
count_targets(const struct plan *plan)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->count; i++)
		count += plan->topics[i].leads;
	return count;
}

void
pipeline_set_plan(struct pipeline *pl, const struct plan *plan)
{
	refresh_grown(pl, plan);
	/* A dry run needs nothing of the target. */
	if (!pl->is_dry)
		producer_expect(pl->producer, count_targets(plan));
	plan_release(&pl->plan);
	pl->plan = plan_take(plan);
	pipeline_set_provenance(pl);
	for (struct partition *p = pl->partitions; p; p = p->next) {
		struct route *route = route_new(plan, p->topic, pl->producer);

		route_release(&p->next_route);
		p->next_route = route;
		if (plan_topic_equals(p->route->topic, route->topic)) {
			route_release(&p->route);
			p->route = route;
			p->next_route = NULL;
		}
		partition_find_limit(pl, p);
		partition_say_wait(p);
		/* What it waited for is there: not a moment more. */
		if (p->is_missing && !route_awaits(p->route))
			p->resume_at = 0;
		partition_activate(pl, p);
	}
}

bool
pipeline_wants_time(const struct pipeline *pl)
{
	return pl->troubled > 0 || pl->waiting > 0 || pl->gaps > 0 ||
	       producer_wants_turn(pl->producer);
}

size_t
pipeline_positions(struct pipeline *pl, const struct topic_partition **ret)
{
	size_t n = 0;

	for (struct partition *p = pl->partitions; p; p = p->next) {
		int64_t position;

		p->committing = p->committed;
		if (!p->is_touched || !partition_may_flow(pl, p))
			continue;
		/* At a gap the source counts what was taken from behind it. */
		if (tracker_count(p->tracker) == 0 && !p->gap)
			tracker_advance(p->tracker, partition_read_position(p));
		position = tracker_position(p->tracker);
		if (pl->is_exact)
			tracker_settled_position(p->tracker, &position);
		if (position <= p->committed)
			continue;
		pl->positions =
			mem_grow(pl->positions, &pl->positions_capacity, n, sizeof(*pl->positions));
		pl->position_ids = mem_grow(
			pl->position_ids, &pl->position_ids_capacity, n, sizeof(*pl->position_ids));
		pl->position_ids[n] = p->topic_id;
		pl->positions[n++] = (struct topic_partition){p->topic, p->number, position};
		p->committing = position;
	}
	*ret = pl->positions;
	return n;
}

const char *const *
pipeline_position_ids(const struct pipeline *pl)
{
	return pl->position_ids;
}

void
pipeline_committed(struct pipeline *pl)
{
	pl->has_sent = pl->has_content = false;
	pl->opened_bytes = 0;
	for (struct partition *p = pl->partitions; p; p = p->next) {
		if (pl->is_exact)
			partition_pop(pl, p);
		p->committed = p->committing;
		p->is_touched = tracker_count(p->tracker) > 0 ||
				tracker_position(p->tracker) > p->committed;
	}
}

void
pipeline_limit_topic(
	struct pipeline *pl, const char *target_topic, int64_t max_bytes, bool no_headers)
{
	struct target_topic *topic = producer_topic(pl->producer, target_topic);

	producer_limit_batch(pl->producer, topic, max_bytes);
	producer_limit_headers(topic, no_headers);
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
