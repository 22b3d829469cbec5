/* Unit tests of what a consumer takes out of full queues, on an embedded cluster. */
#include "tests/unit/unit.h"

#include "tests/unit/config_rig.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kafka/consumer_state.h"
#include "kafka/library.h"
#include "kafka/mock.h"

#define PATIENCE_MS 20000
#define COUNT 30000 /* several times what fills a queue of these limits */
#define AT_ONCE 256

struct rig {
	struct mock *mock;
	struct config *config;
	struct consumer *consumer;
	struct source_partition *partitions[2];
};

static void
write_records(const char *brokers, int32_t partition, int count)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	static char value[100];
	char why[256];
	rd_kafka_t *rk;

	CHECK(!rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why)));
	CHECK(!rd_kafka_conf_set(conf, "linger.ms", "5", why, sizeof(why)));
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	for (int i = 0; i < count; i++)
		CHECK(!rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(partition),
			RD_KAFKA_V_VALUE(value, sizeof(value)), RD_KAFKA_V_END));
	CHECK(!rd_kafka_flush(rk, PATIENCE_MS));
	rd_kafka_destroy(rk);
}

/* Both partitions are open, of which the first has COUNT records, and the second so many. Without
   the group, which would let each test wait for three seconds. */
static void
rig_open(struct rig *r, int second)
{
	struct consumer_limits limits = {.bytes = 1 << 20, .partitions = 2, .brokers = 1};
	struct err err = {0};

	*r = (struct rig){.mock = mock_start(1, "t", 2, &err)};
	write_records(mock_brokers(r->mock), 0, COUNT);
	write_records(mock_brokers(r->mock), 1, second);
	r->config = load_between(mock_brokers(r->mock), mock_brokers(r->mock), NULL);
	r->consumer = consumer_new(r->config, "g-0", NULL, mock_brokers(r->mock), &limits, &err);
	CHECK(r->consumer);
	for (int32_t i = 0; i < 2; i++)
		r->partitions[i] = consumer_open_partition(r->consumer, "t", i, NULL);
}

/* The library reads them from that offset. */
static void
rig_assign(struct rig *r, int64_t offset)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);

	for (int32_t i = 0; i < 2; i++)
		rd_kafka_topic_partition_list_add(list, "t", i)->offset = offset;
	CHECK(!rd_kafka_assign(r->consumer->rk, list));
	rd_kafka_topic_partition_list_destroy(list);
}

static void
rig_start(struct rig *r, int second)
{
	rig_open(r, second);
	rig_assign(r, 0);
}

static void
rig_end(struct rig *r)
{
	for (int i = 0; i < 2; i++)
		source_partition_close(&r->partitions[i]);
	CHECK_INT(r->consumer->stocked, 0);
	consumer_free(&r->consumer);
	config_free(&r->config);
	mock_stop(&r->mock);
	CHECK(library_wait(PATIENCE_MS));
}

/* Reads records, which must go on at *next. Returns how many. */
static size_t
read_on(struct source_partition *p, size_t max, int64_t *next)
{
	struct record records[AT_ONCE];
	struct consumer_event event;
	size_t n = consumer_read(p, records, max, &event);

	CHECK_INT(event.kind, CONSUMER_NOTHING);
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(records[i].offset, (*next)++);
		record_release(records[i].message, records[i].headers);
	}
	return n;
}

/* Waits until so many records stand in the partition's queue. */
static void
await_queue(struct rig *r, struct source_partition *p, int64_t count)
{
	int64_t until = clock_ms() + PATIENCE_MS;

	while ((int64_t)rd_kafka_queue_length(p->queue) < count && clock_ms() < until)
		poll(NULL, 0, 5);
	CHECK((int64_t)rd_kafka_queue_length(p->queue) >= count);
	while (consumer_next_ready(r->consumer))
		continue;
}

/* The first partition has a full queue, of which a record was read. Returns its limit. */
static int64_t
fill(struct rig *r, int64_t *next)
{
	int64_t limit = r->consumer->queued_records;

	CHECK(limit > 1000 && limit < COUNT / 3);
	await_queue(r, r->partitions[0], limit);
	CHECK_INT(read_on(r->partitions[0], 1, next), 1);
	return limit;
}

