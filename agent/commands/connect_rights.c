/* The rights that this mirror needs, as its configuration and plan say, asked for one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "commands/connect.h"
#include "commands/planning.h"
#include "commands/runaway.h"
#include "kafka/compacted.h"
#include "kafka/ledger.h"
#include "mirror/plan.h"
#include "script/watchdog.h"

/* So many names are told of those that are refused, and so many topics are tried out. */
#define NAMES_MOST 5
#define TRIALS_MOST 10

/* One side that is asked. */
struct asked {
	const struct config *config;
	const struct client_settings *settings;
	const char *brokers; /* as kafka-acls.sh wants them */
	struct probe *probe;
	struct findings *findings;
	const struct plan *plan;
};

/* The answers to the same question about several topics. */
struct tally {
	size_t asked, denied, unknown;
	struct text names; /* of those denied */
	char *first;	   /* of them */
	struct err why;	   /* of the last that is not known, or is denied for another reason */
};

static void
count(struct tally *tally, const char *topic, enum probe_answer answer, const struct err *err)
{
	tally->asked++;
	if (answer == PROBE_UNKNOWN) {
		tally->unknown++;
		tally->why = *err;
	} else if (answer == PROBE_DENIED) {
		if (!tally->first)
			tally->first = mem_strdup(topic);
		if (tally->denied < NAMES_MOST)
			text_printf(&tally->names, "%s%s", tally->denied ? ", " : "", topic);
		else if (tally->denied == NAMES_MOST)
			text_puts(&tally->names, " and more");
		tally->denied++;
		if (*err->text)
			tally->why = *err;
	}
}

/* The command that grants it. @gives a string */
static char *
grant(const struct asked *a, const char *operation, const char *resource, const char *name)
{
	const char *user = client_settings_get(a->settings, "sasl.username");

	return mem_printf("kafka-acls.sh --bootstrap-server %s --add --allow-principal User:%s "
			  "--operation %s %s%s%s",
		a->brokers, user ? user : "NAME", operation, resource, *name ? " " : "", name);
}

/* Says what became of a right to topics. */
static void
tell(const struct asked *a, const char *step, const char *operation, const char *what,
	struct tally *tally)
{
	char *command;

	if (tally->denied && *tally->why.text) {
		findings_add(a->findings, "", step, FINDING_FAILED,
			"%s cannot %s: %s; change topics.* in the configuration, or the rule "
			"of the cluster that forbids it",
			tally->names.s, what, tally->why.text);
	} else if (tally->denied) {
		command = grant(a, operation, "--topic", tally->first);
		findings_add(a->findings, "", step, FINDING_FAILED,
			"%s may not %s (%zu of %zu topics): grant it with %s", tally->names.s, what,
			tally->denied, tally->asked, command);
		free(command);
	} else if (tally->unknown) {
		findings_add(a->findings, "", step, FINDING_UNCHECKED, "%s", tally->why.text);
	} else {
		findings_add(a->findings, "", step, FINDING_OK, "%zu topic%s may %s", tally->asked,
			tally->asked == 1 ? "" : "s", what);
	}
	text_fini(&tally->names);
	free(tally->first);
}

/* Is the plan's topic asked about, and under which name? NULL: not. */
typedef const char *choose(const struct plan_topic *topic);

static const char *
mirrored_source(const struct plan_topic *t)
{
	return t->target ? t->name : NULL;
}

static const char *
present_target(const struct plan_topic *t)
{
	return t->target && t->leads && t->target_partitions > 0 ? t->target : NULL;
}

static const char *
growing_target(const struct plan_topic *t)
{
	return t->target && t->leads && t->grow_to > 0 ? t->target : NULL;
}

static void
ask_topics(const struct asked *a, choose *chosen, enum probe_right right, const char *step,
	const char *operation, const char *what)
{
	struct tally tally = {0};

	for (size_t i = 0; a->plan && i < a->plan->count; i++) {
		const char *name = chosen(&a->plan->topics[i]);
		struct err err = {""};

		if (name)
			count(&tally, name, probe_ask_right(a->probe, name, right, &err), &err);
	}
	if (tally.asked)
		tell(a, step, operation, what, &tally);
}

/* Says what became of a right to something that is not a topic. */
static void
tell_other(const struct asked *a, const char *step, enum probe_answer answer, const char *fine,
	const char *operation, const char *resource, const char *name, const struct err *err)
{
	char *command;

	if (answer == PROBE_GRANTED) {
		findings_add(a->findings, "", step, FINDING_OK, "%s", fine);
	} else if (answer == PROBE_UNKNOWN) {
		findings_add(a->findings, "", step, FINDING_UNCHECKED, "%s", err->text);
	} else {
		command = grant(a, operation, resource, name);
		findings_add(a->findings, "", step, FINDING_FAILED,
			"this is not allowed: grant it with %s", command);
		free(command);
	}
}

