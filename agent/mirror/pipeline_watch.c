/* The pipeline's watch: which partitions stand still although records of theirs are on their way.
 */
#include <stdio.h>
#include <string.h>

#include "mirror/pipeline_state.h"

void
pipeline_note_target(struct pipeline *pl, const char *reason)
{
	/* What the library says of its own, as that it was purged, is not the cause. */
	if (strncmp(reason, "Local: ", 7) != 0)
		snprintf(pl->target_reason, sizeof(pl->target_reason), "%s", reason);
}

bool
pipeline_take_missed(struct pipeline *pl)
{
	bool has_missed = pl->has_missed;

	pl->has_missed = false;
	return has_missed;
}

bool
partition_waits_for_topic(const struct partition *p)
{
	return p->is_missing &&
	       (p->state == PARTITION_RECOVERING || p->state == PARTITION_RESENDING);
}

/* For how long the partition's records wait while its position stands; 0: none waits, or for a
   reason that is said elsewhere. */
static int64_t
still_ms(struct partition *p, int64_t now)
{
	int64_t position = tracker_position(p->tracker);
	bool is_due = tracker_count(p->tracker) > p->raw && p->state != PARTITION_HELD &&
		      !partition_waits_for_topic(p);

	if (is_due && (position != p->seen_position || p->still_since == 0))
		p->still_since = now;
	p->seen_position = position;
	if (!is_due)
		p->still_since = 0;
	return is_due ? now - p->still_since : 0;
}

bool
pipeline_find_standstill(struct pipeline *pl, struct standstill *ret)
{
	int64_t now = clock_ms();
	struct partition *worst = NULL;

	*ret = (struct standstill){.ms = 0};
	for (struct partition *p = pl->partitions; p; p = p->next) {
		int64_t ms = still_ms(p, now);

		if (ms <= ret->ms)
			continue;
		ret->ms = ms;
		worst = p;
	}
	if (!worst) {
		pl->target_reason[0] = '\0';
		return false;
	}
	ret->topic = worst->topic;
	ret->partition = worst->number;
	ret->offset = tracker_next(worst->tracker, NULL)->offset;
	ret->target_topic =
		worst->route->target ? target_topic_name(worst->route->target) : worst->topic;
	ret->reason = pl->target_reason[0] ? pl->target_reason : NULL;
	return true;
}

bool
pipeline_find_unread(struct pipeline *pl, int64_t ms, struct unread *ret)
{
	bool is_any = false;
	int64_t end, looked;

	*ret = (struct unread){.count = 0};
	for (struct partition *p = pl->partitions; p; p = p->next) {
		/* With an error the source tells no end of the partition either. */
		if (source_partition_lag(p->source, &end) >= 0) {
			p->unread_since = 0;
			continue;
		}
		is_any = true;
		looked = source_partition_looked(p->source);
		if (p->unread_since == 0)
			p->unread_since = looked;
		if (looked - p->unread_since < ms)
			continue;
		ret->count++;
		ret->topic = p->topic;
		ret->partition = p->number;
	}
	if (!is_any && pl->source_error == CONSUMER_NOTHING)
		pl->source_reason[0] = '\0';
	ret->reason = pl->source_reason[0] ? pl->source_reason : NULL;
	return ret->count > 0;
}
