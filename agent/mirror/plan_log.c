/* What the log says of plans. */
#include "mirror/plan_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

bool
plan_say_changes(const struct plan *old, const struct plan *now)
{
	bool is_changed = false;

	for (size_t i = 0; i < now->count; i++) {
		const struct plan_topic *t = &now->topics[i];

		if (!t->target || plan_mirrors(old, t->name))
			continue;
		is_changed = true;
		LOG(EVENT_topic_added, F_STR("topic", t->name), F_INT("partitions", t->partitions),
			F_STR("target_topic", t->target));
	}
	for (size_t i = 0; i < old->count; i++) {
		const struct plan_topic *t = &old->topics[i];

		if (!t->target || plan_mirrors(now, t->name))
			continue;
		is_changed = true;
		LOG(EVENT_topic_removed, F_STR("topic", t->name));
	}
	return is_changed;
}

void
plan_say_provenance(const struct config *config, const struct plan *plan)
{
	const struct config_mirror *m = &config->mirror;

	if (m->provenance || m->loop_drop)
		LOG(EVENT_provenance, F_STR("header", m->provenance_header),
			F_STR("source", plan->clusters.source),
			F_STR("target", plan->clusters.target),
			F_STR("marks", m->provenance ? "yes" : "no"),
			F_STR("drops_loops", m->loop_drop ? "yes" : "no"));
}

void
plan_say_topics(const struct plan *plan, const char *expression)
{
	struct text names = {0};
	size_t shown = 0;
	int partitions = 0;

	if (plan->mirrored == 0) {
		LOG_LIMITED(60, EVENT_topics_none, F_STR("expression", expression),
			F_STR("advice", "check the expression; topics that this user may not "
					"DESCRIBE are not listed"));
		return;
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		if (!t->target)
			continue;
		partitions += t->partitions;
		if (shown++ >= 20)
			continue;
		text_printf(&names, "%s%s", shown > 1 ? "," : "", t->name);
		if (strcmp(t->name, t->target) != 0)
			text_printf(&names, ">%s", t->target);
	}
	if (shown > 20)
		text_printf(&names, ",... (%zu more)", shown - 20);
	LOG(EVENT_topics, F_UINT("topics", plan->mirrored), F_INT("partitions", partitions),
		F_STR("names", names.s));
	text_fini(&names);
}

static bool
had_problem(const struct plan *old, const struct plan_topic *now, const char *problem)
{
	const struct plan_topic *t = old ? plan_find(old, now->name) : NULL;

	for (size_t i = 0; t && i < t->problem_count; i++)
		if (!strcmp(t->problems[i], problem))
			return true;
	return false;
}

/* Is the first of the topic's problems one that is said elsewhere? */
static bool
has_said_problem(const struct plan_topic *t)
{
	return t->target_partitions == 0 && (!t->awaits || t->is_refused);
}

void
plan_say_growth(const struct config *config, const struct plan *old, const struct plan *now)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct plan_topic *t = &now->topics[i], *before = plan_find(old, t->name);
		const char *reason;

		if (!t->target || !before || before->partitions >= t->partitions ||
			t->target_partitions <= 0 || t->grow_to > 0 ||
			t->target_partitions >= t->recipe.partitions)
			continue;
		reason = recipe_why_not_grown(config, &t, 1);
		if (!reason)
			continue;
		LOG(EVENT_topic_kept_small, F_STR("topic", t->target),
			F_STR("source_topic", t->name), F_INT("partitions", t->target_partitions),
			F_INT("source_partitions", t->partitions), F_STR("reason", reason));
	}
}

void
plan_say_problems(const struct plan *old, const struct plan *now)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct plan_topic *t = &now->topics[i];

		/* What is missing says who wants to send there; what is refused, who was. */
		for (size_t n = has_said_problem(t); n < t->problem_count; n++)
			if (!had_problem(old, t, t->problems[n]))
				LOG(EVENT_plan_problem, F_STR("topic", t->name),
					F_STR("target_topic", t->target),
					F_STR("problem", t->problems[n]));
	}
}

void
plan_say_difference(const struct plan *old, const struct plan *now)
{
	char *changes = plan_difference(old, now);

	if (changes)
		LOG(EVENT_plan, F_STR("changes", changes));
	free(changes);
}
