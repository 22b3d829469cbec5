/* Planning: the plan as commands make it that do not mirror. */
#include "commands/planning.h"

#include <stdlib.h>

#include "mirror/plan_loop.h"
#include "mirror/plan_script.h"
#include "mirror/scripting.h"
#include "mirror/topics.h"

/* What a plan is made by. */
struct parts {
	struct topics *filter;
	struct plan_rules *rules;
	struct script_world *world;
	struct script *script; /* NULL: none */
};

static void
free_parts(struct parts *parts)
{
	script_free(&parts->script);
	script_world_free(&parts->world);
	plan_rules_free(&parts->rules);
	topics_free(&parts->filter);
}

/* @gives *ret; free_parts, after an error too */
static int
make_parts(const struct config *config, struct parts *ret, struct err *err)
{
	bool excludes;
	const char *expression = config_topic_expression(config, &excludes);

	*ret = (struct parts){.world = script_world_new()};
	ret->filter = topics_new(expression, excludes, config->source.exclude_internal_topics, err);
	if (!ret->filter)
		return -1;
	ret->rules = plan_rules_new(config, err);
	if (!ret->rules)
		return -1;
	if (config->script.file)
		ret->script = scripting_load(config, ret->world, SCRIPT_AT_PLAN, err);
	return ret->script || !config->script.file ? 0 : -1;
}

/* What the clusters are called, as far as they were asked. */
static int
name_clusters(const struct config *config, const struct topology *topology,
	struct provenance_clusters *ret, struct err *err)
{
	bool is_asked = topology->is_asked;

	return provenance_name_clusters(config, is_asked ? topology->source_id : NULL,
		is_asked ? topology->target_id : NULL, ret, err);
}

const struct plan *
planning_make(const struct config *config, const struct topology *topology, struct err *err)
{
	struct parts parts;
	struct provenance_clusters clusters;
	const struct plan *plan = NULL;
	char *endless = NULL;

	if (name_clusters(config, topology, &clusters, err) < 0)
		return NULL;
	if (make_parts(config, &parts, err) == 0) {
		const struct plan_input input = {.config = config,
			.filter = parts.filter,
			.hooks = plan_script_hooks(parts.script),
			.sources = topology->sources,
			.source_count = topology->source_count,
			.targets = topology->targets,
			.target_count = topology->target_count,
			.target_brokers = topology->target_brokers,
			.clusters = clusters,
			.is_managed = topology->can_create};

		plan = plan_make(parts.rules, &input, err);
		if (plan && topology->is_same)
			endless = plan_endless(parts.rules, &input, plan);
	}
	if (endless) {
		err_set(err, "%s", endless);
		plan_release(&plan);
	}
	free(endless);
	free_parts(&parts);
	return plan;
}
