/* Loops: a mirror within one cluster that copies its own copies. */
#include "mirror/plan_loop.h"

#include <stdlib.h>

#include "base/mem.h"

/* What is copied from copy to copy so often is copied without end, at least until its name is too
   long. */
#define STEPS_UNTIL_ENDLESS 16

/* Where a topic goes: as planned, or as it would if the source had it. NULL: nowhere. @gives a
   string */
static char *
next_of(const struct plan_rules *rules, const struct plan_input *input, const struct plan *plan,
	const char *name, int32_t partitions)
{
	const struct plan_topic *t = plan_find(plan, name);

	if (!t)
		return plan_target_of(rules, input, name, partitions);
	return t->target ? mem_strdup(t->target) : NULL;
}

/* Are the copies of a topic copied again and again? */
static bool
goes_round(const struct plan_rules *rules, const struct plan_input *input, const struct plan *plan,
	const struct plan_topic *topic)
{
	char *name = mem_strdup(topic->target), *next;
	bool is_endless;

	for (int step = 0; name && step < STEPS_UNTIL_ENDLESS; step++) {
		next = next_of(rules, input, plan, name, topic->partitions);
		free(name);
		name = next;
	}
	is_endless = name != NULL;
	free(name);
	return is_endless;
}

char *
plan_endless(
	const struct plan_rules *rules, const struct plan_input *input, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		if (t->target && goes_round(rules, input, plan, t))
			return mem_printf(
				"source and target are the same cluster, and %s, to which "
				"%s is copied, is mirrored itself: it would be copied "
				"without end; check bootstrap.servers of both files",
				t->target, t->name);
	}
	return NULL;
}
