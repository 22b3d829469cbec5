/* The pipeline's part of exactly once: what belongs to a transaction, what becomes of it when the
   transaction is taken back, and which partitions may be written for. See kafka/ledger.h for
   claims, and worker_exact.c for when what happens. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "mirror/pipeline_state.h"

void
pipeline_set_exact(struct pipeline *pl)
{
	pl->is_exact = true;
	pl->gate = PIPELINE_STANDS;
}

void
pipeline_set_gate(struct pipeline *pl, enum pipeline_gate gate)
{
	pl->gate = gate;
}

bool
partition_is_out(const struct pipeline *pl, const struct partition *p)
{
	return pl->is_exact && p->is_quiet &&
	       (p->claim == CLAIM_NONE || p->claim == CLAIM_GIVEN_UP);
}

bool
partition_may_flow(const struct pipeline *pl, const struct partition *p)
{
	return !pl->is_exact || p->claim == CLAIM_HELD;
}

void
pipeline_break(struct pipeline *pl, const char *reason)
{
	if (!pl->broken[0])
		snprintf(pl->broken, sizeof(pl->broken), "%s", reason);
}

const char *
pipeline_broken(const struct pipeline *pl)
{
	return pl->broken[0] ? pl->broken : producer_broken(pl->producer);
}

void
partition_stop_at_bar(struct pipeline *pl, struct partition *p)
{
	partition_set_state(pl, p, PARTITION_HELD);
	partition_show_refused(p);
}

void
partition_lift_bars(struct partition *p)
{
	struct flight *f = NULL;

	while (p->refused.flight && (f = tracker_next(p->tracker, f)))
		f->is_barred = false;
}

void
partition_leave_transaction(struct pipeline *pl, struct partition *p)
{
	struct flight *f = NULL;

	while (pl->is_exact && (f = tracker_next(p->tracker, f)))
		if (flight_is_at_target(f)) {
			pipeline_break(pl, "partitions went before they were committed");
			return;
		}
}

bool
pipeline_has_content(const struct pipeline *pl)
{
	return pl->has_content;
}

bool
pipeline_has_sent(const struct pipeline *pl)
{
	return pl->has_sent;
}

bool
pipeline_is_filled(const struct pipeline *pl)
{
	return pl->opened_bytes * 2 >= pl->limit || (pl->has_sent && pl->buffered >= pl->limit);
}

bool
pipeline_is_settled(struct pipeline *pl)
{
	int64_t position;

	for (struct partition *p = pl->partitions; p; p = p->next)
		if (tracker_sent(p->tracker) > 0)
			return false;
	/* A flight of which not all outputs had room goes on; only what fails can stand in the way
	   for good, and breaks the transaction. */
	for (struct partition *p = pl->partitions; p; p = p->next)
		if (!tracker_settled_position(p->tracker, &position))
			return false;
	return true;
}

static bool
is_waiting(struct partition *p)
{
	struct flight *f = NULL;

	while ((f = tracker_next(p->tracker, f)) && !f->is_raw)
		if (flight_is_due(f))
			return true;
	return false;
}

void
pipeline_took_back(struct pipeline *pl, bool after_a_pause, bool all_claims)
{
	uint64_t resent = 0;

	for (struct partition *p = pl->partitions; p; p = p->next) {
		for (struct flight *f = NULL; (f = tracker_next(p->tracker, f)) && !f->is_raw;) {
			resent += f->state == FLIGHT_ACKED;
			flight_take_back(f);
		}
		if (p->claim == CLAIM_WRITTEN || (all_claims && p->claim != CLAIM_GIVEN_UP))
			p->claim = CLAIM_NONE;
		if (!is_waiting(p))
			continue;
		/* One that was held goes up to the record that it is held at. */
		if (p->state == PARTITION_HELD)
			partition_set_state(pl, p, PARTITION_RECOVERING);
		partition_recover(pl, p, after_a_pause);
	}
	counter_add(&pl->counters->records_resent, resent);
	pl->broken[0] = '\0';
	pl->has_sent = false;
	pl->opened_bytes = 0;
}

bool
pipeline_take_care(struct pipeline *pl)
{
	bool wanted = pl->wants_care;

	pl->wants_care = false;
	return wanted;
}

bool
pipeline_take_suspicion(struct pipeline *pl)
{
	bool suspects = pl->suspects_batch;

	pl->suspects_batch = false;
	return suspects;
}

bool
pipeline_is_troubled(const struct pipeline *pl)
{
	return pl->troubled > 0;
}

const char *
partition_topic(const struct partition *p, int32_t *ret_number)
{
	*ret_number = p->number;
	return p->topic;
}

