/* The pipeline's sending side: flights to the producer, deliveries back, and sending again in
 * order. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "mirror/pipeline_state.h"

/* Deliveries taken in one turn, so that timers and messages are never far. */
#define DELIVERIES 4096
/* Pauses before sending again: doubled from the first to the last, which is short enough for what
   is missing to be said every ten seconds. */
#define RETRY_MS 200
#define RETRY_MAX_MS 3000

void
partition_recover(struct pipeline *pl, struct partition *p, bool after_a_pause)
{
	if (p->state == PARTITION_ORPHAN || p->state == PARTITION_HELD)
		return;
	if (p->state != PARTITION_RECOVERING) {
		partition_set_state(pl, p, PARTITION_RECOVERING);
		p->resume_at = 0;
	}
	if (!after_a_pause || p->resume_at)
		return;
	p->pause_ms = p->pause_ms ? p->pause_ms * 2 : RETRY_MS;
	if (p->pause_ms > RETRY_MAX_MS)
		p->pause_ms = RETRY_MAX_MS;
	p->resume_at = clock_ms() + p->pause_ms;
}

void
partition_hold(struct pipeline *pl, struct partition *p, struct flight *f, struct output *output,
	const char *reason, const char *error)
{
	if (p->state == PARTITION_ORPHAN)
		return;
	partition_set_state(pl, p, PARTITION_HELD);
	standing_set(&p->refused, f, output, reason, error);
	partition_show_refused(p);
}

void
partition_show_refused(struct partition *p)
{
	char text[METER_REASON];

	snprintf(text, sizeof(text), "the target refuses the record at offset %lld: %s",
		(long long)p->refused.flight->offset, p->refused.reason);
	partition_give_reason(p, text);
}

/* Where a flight, or one of its outputs, goes. */
static struct target_topic *
target_of(const struct partition *p, const struct output *output)
{
	return output ? output->target : p->route->target;
}

/* A partition waits before it sends again. Every record of a batch may come back for one reason:
   only the first is written down. */
static void
note_waiting(struct partition *p, const char *what, const char *reason)
{
	char text[800];

	if (p->has_reason || p->pause_ms == 0)
		return;
	snprintf(text, sizeof(text), "%s: %s", what, reason);
	partition_give_reason(p, text);
}

/* Waits for what the operator must create at the target. */
static void
wait_for_missing(struct pipeline *pl, struct partition *p, struct target_topic *target,
	bool is_topic, const char *reason)
{
	const char *name = target_topic_name(target);
	bool is_remade = is_topic && pl->plan && pl->plan->makes_topics &&
			 (target == p->route->target || target == pl->dead_letters);
	char advice[400], what[320];

	pl->has_missed = true;
	partition_recover(pl, p, true);
	snprintf(what, sizeof(what),
		is_topic ? "the target topic %s is not there"
			 : "the target topic %s has too few partitions",
		name);
	note_waiting(p, what, reason);

	snprintf(advice, sizeof(advice),
		is_remade ? "it is made anew as soon as it is certain that %s is gone; its records "
			    "wait until then"
		: is_topic
			? "create it at the target, for example kafka-topics --create --topic %s "
			  "--partitions N --replication-factor N; its records wait until then"
			: "add partitions to %s at the target, or use partition.mode=key; its "
			  "records wait until then",
		name);
	log_write(is_topic ? EVENT_target_topic_missing : EVENT_target_partition_missing,
		&p->route->missing,
		(const struct log_field[]){F_STR("topic", name),
			F_INT("source_partition", p->number), F_STR("reason", reason),
			F_STR("advice", advice)},
		4);
}

/* The batch this record was in was refused. */
static void
on_split(struct pipeline *pl, struct partition *p, struct target_topic *target,
	const struct delivery *d)
{
	if (!p->resends_singly && d->is_too_large) {
		LOG_LIMITED(10, EVENT_batch_too_large, F_STR("topic", target_topic_name(target)),
			F_INT("partition", d->partition), F_STR("reason", d->reason));
		p->suspect = target;
		p->suspect_lane = d->lane;
	}
	p->resends_singly = true;
	partition_recover(pl, p, false);
}

/* Sent one by one, all records of a batch that was too large were taken: then it was the batch, and
   the topic gets smaller ones. Many partitions meet the same refusal; only the first lowers the
   lane. */
static void
judge_batch(struct pipeline *pl, struct partition *p)
{
	if (p->suspect && p->suspect_lane == target_topic_lane(p->suspect))
		producer_limit_batch(pl->producer, p->suspect, 0);
	p->suspect = NULL;
}

