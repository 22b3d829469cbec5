/* Unit tests of the plan: which topics, under which names, by which rule, and what stands against
 * it. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "kafka/library.h"
#include "mirror/plan.h"
#include "mirror/scripting.h"
#include "mirror/topics.h"

/* What a plan is made of, and what came of it. */
struct world {
	struct config *config;
	struct topics *filter;
	struct plan_rules *rules;
	struct script_world *shared;
	struct script *script;
	char script_file[64];
	const struct plan *plan;
	struct err err;
};

static const struct plan_partitions sources[] = {{"__consumer_offsets", 50}, {"orders.eu", 4},
	{"orders.us", 2}, {"private", 1}, {"users", 3}};
static const struct plan_partitions targets[] = {{"dc1.users", 2}, {"orders", 8}, {"users", 3}};

enum {
	SOURCES = sizeof(sources) / sizeof(sources[0]),
	TARGETS = sizeof(targets) / sizeof(targets[0])
};

/* Writes a script; returns its name. */
static void
write_script(struct world *w, const char *text)
{
	int fd;

	snprintf(w->script_file, sizeof(w->script_file), "/tmp/reflejo-plan-XXXXXX");
	fd = mkstemp(w->script_file);
	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

/* Flags are words with blanks between them; script is a text, NULL for none. */
static void
make_world(struct world *w, const char *flags, const char *script)
{
	char *argv[40] = {"--consumer.bootstrap.servers", "h:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "h:2"};
	int argc = 6;
	char *words = mem_strdup(flags), *rest = NULL;
	struct problems problems = {0};

	*w = (struct world){0};
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	if (script) {
		write_script(w, script);
		argv[argc++] = "--script.file";
		argv[argc++] = w->script_file;
	}
	w->config = config_load(argc, argv, library_knows_property, &problems);
	problems_fini(&problems);
	free(words);
	w->filter = topics_new(w->config->mirror.whitelist, false, true, &w->err);
	w->rules = plan_rules_new(w->config, &w->err);
	w->shared = script_world_new();
	if (script)
		w->script = scripting_load(w->config, w->shared, SCRIPT_AT_TEST, &w->err);
}

static const struct plan *
plan_with(struct world *w, const struct plan *previous, bool knows_target)
{
	const struct plan_input input = {.config = w->config,
		.filter = w->filter,
		.script = w->script,
		.previous = previous,
		.sources = sources,
		.source_count = SOURCES,
		.targets = knows_target ? targets : NULL,
		.target_count = knows_target ? TARGETS : 0};

	return plan_make(w->rules, &input, &w->err);
}

static void
free_world(struct world *w)
{
	plan_release(&w->plan);
	script_free(&w->script);
	script_world_free(&w->shared);
	plan_rules_free(&w->rules);
	topics_free(&w->filter);
	config_free(&w->config);
	if (w->script_file[0])
		unlink(w->script_file);
}

/* "users>dc1.users:key/2 private-" : of each topic its target, rule and partitions there, or that
 * it is left out. */
static char *
text_of(const struct plan *plan)
{
	struct text out = {0};

	for (size_t i = 0; plan && i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		text_printf(&out, "%s%s", i ? " " : "", t->name);
		if (t->target)
			text_printf(&out, ">%s:%s/%d", t->target, plan_rule_name(t->rule),
				(int)t->target_partitions);
		else
			text_puts(&out, "-");
		if (t->problem_count)
			text_printf(&out, "!%zu", t->problem_count);
	}
	return text_take(&out);
}

#define LEFT "__consumer_offsets- "

/* flags, script, the plan as text_of has it */
static const struct {
	const char *flags, *script, *plan;
} plans[] = {
	{"--whitelist users", NULL, LEFT "orders.eu- orders.us- private- users>users:key/3"},
	{"--whitelist .* --exclude private|orders.*", NULL,
		LEFT "orders.eu- orders.us- private- users>users:key/3"},
	{"--whitelist users --topic.prefix dc1. --partition.mode preserve", NULL,
		LEFT "orders.eu- orders.us- private- users>dc1.users:preserve/2!1"},
	{"--whitelist orders.* --topic.suffix .copy", NULL,
		LEFT "orders.eu>orders.eu.copy:key/0!1 orders.us>orders.us.copy:key/0!1 private- "
		     "users-"},
	{"--whitelist .* --exclude private,users --topic.rename.regex (orders)\\.(.{2}) "
	 "--topic.rename.replacement $1 --partition.mode round.robin",
		NULL,
		LEFT
		"orders.eu>orders:round.robin/8 orders.us>orders:round.robin/8!1 private- users-"},
	{"--whitelist orders.* --topic.rename.regex orders.eu --topic.rename.replacement \\$0 ",
		NULL, LEFT "orders.eu- orders.us>orders.us:key/0!1 private- users-"},
	/* hooks override the keys */
	{"--whitelist users --topic.prefix dc1.",
		"return { api = 1, topics = function(t) if t.name == 'private' then return true "
		"end "
		"if t.name == 'users' then return false end end, route = function(t) return "
		"'orders' end }",
		LEFT "orders.eu- orders.us- private>orders:key/8 users-"},
	{"--whitelist users|private --partition.mode crc32",
		"return { api = 1, route = function(t) if t.name == 'private' then return false "
		"end "
		"return { partitions = 'preserve' } end }",
		LEFT "orders.eu- orders.us- private- users>users:preserve/3"},
	{"--whitelist users",
		"return { api = 1, topics = function(t) if t.internal then return t.partitions == "
		"50 end end }",
		"__consumer_offsets>__consumer_offsets:key/0!1 orders.eu- orders.us- private- "
		"users>users:key/3"},
};

TEST(topics_get_their_places)
{
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		struct world w;
		char *text;

		make_world(&w, plans[i].flags, plans[i].script);
		w.plan = plan_with(&w, NULL, true);
		text = text_of(w.plan);
		CHECK_STR(text, plans[i].plan);
		free(text);
		free_world(&w);
	}
}

TEST(the_partition_hook_is_asked_for_each_partition)
{
	static const char script[] =
		"return { api = 1, route = function() return { partitions = 'map' } end,\n"
		"partition = function(s, d) if s.partition == 1 then return nil end\n"
		"return s.partition * d.partitions / 3 end }";
	struct world w;
	const struct plan_topic *t;

	make_world(&w, "--whitelist users", script);
	w.plan = plan_with(&w, NULL, true);
	t = plan_find(w.plan, "users");
	CHECK_INT(t->rule, PLAN_MAP);
	CHECK_INT(t->map[0], 0);
	CHECK_INT(t->map[1], PLAN_MAP_BY_KEY);
	CHECK_INT(t->map[2], 2);
	CHECK_INT(t->problem_count, 0);
	free_world(&w);
	make_world(&w, "--whitelist users --partition.mode map",
		"return { api = 1, partition = function(s, d) return s.partition + 1 end }");
	w.plan = plan_with(&w, NULL, true);
	t = plan_find(w.plan, "users");
	CHECK_INT(t->map[1], 2);
	CHECK_INT(t->map[2], PLAN_MAP_NOWHERE);
	CHECK_STR(t->problems[0],
		"partition() sends partition 2 to 3, but users has 3; its records wait");
	free_world(&w);
}

/* script, what the error holds */
static const struct {
	const char *script, *says;
} failures[] = {
	{"return { api = 1, topics = function() error 'oh no' end }", ":1: oh no (for the topic"},
	{"return { api = 1, topics = function() return 5 end }",
		"topics() must return true, false or nothing"},
	{"return { api = 1, route = function() return true end }", "route() must return a name"},
	{"return { api = 1, route = function() return 'a b' end }", "cannot be a topic's name"},
	{"return { api = 1, route = function() return { topik = 'a' } end }", "no field 'topik'"},
	{"return { api = 1, route = function() return { partitions = 'some' } end }",
		"there are key"},
	{"return { api = 1, route = function() return { partitions = 'map' } end }",
		"no partition hook"},
	{"return { api = 1, route = function() return { partitions = 'map' } end, "
	 "partition = function() return 1.5 end }",
		"1.5, which is no partition"},
};

TEST(a_hook_that_fails_makes_no_first_plan)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct world w;

		make_world(&w, "--whitelist users", failures[i].script);
		w.plan = plan_with(&w, NULL, true);
		CHECK(w.plan == NULL);
		if (!CHECK(strstr(w.err.text, failures[i].says) != NULL))
			printf("# %s\n", w.err.text);
		free_world(&w);
	}
}

