/* Unit tests of the route. */
#include "tests/unit/unit.h"

#include "kafka/library.h"
#include "mirror/route.h"

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

/* mode, partition asked for when the record stood in 5 */
static const struct {
	const char *mode;
	int32_t partition;
} modes[] = {{"key", PRODUCER_BY_KEY}, {"preserve", 5}};

TEST(a_topic_keeps_its_name_and_its_route)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct config *config = load(modes[i].mode);
		struct producer *producer =
			CHECK(config != NULL) ? producer_new(config, "test", NULL) : NULL;
		struct routes routes = {.config = config, .producer = producer};
		struct route *a, *b;

		if (!CHECK(producer != NULL))
			return;
		a = routes_get(&routes, "one");
		b = routes_get(&routes, "two");
		CHECK(a != b && routes_get(&routes, "one") == a && routes_get(&routes, "two") == b);
		CHECK_STR(target_topic_name(a->target), "one");
		CHECK(a->target == producer_topic(producer, "one"));
		CHECK_INT(route_partition(a, 5), modes[i].partition);
		routes_fini(&routes);
		producer_free(&producer);
		config_free(&config);
	}
	CHECK(library_wait(10000));
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
	struct producer *producer = producer_new(config, "test", NULL);
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