TEST(a_full_queue_is_taken_out_while_another_is_empty)
{
	int64_t next = 0, limit, end, until = clock_ms() + PATIENCE_MS;
	struct source_partition *p;
	struct rig r;
	size_t stocked;

	rig_start(&r, 0);
	limit = fill(&r, &next);
	p = r.partitions[0];
	consumer_stock_up(r.consumer);
	stocked = p->stock.count;
	CHECK((int64_t)stocked >= limit - 1);
	CHECK_INT(r.consumer->stocked, p->stock.bytes);
	/* As if they had stayed: this is what is committed. */
	CHECK_INT(source_partition_position(p), 1);
	CHECK_INT(source_partition_lag(p, &end), -1);
	consumer_look(r.consumer);
	CHECK_INT(source_partition_lag(p, &end), COUNT - 1);
	CHECK_INT(end, COUNT);
	/* The library asks for the partition again; who does not read gets no more. */
	await_queue(&r, p, limit);
	consumer_stock_up(r.consumer);
	CHECK_INT(p->stock.count, stocked);
	while (next < COUNT && clock_ms() < until) {
		if (read_on(p, AT_ONCE, &next) < AT_ONCE)
			poll(NULL, 0, 1);
		consumer_stock_up(r.consumer);
		CHECK_INT(source_partition_position(p), next);
	}
	CHECK_INT(next, COUNT);
	CHECK_INT(p->stock.count, 0);
	CHECK_INT(source_partition_lag(p, &end), 0);
	CHECK_INT(end, COUNT);
	rig_end(&r);
}

/* Nobody reads the second partition, which has some too, for the source has no more of them. */
TEST(nothing_is_taken_out_while_all_flow)
{
	int64_t next = 0, other = 0, until = clock_ms() + PATIENCE_MS;
	struct rig r;

	rig_start(&r, 1000);
	await_queue(&r, r.partitions[1], 1000);
	consumer_stock_up(r.consumer);
	CHECK_INT(read_on(r.partitions[1], 1, &other), 1);
	fill(&r, &next);
	r.consumer->turn = r.partitions[1]->read_at = clock_ms();
	consumer_stock_up(r.consumer);
	CHECK_INT(r.partitions[0]->stock.count, 0);
	while (r.partitions[0]->stock.count == 0 && clock_ms() < until) {
		CHECK_INT(read_on(r.partitions[0], 1, &next), 1);
		consumer_stock_up(r.consumer);
		poll(NULL, 0, 5);
	}
	CHECK(r.partitions[0]->stock.count > 0);
	rig_end(&r);
}

TEST(what_was_taken_out_is_forgotten_when_another_offset_is_sought)
{
	int64_t next = 0, until = clock_ms() + PATIENCE_MS;
	struct rig r;

	rig_start(&r, 0);
	fill(&r, &next);
	consumer_stock_up(r.consumer);
	CHECK(r.partitions[0]->stock.count > 0);
	CHECK(source_partition_seek(r.partitions[0], 7));
	CHECK_INT(r.consumer->stocked, 0);
	CHECK_INT(source_partition_position(r.partitions[0]), 7);
	next = 7;
	while (next == 7 && clock_ms() < until)
		if (!read_on(r.partitions[0], AT_ONCE, &next))
			poll(NULL, 0, 5);
	CHECK(next > 7);
	CHECK(source_partition_seek(r.partitions[0], 0));
	CHECK_INT(source_partition_position(r.partitions[0]), 0);
	rig_end(&r);
}

/* The library begins to read once it knows where the group stands, and a place to go to that it was
   told before is forgotten. */
TEST(what_is_not_read_yet_does_not_go_elsewhere)
{
	int64_t next = 3, until = clock_ms() + PATIENCE_MS;
	struct rig r;

	rig_open(&r, 0);
	CHECK(!source_partition_seek(r.partitions[0], 3));
	CHECK_INT(source_partition_position(r.partitions[0]), -1);
	rig_assign(&r, COUNT / 2);
	while (!source_partition_seek(r.partitions[0], 3) && clock_ms() < until)
		poll(NULL, 0, 1);
	CHECK_INT(source_partition_position(r.partitions[0]), 3);
	for (; next == 3 && clock_ms() < until; poll(NULL, 0, 5))
		read_on(r.partitions[0], AT_ONCE, &next);
	CHECK(next > 3);
	rig_end(&r);
}

