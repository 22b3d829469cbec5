/* Unit tests of the recipe: how topics are made at the target, and what of the source they get. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "kafka/library.h"
#include "mirror/acl_copy.h"
#include "mirror/plan.h"
#include "mirror/recipe.h"

/* Flags are divided by blanks. */
static struct config *
config_of(const char *flags)
{
	char *argv[32] = {"--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist", ".*"};
	char *text = mem_strdup(flags), *rest = text;
	struct problems problems = {0};
	struct config *config;
	int argc = 8;

	for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	config = config_load(argc, argv, library_knows_property, &problems);
	problems_print(&problems, stdout);
	problems_fini(&problems);
	free(text);
	return config;
}

/* What the source's topic, and its route, have; and what comes of it with so many brokers. */
TEST(what_is_made)
{
	static const struct {
		const char *flags;
		int brokers;
		struct plan_topic topic;
		const char *text;
	} rows[] = {
		{"", 3, {.partitions = 12, .replicas = 3}, "12 partitions, replication factor 3"},
		{"", 3, {.partitions = 1, .replicas = 1}, "1 partition, replication factor 1"},
		{"", 2, {.partitions = 12, .replicas = 3},
			"12 partitions, replication factor 2 (not 3: the target has no more "
			"brokers)"},
		{"", 0, {.partitions = 12, .replicas = 3}, "12 partitions, replication factor 3"},
		{"", 3, {.partitions = 12},
			"12 partitions, the target's default replication factor"},
		{"--topics.partitions 6", 3, {.partitions = 12, .replicas = 1},
			"6 partitions, replication factor 1"},
		{"--topics.partitions 6", 3, {.partitions = 12, .replicas = 1, .needs = 12},
			"12 partitions, replication factor 1"},
		{"--topics.replication.factor 2", 3, {.partitions = 1, .replicas = 3},
			"1 partition, replication factor 2"},
		{"--topics.replication.factor -1", 3, {.partitions = 1, .replicas = 3},
			"1 partition, the target's default replication factor"},
		{"--topics.replication.factor 5", 3, {.partitions = 1, .replicas = 3},
			"1 partition, replication factor 3 (not 5: the target has no more "
			"brokers)"},
		{"--topics.configs source", 3, {.partitions = 1, .replicas = 1},
			"1 partition, replication factor 1, and the settings source"},
		{"--topics.partitions 6 --topics.configs source", 3,
			{.partitions = 12,
				.replicas = 1,
				.create_partitions = 4,
				.create_replication = 2,
				.create_configs = "a=1"},
			"4 partitions, replication factor 2, and the settings a=1"},
		{"--topics.configs source", 3,
			{.partitions = 1, .replicas = 1, .create_configs = "none"},
			"1 partition, replication factor 1"},
		{"", 3, {.partitions = 4, .replicas = 1, .rule = PLAN_MAP, .needs = 7},
			"7 partitions, replication factor 1"},
		{"", 3, {.partitions = 4, .replicas = 1, .rule = PLAN_MAP, .needs = 2},
			"2 partitions, replication factor 1"},
		{"", 3, {.partitions = 4, .replicas = 1, .rule = PLAN_MAP, .needs = 100001},
			"1000 partitions, replication factor 1"},
		{"", 3, {.partitions = 4, .replicas = 1, .rule = PLAN_MAP},
			"4 partitions, replication factor 1"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *config = config_of(rows[i].flags);
		struct plan_topic topic = rows[i].topic, *list = &topic;
		struct recipe recipe;
		char *text;

		recipe_make(config, rows[i].brokers, &list, 1, &recipe);
		text = recipe_text(&recipe);
		CHECK_STR(text, rows[i].text);
		free(text);
		config_free(&config);
	}
}

/* Topics that go to one: the largest counts, but the settings are the first's. */
TEST(what_is_made_of_several)
{
	struct config *config = config_of("");
	struct plan_topic a = {.partitions = 3, .replicas = 2, .create_configs = "a=1"},
			  b = {.partitions = 8, .replicas = 1, .create_configs = "b=1"};
	struct plan_topic *list[] = {&a, &b};
	struct recipe recipe;
	char *text;

	recipe_make(config, 3, list, 2, &recipe);
	text = recipe_text(&recipe);
	CHECK_STR(text, "8 partitions, replication factor 2, and the settings a=1");
	free(text);
	config_free(&config);
}

/* The word of topics.grow, two rules, and a part of why not; NULL: it is grown. */
TEST(what_is_grown)
{
	static const struct {
		const char *grow;
		enum plan_rule first, second;
		const char *why_not;
	} rows[] = {
		{"auto", PLAN_PRESERVE, PLAN_PRESERVE, NULL},
		{"auto", PLAN_BY_KEY, PLAN_PRESERVE, "keys would move"},
		{"auto", PLAN_PRESERVE, PLAN_BY_KEY, "keys would move"},
		{"auto", PLAN_CRC32, PLAN_CRC32, "topics.grow=always"},
		{"auto", PLAN_ROUND_ROBIN, PLAN_PRESERVE, "go round"},
		{"auto", PLAN_MAP, PLAN_PRESERVE, "its script says"},
		{"always", PLAN_BY_KEY, PLAN_MAP, NULL},
		{"never", PLAN_PRESERVE, PLAN_PRESERVE, "topics.grow is never"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *flags = mem_printf("--topics.grow %s", rows[i].grow);
		struct config *config = config_of(flags);
		const struct plan_topic a = {.rule = rows[i].first}, b = {.rule = rows[i].second};
		const struct plan_topic *list[] = {&a, &b};
		const char *why_not = recipe_why_not_grown(config, list, 2);

		if (CHECK(!why_not == !rows[i].why_not) && why_not)
			CHECK(strstr(why_not, rows[i].why_not));
		config_free(&config);
		free(flags);
	}
}

/* Reads "a=1,b=2". */
static struct settings
settings_of(const char *text)
{
	struct settings s = {0};

	settings_parse(text, &s, NULL);
	return s;
}

/* What the recipe says, what the source and the target have, and what is wanted, set and removed.
 */
TEST(settings_that_are_copied)
{
	static const struct {
		const char *configs, *source, *now, *wanted, *set, *removed;
	} rows[] = {
		{"none", "a=1", "none", "", "", ""},
		{"source", "a=1,b=2", "none", "a=1,b=2", "a=1,b=2", ""},
		{"source", "a=1,b=2", "a=1,c=3", "a=1,b=2", "b=2", "c=3"},
		{"source", "a=1,min.insync.replicas=2", "min.insync.replicas=1", "a=1", "a=1", ""},
		{"source",
			"unclean.leader.election.enable=true,message.timestamp.type=LogAppendTime,"
			"leader.replication.throttled.replicas=*,message.format.version=2.0",
			"none", "", "", ""},
		{"source,a=5", "a=1,b=2", "a=1,b=2", "a=5,b=2", "a=5", ""},
		{"source,min.insync.replicas=2", "none", "none", "min.insync.replicas=2",
			"min.insync.replicas=2", ""},
		{"a=1", "b=2", "a=2,c=3", "a=1", "a=1", ""},
		{"a=1", "b=2", "a=1", "a=1", "", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct recipe recipe = {.configs = rows[i].configs};
		struct settings source = settings_of(rows[i].source),
				now = settings_of(rows[i].now);
		struct settings lists[3];
		const char *texts[] = {rows[i].wanted, rows[i].set, rows[i].removed};

		recipe_settings(&recipe, &source, &lists[0]);
		recipe_difference(&recipe, &lists[0], &now, &lists[1], &lists[2]);
		for (int n = 0; n < 3; n++) {
			char *text = settings_text(&lists[n]);

			CHECK_STR(text, texts[n]);
			free(text);
			settings_fini(&lists[n]);
		}
		settings_fini(&source);
		settings_fini(&now);
	}
}

TEST(settings_that_the_target_does_not_know)
{
	struct settings s = settings_of("a.b=1,c=2");
	char *name = recipe_leave_out(&s, "Unknown topic config name: a.b");

	CHECK_STR(name, "a.b");
	free(name);
	CHECK_INT(s.count, 1);
	/* Neither another refusal, nor a name that is not there. */
	CHECK(!recipe_leave_out(&s, "Unknown topic config name: a.b"));
	CHECK(!recipe_leave_out(&s, "Invalid value x for configuration c"));
	name = recipe_leave_out(
		&s, "Broker: Configuration is invalid (Unknown topic config name: c.)");
	CHECK_STR(name, "c");
	free(name);
	CHECK_INT(s.count, 0);
	settings_fini(&s);
}

/* WRITE stays behind, ALL becomes READ, what is there already, or of another topic, is not added.
 */
TEST(access_rules)
{
	static const struct acl rules[] = {
		{"t", "User:a", "*", ACL_READ, true},
		{"t", "User:a", "*", ACL_WRITE, true},
		{"t", "User:b", "10.0.0.1", ACL_ALL, true},
		{"t", "User:b", "10.0.0.1", ACL_READ, true},
		{"t", "User:c", "*", ACL_WRITE, false},
		{"t", "User:c", "*", ACL_ALL, false},
		{"u", "User:d", "*", ACL_READ, true},
		{"t", "User:e", "*", ACL_DESCRIBE, true},
	};
	const struct acl there = {"copy", "User:e", "*", ACL_DESCRIBE, true};
	static const struct acl expected[] = {
		{"copy", "User:a", "*", ACL_READ, true},
		{"copy", "User:b", "10.0.0.1", ACL_READ, true},
		{"copy", "User:c", "*", ACL_WRITE, false},
		{"copy", "User:c", "*", ACL_ALL, false},
	};
	struct acls source = {0}, target = {0}, missing = {0};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		acls_add(&source, &rules[i]);
	acls_add(&target, &there);
	acl_copy_missing(&source, "t", "copy", &target, &missing);
	CHECK_INT(missing.count, 4);
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		CHECK(acls_has(&missing, &expected[i]));
	acls_fini(&source);
	acls_fini(&target);
	acls_fini(&missing);
}
