/* Unit tests of what a producer asks before it sends to many topics, on an embedded cluster. */
#include "tests/unit/unit.h"

#include "tests/unit/config_rig.h"

#include <poll.h>

#include "base/clock.h"
#include "kafka/library.h"
#include "kafka/mock.h"
#include "kafka/producer.h"

#define PATIENCE_MS 20000

static bool
waits_until_informed(const struct producer *p)
{
	struct pollfd fd = {.fd = producer_fd(p), .events = POLLIN};
	int64_t until = clock_ms() + PATIENCE_MS;

	while (!producer_is_informed(p) && clock_ms() < until)
		poll(NULL, 0, 5);
	return producer_is_informed(p) && poll(&fd, 1, PATIENCE_MS) == 1;
}

/* Makes a handle of the topic. */
static bool
ask(struct producer *p, const char *name)
{
	struct target_topic *topic = producer_topic(p, name);

	producer_touch(p, topic);
	return topic != NULL;
}

TEST(many_topics_are_asked_for_before_anything_is_sent)
{
	struct err err = {0};
	struct mock *mock = mock_start(1, "t", 1, &err);
	struct config *config = load_between(mock_brokers(mock), mock_brokers(mock), NULL);
	struct producer *p = producer_new(config, "p", false, &err);

	CHECK(p);
	CHECK(producer_is_informed(p));
	producer_expect(p, 99);
	CHECK(producer_is_informed(p));
	producer_expect(p, 100);
	CHECK(!producer_is_informed(p));
	CHECK(waits_until_informed(p));
	CHECK(ask(p, "t"));
	/* What comes to those that it has sent to already is not waited for. */
	producer_expect(p, 200);
	CHECK(producer_is_informed(p));
	producer_free(&p);
	config_free(&config);
	mock_stop(&mock);
	CHECK(library_wait(PATIENCE_MS));
}

/* Port 9 of this host: nothing listens. */
TEST(a_target_that_is_away_is_waited_for_and_can_be_left)
{
	struct err err = {0};
	struct config *config = load_between("127.0.0.1:9", "127.0.0.1:9", NULL);
	struct producer *p = producer_new(config, "p", false, &err);
	struct record record = {.value = "v", .value_size = 1, .timestamp = -1};
	struct pollfd fd = {.events = POLLIN};
	struct delivery failure;
	int64_t until = clock_ms() + PATIENCE_MS;

	fd.fd = producer_fd(p);
	producer_expect(p, 100);
	/* That it cannot be reached comes as an event, and is no answer. */
	while (!producer_take_trouble(p) && clock_ms() < until) {
		struct delivery delivery;

		poll(&fd, 1, 100);
		producer_deliveries(p, &delivery, 1);
	}
	CHECK(clock_ms() < until);
	CHECK(!producer_is_informed(p));
	/* Nor is anything taken, for the handle that it makes would know nothing. */
	CHECK_INT(
		producer_send(p, producer_topic(p, "t"), PRODUCER_BULK, 0, &record, NULL, &failure),
		SEND_FULL);
	CHECK_INT(producer_outstanding(p), 0);
	producer_free(&p);
	CHECK(clock_ms() < until);
	config_free(&config);
	CHECK(library_wait(PATIENCE_MS));
}