static void
say_refused(struct pipeline *pl, struct partition *p, const struct flight *f,
	struct target_topic *target, const struct delivery *d, const char *action)
{
	counter_add(&pl->counters->send_failures, 1);
	LOG(EVENT_send_failure, F_STR("topic", p->topic), F_INT("partition", p->number),
		F_INT("offset", f->offset), F_STR("target_topic", target_topic_name(target)),
		F_UINT("bytes", f->bytes - RECORD_OVERHEAD), F_STR("reason", d->reason),
		F_STR("action", action));
}

/* A partition is held at a record that the target refuses. */
static void
pause_at(struct pipeline *pl, struct partition *p, struct flight *f, struct output *output,
	const struct delivery *d)
{
	partition_hold(pl, p, f, output, d->reason, d->error);
	LOG(EVENT_partition_paused, F_STR("topic", p->topic), F_INT("partition", p->number),
		F_INT("offset", f->offset), F_STR("reason", d->reason));
}

/* The target refuses this record for good. Returns true when the record is done with, false when it
   stays, or another takes its place. */
static bool
on_refused(struct pipeline *pl, struct partition *p, struct flight *f, struct output *output,
	const struct delivery *d)
{
	const struct config_mirror *mirror = &pl->config->mirror;
	/* A dead letter that is refused cannot be put aside again; that one record's trouble holds
	   no other partition. */
	const char *action = output && output->is_dead_letter ? "pause"
			     : mirror->abort_on_send_failure  ? "stop"
							      : mirror->send_on_error;
	char reason[800];

	if (p->state == PARTITION_ORPHAN || p->state == PARTITION_HELD)
		return false;
	if (d->is_too_large) {
		p->suspect = NULL;
		pl->suspects_batch = false;
	}
	say_refused(pl, p, f, target_of(p, output), d, action);
	if (!strcmp(action, "drop")) {
		partition_count_dropped(pl, p, f, FATE_FAILED, d->error);
		return true;
	}
	if (!strcmp(action, "dead-letter") &&
		flight_to_dead_letter(pl, p, f, output, d->reason, d->error)) {
		partition_recover(pl, p, false);
		return false;
	}
	if (!strcmp(action, "stop")) {
		snprintf(reason, sizeof(reason),
			"the target refuses the record at offset %lld of %s partition %d: %s",
			(long long)f->offset, p->topic, (int)p->number, d->reason);
		pipeline_fail(pl, reason);
		partition_hold(pl, p, f, output, d->reason, d->error);
		return false;
	}
	f->is_barred = pl->is_exact;
	pause_at(pl, p, f, output, d);
	return false;
}

/* A flight's or an output's state moves. */
static void
settle(struct flight *f, struct output *output, enum flight_state state)
{
	if (output)
		output_set(output, state);
	else
		tracker_set(f, state);
}

/* Is the topic itself not there, rather than the partition? The library knows a topic that was
   deleted as one without partitions. */
static bool
is_topic_missing(
	const struct pipeline *pl, const struct target_topic *target, const struct delivery *d)
{
	return d->is_missing_topic ||
	       d->partition < plan_target_partitions(pl->plan, target_topic_name(target));
}

/* The same where it was part of a transaction: that is taken back as a whole, and all of it is sent
   again, but for what is to become of this record. */
static void
on_failed_exact(struct pipeline *pl, struct partition *p, struct flight *f, struct output *output,
	const struct delivery *d)
{
	switch (d->verdict) {
	case DELIVERY_SPLIT:
		pl->wants_care = true;
		pl->suspects_batch |= d->is_too_large;
		if (d->is_too_large)
			LOG_LIMITED(10, EVENT_batch_too_large,
				F_STR("topic", target_topic_name(target_of(p, output))),
				F_INT("partition", d->partition), F_STR("reason", d->reason));
		break;
	case DELIVERY_LATER:
		wait_for_missing(pl, p, target_of(p, output),
			is_topic_missing(pl, target_of(p, output), d), d->reason);
		break;
	case DELIVERY_REFUSED:
		if (on_refused(pl, p, f, output, d))
			settle(f, output, FLIGHT_DONE);
		break;
	default: pipeline_note_target(pl, d->reason);
	}
	pipeline_break(pl, d->reason);
}

