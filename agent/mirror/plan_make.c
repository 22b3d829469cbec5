/* How a plan is made: the configuration's keys first, then the script's hooks, then a look at what
   the target has. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "mirror/plan.h"

struct plan_rules {
	struct topics *exclude, *rename;
	enum plan_rule rule;
};

/* What the making of one topic needs. */
struct making {
	const struct plan_rules *rules;
	const struct plan_input *input;
	struct plan *plan;
	struct plan_topic *topic;
	const struct plan_topic *before; /* in the previous plan */
};

/* Compiles an expression of the configuration, if there is one. */
static int
compile(struct topics **ret, const char *key, const char *expression, bool is_list, struct err *err)
{
	struct err why;

	if (!expression)
		return 0;
	*ret = is_list ? topics_new(expression, false, false, &why)
		       : topics_new_exact(expression, &why);
	return *ret ? 0 : err_set(err, "%s: %s", key, why.text);
}

struct plan_rules *
plan_rules_new(const struct config *config, struct err *err)
{
	const struct config_mirror *m = &config->mirror;
	struct plan_rules *rules = mem_zero(1, sizeof(*rules));

	for (enum plan_rule rule = PLAN_BY_KEY; rule <= PLAN_CRC32; rule++)
		if (!strcmp(plan_rule_name(rule), m->partition_mode))
			rules->rule = rule;
	if (compile(&rules->exclude, "exclude", m->exclude, true, err) < 0 ||
		compile(&rules->rename, "topic.rename.regex", m->topic_rename_regex, false, err) <
			0)
		plan_rules_free(&rules);
	return rules;
}

void
plan_rules_free(struct plan_rules **rules)
{
	if (!*rules)
		return;
	topics_free(&(*rules)->exclude);
	topics_free(&(*rules)->rename);
	free(*rules);
	*rules = NULL;
}

static void
add_problem(struct plan_topic *t, const char *format, ...)
{
	struct text text = {0};
	va_list args;

	va_start(args, format);
	text_vprintf(&text, format, args);
	va_end(args);
	t->problems = mem_resize(t->problems, t->problem_count + 1, sizeof(*t->problems));
	t->problems[t->problem_count++] = text_take(&text);
}

/* The last problem becomes the first. */
static void
put_first(struct plan_topic *t)
{
	char *last = t->problems[t->problem_count - 1];

	memmove(t->problems + 1, t->problems, (t->problem_count - 1) * sizeof(*t->problems));
	t->problems[0] = last;
}

/* The topic is not mirrored, and this is why. @takes why */
static void
leave_out(struct plan_topic *t, char *why)
{
	free(t->target);
	t->target = NULL;
	free(t->why_not);
	t->why_not = why;
}

static struct script_topic
as_hooks_see(const struct plan_topic *t)
{
	return (struct script_topic){.name = t->name,
		.partitions = t->partitions,
		.is_internal = topics_is_internal(t->name)};
}

/* A hook has failed. -1: there was no plan before, so that this is the end of it. */
static int
hook_failed(struct making *m, const struct err *why, struct err *err)
{
	if (!m->input->previous)
		return err_set(err, "%s (for the topic %s)", why->text, m->topic->name);
	LOG_LIMITED(8, EVENT_plan_hook_failed, F_STR("topic", m->topic->name),
		F_STR("reason", why->text));
	m->topic->is_kept = true;
	return 0;
}

/* The topics or route hook has failed: the answer that the topic had counts, or it is left out. -1:
   see hook_failed. */
static int
keep_answer(struct making *m, const struct err *why, struct err *err)
{
	struct plan_topic *t = m->topic;
	const struct plan_topic *before = m->before;

	if (hook_failed(m, why, err) < 0)
		return -1;
	if (!before || !before->target) {
		leave_out(t, mem_printf("the script fails for it: %s", why->text));
		return 0;
	}
	leave_out(t, NULL);
	t->target = mem_strdup(before->target);
	t->rule = before->rule;
	t->create_partitions = before->create_partitions;
	t->create_replication = before->create_replication;
	t->create_configs = before->create_configs ? mem_strdup(before->create_configs) : NULL;
	t->limit = before->limit ? mem_strdup(before->limit) : NULL;
	return 0;
}

