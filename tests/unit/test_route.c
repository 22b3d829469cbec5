/* Unit tests of the route. */
#include "tests/unit/unit.h"

#include "kafka/library.h"
#include "mirror/route.h"
#include "mirror/topics.h"

static struct config *
load(const char *mode)
{
	char *argv[] = {"--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist", "t",
		"--partition.mode", (char *)mode};
	struct problems problems = {0};
	struct config *config = config_load(10, argv, library_knows_property, &problems);

	problems_fini(&problems);
	return config;
}

/* A plan of one topic, whose target has as many partitions. NULL: the configuration is not right.
 */
static const struct plan *
plan_of(const struct config *config, const char *topic, int32_t target_partitions)
{
	struct topics *filter = topics_new(".*", false, true, NULL);
	struct plan_rules *rules = plan_rules_new(config, NULL);
	struct plan_partitions source = {.name = topic, .partitions = 8},
			       target = {.name = topic, .partitions = target_partitions};
	struct plan_input input = {.config = config,
		.filter = filter,
		.sources = &source,
		.source_count = 1,
		.targets = &target,
		.target_count = target_partitions > 0};
	const struct plan *plan = rules ? plan_make(rules, &input, NULL) : NULL;

	plan_rules_free(&rules);
	topics_free(&filter);
	return plan;
}

/* mode, partitions of the target (0: not there), key, partition asked for when the record stood in
 * 5 */
static const struct {
	const char *mode;
	int32_t partitions;
	const char *key;
	int32_t partition;
} modes[] = {
	{"key", 4, "k", PRODUCER_BY_KEY},
	{"preserve", 4, "k", 5},
	{"preserve", 0, NULL, 5},
	{"round.robin", 4, "k", 0},
	{"round.robin", 0, "k", ROUTE_UNKNOWN},
	/* zlib.crc32(b"123456789") == 0xcbf43926 */
	{"crc32", 1000, "123456789", (int32_t)(0xcbf43926u % 1000)},
	{"crc32", 0, "123456789", ROUTE_UNKNOWN},
	{"crc32", 4, NULL, PRODUCER_BY_KEY},
};

TEST(a_route_asks_for_the_partition_of_its_rule)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct config *config = load(modes[i].mode);
		struct producer *producer =
			CHECK(config != NULL) ? producer_new(config, "test", false, NULL) : NULL;
		const struct plan *plan =
			producer ? plan_of(config, "one", modes[i].partitions) : NULL;
		const char *key = modes[i].key;
		struct route *route;

		if (!CHECK(plan != NULL))
			return;
		route = route_new(plan, "one", producer);
		CHECK_STR(target_topic_name(route->target), "one");
		CHECK(route->target == producer_topic(producer, "one"));
		CHECK_INT(
			route_partition(route, 5, key, key ? strlen(key) : 0), modes[i].partition);
		route_release(&route);
		CHECK(!route);
		route = route_new(plan, "two", producer);
		CHECK(!route->target);
		route_release(&route);
		plan_release(&plan);
		producer_free(&producer);
		config_free(&config);
	}
	CHECK(library_wait(10000));
}

TEST(round_robin_takes_one_partition_after_the_other)
{
	struct config *config = load("round.robin");
	struct producer *producer = producer_new(config, "test", false, NULL);
	const struct plan *plan = plan_of(config, "one", 3);
	struct route *route = route_new(plan, "one", producer);

	for (int i = 0; i < 7; i++)
		CHECK_INT(route_partition(route, 0, NULL, 0), i % 3);
	route_release(&route);
	plan_release(&plan);
	producer_free(&producer);
	config_free(&config);
}

/* max.message.bytes of the topic, lane */
static const struct {
	int64_t limit;
	enum producer_lane lane;
} limits[] = {{1048588, PRODUCER_BULK}, {100000, PRODUCER_SMALL}, {5000, PRODUCER_SINGLE},
	{1048588, PRODUCER_BULK}, {0, PRODUCER_SMALL}, {0, PRODUCER_SINGLE}, {0, PRODUCER_SINGLE}};

TEST(batches_follow_what_the_target_topic_takes)
{
	struct config *config = load("key");
	struct producer *producer = producer_new(config, "test", false, NULL);
	struct target_topic *topic = producer_topic(producer, "one");

	CHECK_INT(target_topic_lane(topic), PRODUCER_BULK);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		producer_limit_batch(producer, topic, limits[i].limit);
		CHECK_INT(target_topic_lane(topic), limits[i].lane);
	}
	producer_free(&producer);
	config_free(&config);
	CHECK(library_wait(10000));
}
