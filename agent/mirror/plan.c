/* The plan as a value: counted, looked up, compared. */
#include "mirror/plan.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* So many topics are named by plan_difference. */
#define NAMED_MOST 20

static const char *const rule_names[] = {
	[PLAN_BY_KEY] = "key",
	[PLAN_PRESERVE] = "preserve",
	[PLAN_MAP] = "map",
	[PLAN_ROUND_ROBIN] = "round.robin",
	[PLAN_CRC32] = "crc32",
};

const char *
plan_rule_name(enum plan_rule rule)
{
	return rule_names[rule];
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct plan_partitions *)a)->name,
		((const struct plan_partitions *)b)->name);
}

int32_t
plan_target_partitions(const struct plan *plan, const char *target_topic)
{
	struct plan_partitions key = {.name = target_topic}, *found;

	if (!plan || !plan->targets)
		return -1;
	found = bsearch(&key, plan->targets, plan->target_count, sizeof(key), by_name);
	return found ? found->partitions : 0;
}

const struct plan *
plan_take(const struct plan *plan)
{
	atomic_fetch_add(&((struct plan *)(uintptr_t)plan)->references, 1);
	return plan;
}

void
plan_topic_fini(struct plan_topic *t)
{
	for (size_t n = 0; n < t->problem_count; n++)
		free(t->problems[n]);
	free(t->problems);
	free(t->name);
	free(t->target);
	free(t->why_not);
	free(t->limit);
	free(t->create_configs);
	free(t->awaits);
	free(t->map);
}

void
plan_release(const struct plan **plan)
{
	struct plan *p = (struct plan *)(uintptr_t)*plan;

	*plan = NULL;
	if (!p || atomic_fetch_sub(&p->references, 1) > 1)
		return;
	for (size_t i = 0; i < p->count; i++)
		plan_topic_fini(&p->topics[i]);
	for (size_t i = 0; i < p->target_count; i++)
		free((char *)(uintptr_t)p->targets[i].name);
	free(p->targets);
	free(p->topics);
	free(p->dead_letters_await);
	free(p);
}

static int
by_topic(const void *a, const void *b)
{
	return strcmp(((const struct plan_topic *)a)->name, ((const struct plan_topic *)b)->name);
}

const struct plan_topic *
plan_find(const struct plan *plan, const char *wanted)
{
	struct plan_topic key = {.name = (char *)(uintptr_t)wanted};

	return bsearch(&key, plan->topics, plan->count, sizeof(key), by_topic);
}

bool
plan_mirrors(const struct plan *plan, const char *wanted)
{
	const struct plan_topic *t = plan_find(plan, wanted);

	return t && t->target;
}

/* Does the rule look at how many partitions the target has? */
static bool
counts_partitions(enum plan_rule rule)
{
	return rule == PLAN_ROUND_ROBIN || rule == PLAN_CRC32;
}

bool
plan_topic_equals(const struct plan_topic *a, const struct plan_topic *b)
{
	if (!a || !b || !a->target || !b->target)
		return (!a || !a->target) && (!b || !b->target);
	if (strcmp(a->target, b->target) != 0 || a->rule != b->rule)
		return false;
	if (counts_partitions(a->rule) && a->target_partitions != b->target_partitions)
		return false;
	return a->rule != PLAN_MAP ||
	       (a->partitions == b->partitions &&
		       !memcmp(a->map, b->map, (size_t)a->partitions * sizeof(*a->map)));
}

static bool
is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Does the route say the same limit? Either may be NULL. */
static bool
has_same_limit(const struct plan_topic *a, const struct plan_topic *b)
{
	return is_same_text(a && a->target ? a->limit : NULL, b && b->target ? b->limit : NULL);
}

/* Is the topic at the target made, grown and waited for in the same way? */
static bool
has_same_care(const struct plan_topic *a, const struct plan_topic *b)
{
	if (!a->target || !b->target)
		return a->target == b->target;
	return is_same_text(a->awaits, b->awaits) && a->grow_to == b->grow_to &&
	       (a->grow_to == 0 || a->problem_count == b->problem_count) &&
	       a->recipe.partitions == b->recipe.partitions &&
	       a->recipe.replication == b->recipe.replication &&
	       a->recipe.wanted_replication == b->recipe.wanted_replication &&
	       !strcmp(a->recipe.configs, b->recipe.configs);
}

bool
plan_equals(const struct plan *a, const struct plan *b)
{
	if (!a || !b || a->count != b->count || a->mirrored != b->mirrored ||
		a->target_count != b->target_count || !a->targets != !b->targets ||
		a->makes_topics != b->makes_topics || a->target_brokers != b->target_brokers ||
		memcmp(&a->clusters, &b->clusters, sizeof(a->clusters)) != 0 ||
		!is_same_text(a->dead_letters_await, b->dead_letters_await))
		return a == b;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->topics[i].name, b->topics[i].name) != 0 ||
			a->topics[i].partitions != b->topics[i].partitions ||
			!plan_topic_equals(&a->topics[i], &b->topics[i]) ||
			!has_same_limit(&a->topics[i], &b->topics[i]) ||
			!has_same_care(&a->topics[i], &b->topics[i]))
			return false;
	for (size_t i = 0; i < a->target_count; i++)
		if (strcmp(a->targets[i].name, b->targets[i].name) != 0 ||
			a->targets[i].partitions != b->targets[i].partitions)
			return false;
	return true;
}

/* What is otherwise about one topic, added to out. */
static void
describe(struct text *out, const struct plan_topic *before, const struct plan_topic *now)
{
	text_printf(out, "%s%s", out->length ? ", " : "", now ? now->name : before->name);
	if (!now || !now->target)
		text_puts(out, " is not mirrored any more");
	else if (!before || !before->target)
		text_printf(out, " to %s (%s) is new", now->target, plan_rule_name(now->rule));
	else if (strcmp(before->target, now->target) != 0 || before->rule != now->rule)
		text_printf(out, " to %s (%s) instead of %s (%s)", now->target,
			plan_rule_name(now->rule), before->target, plan_rule_name(before->rule));
	else if (plan_topic_equals(before, now))
		text_printf(out, " has %s%s now",
			now->limit ? "the limit " : "no limit of its route",
			now->limit ? now->limit : "");
	else if (before->target_partitions != now->target_partitions && now->target_partitions > 0)
		text_printf(out, " to %s (%s), which has %d partitions now", now->target,
			plan_rule_name(now->rule), (int)now->target_partitions);
	else
		text_printf(out, " to other partitions of %s (%s)", now->target,
			plan_rule_name(now->rule));
}

char *
plan_difference(const struct plan *before, const struct plan *now)
{
	struct text out = {0};
	size_t b = 0, n = 0, found = 0;

	/* Both are sorted by name: they are walked side by side. */
	while (b < before->count || n < now->count) {
		int order = b == before->count ? 1
			    : n == now->count  ? -1
					       : by_topic(&before->topics[b], &now->topics[n]);
		const struct plan_topic *old = order <= 0 ? &before->topics[b++] : NULL;
		const struct plan_topic *new = order >= 0 ? &now->topics[n++] : NULL;

		if ((!plan_topic_equals(old, new) || !has_same_limit(old, new)) &&
			found++ < NAMED_MOST)
			describe(&out, old, new);
	}
	if (found > NAMED_MOST)
		text_printf(&out, ", and %zu more", found - NAMED_MOST);
	return out.length ? text_take(&out) : NULL;
}