static void
ask_cluster(const struct asked *a, enum probe_right right, const char *step, const char *operation,
	const char *fine)
{
	struct err err = {""};
	enum probe_answer answer = probe_ask_right(a->probe, NULL, right, &err);

	tell_other(a, step, answer, fine, operation, "--cluster", "", &err);
}

static bool
is_listed(const struct asked *a, const char *topic)
{
	size_t n;
	const struct probe_topic *topics = probe_topics(a->probe, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(topics[i].name, topic))
			return true;
	return false;
}

/* A topic that the mirror keeps at the target for itself: it is written and, if need be, read and
   made.
   @takes topic, which may be NULL */
static void
ask_own_topic(const struct asked *a, char *topic, const char *step, bool reads)
{
	struct tally tally = {0};
	struct err err = {""};

	if (topic && is_listed(a, topic)) {
		count(&tally, topic, probe_ask_right(a->probe, topic, PROBE_WRITE, &err), &err);
		tell(a, step, "Write", "be written", &tally);
		tally = (struct tally){0};
		if (reads) {
			err = (struct err){""};
			count(&tally, topic, probe_ask_right(a->probe, topic, PROBE_READ, &err),
				&err);
			tell(a, step, "Read", "be read", &tally);
		}
	} else if (topic) {
		count(&tally, topic, probe_ask_creation(a->probe, topic, 1, 1, &err), &err);
		tell(a, step, "Create", "be made", &tally);
	}
	free(topic);
}

/* Topics that will be made, tried out as they will be. */
static void
ask_missing(const struct asked *a)
{
	struct tally tally = {0};

	for (size_t i = 0; i < a->plan->count && tally.asked < TRIALS_MOST; i++) {
		const struct plan_topic *t = &a->plan->topics[i];
		struct err err = {""};

		if (t->target && t->leads && t->target_partitions == 0)
			count(&tally, t->target,
				probe_ask_creation(a->probe, t->target, t->recipe.partitions,
					t->recipe.replication, &err),
				&err);
	}
	if (tally.asked)
		tell(a, "make topics", "Create", "be made", &tally);
}

/* Topics that nobody makes but the operator, or the brokers. */
static void
tell_missing(const struct asked *a)
{
	struct text names = {0};
	size_t n = 0;

	for (size_t i = 0; i < a->plan->count; i++) {
		const struct plan_topic *t = &a->plan->topics[i];

		if (t->target && t->leads && t->target_partitions == 0 && n++ < NAMES_MOST)
			text_printf(&names, "%s%s", names.length ? ", " : "", t->target);
	}
	if (n)
		findings_add(a->findings, "", "make topics", FINDING_WARNING,
			"%zu of the topics are not there (%s%s), and topics.create=never: make "
			"them, or their records wait until the brokers do",
			n, names.s, n > NAMES_MOST ? " and more" : "");
	text_fini(&names);
}

static void
ask_source(const struct asked *a)
{
	const struct config *c = a->config;
	const char *group = c->source.group_id;
	struct err err = {""};

	if (a->plan && a->plan->mirrored == 0)
		findings_add(a->findings, "", "read topics", FINDING_WARNING,
			"no topic that this user may see is mirrored: check the expression with "
			"reflejo plan, and that the user may describe the topics (DESCRIBE)");
	ask_topics(a, mirrored_source, PROBE_READ, "read topics", "Read", "be read");
	tell_other(a, "group", probe_ask_group(a->probe, group, &err),
		"it may be joined and committed for", "Read", "--group", group, &err);
	if (c->topics.sync_configs)
		ask_topics(a, mirrored_source, PROBE_DESCRIBE_CONFIGS, "read settings",
			"DescribeConfigs", "have settings read");
	if (c->topics.sync_acls)
		ask_cluster(
			a, PROBE_DESCRIBE, "read rules", "Describe", "access rules may be read");
}