/* By the expressions: 1 mirror it, 0 do not, why_not says it; -1 on error. */
static int
choose_by_config(struct making *m, struct err *err)
{
	struct plan_topic *t = m->topic;
	int verdict = topics_match(m->input->filter, t->name, err);

	if (verdict == 0)
		leave_out(t, mem_strdup("the topic expression does not let it through"));
	if (verdict <= 0 || !m->rules->exclude)
		return verdict;
	verdict = topics_match(m->rules->exclude, t->name, err);
	if (verdict > 0)
		leave_out(t, mem_strdup("exclude matches it"));
	return verdict < 0 ? -1 : !verdict;
}

/* What the topics hook says over the expressions' verdict. -1: it failed. */
static int
choose_by_hook(struct making *m, int verdict, struct err *why)
{
	const struct plan_hooks *hooks = &m->input->hooks;
	struct plan_topic *t = m->topic;
	struct script_topic seen = as_hooks_see(t);
	int said = hooks->topics ? hooks->topics(hooks->arg, &seen, why) : -1;

	if (said == -2)
		return -1;
	if (said == 0)
		leave_out(t, mem_strdup("the script's topics() says no"));
	if (said == 1)
		leave_out(t, NULL);
	return said < 0 ? verdict : said;
}

/* Is the topic mirrored? 1 or 0, -1: a hook failed (why says it). An expression that cannot be
   decided leaves the topic out. */
static int
choose(struct making *m, struct err *why)
{
	struct plan_topic *t = m->topic;
	int verdict;

	/* A hook that takes every topic must not overwrite the target's own bookkeeping. */
	if (m->input->config->source.exclude_internal_topics && topics_is_internal(t->name)) {
		leave_out(t, mem_strdup("it is internal to Kafka (exclude.internal.topics)"));
		return 0;
	}
	verdict = choose_by_config(m, why);
	if (verdict >= 0)
		return choose_by_hook(m, verdict, why);
	LOG_LIMITED(60, EVENT_topic_skipped, F_STR("topic", t->name), F_STR("reason", why->text));
	leave_out(t, mem_strdup(why->text));
	return 0;
}

/* The name by topic.rename, prefix and suffix. An expression that cannot be decided leaves the
   topic out. */
static void
name_by_config(struct making *m)
{
	const struct config_mirror *c = &m->input->config->mirror;
	struct plan_topic *t = m->topic;
	char *renamed = NULL;
	struct err why;

	if (m->rules->rename && topics_replace(m->rules->rename, t->name,
					c->topic_rename_replacement, &renamed, &why) < 0) {
		leave_out(t, mem_strdup(why.text));
		return;
	}
	t->target = mem_printf("%s%s%s", c->topic_prefix ? c->topic_prefix : "",
		renamed ? renamed : t->name, c->topic_suffix ? c->topic_suffix : "");
	free(renamed);
}

/* Name and rule by the script, and by the configuration where it says nothing. -1: a hook failed.
 */
static int
name(struct making *m, struct err *why)
{
	const struct plan_hooks *hooks = &m->input->hooks;
	struct plan_topic *t = m->topic;
	struct script_topic seen = as_hooks_see(t);
	struct script_route route = {.rule = SCRIPT_RULE_NONE};

	if (hooks->route && hooks->route(hooks->arg, &seen, &route, why) < 0)
		return -1;
	t->rule = route.rule == SCRIPT_RULE_NONE ? m->rules->rule
						 : (enum plan_rule)(route.rule - SCRIPT_BY_KEY);
	t->create_partitions = route.create_partitions;
	t->create_replication = route.create_replication;
	t->create_configs = route.create_configs[0] ? mem_strdup(route.create_configs) : NULL;
	t->limit = route.limit[0] ? mem_strdup(route.limit) : NULL;
	if (route.is_refused)
		leave_out(t, mem_strdup("the script's route() says no"));
	else if (route.topic[0])
		t->target = mem_strdup(route.topic);
	else
		name_by_config(m);
	return 0;
}

static void
check_name(struct plan_topic *t)
{
	if (!t->target || parse_is_topic_name(t->target))
		return;
	leave_out(t, mem_printf("'%s' cannot be a topic's name: Kafka takes 1 to 249 letters, "
				"digits, dots, dashes and underscores",
			     t->target));
	add_problem(t, "%s", t->why_not);
}

/* What the previous plan holds for this topic, if it goes to the same place there. */
static const struct plan_topic *
same_before(const struct making *m)
{
	const struct plan_topic *before = m->before;

	return before && before->map && before->target && m->topic->target &&
			       !strcmp(before->target, m->topic->target)
		       ? before
		       : NULL;
}

