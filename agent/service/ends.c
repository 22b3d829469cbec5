/* Ends: where partitions of the source end that do not flow, for their fetching tells nothing then.
 */
#include "service/ends.h"

#include <stdlib.h>

#include "service/agent_state.h"

/* Asked for so often, and for so many at once: a partition more is asked for later. */
#define EVERY_MS 5000
#define MOST 2000
/* One that flows, but has not moved for so long, has a full queue. */
#define STILL_MS 2000

/* Does the end that is known of it stand still? */
static bool
is_blind(const struct survey_partition *p, int64_t now)
{
	if (p->state == METER_GONE || p->state == METER_CAUGHT_UP)
		return false;
	return p->state != METER_FLOWING || now - p->moved_ms > STILL_MS;
}

void
ends_every_second(struct agent *a)
{
	int64_t now = survey_time(a->survey);
	size_t count;
	struct survey_partition *const *partitions = survey_partitions(a->survey, &count);
	struct scout_ends *ends;

	if (a->is_asking_ends || now < a->next_ends || count == 0)
		return;
	ends = scout_ends_new(count < MOST ? count : MOST);
	/* Goes on where the last time ended, so that all have their turn. */
	for (size_t i = 0; i < count && ends->count < MOST; i++) {
		const struct survey_partition *p = partitions[(a->ends_from + i) % count];

		if (is_blind(p, now))
			ends->items[ends->count++] =
				(struct topic_partition){p->topic->name, p->partition, -1};
		if (ends->count == MOST)
			a->ends_from = (a->ends_from + i + 1) % count;
	}
	a->next_ends = now + EVERY_MS;
	if (ends->count == 0) {
		free(ends);
		return;
	}
	a->is_asking_ends = true;
	scout_ask_ends(a->scout, ends);
}

void
ends_take(struct agent *a, struct message *message)
{
	struct scout_ends *ends = (struct scout_ends *)message;

	a->is_asking_ends = false;
	for (size_t i = 0; i < ends->count; i++)
		if (ends->items[i].offset >= 0)
			survey_set_end(a->survey, ends->items[i].topic, ends->items[i].partition,
				ends->items[i].offset);
	free(ends);
}
