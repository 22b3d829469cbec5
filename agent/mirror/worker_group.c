/* The worker's side of the group: assignments, revokes, commits, and what the source refuses. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mirror/silence.h"
#include "mirror/worker_state.h"

/* A revoke may take this long before the partitions are handed over undrained: far below the
   group's rebalance time-out (max.poll.interval.ms, 5 minutes), short enough not to hold the others
   up. */
#define REVOKE_DRAIN_MS 10000
/* The start, for a want of rights, where start.timeout.ms sets no end to it. */
#define RIGHTS_MS 30000
/* Consumer events dealt with in one turn. */
#define EVENTS 64

bool
worker_commit(struct worker *w)
{
	const struct topic_partition *positions;
	size_t count;
	struct err err;

	if (w->is_committing)
		return true;
	if (w->is_exact)
		return exact_commit(w);
	count = pipeline_positions(w->pipeline, &positions);
	if (count == 0 || w->plan->is_dry)
		return false;
	if (consumer_commit(
		    w->consumer, positions, pipeline_position_ids(w->pipeline), count, &err) < 0) {
		counter_add(&w->counters.commit_failures, 1);
		LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_commit_failed, F_INT("stream", w->stream),
			F_STR("reason", err.text));
		return false;
	}
	w->is_committing = true;
	return true;
}

static void
on_committed(struct worker *w, const char *reason)
{
	if (w->is_exact) {
		exact_advised(w, reason);
		return;
	}
	w->is_committing = false;
	w->is_commit_refused = reason != NULL;
	if (reason) {
		w->next_commit = clock_ms() + COMMIT_AGAIN_MS;
		counter_add(&w->counters.commit_failures, 1);
		LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_commit_failed, F_INT("stream", w->stream),
			F_STR("reason", reason));
		return;
	}
	pipeline_committed(w->pipeline);
	counter_add(&w->counters.commits, 1);
	LOG(EVENT_committed, F_INT("stream", w->stream));
}

void
worker_forget_revoked(struct worker *w)
{
	for (size_t i = 0; i < w->revoked_count; i++)
		free((char *)(uintptr_t)w->revoked[i].topic);
	free(w->revoked);
	w->revoked = NULL;
	w->revoked_count = 0;
}

/* The event's partitions are borrowed and draining takes a while: keep a copy. */
static void
remember_revoked(struct worker *w, const struct consumer_event *e)
{
	worker_forget_revoked(w);
	w->revoked = mem_zero(e->count, sizeof(*w->revoked));
	w->revoked_count = e->count;
	for (size_t i = 0; i < e->count; i++) {
		w->revoked[i] = e->partitions[i];
		w->revoked[i].topic = mem_strdup(e->partitions[i].topic);
	}
}

static struct partition *
revoked_partition(struct worker *w, size_t i)
{
	return pipeline_find(w->pipeline, w->revoked[i].topic, w->revoked[i].partition);
}

static void
on_revoke(struct worker *w, const struct consumer_event *e)
{
	remember_revoked(w, e);
	w->is_answer_due = true;
	for (size_t i = 0; i < w->revoked_count; i++) {
		struct partition *p = revoked_partition(w, i);

		if (p)
			pipeline_quiesce(w->pipeline, p);
	}
	/* At the end everything was drained and committed before the group was left. */
	if (w->phase != PHASE_RUN)
		return;
	w->is_drained = false;
	worker_set_phase(w, PHASE_DRAIN, REVOKE_DRAIN_MS);
}

/* All of a revoke but the answer. */
static void
let_go(struct worker *w, enum log_event event, bool is_drained)
{
	for (size_t i = 0; i < w->revoked_count; i++) {
		struct partition *p = revoked_partition(w, i);

		if (p)
			pipeline_remove(w->pipeline, p);
	}
	LOG(event, F_INT("stream", w->stream), F_UINT("partitions", w->revoked_count),
		F_STR("drained", is_drained ? "yes" : "no"));
	worker_forget_revoked(w);
	w->is_answer_due = false;
	w->unassigned_since = clock_ms();
	counter_add(&w->counters.rebalances, 1);
}

void
worker_finish_revoke(struct worker *w, enum log_event event, bool is_drained)
{
	let_go(w, event, is_drained);
	consumer_answer(w->consumer);
}

