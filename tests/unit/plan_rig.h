/* For tests of plans: everything that one is made of, and how it is written down. */
#ifndef TESTS_UNIT_PLAN_RIG_H
#define TESTS_UNIT_PLAN_RIG_H

#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka/admin.h"
#include "kafka/library.h"
#include "mirror/plan.h"
#include "mirror/plan_loop.h"

#define MOST 16

/* The hooks of a test: what they answer, and how often they were asked. */
struct answers {
	const char *wanted, *refused, *failing; /* topics: true, false, an error for that name */
	const char *routed;			/* route: this topic goes */
	struct script_route route;		/* there */
	const char *route_failing;
	int32_t map[MOST];
	int map_failing; /* the source partition for which it fails, -1: none */
	int asked[3];	 /* topics, route, partition */
	bool saw_internal;
	int32_t target_partitions; /* that the partition hook was told of */
	int32_t seen_target;	   /* partitions of "out" as the plan under way has them */
	const struct plan *plan;
};

static bool
is_name(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static int
on_topics(void *arg, const struct script_topic *topic, struct err *err)
{
	struct answers *a = arg;

	a->asked[0]++;
	a->saw_internal |= topic->is_internal;
	if (is_name(a->failing, topic->name)) {
		err_set(err, "s.lua:3: no topics");
		return -2;
	}
	return is_name(a->wanted, topic->name) ? 1 : is_name(a->refused, topic->name) ? 0 : -1;
}

static int
on_route(void *arg, const struct script_topic *topic, struct script_route *ret, struct err *err)
{
	struct answers *a = arg;

	a->asked[1]++;
	if (is_name(a->route_failing, topic->name))
		return err_set(err, "s.lua:5: no route");
	*ret = is_name(a->routed, topic->name) ? a->route
					       : (struct script_route){.rule = SCRIPT_RULE_NONE};
	return 0;
}

static int
on_partition(void *arg, const struct script_topic *source, int32_t partition,
	const struct script_topic *target, int32_t *ret, struct err *err)
{
	struct answers *a = arg;

	(void)source;
	a->target_partitions = target->partitions;
	a->asked[2]++;
	if (partition == a->map_failing)
		return err_set(err, "s.lua:7: no partition");
	*ret = a->map[partition];
	return 0;
}

static void
on_look(void *arg, const struct plan *plan)
{
	struct answers *a = arg;

	a->plan = plan;
	if (plan)
		a->seen_target = plan_target_partitions(plan, "out");
}

static const struct plan_hooks all_hooks = {
	.topics = on_topics, .route = on_route, .partition = on_partition, .look = on_look};

/* Everything that a plan is made of. */
struct rig {
	struct config *config;
	struct topics *filter;
	struct plan_rules *rules;
	struct plan_input input;
	struct plan_partitions sources[MOST], targets[MOST];
	struct answers answers;
};

/* Reads "a:3 b:1" into a list. */
static size_t
read_topics(const char *text, struct plan_partitions *list)
{
	size_t n = 0;

	while (*text) {
		size_t length = strcspn(text, ":");

		list[n].name = mem_strndup(text, length);
		list[n++].partitions = (int32_t)strtol(text + length + 1, (char **)&text, 10);
		text += *text == ' ';
	}
	return n;
}

static void
set_sources(struct rig *r, const char *text)
{
	for (size_t i = 0; i < r->input.source_count; i++)
		free((char *)(uintptr_t)r->sources[i].name);
	r->input.source_count = read_topics(text, r->sources);
	r->input.sources = r->sources;
}

/* NULL: the target does not answer. */
static void
set_targets(struct rig *r, const char *text)
{
	for (size_t i = 0; i < r->input.target_count; i++)
		free((char *)(uintptr_t)r->targets[i].name);
	r->input.target_count = text ? read_topics(text, r->targets) : 0;
	r->input.targets = text ? r->targets : NULL;
}

/* Flags are divided by blanks. */
static void
open_rig(struct rig *r, const char *flags, const char *sources, const char *targets)
{
	char *argv[32] = {"--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist", ".*"};
	char *text = mem_strdup(flags), *rest = text;
	struct problems problems = {0};
	int argc = 8;

	for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	*r = (struct rig){.answers.map_failing = -1};
	r->config = config_load(argc, argv, library_knows_property, &problems);
	problems_print(&problems, stdout);
	problems_fini(&problems);
	free(text);
	r->filter = topics_new(".*", false, true, NULL);
	r->rules = plan_rules_new(r->config, NULL);
	r->input.config = r->config;
	r->input.filter = r->filter;
	set_sources(r, sources);
	set_targets(r, targets);
}

static void
close_rig(struct rig *r)
{
	set_sources(r, "");
	set_targets(r, NULL);
	plan_release(&r->input.previous);
	plan_rules_free(&r->rules);
	topics_free(&r->filter);
	config_free(&r->config);
}

static void
use_hooks(struct rig *r)
{
	r->input.hooks = all_hooks;
	r->input.hooks.arg = &r->answers;
}

/* Makes a plan, which is the previous one of the next. @borrows until then */
static const struct plan *
make(struct rig *r, struct err *err)
{
	const struct plan *plan = plan_make(r->rules, &r->input, err), *old = r->input.previous;

	if (plan) {
		r->input.previous = plan;
		plan_release(&old);
	}
	return plan;
}

/* "a>b key 3" for each topic; "-a" when it is not mirrored; then its map; problems are !. */
static char *
text_of(const struct plan *plan)
{
	struct text out = {0};

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		text_printf(&out, "%s", i ? ", " : "");
		if (t->target)
			text_printf(&out, "%s>%s %s %d", t->name, t->target,
				plan_rule_name(t->rule), (int)t->target_partitions);
		else
			text_printf(&out, "-%s", t->name);
		for (int32_t n = 0; t->map && n < t->partitions; n++)
			text_printf(&out, "%s%d", n ? "/" : " ", (int)t->map[n]);
		for (size_t n = 0; n < t->problem_count; n++)
			text_putc(&out, '!');
	}
	return text_take(&out);
}

#define CHECK_PLAN(plan, expected)            \
	do {                                  \
		char *text_ = text_of(plan);  \
		CHECK_STR(text_, (expected)); \
		free(text_);                  \
	} while (0)

static bool
has_problem(const struct plan *plan, const char *topic, const char *text)
{
	const struct plan_topic *t = plan_find(plan, topic);

	for (size_t i = 0; t && i < t->problem_count; i++)
		if (strstr(t->problems[i], text))
			return true;
	return false;
}

/* A map of the topic a into the topic out. */
__attribute__((unused)) static void
open_map(struct rig *r, const char *sources, const char *targets)
{
	open_rig(r, "", sources, targets);
	use_hooks(r);
	r->answers.routed = "a";
	r->answers.route = (struct script_route){.topic = "out", .rule = SCRIPT_MAP};
	r->answers.map[1] = PLAN_MAP_BY_KEY;
	r->answers.map[2] = 3;
}

#endif