TEST(a_hook_that_fails_later_keeps_the_answer)
{
	struct world w, bad;
	const struct plan *plan;
	char *text;

	make_world(&w, "--whitelist users --topic.prefix dc1.", NULL);
	w.plan = plan_with(&w, NULL, true);
	make_world(&bad, "--whitelist users|private",
		"return { api = 1, route = function() error 'x' end }");
	plan = plan_with(&bad, w.plan, true);
	text = text_of(plan);
	CHECK_STR(text, LEFT "orders.eu- orders.us- private- users>dc1.users:key/2!1");
	CHECK(strstr(plan_find(plan, "private")->why_not, ":1: x") != NULL);
	free(text);
	plan_release(&plan);
	free_world(&w);
	free_world(&bad);
}

TEST(what_the_target_has)
{
	struct world w;

	make_world(&w, "--whitelist users", NULL);
	w.plan = plan_with(&w, NULL, false);
	CHECK_INT(plan_find(w.plan, "users")->target_partitions, -1);
	CHECK_INT(plan_find(w.plan, "users")->problem_count, 0);
	CHECK_INT(plan_target_partitions(w.plan, "orders"), -1);
	plan_release(&w.plan);
	w.plan = plan_with(&w, NULL, true);
	CHECK_INT(plan_target_partitions(w.plan, "orders"), 8);
	CHECK_INT(plan_target_partitions(w.plan, "nowhere"), 0);
	CHECK(plan_mirrors(w.plan, "users") && !plan_mirrors(w.plan, "private") &&
		!plan_mirrors(w.plan, "nowhere"));
	CHECK(!plan_find(w.plan, "nowhere"));
	free_world(&w);
}

