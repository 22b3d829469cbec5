/* The plans that the scout makes: of what both sides listed last, and of the script. */
#include <stdlib.h>

#include "base/mem.h"
#include "mirror/plan_log.h"
#include "mirror/plan_loop.h"
#include "mirror/plan_script.h"
#include "service/oneshot_begin.h"
#include "service/positions.h"
#include "service/scout_message.h"
#include "service/scout_state.h"

/* The topics of a side as the plan sees them. @gives an array */
static struct plan_partitions *
partitions_of(const struct cluster_view *view)
{
	struct plan_partitions *list = mem_zero(view->topic_count + 1, sizeof(*list));

	for (size_t i = 0; i < view->topic_count; i++)
		list[i] = (struct plan_partitions){.name = view->topics[i].name,
			.partitions = view->topics[i].partitions,
			.replicas = view->topics[i].replicas};
	return list;
}

/* What a plan is made of: what both sides listed last, and this script. @gives sources and targets
   in it, arrays */
static struct plan_input
input_of(const struct scout *s, struct script *script)
{
	return (struct plan_input){
		.config = s->config,
		.filter = s->filter,
		.hooks = plan_script_hooks(script),
		.is_same_script = script == s->script,
		.sources = partitions_of(&s->topics),
		.source_count = s->topics.topic_count,
		.targets = s->is_target_known ? partitions_of(&s->targets) : NULL,
		.target_count = s->targets.topic_count,
		.target_brokers = s->targets.brokers,
		.clusters = s->clusters,
		.is_managed = scout_manages(s),
		.refusals = s->refusals,
		.refusal_count = s->refusal_count,
	};
}

static void
free_input(struct plan_input *input)
{
	free((void *)(uintptr_t)input->sources);
	free((void *)(uintptr_t)input->targets);
}

const struct plan *
scout_make_plan(
	struct scout *s, struct script *script, const struct plan *previous, struct err *err)
{
	struct plan_input input = input_of(s, script);
	const struct plan *plan;

	input.previous = previous;
	plan = plan_make(s->rules, &input, err);
	free_input(&input);
	return plan;
}

void
scout_send_plan(struct scout *s, enum scout_notice kind)
{
	struct scout_message *m = scout_message_of_plan(kind, s->plan);

	m->brokers = mem_strdup(s->source.brokers);
	m->broker_count = s->topics.brokers;
	m->until = s->until;
	s->until = NULL;
	mailbox_post(s->notices, &m->message);
	scout_say_unable(s);
	scout_prune_refusals(s);
	if (s->keeper)
		keeper_set_plan(s->keeper, s->plan, s->source.brokers);
}

char *
scout_find_endless(struct scout *s, struct script *script, const struct plan *plan)
{
	struct plan_input input;
	char *text;

	if (!s->is_same)
		return NULL;
	input = input_of(s, script);
	text = plan_endless(s->rules, &input, plan);
	free_input(&input);
	return text;
}

bool
scout_is_endless(struct scout *s, const struct plan *plan)
{
	char *text = scout_find_endless(s, s->script, plan);

	if (!text)
		return false;
	scout_fail(s, text);
	free(text);
	return true;
}

/* The topics that the plan mirrors, as a list for positions_prepare. Names are borrowed. @gives an
 * array */
static struct cluster_topic *
mirrored_topics(const struct plan *plan)
{
	struct cluster_topic *list = mem_zero(plan->mirrored + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->topics[i].target)
			list[n++] = (struct cluster_topic){.name = plan->topics[i].name,
				.partitions = plan->topics[i].partitions};
	return list;
}

/* The first plan, kept in *ret once the positions are in place. A script that fails ends the start.
 */
static int
prepare_first(struct scout *s, const struct plan **ret, struct err *err)
{
	const struct plan *plan = scout_make_plan(s, s->script, NULL, err);
	struct positions_parts parts;
	struct cluster_topic *topics;
	char *why_not;
	int rc;

	if (!plan) {
		scout_fail(s, err->text);
		return 0;
	}
	if (scout_is_endless(s, plan)) {
		plan_release(&plan);
		return 0;
	}
	parts = (struct positions_parts){
		s->config, s->starts, s->source.admin, s->source.brokers, &s->must_stop};
	topics = mirrored_topics(plan);
	why_not = oneshot_why_not(s->config, s->source.admin, topics, plan->mirrored);
	if (why_not) {
		scout_fail(s, why_not);
		free(why_not);
		free(topics);
		plan_release(&plan);
		return 0;
	}
	rc = s->is_dry ? 0 : positions_prepare(&parts, topics, plan->mirrored, err);
	if (rc == 0 && config_is_one_shot(s->config))
		rc = oneshot_begin(
			s->config, s->source.admin, topics, plan->mirrored, &s->until, err);
	free(topics);
	if (rc == 0)
		*ret = plan;
	else
		plan_release(&plan);
	if (rc > 0)
		scout_fail(s, err->text);
	return rc < 0 ? -1 : 0;
}

int
scout_first_plan(struct scout *s, struct err *err)
{
	scout_compare_clusters(s);
	if (!scout_name_clusters(s))
		return 0;
	if (s->is_compared)
		scout_list_targets(s);
	if (prepare_first(s, &s->plan, err) < 0)
		return -1;
	if (!s->plan)
		return 0;
	plan_say_provenance(s->config, s->plan);
	plan_say_topics(s->plan, topics_text(s->filter));
	plan_say_problems(NULL, s->plan);
	scout_send_plan(s, SCOUT_PLAN);
	scout_want_limits(s);
	return 0;
}

void
scout_next_plan(struct scout *s)
{
	struct err err;
	const struct plan *plan, *old = s->plan;
	bool is_changed;

	/* While a new script is being taken nothing may go by the old one's plan again. */
	plan = s->candidate ? NULL : scout_make_plan(s, s->script, s->plan, &err);
	if (!plan || scout_is_endless(s, plan)) {
		plan_release(&plan);
		return;
	}
	is_changed = plan_say_changes(old, plan);
	s->plan = plan;
	if (is_changed || plan->mirrored == 0)
		plan_say_topics(s->plan, topics_text(s->filter));
	plan_say_difference(old, plan);
	plan_say_problems(old, plan);
	plan_say_growth(s->config, old, plan);
	if (!plan_equals(old, plan)) {
		scout_send_plan(s, SCOUT_PLAN);
		scout_want_limits(s);
	}
	plan_release(&old);
}
