/* The plan: for every topic of the source, whether it is mirrored, and where its records go. */
#include "mirror/plan.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

struct plan_rules {
	struct topics *exclude, *rename;
	enum plan_rule rule;
};

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

	for (size_t i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++)
		if (!strcmp(rule_names[i], m->partition_mode))
			rules->rule = (enum plan_rule)i;
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
		.is_internal = !strcmp(t->name, "__consumer_offsets") ||
			       !strcmp(t->name, "__transaction_state")};
}

/* A hook has failed: the answer that the topic had counts, or it is left out. */
static int
keep_answer(struct making *m, const struct err *why, struct err *err)
{
	struct plan_topic *t = m->topic;
	const struct plan_topic *before = m->before;

	if (!m->input->previous)
		return err_set(err, "%s (for the topic %s)", why->text, t->name);
	LOG_LIMITED(
		10, EVENT_plan_hook_failed, F_STR("topic", t->name), F_STR("reason", why->text));
	if (!before || !before->target) {
		leave_out(t, mem_printf("the script fails for it: %s", why->text));
		return 0;
	}
	leave_out(t, NULL);
	t->target = mem_strdup(before->target);
	t->rule = before->rule;
	add_problem(t, "the script fails for it, and what it said before counts: %s", why->text);
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

/* Is the topic mirrored? 1 or 0, -1: a hook failed (why says it). An expression that cannot be
   decided leaves the topic out. */
static int
choose(struct making *m, struct err *why)
{
	struct plan_topic *t = m->topic;
	struct script_topic seen = as_hooks_see(t);
	int verdict = choose_by_config(m, why), said = -1;

	if (verdict < 0) {
		LOG_LIMITED(60, EVENT_topic_skipped, F_STR("topic", t->name),
			F_STR("reason", why->text));
		leave_out(t, mem_strdup(why->text));
		return 0;
	}
	if (m->input->script)
		said = script_topics(m->input->script, &seen, why);
	if (said == -2)
		return -1;
	if (said == 0)
		leave_out(t, mem_strdup("the script's topics() says no"));
	if (said == 1) {
		free(t->why_not);
		t->why_not = NULL;
	}
	return said < 0 ? verdict : said;
}

/* The name by topic.rename, prefix and suffix. -1: the expression cannot be decided. */
static int
name_by_config(struct making *m, struct err *why)
{
	const struct config_mirror *c = &m->input->config->mirror;
	char *renamed = NULL;

	if (m->rules->rename && topics_replace(m->rules->rename, m->topic->name,
					c->topic_rename_replacement, &renamed, why) < 0)
		return -1;
	m->topic->target = mem_printf("%s%s%s", c->topic_prefix ? c->topic_prefix : "",
		renamed ? renamed : m->topic->name, c->topic_suffix ? c->topic_suffix : "");
	free(renamed);
	return 0;
}

/* Name and rule by the configuration, then by the script. -1: a hook failed. */
static int
name(struct making *m, struct err *why)
{
	struct plan_topic *t = m->topic;
	struct script_topic seen = as_hooks_see(t);
	struct script_route route = {.rule = SCRIPT_RULE_NONE};

	t->rule = m->rules->rule;
	if (name_by_config(m, why) < 0) {
		leave_out(t, mem_strdup(why->text));
		return 0;
	}
	if (m->input->script && script_route(m->input->script, &seen, &route, why) < 0)
		return -1;
	if (route.is_refused) {
		leave_out(t, mem_strdup("the script's route() says no"));
		return 0;
	}
	if (route.topic[0]) {
		free(t->target);
		t->target = mem_strdup(route.topic);
	}
	if (route.rule != SCRIPT_RULE_NONE)
		t->rule = (enum plan_rule)(route.rule - SCRIPT_BY_KEY);
	return 0;
}

/* Kafka's rule for names (org.apache.kafka.common.internals.Topic). */
static bool
is_topic_name(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n > 0 && n <= 249 && !s[n] && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
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

/* Asks the partition hook for one partition, unless the answer is known. -1: it failed. */
static int
map_one(struct making *m, int32_t partition, struct err *why)
{
	struct plan_topic *t = m->topic;
	struct script_topic source = as_hooks_see(t),
			    target = {t->target, t->target_partitions, false};
	int32_t to;

	if (!m->input->script)
		return err_set(why, "partitions are to be mapped, but there is no script");
	if (script_partition(m->input->script, &source, partition, &target, &to, why) < 0)
		return -1;
	if (to >= 0 && t->target_partitions > 0 && to >= t->target_partitions) {
		add_problem(t,
			"partition() sends partition %d to %d, but %s has %d; its records wait",
			(int)partition, (int)to, t->target, (int)t->target_partitions);
		to = PLAN_MAP_NOWHERE;
	}
	t->map[partition] = to;
	return 0;
}

/* The partition hook's answers. -1: it failed. */
static int
map(struct making *m, struct err *why)
{
	struct plan_topic *t = m->topic;

	t->map = mem_zero((size_t)t->partitions, sizeof(*t->map));
	for (int32_t i = 0; i < t->partitions; i++)
		if (map_one(m, i, why) < 0)
			return -1;
	return 0;
}

/* The hook failed for a topic whose map is known, or not. */
static void
keep_map(struct making *m)
{
	struct plan_topic *t = m->topic;
	const struct plan_topic *before = m->before;

	for (int32_t i = 0; i < t->partitions; i++)
		t->map[i] = before && before->map && i < before->partitions ? before->map[i]
									    : PLAN_MAP_NOWHERE;
}

/* What is missing at the target. */
static void
check_target(struct plan_topic *t)
{
	if (t->target_partitions == 0)
		add_problem(t,
			"%s is not there at the target: create it (%d partitions, as at the "
			"source), or let its "
			"brokers create it",
			t->target, (int)t->partitions);
	else if (t->target_partitions > 0 && t->rule == PLAN_PRESERVE &&
		 t->target_partitions < t->partitions)
		add_problem(t,
			"partition numbers are kept, but %s has %d partitions and the source %d; "
			"records of the "
			"others wait until there are more",
			t->target, (int)t->target_partitions, (int)t->partitions);
}

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
	if (t->target && !is_topic_name(t->target))
		leave_out(t, mem_printf("'%s' cannot be a topic's name: Kafka takes 1 to 249 "
					"letters, digits, dots, "
					"dashes and underscores",
				     t->target));
	if (!t->target)
		return 0;
	t->target_partitions = plan_target_partitions(m->plan, t->target);
	if (t->rule == PLAN_MAP && map(m, &why) < 0) {
		if (!m->input->previous)
			return err_set(err, "%s (for the topic %s)", why.text, t->name);
		LOG_LIMITED(10, EVENT_plan_hook_failed, F_STR("topic", t->name),
			F_STR("reason", why.text));
		add_problem(t, "the script's partition() fails for it: %s", why.text);
		keep_map(m);
	}
	check_target(t);
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

/* Topics that go to one. */
static void
find_merges(struct plan *plan)
{
	struct plan_topic **list = mem_zero(plan->mirrored, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->topics[i].target)
			list[n++] = &plan->topics[i];
	qsort(list, n, sizeof(*list), by_target);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(list[i]->target, list[i - 1]->target))
			add_problem(list[i], "%s goes to %s as well: their records are mixed%s",
				list[i - 1]->name, list[i]->target,
				list[i]->rule == PLAN_PRESERVE ? ", partition by partition" : "");
	free(list);
}

/* Copies the target's topics; names are the plan's own. */
static void
take_targets(struct plan *plan, const struct plan_input *input)
{
	if (!input->targets)
		return;
	plan->targets = mem_zero(input->target_count + 1, sizeof(*plan->targets));
	for (size_t i = 0; i < input->target_count; i++)
		plan->targets[plan->target_count++] = (struct plan_partitions){
			mem_strdup(input->targets[i].name), input->targets[i].partitions};
}

struct plan *
plan_make(const struct plan_rules *rules, const struct plan_input *input, struct err *err)
{
	struct plan *plan = mem_zero(1, sizeof(*plan));
	const struct plan *made = plan;

	atomic_store(&plan->references, 1);
	plan->topics = mem_zero(input->source_count, sizeof(*plan->topics));
	take_targets(plan, input);
	for (size_t i = 0; i < input->source_count; i++) {
		struct plan_topic *t = &plan->topics[plan->count++];
		struct making m = {.rules = rules, .input = input, .plan = plan, .topic = t};

		*t = (struct plan_topic){.name = mem_strdup(input->sources[i].name),
			.partitions = input->sources[i].partitions,
			.target_partitions = -1};
		if (input->previous)
			m.before = plan_find(input->previous, t->name);
		if (decide(&m, err) < 0) {
			plan_release(&made);
			return NULL;
		}
		plan->mirrored += t->target != NULL;
	}
	find_merges(plan);
	return plan;
}

const struct plan *
plan_take(const struct plan *plan)
{
	atomic_fetch_add(&((struct plan *)(uintptr_t)plan)->references, 1);
	return plan;
}

void
plan_release(const struct plan **plan)
{
	struct plan *p = (struct plan *)(uintptr_t)*plan;

	*plan = NULL;
	if (!p || atomic_fetch_sub(&p->references, 1) > 1)
		return;
	for (size_t i = 0; i < p->count; i++) {
		struct plan_topic *t = &p->topics[i];

		for (size_t n = 0; n < t->problem_count; n++)
			free(t->problems[n]);
		free(t->problems);
		free(t->name);
		free(t->target);
		free(t->why_not);
		free(t->map);
	}
	for (size_t i = 0; i < p->target_count; i++)
		free((char *)(uintptr_t)p->targets[i].name);
	free(p->targets);
	free(p->topics);
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

bool
plan_equals(const struct plan *a, const struct plan *b)
{
	if (!a || !b || a->count != b->count || a->mirrored != b->mirrored ||
		a->target_count != b->target_count || !a->targets != !b->targets)
		return a == b;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->topics[i].name, b->topics[i].name) != 0 ||
			a->topics[i].partitions != b->topics[i].partitions ||
			!plan_topic_equals(&a->topics[i], &b->topics[i]))
			return false;
	for (size_t i = 0; i < a->target_count; i++)
		if (strcmp(a->targets[i].name, b->targets[i].name) != 0 ||
			a->targets[i].partitions != b->targets[i].partitions)
			return false;
	return true;
}

static void
describe(struct text *out, const struct plan_topic *before, const struct plan_topic *now)
{
	if (plan_topic_equals(before, now))
		return;
	text_printf(out, "%s%s", out->length ? ", " : "", now ? now->name : before->name);
	if (!now || !now->target)
		text_puts(out, " is not mirrored any more");
	else if (!before || !before->target)
		text_printf(out, " to %s (%s) is new", now->target, plan_rule_name(now->rule));
	else
		text_printf(out, " to %s (%s) instead of %s (%s)", now->target,
			plan_rule_name(now->rule), before->target, plan_rule_name(before->rule));
}

char *
plan_difference(const struct plan *before, const struct plan *now)
{
	struct text out = {0};

	for (size_t i = 0; i < now->count; i++)
		describe(&out, plan_find(before, now->topics[i].name), &now->topics[i]);
	for (size_t i = 0; i < before->count; i++)
		if (!plan_find(now, before->topics[i].name))
			describe(&out, &before->topics[i], NULL);
	return out.length ? text_take(&out) : NULL;
}