static void
ask_target_topics(const struct asked *a)
{
	const struct config *c = a->config;

	ask_topics(a, present_target, PROBE_WRITE, "write topics", "Write", "be written");
	if (a->plan->makes_topics)
		ask_missing(a);
	else
		tell_missing(a);
	ask_topics(a, growing_target, PROBE_ALTER, "grow topics", "Alter", "get more partitions");
	if (c->topics.sync_configs) {
		ask_topics(a, present_target, PROBE_DESCRIBE_CONFIGS, "read settings",
			"DescribeConfigs", "have settings read");
		ask_topics(a, present_target, PROBE_ALTER_CONFIGS, "sync settings", "AlterConfigs",
			"have settings changed");
	}
}

static void
ask_target(const struct asked *a)
{
	const struct config *c = a->config;
	struct err err = {""};
	char *id = mem_printf("%.200s.reflejo.check", c->source.group_id);

	if (a->plan)
		ask_target_topics(a);
	else
		findings_add(a->findings, "", "topics", FINDING_SKIPPED,
			"what is mirrored is not known, see above");
	if (c->mirror.exactly_once) {
		tell_other(a, "transactions", probe_ask_transactions(a->probe, id, &err),
			"they may be written", "Write",
			"--resource-pattern-type prefixed --transactional-id", c->source.group_id,
			&err);
		ask_own_topic(a, ledger_topic(c), "positions", true);
	} else if (c->target.idempotence) {
		tell_other(a, "idempotence", probe_ask_idempotence(a->probe, &err),
			"records may be written without repetitions", "IdempotentWrite",
			"--cluster", "", &err);
	}
	if (c->groups.sync)
		ask_own_topic(a,
			compacted_name(c->groups.topic, "reflejo-offsets", c->source.group_id),
			"group offsets", true);
	if (c->mirror.dead_letter_topic)
		ask_own_topic(a, mem_strdup(c->mirror.dead_letter_topic), "dead letters", false);
	if (c->topics.sync_acls)
		ask_cluster(a, PROBE_ALTER, "sync rules", "Alter", "access rules may be added");
	free(id);
}

/* Copies what a probe lists; names are borrowed. @gives an array */
static struct plan_partitions *
list(const struct probe *probe, size_t *ret_count)
{
	const struct probe_topic *topics = probe_topics(probe, ret_count);
	struct plan_partitions *all = mem_zero(*ret_count + 1, sizeof(*all));

	for (size_t i = 0; i < *ret_count; i++)
		all[i] = (struct plan_partitions){
			topics[i].name, topics[i].partitions, topics[i].replicas};
	return all;
}

/* The plan of what was listed; NULL, and said so, when there is none. @gives; plan_release */
static const struct plan *
plan_of(const struct config *config, const struct probe *source, const struct probe *target,
	struct findings *findings)
{
	struct topology t = {.is_asked = target != NULL};
	const struct plan *plan = NULL;
	struct err err;

	t.sources = list(source, &t.source_count);
	snprintf(t.source_id, sizeof(t.source_id), "%s", probe_cluster_id(source));
	if (target) {
		t.targets = list(target, &t.target_count);
		t.target_brokers = probe_brokers(target);
		t.can_create = true;
		snprintf(t.target_id, sizeof(t.target_id), "%s", probe_cluster_id(target));
		t.is_same = *t.source_id && !strcmp(t.source_id, t.target_id);
	}
	if (runaway_watch(&err) == 0)
		plan = planning_make(config, &t, &err);
	watchdog_stop();
	if (!plan && target)
		findings_add(findings, "", "plan", FINDING_FAILED, "%s", err.text);
	free(t.sources);
	free(t.targets);
	return plan;
}

/* Asks one side, or says why it is not asked. */
static void
ask_side(const struct asked *a, void (*questions)(const struct asked *a))
{
	struct err err;

	if (!a->probe)
		findings_add(a->findings, "", "rights", FINDING_SKIPPED,
			"the cluster could not be listed, see above");
	else if (probe_can_ask(a->probe, &err) < 0)
		findings_add(a->findings, "", "rights", FINDING_UNCHECKED, "%s", err.text);
	else
		questions(a);
}

void
connect_ask_rights(const struct config *config, struct probe *source, struct probe *target,
	struct connect_report *report)
{
	const struct plan *plan = source ? plan_of(config, source, target, &report->target) : NULL;
	struct asked a = {.config = config,
		.settings = &config->consumer,
		.brokers = config->source.bootstrap_servers ? config->source.bootstrap_servers
							    : "HOST:PORT",
		.probe = source,
		.findings = &report->source,
		.plan = plan};

	ask_side(&a, ask_source);
	a.settings = &config->producer;
	a.brokers = config->target.bootstrap_servers;
	a.probe = target;
	a.findings = &report->target;
	ask_side(&a, ask_target);
	plan_release(&plan);
}
