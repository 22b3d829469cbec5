/* Leaders: partitions of mirrored topics that have none at the source, and so cannot be read. */
#include "service/leaders.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static void
say(int partitions, const struct cluster_topic *first)
{
	char *text =
		mem_printf("%d partitions have no leader at the source and cannot be read, the "
			   "first is %s partition %d",
			partitions, first->name, first->first_leaderless);

	LOG(EVENT_source_trouble, F_STR("reason", text),
		F_STR("advice", "start the brokers that hold their replicas"));
	free(text);
}

bool
leaders_check(const struct cluster_view *source, const struct plan *plan, int64_t say_ms,
	int64_t *next_say)
{
	const struct cluster_topic *first = NULL;
	int64_t now = clock_ms();
	int partitions = 0;

	for (size_t i = 0; i < source->topic_count; i++) {
		const struct cluster_topic *t = &source->topics[i];
		const struct plan_topic *place = t->leaderless ? plan_find(plan, t->name) : NULL;

		if (!place || !place->target)
			continue;
		partitions += t->leaderless;
		first = first ? first : t;
	}
	if (first && now >= *next_say) {
		*next_say = now + say_ms;
		say(partitions, first);
	}
	return first != NULL;
}