static void
on_assign(struct worker *w, const struct consumer_event *e)
{
	/* When its topics change once more, the library does not wait for the answer to a revoke:
	   what is still being handed over is forgotten, or it would stand in the way of the same
	   partitions that are given now. */
	if (w->is_answer_due) {
		let_go(w, EVENT_revoked, false);
		if (!w->is_stopping)
			worker_set_phase(w, PHASE_RUN, 0);
	}
	for (size_t i = 0; i < e->count; i++) {
		const struct topic_partition *p = &e->partitions[i];

		pipeline_add(w->pipeline, w->consumer, p->topic, p->partition,
			meters_get(w->meters, p->topic, p->partition));
	}
	/* At the end nothing new is begun. */
	if (w->is_stopping)
		pipeline_quiesce(w->pipeline, NULL);
	consumer_answer(w->consumer);
	w->unassigned_since = 0;
	if (w->assigned_at == 0)
		w->assigned_at = clock_ms();
	counter_add(&w->counters.rebalances, 1);
	LOG(EVENT_assigned, F_INT("stream", w->stream), F_UINT("partitions", e->count));
}

bool
worker_revoked_is_drained(struct worker *w)
{
	for (size_t i = 0; i < w->revoked_count; i++) {
		struct partition *p = revoked_partition(w, i);

		if (p && !pipeline_is_drained(w->pipeline, p))
			return false;
	}
	return true;
}

/* is_read: records came from there before. */
static void
on_denied(struct worker *w, bool is_read, const char *reason)
{
	int64_t limit = w->plan->config->mirror.start_timeout_ms;

	/* That outages are waited for without end does not make waiting help here. */
	if (limit == 0)
		limit = RIGHTS_MS;
	LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_source_denied, F_INT("stream", w->stream),
		F_STR("reason", reason));
	/* At the start it is the set-up. Later on it may be a change of rights that is taken back:
	   other topics go on. */
	if (!is_read && (w->assigned_at == 0 || clock_ms() - w->assigned_at < limit))
		worker_fail(w, true, reason);
}

void
worker_on_trouble(
	struct worker *w, enum consumer_event_kind kind, bool is_connection, const char *reason)
{
	struct worker_message like = {.is_source = true};
	char text[900];

	switch (kind) {
	case CONSUMER_FATAL:
		snprintf(text, sizeof(text), "the consumer cannot go on: %s", reason);
		worker_fail(w, w->assigned_at == 0, text);
		break;
	case CONSUMER_NO_OFFSET:
		snprintf(text, sizeof(text),
			"auto.offset.reset=none and there is no usable position: %s; commit one, "
			"or set "
			"auto.offset.reset to earliest or latest",
			reason);
		worker_fail(w, false, text);
		break;
	case CONSUMER_DENIED:
	case CONSUMER_DENIED_NOW:
		snprintf(text, sizeof(text),
			"the source refuses reading: %s; grant READ and DESCRIBE on the topic and "
			"READ on "
			"the group %s to this user",
			reason, w->plan->config->source.group_id);
		on_denied(w, kind == CONSUMER_DENIED_NOW, text);
		break;
	default:
		if (is_connection)
			worker_notify(w, WORKER_TROUBLE, &like, reason);
		else if (reason)
			LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_source_trouble,
				F_INT("stream", w->stream), F_STR("reason", reason));
	}
}

static void
on_event(struct worker *w, const struct consumer_event *e)
{
	switch (e->kind) {
	case CONSUMER_ASSIGN: on_assign(w, e); break;
	case CONSUMER_REVOKE: on_revoke(w, e); break;
	case CONSUMER_LOST:
		remember_revoked(w, e);
		worker_finish_revoke(w, EVENT_partitions_lost, false);
		if (w->phase != PHASE_RUN && !w->is_stopping)
			worker_set_phase(w, PHASE_RUN, 0);
		break;
	case CONSUMER_COMMITTED: on_committed(w, e->reason); break;
	default: worker_on_trouble(w, e->kind, e->is_connection, e->reason);
	}
}

bool
worker_take_events(struct worker *w)
{
	struct consumer_event e;

	for (int i = 0; i < EVENTS; i++) {
		consumer_next_event(w->consumer, &e);
		if (e.kind == CONSUMER_NOTHING)
			return false;
		on_event(w, &e);
	}
	return true;
}