struct partition *
pipeline_next_claim(struct pipeline *pl, struct partition *p, bool is_given_up)
{
	for (p = p ? p->next : pl->partitions; p; p = p->next)
		if (is_given_up ? p->is_quiet && p->claim == CLAIM_HELD
				: !p->is_quiet && p->claim == CLAIM_NONE)
			return p;
	return NULL;
}

void
partition_write_claim(struct partition *p, unsigned number)
{
	p->claim = CLAIM_WRITTEN;
	p->claim_number = number;
}

void
partition_give_up_claim(struct partition *p)
{
	p->claim = CLAIM_GIVEN_UP;
}

size_t
pipeline_ask_claims(struct pipeline *pl, unsigned number)
{
	size_t n = 0;

	for (struct partition *p = pl->partitions; p; p = p->next)
		if (p->claim == CLAIM_WRITTEN && p->claim_number == number) {
			p->claim = CLAIM_ASKED;
			n++;
		}
	return n;
}

struct partition *
pipeline_next_asked(struct pipeline *pl, struct partition *p, unsigned number)
{
	for (p = p ? p->next : pl->partitions; p; p = p->next)
		if (p->claim == CLAIM_ASKED && p->claim_number == number)
			return p;
	return NULL;
}

/* Somebody else has written for it in the meantime: what was read is forgotten. */
static void
forget_read(struct pipeline *pl, struct partition *p, int64_t next)
{
	counter_add(&p->meter->given_up, tracker_count(p->tracker));
	partition_discard(pl, p);
	partition_release_script(pl, p);
	tracker_free(&p->tracker);
	p->tracker = tracker_new(p);
	partition_restart_notes(pl, p);
	/* Something was read of it, so it is taken. */
	(void)source_partition_seek(p->source, next);
	p->is_over = false;
	if (p->state != PARTITION_FLOWING)
		partition_set_state(pl, p, PARTITION_FLOWING);
}

/* The ledger says that all below next is at the target. The group, from where it is read, may stand
   further: it was mirrored at least once meanwhile. */
static void
begin_at(struct pipeline *pl, struct partition *p, int64_t next)
{
	bool was_read = tracker_last_offset(p->tracker) >= 0;

	if (was_read)
		forget_read(pl, p, next);
	p->committed = p->committing = p->floor = next;
	/* Of one that is new here the group may stand further; of the other it was not told. */
	p->advised = was_read ? -1 : next;
	p->is_touched = false;
}

void
pipeline_claimed(
	struct pipeline *pl, const char *topic, int32_t number, unsigned claim, int64_t next)
{
	struct partition *p = pipeline_find(pl, topic, number);

	if (!p || p->claim != CLAIM_ASKED || p->claim_number != claim)
		return;
	p->claim = CLAIM_HELD;
	if (next > p->committed)
		begin_at(pl, p, next);
	partition_activate(pl, p);
}

/* The group stands behind the ledger: it is told later than that, and was not told the last. */
void
partition_skip_to_floor(struct pipeline *pl, struct partition *p, size_t *count)
{
	bool has_before;
	size_t below = 0;

	/* A position that the source does not have, and that is not below, is a gap. */
	if (p->floor < 0 || source_partition_refused(p->source, &has_before) >= p->floor)
		return;
	while (below < *count && pl->records[below].offset < p->floor)
		below++;
	for (size_t i = 0; i < below; i++)
		record_release(pl->records[i].message, pl->records[i].headers);
	*count -= below;
	memmove(pl->records, pl->records + below, *count * sizeof(*pl->records));
	if (below > 0)
		p->advised = -1;
	if (*count == 0 && below > 0)
		(void)source_partition_seek(p->source, p->floor);
	else if (*count > 0)
		p->floor = -1;
}

size_t
pipeline_advice(struct pipeline *pl, const struct topic_partition **ret)
{
	size_t n = 0;

	for (struct partition *p = pl->partitions; p; p = p->next) {
		p->advising = p->advised;
		if (p->committed <= p->advised)
			continue;
		pl->positions =
			mem_grow(pl->positions, &pl->positions_capacity, n, sizeof(*pl->positions));
		pl->position_ids = mem_grow(
			pl->position_ids, &pl->position_ids_capacity, n, sizeof(*pl->position_ids));
		pl->position_ids[n] = p->topic_id;
		pl->positions[n++] = (struct topic_partition){p->topic, p->number, p->committed};
		p->advising = p->committed;
	}
	*ret = pl->positions;
	return n;
}

void
pipeline_advised(struct pipeline *pl)
{
	for (struct partition *p = pl->partitions; p; p = p->next)
		p->advised = p->advising;
}