/* Are the partition hook's answers known from the previous plan, each of them good? */
static bool
map_is_known(const struct making *m)
{
	const struct plan_topic *t = m->topic, *before = same_before(m);

	if (!m->input->is_same_script || !before || before->is_kept ||
		before->partitions != t->partitions ||
		before->target_partitions != t->target_partitions)
		return false;
	for (int32_t i = 0; i < t->partitions; i++)
		if (before->map[i] == PLAN_MAP_NOWHERE)
			return false;
	return true;
}

/* Are missing topics made at the target? */
static bool
is_made(const struct plan_input *input)
{
	return input->is_managed && !strcmp(input->config->topics.create, "missing");
}

/* Asks the partition hook for every partition. -1: it failed. */
static int
ask_for_map(struct making *m, struct err *why)
{
	const struct plan_hooks *hooks = &m->input->hooks;
	struct plan_topic *t = m->topic;
	struct script_topic source = as_hooks_see(t),
			    target = {t->target, t->target_partitions, false};

	/* A topic that is being made has as many as it will get without the hook. */
	if (t->target_partitions == 0 && is_made(m->input)) {
		struct recipe recipe;

		recipe_make(m->input->config, 0, &m->topic, 1, &recipe);
		target.partitions = recipe.partitions;
	}
	if (!hooks->partition)
		return err_set(why, "partitions are to be mapped, but there is no partition hook: "
				    "write one, or choose another rule");
	for (int32_t i = 0; i < t->partitions; i++)
		if (hooks->partition(hooks->arg, &source, i, &target, &t->map[i], why) < 0)
			return -1;
	return 0;
}

/* Takes the map as it was; what it does not know goes nowhere. */
static void
keep_map(struct making *m)
{
	struct plan_topic *t = m->topic;
	const struct plan_topic *before = same_before(m);

	for (int32_t i = 0; i < t->partitions; i++)
		t->map[i] = before && i < before->partitions ? before->map[i] : PLAN_MAP_NOWHERE;
}

/* Partitions that are not there get no records: said once for the topic. */
static void
check_map(struct plan_topic *t)
{
	int32_t first = -1, first_to = 0, count = 0;

	for (int32_t i = 0; i < t->partitions; i++) {
		if (t->target_partitions <= 0 || t->map[i] < t->target_partitions)
			continue;
		if (count++ == 0) {
			first = i;
			first_to = t->map[i];
		}
		t->map[i] = PLAN_MAP_NOWHERE;
	}
	if (count > 0)
		add_problem(t,
			"partition() sends partition %d to %d, but %s has %d%s; records wait until "
			"there are more, or the script says otherwise",
			(int)first, (int)first_to, t->target, (int)t->target_partitions,
			count > 1 ? ", and so it is with others" : "");
}

/* Partitions that the topic's rule needs at the target, 0: any number will do. */
static int32_t
needed_partitions(const struct plan_topic *t)
{
	int32_t most = -1;

	if (t->rule == PLAN_PRESERVE)
		return t->partitions;
	for (int32_t i = 0; t->map && i < t->partitions; i++)
		most = t->map[i] > most ? t->map[i] : most;
	return most + 1;
}

/* Where each source partition's records go. -1: the hook failed (why says it) and there was no plan
   before. */
static int
map(struct making *m, struct err *why, struct err *err)
{
	struct plan_topic *t = m->topic;

	t->map = mem_zero((size_t)t->partitions, sizeof(*t->map));
	if (map_is_known(m)) {
		keep_map(m);
	} else if (ask_for_map(m, why) < 0) {
		if (hook_failed(m, why, err) < 0)
			return -1;
		keep_map(m);
	}
	t->needs = needed_partitions(t);
	check_map(t);
	return 0;
}

/* Everything about one topic but what it has to do with others. -1: a hook failed, and there was no
   plan before. */
static int
decide(struct making *m, struct err *err)
{
	struct plan_topic *t = m->topic;
	struct err why;
	int verdict = choose(m, &why);

	if (verdict == 0)
		return 0;
	if ((verdict < 0 || name(m, &why) < 0) && keep_answer(m, &why, err) < 0)
		return -1;
	check_name(t);
	if (!t->target)
		return 0;
	t->target_partitions = plan_target_partitions(m->plan, t->target);
	t->needs = needed_partitions(t);
	if (t->rule == PLAN_MAP && map(m, &why, err) < 0)
		return -1;
	if (t->is_kept)
		add_problem(
			t, "the script fails for it, and what it said before counts: %s", why.text);
	return 0;
}