/* What became of a record that was not simply acknowledged. It is back in state WAITING. */
static void
on_failed(struct pipeline *pl, struct partition *p, struct flight *f, struct output *output,
	const struct delivery *d)
{
	p->is_missing = d->verdict == DELIVERY_LATER;
	if (pl->is_exact) {
		on_failed_exact(pl, p, f, output, d);
		return;
	}
	switch (d->verdict) {
	case DELIVERY_SPLIT: on_split(pl, p, target_of(p, output), d); break;
	case DELIVERY_AGAIN:
		/* What fails again and again must not take back each time what others have queued.
		 */
		if (p->pause_ms && !d->is_taken_back)
			p->resends_singly = true;
		pipeline_note_target(pl, d->reason);
		partition_recover(pl, p, p->pause_ms || p->state == PARTITION_RESENDING);
		note_waiting(p, "to be sent again", d->reason);
		break;
	case DELIVERY_LATER:
		wait_for_missing(pl, p, target_of(p, output),
			is_topic_missing(pl, target_of(p, output), d), d->reason);
		break;
	default:
		if (on_refused(pl, p, f, output, d))
			settle(f, output, FLIGHT_DONE);
	}
}

/* A record is at the target: how old it was then. One that goes out again, behind another that
   failed, was there the first time. */
static void
count_latency(struct partition *p, struct flight *f, int64_t now)
{
	if (f->state != FLIGHT_ACKED || f->is_timed || f->timestamp <= 0)
		return;
	f->is_timed = true;
	meter_latency(p->meter->topic, now - f->timestamp);
}

/* Returns the partition that it is of. now: clock_wall_ms */
static struct partition *
on_delivery(struct pipeline *pl, const struct delivery *d, int64_t now)
{
	struct output *output;
	struct flight *f = opaque_flight(d->opaque, &output);
	struct partition *p = tracker_owner(f->tracker);

	*(output ? &output->headers : &f->headers) = d->headers;
	*(output ? &output->partition : &f->partition) = d->partition;
	*(output ? &output->target_offset : &f->target_offset) = d->offset;
	/* What was taken back with its transaction is no copy that anybody sees. */
	f->is_repeated = f->is_repeated || (d->is_doubtful && !pl->is_exact);
	if (d->verdict == DELIVERY_ACKED) {
		f->target = output ? NULL : p->route->target;
		settle(f, output, FLIGHT_ACKED);
		count_latency(p, f, now);
	} else {
		tally_run_add(&pl->errors, TALLY_SEND_ERROR, d->error);
		settle(f, output, FLIGHT_WAITING);
		on_failed(pl, p, f, output, d);
	}
	return p;
}

/* Most deliveries in a row are of one partition: what is settled leaves its tracker when all of
   them are taken. */
static void
take_batch(struct pipeline *pl, size_t count)
{
	int64_t now = count > 0 ? clock_wall_ms() : 0;
	struct partition *p, *previous = NULL;

	for (size_t i = 0; i < count; i++) {
		p = on_delivery(pl, &pl->deliveries[i], now);
		if (previous && previous != p)
			partition_pop_settled(pl, previous);
		previous = p;
	}
	if (previous)
		partition_pop_settled(pl, previous);
	tally_run_end(&pl->errors);
	tally_run_end(&pl->drops);
}

bool
take_deliveries(struct pipeline *pl)
{
	size_t n, total = 0;

	do {
		n = producer_deliveries(pl->producer, pl->deliveries, BATCH);
		take_batch(pl, n);
		total += n;
	} while (n == BATCH && total < DELIVERIES);
	return n == BATCH;
}

/* The partition that a flight's own record asks for, or an output. */
static int32_t
wanted_partition(struct pipeline *pl, struct partition *p, const struct output *output,
	const struct record *r)
{
	if (output && output->wanted != OUTPUT_BY_ROUTE)
		return output->wanted;
	if (!output || output->target == p->route->target)
		return route_partition(p->route, r->partition, r->key, r->key_size);
	return route_partition_among(p->route, r->partition, r->key, r->key_size,
		plan_target_partitions(pl->plan, target_topic_name(output->target)));
}

/* Which partition it shall be cannot be said yet. */
static bool
wait_for_partitions(
	struct pipeline *pl, struct partition *p, struct target_topic *target, int32_t wanted)
{
	producer_touch(pl->producer, target);
	p->is_missing = true;
	wait_for_missing(pl, p, target, wanted == ROUTE_UNKNOWN,
		wanted == ROUTE_UNKNOWN ? "how many partitions it has is not known yet"
					: "the script's partition hook names none that is there");
	return false;
}

