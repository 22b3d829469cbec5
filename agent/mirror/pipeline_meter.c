/* The pipeline's meters: what each partition's meter says of it, once a second and when it changes.
 */
#include "base/clock.h"
#include "mirror/pipeline_state.h"

static void
set(_Atomic int64_t *cell, int64_t value)
{
	atomic_store_explicit(cell, value, memory_order_relaxed);
}

static int64_t
get(const _Atomic int64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

/* Has the target left everything unanswered for so long that it must be said? */
static bool
is_unanswered(const struct partition *p)
{
	return tracker_sent(p->tracker) > 0 && p->still_since > 0 &&
	       clock_ms() - p->still_since >= PIPELINE_SILENCE_MS;
}

enum meter_state
partition_meter_state(const struct partition *p)
{
	if (p->state == PARTITION_ORPHAN)
		return METER_GONE;
	if (p->state == PARTITION_HELD || p->is_script_held || partition_is_gap_held(p))
		return METER_HELD;
	if (p->is_user_paused)
		return METER_PAUSED;
	if (p->pause_ms > 0 || is_unanswered(p) || route_awaits(p->route))
		return METER_WAITING;
	if (p->offer_at > 0)
		return METER_RETRYING;
	if (p->limited_until > 0)
		return METER_LIMITED;
	if (p->is_over && tracker_count(p->tracker) == 0)
		return METER_CAUGHT_UP;
	return get(&p->meter->lag) == 0 && !p->gap ? METER_CAUGHT_UP : METER_FLOWING;
}

void
partition_show_state(const struct partition *p)
{
	atomic_store_explicit(
		&p->meter->state, (int)partition_meter_state(p), memory_order_relaxed);
}

void
partition_give_reason(struct partition *p, const char *reason)
{
	/* The meter of an orphan is that of whoever has the partition now. */
	if (p->state == PARTITION_ORPHAN)
		return;
	meter_set_reason(p->meter, reason);
	p->has_reason = reason[0] != '\0';
	partition_show_state(p);
}

void
partition_say_wait(struct partition *p)
{
	const char *awaits = route_awaits(p->route);

	if (awaits && p->state != PARTITION_HELD && !p->is_script_held)
		partition_give_reason(p, awaits);
}

void
partition_forget_reason(struct partition *p)
{
	if (p->has_reason)
		partition_give_reason(p, "");
}

void
partition_start_meter(struct partition *p, struct meter *meter)
{
	p->meter = meter;
	set(&meter->position, -1);
	set(&meter->committed, -1);
	set(&meter->end, -1);
	set(&meter->lag, -1);
	set(&meter->oldest_ms, -1);
	set(&meter->moved_ms, clock_ms());
	atomic_store_explicit(&meter->state, METER_FLOWING, memory_order_relaxed);
}

void
partition_stop_meter(struct partition *p)
{
	if (p->has_reason)
		meter_set_reason(p->meter, "");
	p->has_reason = false;
	atomic_store_explicit(&p->meter->is_over, 0, memory_order_relaxed);
	atomic_store_explicit(&p->meter->in_flight, 0, memory_order_relaxed);
	atomic_store_explicit(&p->meter->state, METER_GONE, memory_order_relaxed);
}

/* The next offset to settle, -1 before the first record. */
static int64_t
position_of(const struct partition *p)
{
	int64_t position = tracker_position(p->tracker);
	const struct flight *first;

	if (position >= 0)
		return position;
	first = tracker_next(p->tracker, NULL);
	return first ? first->offset : -1;
}

/* Why a partition waits for which nothing has said it. */
static const char *
why_waits(const struct pipeline *pl, const struct partition *p)
{
	if (route_awaits(p->route))
		return route_awaits(p->route);
	return pl->target_reason[0] ? pl->target_reason : "the target acknowledges nothing";
}

/* What is seen of its log, for the day when it is another one. */
static void
note_range(struct partition *p)
{
	bool unused;
	int64_t low, high;

	/* From then on the library's numbers are of the new log. */
	if (p->gap || source_partition_refused(p->source, &unused) >= 0)
		return;
	source_partition_range(p->source, &low, &high);
	if (low >= 0)
		p->seen_low = low;
	if (high >= 0)
		p->seen_high = high;
}

/* Brings one meter up to date. Returns the partition's lag, -1 when it is not known. */
static int64_t
survey(struct pipeline *pl, struct partition *p, int64_t now)
{
	struct meter *m = p->meter;
	int64_t end, lag = source_partition_lag(p->source, &end), position;
	size_t in_flight = tracker_count(p->tracker);
	enum meter_state state;
	bool has_moved;

	note_range(p);
	partition_look_over(p);
	position = position_of(p);
	has_moved = position != get(&m->position);
	if (p->gap) {
		end = end > p->gap->end ? end : p->gap->end;
		lag = end > p->gap->position ? end - p->gap->position : -1;
	} else if (p->is_over) {
		lag = partition_lag_behind(p, end);
	}
	lag = lag < 0 ? -1 : lag + (int64_t)in_flight;
	set(&m->position, position);
	set(&m->committed, p->committed);
	set(&m->end, end);
	set(&m->lag, lag);
	atomic_store_explicit(&m->is_over, p->is_over && in_flight == 0, memory_order_relaxed);
	atomic_store_explicit(&m->in_flight, in_flight, memory_order_relaxed);
	state = partition_meter_state(p);
	/* Where its log ends was not seen since: what the lag is made of is from before. */
	if (has_moved || lag == 0 || source_partition_looked(p->source) <= get(&m->moved_ms) ||
		state == METER_PAUSED || state == METER_CAUGHT_UP)
		set(&m->moved_ms, now);
	if (state == METER_FLOWING || state == METER_CAUGHT_UP)
		partition_forget_reason(p);
	else if (state == METER_WAITING && !p->has_reason)
		partition_give_reason(p, why_waits(pl, p));
	atomic_store_explicit(&m->state, (int)state, memory_order_relaxed);
	return lag;
}

int64_t
pipeline_survey(struct pipeline *pl)
{
	int64_t sum = 0, now = clock_ms();

	for (struct partition *p = pl->partitions; p; p = p->next) {
		int64_t lag = survey(pl, p, now);

		sum = lag < 0 || sum < 0 ? -1 : sum + lag;
	}
	return sum;
}
