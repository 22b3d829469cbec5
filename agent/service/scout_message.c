/* What the scout tells the main thread. */
#include "service/scout_message.h"

#include <stdlib.h>

#include "base/mem.h"

struct scout_ends *
scout_ends_new(size_t most)
{
	return mem_zero(1, sizeof(struct scout_ends) + most * sizeof(struct topic_partition));
}

void
scout_message_free(struct scout_message *m)
{
	for (size_t i = 0; i < m->name_count; i++)
		free(m->names[i]);
	free(m->names);
	free(m->reason);
	free(m->brokers);
	plan_release(&m->plan);
	until_free(&m->until);
	free(m);
}

struct scout_message *
scout_message_new(enum scout_notice kind, size_t names)
{
	struct scout_message *m = mem_zero(1, sizeof(*m));

	m->message.kind = (int)kind;
	m->names = mem_zero(names, sizeof(*m->names));
	return m;
}

struct scout_message *
scout_message_of_plan(enum scout_notice kind, const struct plan *plan)
{
	struct scout_message *m = scout_message_new(kind, plan->mirrored);

	m->plan = plan_take(plan);
	for (size_t i = 0; i < plan->count; i++) {
		if (!plan->topics[i].target)
			continue;
		m->names[m->name_count++] = mem_strdup(plan->topics[i].name);
		m->partition_count += plan->topics[i].partitions;
	}
	return m;
}