/* Why nothing may be sent to where a flight's own record, or an output, goes; NULL: it may. */
static const char *
awaits(const struct pipeline *pl, const struct partition *p, const struct output *output)
{
	if (output && output->is_dead_letter)
		return pl->plan ? pl->plan->dead_letters_await : NULL;
	return target_of(p, output) == p->route->target ? route_awaits(p->route) : NULL;
}

/* Its topic is being made at the target, which is said elsewhere: until it is there, not even its
   metadata may be asked for, or brokers would make it in their own way. */
static bool
wait_for_creation(struct pipeline *pl, struct partition *p, const char *reason)
{
	p->is_missing = true;
	partition_recover(pl, p, true);
	if (p->state != PARTITION_HELD && !p->is_script_held)
		partition_give_reason(p, reason);
	return false;
}

/* Offers one record to the producer: a flight's own, or an output. */
static bool
send_one(struct pipeline *pl, struct partition *p, struct flight *f, struct output *output,
	struct record *r)
{
	struct target_topic *target = target_of(p, output);
	enum producer_lane lane = p->resends_singly ? PRODUCER_SINGLE : target_topic_lane(target);
	int32_t wanted;
	struct delivery failure;
	enum send_result result;

	if (pl->is_dry) {
		tally_add(TALLY_TARGET, target_topic_name(target), 1);
		settle(f, output, FLIGHT_DONE);
		return true;
	}
	if (awaits(pl, p, output))
		return wait_for_creation(pl, p, awaits(pl, p, output));
	wanted = wanted_partition(pl, p, output, r);
	if (wanted < PRODUCER_BY_KEY)
		return wait_for_partitions(pl, p, target, wanted);
	if (pl->provenance && !output && !r->headers)
		flight_mark(pl, p, f, r);
	result = producer_send(pl->producer, target, lane, wanted, r,
		output ? output_opaque(output) : (void *)f, &failure);
	*(output ? &output->headers : &f->headers) = r->headers;
	if (result == SEND_QUEUED) {
		pl->has_sent = pl->has_content = true;
		pl->opened_bytes += f->bytes;
		settle(f, output, FLIGHT_SENT);
		return true;
	}
	if (result == SEND_FAILED) {
		tally_add(TALLY_SEND_ERROR, failure.error, 1);
		on_failed(pl, p, f, output, &failure);
	}
	return result == SEND_FAILED && (output ? output->state : f->state) == FLIGHT_DONE;
}

/* A transaction can only hold all outputs of a flight: none is sent while one would have to wait.
 */
static bool
may_send_all(struct pipeline *pl, struct partition *p, const struct outputs *outputs)
{
	for (uint32_t i = 0; i < outputs->count; i++) {
		const struct output *o = &outputs->items[i];
		const char *reason = awaits(pl, p, o);

		if (reason)
			return wait_for_creation(pl, p, reason);
		if (o->wanted == OUTPUT_BY_ROUTE && o->target != p->route->target &&
			route_needs_count(p->route) &&
			plan_target_partitions(pl->plan, target_topic_name(o->target)) <= 0)
			return wait_for_partitions(pl, p, o->target, ROUTE_UNKNOWN);
	}
	return true;
}

/* The outputs of a flight that are due, in order. */
static bool
send_outputs(struct pipeline *pl, struct partition *p, struct flight *f)
{
	struct outputs *outputs = f->outputs;

	if (pl->is_exact && !may_send_all(pl, p, outputs))
		return false;

	for (uint32_t i = 0; i < outputs->count; i++) {
		struct output *o = &outputs->items[i];
		struct record r = {.headers = o->headers,
			.key = o->key,
			.key_size = o->key_size,
			.value = o->value,
			.value_size = o->value_size,
			.timestamp = o->timestamp,
			.offset = f->offset,
			.partition = p->number};

		if (o->state == FLIGHT_WAITING && !send_one(pl, p, f, o, &r))
			return false;
	}
	return true;
}

bool
send_flight(struct pipeline *pl, struct partition *p, struct flight *f, struct record *r)
{
	struct record restored;

	if (f->is_barred) {
		partition_stop_at_bar(pl, p);
		return false;
	}
	if (f->outputs)
		return send_outputs(pl, p, f);
	if (!r) {
		record_restore(&restored, f->message, f->headers);
		r = &restored;
	}
	return send_one(pl, p, f, NULL, r);
}