static int
by_target(const void *a, const void *b)
{
	const struct plan_topic *x = *(struct plan_topic *const *)a,
				*y = *(struct plan_topic *const *)b;
	int order = strcmp(x->target, y->target);

	return order ? order : strcmp(x->name, y->name);
}

/* How the records of topics that go to one are mixed. */
static const char *
mixed_how(struct plan_topic *const *list, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (list[i]->rule != list[0]->rule)
			return "by different rules, so that the records of one key are spread over "
			       "partitions";
	switch (list[0]->rule) {
	case PLAN_PRESERVE:
		return "partition by partition, and only each topic's own order is kept";
	case PLAN_ROUND_ROBIN: return "and no order is kept";
	case PLAN_BY_KEY:
	case PLAN_MAP:
	case PLAN_CRC32: break;
	}
	return "and only each topic's own order is kept";
}

/* Topics that go to one: said at the first of them. */
static void
say_merge(struct plan_topic *const *list, size_t count)
{
	const char *first = list[0]->target;

	if (count == 2)
		add_problem(list[0], "%s goes to %s as well: their records are mixed %s",
			list[1]->name, first, mixed_how(list, count));
	else
		add_problem(list[0], "%s and %zu more go to %s as well: their records are mixed %s",
			list[1]->name, count - 2, first, mixed_how(list, count));
}

/* The name that copies of a topic get is another mirrored topic's: what comes back by a mirror in
   the other direction is copied again. That there is such a mirror cannot be seen from here. */
static void
check_loop(const struct plan *plan, struct plan_topic *t)
{
	if (!strcmp(t->name, t->target) || !plan_mirrors(plan, t->target))
		return;
	add_problem(t,
		"its copies are called %s, and the source has a topic of that name which is "
		"mirrored too: if a mirror in the other direction fills it, records go round; "
		"exclude it then",
		t->target);
}

/* Why the target refuses to make a topic, NULL when it does not. */
static const char *
refusal_of(const struct plan_input *input, const char *target)
{
	for (size_t i = 0; i < input->refusal_count; i++)
		if (!strcmp(input->refusals[i].target, target))
			return input->refusals[i].reason;
	return NULL;
}

/* What records wait for that go to a topic which is not there. @gives a sentence */
static char *
awaiting(const struct plan_input *input, const char *target, int32_t partitions)
{
	const char *reason = refusal_of(input, target);

	if (partitions < 0)
		return mem_printf("whether %s is there at the target is not known yet", target);
	if (reason)
		return mem_printf("%s is not there, and the target does not make it: %s; "
				  "tried again",
			target, reason);
	return mem_printf("%s is being made at the target", target);
}

/* The topic is made at the target, and its records wait until it is there. */
static void
await(const struct plan_input *input, struct plan_topic *t)
{
	t->awaits = awaiting(input, t->target, t->target_partitions);
	t->is_refused = t->target_partitions == 0 && refusal_of(input, t->target);
	if (!t->is_refused)
		return;
	add_problem(t, "%s", t->awaits);
	put_first(t);
}

/* The topic for dead letters is made likewise; no topic of the source need go there. */
static void
await_dead_letters(const struct plan_input *input, struct plan *plan)
{
	const char *topic = input->config->mirror.dead_letter_topic;
	int32_t partitions = plan_target_partitions(plan, topic ? topic : "");

	if (!topic || plan->mirrored == 0 || partitions > 0 || !is_made(input))
		return;
	plan->dead_letters_await = awaiting(input, topic, partitions);
	plan->are_dead_letters_refused = partitions == 0 && refusal_of(input, topic);
}

/* What is missing at the target, and by whom it is made. */
static void
check_target(const struct plan_input *input, struct plan_topic *t)
{
	int32_t wanted = t->recipe.partitions;

	if (t->target_partitions <= 0 && is_made(input)) {
		await(input, t);
	} else if (t->target_partitions == 0) {
		add_problem(t,
			"%s is not there at the target: create it with %d partition%s, or let its "
			"brokers create it",
			t->target, (int)wanted, wanted > 1 ? "s" : "");
		put_first(t);
	}
	if (t->grow_to > 0 && refusal_of(input, t->target))
		add_problem(t,
			"%s has %d partitions and is to have %d, but the target does not add them: "
			"%s; tried again",
			t->target, (int)t->target_partitions, (int)t->grow_to,
			refusal_of(input, t->target));
	if (t->rule == PLAN_PRESERVE && t->target_partitions > 0 && t->grow_to == 0 &&
		t->target_partitions < t->partitions)
		add_problem(t,
			"partition numbers are kept, but %s has %d partitions and the source %d; "
			"records of the others wait until there are more",
			t->target, (int)t->target_partitions, (int)t->partitions);
}