TEST(no_more_is_taken_out_than_the_limit_lets)
{
	int64_t next = 0, limit;
	struct source_partition *p;
	struct rig r;

	rig_start(&r, 0);
	r.consumer->stock_limit = 1;
	limit = fill(&r, &next);
	p = r.partitions[0];
	consumer_stock_up(r.consumer);
	CHECK(p->stock.count > 0);
	await_queue(&r, p, limit);
	/* One that is read all the time. */
	while (p->stock.bytes > 1) {
		size_t before = p->stock.count;

		consumer_stock_up(r.consumer);
		if (!CHECK(p->stock.count <= before))
			break;
		read_on(p, 100, &next);
	}
	consumer_stock_up(r.consumer);
	CHECK(p->stock.count > 0);
	rig_end(&r);
}

TEST(before_anything_was_read_what_lies_behind_is_the_rest_of_the_log)
{
	struct rig r;
	int64_t end, next = 0, until = clock_ms() + PATIENCE_MS;

	rig_start(&r, 0);
	await_queue(&r, r.partitions[0], 1);
	while (clock_ms() < until && (source_partition_lag(r.partitions[0], &end) < 0 ||
					     source_partition_lag(r.partitions[1], &end) < 0)) {
		poll(NULL, 0, 5);
		consumer_look(r.consumer);
	}
	CHECK_INT(source_partition_lag(r.partitions[0], &end), COUNT);
	CHECK_INT(end, COUNT);
	CHECK_INT(source_partition_lag(r.partitions[1], &end), 0);
	/* Nothing was read: there is nothing to commit. */
	CHECK_INT(source_partition_position(r.partitions[0]), -1);
	CHECK_INT(r.consumer->stocked, 0);
	/* Looking again takes nothing more, and what was looked at is still read. */
	consumer_look(r.consumer);
	CHECK_INT(r.partitions[0]->stock.count, 1);
	for (until = clock_ms() + PATIENCE_MS; next < COUNT && clock_ms() < until;) {
		if (read_on(r.partitions[0], AT_ONCE, &next) < AT_ONCE)
			poll(NULL, 0, 1);
		consumer_nudge(r.consumer);
	}
	CHECK_INT(next, COUNT);
	rig_end(&r);
}

TEST(behind_a_gap_nothing_is_taken_out_before_it_was_judged)
{
	int64_t end = -1, until = clock_ms() + PATIENCE_MS;
	struct rig r;

	rig_start(&r, 0);
	atomic_store(&r.partitions[0]->refused, 7);
	await_queue(&r, r.partitions[0], 1);
	for (; end < 0 && clock_ms() < until; poll(NULL, 0, 5)) {
		consumer_look(r.consumer);
		source_partition_lag(r.partitions[0], &end);
	}
	CHECK_INT(end, COUNT);
	CHECK_INT(r.partitions[0]->stock.count, 0);
	CHECK_INT(source_partition_position(r.partitions[0]), -1);
	rig_end(&r);
}

/* A look may not see all, but in the end it does, whichever are closed meanwhile. */
TEST(looks_go_round)
{
	int64_t until = clock_ms() + PATIENCE_MS, low, high, looked;
	struct rig r;

	rig_start(&r, 10);
	CHECK_INT(source_partition_looked(r.partitions[1]), 0);
	for (high = -1; high < 0 && clock_ms() < until; poll(NULL, 0, 5)) {
		consumer_look(r.consumer);
		source_partition_range(r.partitions[1], &low, &high);
	}
	CHECK_INT(low, 0);
	CHECK_INT(high, 10);
	looked = source_partition_looked(r.partitions[1]);
	CHECK(looked > 0);
	/* It was to be the next. */
	r.consumer->look_next = r.partitions[0];
	source_partition_close(&r.partitions[0]);
	CHECK(!r.consumer->look_next);
	poll(NULL, 0, 5);
	consumer_look(r.consumer);
	CHECK(source_partition_looked(r.partitions[1]) > looked);
	source_partition_close(&r.partitions[1]);
	consumer_look(r.consumer);
	rig_end(&r);
}