/* Places at the target to which something must be sent again. */
struct places {
	struct place {
		const struct target_topic *target;
		int32_t partition; /* -1 not known: any of the topic */
	} items[16];
	size_t count;
	bool is_all; /* too many: everything counts as one of them */
};

static bool
has_place(const struct places *places, const struct target_topic *target, int32_t partition)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->items[i].target == target &&
			(places->items[i].partition == partition || places->items[i].partition < 0))
			return true;
	return places->is_all;
}

/* A flight, or one of its outputs, in the order of their sending: it is sent again when it failed,
   or when it was acknowledged after one that failed went to the same place. */
static size_t
choose_resend(struct places *places, struct partition *p, struct flight *f, struct output *output)
{
	const struct target_topic *target = target_of(p, output);
	int32_t partition = output ? output->partition : f->partition;
	bool is_behind = has_place(places, target, partition);
	enum flight_state state = output ? output->state : f->state;

	if (state == FLIGHT_ACKED && is_behind) {
		settle(f, output, state = FLIGHT_WAITING);
		f->is_repeated = true;
	}
	if (state != FLIGHT_WAITING)
		return 0;
	if (is_behind)
		return 1;
	if (places->count == sizeof(places->items) / sizeof(places->items[0]))
		places->is_all = true;
	else
		places->items[places->count++] = (struct place){target, partition};
	return 1;
}

/* Flights that were acknowledged after one that failed go out again when they went to the same
   target partition: there the later record must not stand before the earlier one only. Those that
   went elsewhere stay. */
static void
choose_resends(struct pipeline *pl, struct partition *p)
{
	struct places places = {.count = 0};
	size_t resent = 0;

	for (struct flight *f = NULL; (f = tracker_next(p->tracker, f)) && !f->is_raw;) {
		for (uint32_t i = 0; f->outputs && i < f->outputs->count; i++)
			resent += choose_resend(&places, p, f, &f->outputs->items[i]);
		if (!f->outputs)
			resent += choose_resend(&places, p, f, NULL);
	}
	counter_add(&pl->counters->records_resent, resent);
	counter_add(&p->meter->records_resent, resent);
}

/* Nothing is on its way: what changes the sending takes hold. What was read already still goes to
   the old place when the topic is not mirrored any more. */
static void
begin_anew(struct pipeline *pl, struct partition *p)
{
	p->lanes_seen = producer_lane_changes(pl->producer);
	if (!p->next_route || (!p->next_route->target && tracker_count(p->tracker) > p->raw))
		return;
	route_release(&p->route);
	p->route = p->next_route;
	p->next_route = NULL;
}

bool
partition_must_drain(struct pipeline *pl, struct partition *p)
{
	if (p->lanes_seen == producer_lane_changes(pl->producer) && !p->next_route)
		return false;
	if (tracker_count(p->tracker) > p->raw) {
		partition_recover(pl, p, false);
		return true;
	}
	begin_anew(pl, p);
	return false;
}

/* Sends what waits, in order, as far as there is room; flows again when all of it is settled. */
static void
resend(struct pipeline *pl, struct partition *p)
{
	/* What a topic is missing for would only fail what is about to be committed. */
	if (!partition_may_flow(pl, p) || (p->is_missing && pl->gate == PIPELINE_DRAINS))
		return;
	/* Another's trouble has lowered a lane: the rest must not overtake what was sent in the old
	 * one. */
	if (p->state == PARTITION_RESENDING && p->lanes_seen != producer_lane_changes(pl->producer))
		partition_recover(pl, p, false);
	if (p->state == PARTITION_RECOVERING) {
		if (tracker_sent(p->tracker) > 0 || clock_ms() < p->resume_at ||
			producer_failure(pl->producer))
			return;
		choose_resends(pl, p);
		begin_anew(pl, p);
		partition_set_state(pl, p, PARTITION_RESENDING);
	}
	for (struct flight *f = NULL; (f = tracker_next(p->tracker, f)) && !f->is_raw;)
		if (flight_is_due(f) && !send_flight(pl, p, f, NULL))
			break;
	partition_pop_settled(pl, p);
	if (p->state != PARTITION_RESENDING || tracker_count(p->tracker) > p->raw)
		return;
	judge_batch(pl, p);
	partition_set_state(pl, p, PARTITION_FLOWING);
}

void
resend_all(struct pipeline *pl)
{
	for (struct partition *p = pl->partitions, *next; p && pl->troubled > 0; p = next) {
		next = p->next;
		if (p->state == PARTITION_RECOVERING || p->state == PARTITION_RESENDING)
			resend(pl, p);
	}
}