TEST(differences_are_told)
{
	struct world a, b;
	char *text;

	make_world(&a, "--whitelist users|private", NULL);
	make_world(&b, "--whitelist users|orders.eu --topic.prefix dc1. --partition.mode preserve",
		NULL);
	a.plan = plan_with(&a, NULL, true);
	b.plan = plan_with(&b, NULL, true);
	CHECK(plan_equals(a.plan, a.plan) && !plan_equals(a.plan, b.plan) &&
		!plan_equals(NULL, a.plan));
	CHECK(plan_difference(a.plan, a.plan) == NULL);
	text = plan_difference(a.plan, b.plan);
	CHECK_STR(text, "orders.eu to dc1.orders.eu (preserve) is new, private is not mirrored any "
			"more, users to "
			"dc1.users (preserve) instead of users (key)");
	free(text);
	free_world(&a);
	free_world(&b);
}

TEST(expressions_that_do_not_compile_are_named)
{
	struct world w;

	make_world(&w, "--whitelist users --exclude [a", NULL);
	CHECK(w.rules == NULL && !strncmp(w.err.text, "exclude: \"[a\"", 13));
	free_world(&w);
	make_world(
		&w, "--whitelist users --topic.rename.regex (a --topic.rename.replacement b", NULL);
	CHECK(w.rules == NULL && !strncmp(w.err.text, "topic.rename.regex: \"(a\"", 24));
	free_world(&w);
}
