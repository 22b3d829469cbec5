/* The hooks of a script, as the making of a plan asks them. */
#include "mirror/plan_script.h"

#include <stdint.h>

static int
ask_topics(void *arg, const struct script_topic *topic, struct err *err)
{
	return script_topics(arg, topic, err);
}

static int
ask_route(void *arg, const struct script_topic *topic, struct script_route *ret, struct err *err)
{
	return script_route(arg, topic, ret, err);
}

static int
ask_partition(void *arg, const struct script_topic *source, int32_t partition,
	const struct script_topic *target, int32_t *ret, struct err *err)
{
	return script_partition(arg, source, partition, target, ret, err);
}

static int32_t
partitions_by_plan(void *arg, const char *topic)
{
	return plan_target_partitions(arg, topic);
}

static void
look(void *arg, const struct plan *plan)
{
	script_set_partitions(arg, partitions_by_plan, (void *)(uintptr_t)plan);
}

struct plan_hooks
plan_script_hooks(struct script *script)
{
	struct plan_hooks hooks = {.arg = script};

	if (!script)
		return hooks;
	hooks.look = look;
	if (script_has(script, SCRIPT_TOPICS))
		hooks.topics = ask_topics;
	if (script_has(script, SCRIPT_ROUTE))
		hooks.route = ask_route;
	if (script_has(script, SCRIPT_PARTITION))
		hooks.partition = ask_partition;
	return hooks;
}
