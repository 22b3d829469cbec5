/* The pipeline's brakes: partitions that a rate limit holds back for a while, or an operator has
   paused. Nothing else waits for them: they are not read, and that is all. */
#include "mirror/limits.h"
#include "mirror/pauses.h"
#include "mirror/pipeline_state.h"

/* A change of the rate, by the time of day, is met within this time. */
#define LOOK_US 250000
/* What a record is taken for while none has been seen. */
#define UNSEEN_BYTES 1024

static void
stop_waiting(struct pipeline *pl, struct partition *p)
{
	pl->limited -= p->limited_until != 0;
	p->limited_until = 0;
}

void
partition_leave_limits(struct pipeline *pl, struct partition *p)
{
	limit_settle(p->limit, &p->place, 0, 0);
	limit_settle(pl->overall, &p->overall_place, 0, 0);
	stop_waiting(pl, p);
}

void
partition_find_limit(struct pipeline *pl, struct partition *p)
{
	const struct plan_topic *t = plan_find(pl->plan, p->topic);
	struct limit *limit =
		pl->limits ? limits_of(pl->limits, p->topic, t ? t->limit : NULL) : NULL;

	if (limit != p->limit)
		partition_leave_limits(pl, p);
	limit_release(&p->limit);
	p->limit = limit;
}

void
pipeline_set_limits(struct pipeline *pl, struct limits *limits)
{
	for (struct partition *p = pl->partitions; p; p = p->next)
		partition_leave_limits(pl, p);
	limit_release(&pl->overall);
	limits_release(&pl->limits);
	pl->limits = limits_take(limits);
	pl->overall = limits_overall(limits);
	for (struct partition *p = pl->partitions; p; p = p->next) {
		partition_find_limit(pl, p);
		partition_activate(pl, p);
	}
}

/* Not before its turn is the partition looked at again. */
static void
wait_for_turn(struct pipeline *pl, struct partition *p, int64_t now_us, int64_t at_us)
{
	p->limited_until = at_us < now_us + LOOK_US ? at_us : now_us + LOOK_US;
	if (pl->limited++ == 0 || p->limited_until < pl->limited_until)
		pl->limited_until = p->limited_until;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* A place before the limit over all is taken only so long before the topic's turn as one waits
   there, so that both come at once: who waits for its topic keeps nothing of what is for all. */
bool
partition_may_read(struct pipeline *pl, struct partition *p, size_t *most)
{
	int64_t now_us = clock_us(), at_us, overall_us;
	int64_t size = p->cost ? p->cost - RECORD_OVERHEAD : UNSEEN_BYTES;
	int64_t records = p->last_read ? (int64_t)p->last_read : 1;

	stop_waiting(pl, p);
	if (!p->overall_place.is_taken) {
		at_us = limit_queue(p->limit, &p->place, now_us, records, records * size) -
			limit_wait_us(pl->overall, now_us);
		if (at_us > now_us) {
			wait_for_turn(pl, p, now_us, at_us);
			return false;
		}
	}
	at_us = p->place.at_us;
	overall_us = limit_queue(pl->overall, &p->overall_place, now_us, records, records * size);
	if (at_us > now_us || overall_us > now_us) {
		wait_for_turn(pl, p, now_us, at_us > overall_us ? at_us : overall_us);
		return false;
	}
	*most = p->cost ? smaller(limit_turn(p->limit, now_us - at_us, size, *most),
				  limit_turn(pl->overall, 0, size, *most))
			: 1;
	return true;
}

void
partition_settle_limits(struct pipeline *pl, struct partition *p, size_t records, uint64_t bytes)
{
	p->last_read = records;
	limit_settle(p->limit, &p->place, (int64_t)records, (int64_t)bytes);
	limit_settle(pl->overall, &p->overall_place, (int64_t)records, (int64_t)bytes);
}

void
wake_limited(struct pipeline *pl)
{
	int64_t now_us = clock_us(), next = INT64_MAX;

	if (now_us < pl->limited_until)
		return;
	for (struct partition *p = pl->partitions; p && pl->limited > 0; p = p->next) {
		if (!p->limited_until)
			continue;
		if (p->limited_until <= now_us) {
			stop_waiting(pl, p);
			partition_activate(pl, p);
		} else if (p->limited_until < next) {
			next = p->limited_until;
		}
	}
	pl->limited_until = next;
}

int64_t
pipeline_wait_ms(const struct pipeline *pl)
{
	int64_t us;

	if (pl->limited == 0)
		return -1;
	us = pl->limited_until - clock_us();
	return us > 0 ? (us + 999) / 1000 : 0;
}

void
partition_find_pause(struct pipeline *pl, struct partition *p)
{
	bool was_paused = p->is_user_paused;

	p->is_user_paused = pl->pauses && pauses_find(pl->pauses, p->topic, p->number);
	if (p->is_user_paused)
		partition_leave_limits(pl, p);
	else if (was_paused)
		partition_activate(pl, p);
}

void
pipeline_set_pauses(struct pipeline *pl, const struct pauses *pauses)
{
	pauses_release(&pl->pauses);
	pl->pauses = pauses_take(pauses);
	for (struct partition *p = pl->partitions; p; p = p->next)
		partition_find_pause(pl, p);
}