/* How the topic is made, or grown, that these go to. */
static void
settle_target(const struct plan_input *input, struct plan_topic **list, size_t count)
{
	const struct plan_topic *const *topics = (const struct plan_topic *const *)list;
	struct recipe recipe;
	bool grows;

	recipe_make(input->config, input->target_brokers, list, count, &recipe);
	grows = input->is_managed && list[0]->target_partitions > 0 &&
		list[0]->target_partitions < recipe.partitions &&
		!recipe_why_not_grown(input->config, topics, count);
	list[0]->leads = true;
	for (size_t i = 0; i < count; i++) {
		list[i]->recipe = recipe;
		list[i]->grow_to = grows ? recipe.partitions : 0;
		check_target(input, list[i]);
	}
}

/* What topics have to do with each other. */
static void
compare_topics(const struct plan_input *input, struct plan *plan)
{
	struct plan_topic **list = mem_zero(plan->mirrored, sizeof(*list));
	size_t count = 0, end;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->topics[i].target)
			list[count++] = &plan->topics[i];
	qsort(list, count, sizeof(*list), by_target);
	for (size_t i = 0; i < count; i = end) {
		for (end = i + 1; end < count && !strcmp(list[end]->target, list[i]->target);)
			end++;
		if (end > i + 1)
			say_merge(list + i, end - i);
		settle_target(input, list + i, end - i);
	}
	for (size_t i = 0; i < count && !input->config->mirror.loop_drop; i++)
		check_loop(plan, list[i]);
	free(list);
}

/* Copies the target's topics; names are the plan's own. */
static void
take_targets(struct plan *plan, const struct plan_input *input)
{
	plan->target_brokers = input->target_brokers;
	plan->clusters = input->clusters;
	plan->makes_topics = is_made(input);
	if (!input->targets)
		return;
	plan->targets = mem_zero(input->target_count + 1, sizeof(*plan->targets));
	for (size_t i = 0; i < input->target_count; i++)
		plan->targets[plan->target_count++] =
			(struct plan_partitions){.name = mem_strdup(input->targets[i].name),
				.partitions = input->targets[i].partitions};
}

static void
look(const struct plan_input *input, const struct plan *plan)
{
	if (input->hooks.look)
		input->hooks.look(input->hooks.arg, plan);
}

static int
decide_all(const struct plan_rules *rules, const struct plan_input *input, struct plan *plan,
	struct err *err)
{
	for (size_t i = 0; i < input->source_count; i++) {
		struct plan_topic *t = &plan->topics[plan->count++];
		struct making m = {.rules = rules, .input = input, .plan = plan, .topic = t};

		*t = (struct plan_topic){.name = mem_strdup(input->sources[i].name),
			.partitions = input->sources[i].partitions,
			.replicas = input->sources[i].replicas,
			.target_partitions = -1};
		if (input->previous)
			m.before = plan_find(input->previous, t->name);
		if (decide(&m, err) < 0)
			return -1;
		plan->mirrored += t->target != NULL;
	}
	return 0;
}

struct plan *
plan_make(const struct plan_rules *rules, const struct plan_input *input, struct err *err)
{
	struct plan *plan = mem_zero(1, sizeof(*plan));
	const struct plan *made = plan;
	int rc;

	atomic_store(&plan->references, 1);
	plan->topics = mem_zero(input->source_count, sizeof(*plan->topics));
	take_targets(plan, input);
	look(input, plan);
	rc = decide_all(rules, input, plan, err);
	look(input, NULL);
	if (rc == 0) {
		compare_topics(input, plan);
		await_dead_letters(input, plan);
		return plan;
	}
	plan_release(&made);
	return NULL;
}

char *
plan_target_of(const struct plan_rules *rules, const struct plan_input *input, const char *wanted,
	int32_t partitions)
{
	const struct plan_partitions source = {.name = wanted, .partitions = partitions};
	struct plan_input alone = *input;
	const struct plan *plan;
	char *target = NULL;
	struct err err;

	alone.previous = NULL;
	alone.sources = &source;
	alone.source_count = 1;
	plan = plan_make(rules, &alone, &err);
	if (plan && plan->topics[0].target)
		target = mem_strdup(plan->topics[0].target);
	plan_release(&plan);
	return target;
}
