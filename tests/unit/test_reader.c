/* Unit tests of the reader, on an embedded cluster. */
#include "tests/unit/unit.h"

#include "tests/unit/config_rig.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kafka/library.h"
#include "kafka/mock.h"
#include "kafka/reader.h"

#define PARTITIONS 3
#define PATIENCE_MS 20000

struct rig {
	struct mock *mock;
	struct config *config;
	struct reader *reader;
	int64_t count; /* records that are in the cluster */
};

static void
rig_start(struct rig *r, enum client_side side)
{
	int64_t until = clock_ms() + PATIENCE_MS;
	struct err err = {0};

	*r = (struct rig){.mock = mock_start(1, "t", PARTITIONS, &err)};
	r->config = load_between(mock_brokers(r->mock), mock_brokers(r->mock),
		"--producer.compression.type", "lz4", NULL);
	CHECK(mock_write(r->mock, 2000, &err) == 0);
	while (mock_written(r->mock) < 500 && clock_ms() < until)
		poll(NULL, 0, 5);
	mock_write_end(r->mock);
	r->count = mock_count(r->mock);
	r->reader =
		reader_open(side, r->config, mock_brokers(r->mock), 1 << 20, READER_AS_SET, &err);
	CHECK(r->reader);
}

static void
rig_end(struct rig *r)
{
	reader_close(&r->reader);
	config_free(&r->config);
	mock_stop(&r->mock);
	CHECK(library_wait(PATIENCE_MS));
}

/* What came of one partition. */
struct seen {
	int64_t records, first, next, end; /* end: -1 before END */
	bool is_troubled, has_reason;
};

static void
look(struct seen *s, const struct reader_item *item)
{
	if (item->kind == READER_TROUBLE) {
		s->is_troubled = true;
		s->has_reason = strstr(item->reason, "t partition") != NULL;
	} else if (item->kind == READER_END) {
		s->end = item->offset;
	} else {
		if (s->records++ == 0)
			s->first = item->record.offset;
		else
			CHECK_INT(item->record.offset, s->next);
		s->next = item->record.offset + 1;
		CHECK(item->record.value);
	}
}

static bool
is_over(const struct seen *seen, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (seen[i].end < 0 && !seen[i].is_troubled)
			return false;
	return true;
}

/* Reads on until each has ended, or is troubled. */
static void
read_all(struct reader *reader, struct seen *seen, size_t count)
{
	struct reader_item items[100];
	int64_t until = clock_ms() + PATIENCE_MS;

	while (!is_over(seen, count) && clock_ms() < until) {
		size_t n = reader_next(reader, items, 100, 100);

		for (size_t i = 0; i < n; i++)
			look(items[i].owner, &items[i]);
		reader_release(items, n);
	}
	CHECK(is_over(seen, count));
}

static void
check_all(enum client_side side)
{
	struct seen seen[PARTITIONS];
	struct err err;
	struct rig r;
	int64_t sum = 0;

	rig_start(&r, side);
	for (int32_t i = 0; i < PARTITIONS; i++) {
		seen[i] = (struct seen){.end = -1};
		CHECK(reader_start(r.reader, "t", i, READER_BEGINNING, &seen[i], &err) == 0);
	}
	read_all(r.reader, seen, PARTITIONS);
	for (int32_t i = 0; i < PARTITIONS; i++) {
		CHECK_INT(seen[i].first, 0);
		CHECK_INT(seen[i].end, seen[i].next);
		sum += seen[i].records;
	}
	CHECK_INT(sum, r.count);
	CHECK(r.count >= 500);
	rig_end(&r);
}

TEST(all_partitions_of_the_source_are_read_to_their_end)
{
	check_all(CLIENT_SOURCE);
}

TEST(all_partitions_of_the_target_are_read_with_the_producers_settings)
{
	check_all(CLIENT_TARGET);
}

TEST(reading_begins_where_it_is_told_and_can_begin_again)
{
	struct seen seen;
	struct err err;
	struct rig r;

	rig_start(&r, CLIENT_SOURCE);
	for (int64_t from = 3; from < 40; from += 30) {
		seen = (struct seen){.end = -1};
		CHECK(reader_start(r.reader, "t", 1, from, &seen, &err) == 0);
		read_all(r.reader, &seen, 1);
		CHECK_INT(seen.first, from);
		reader_stop(r.reader, "t", 1);
	}
	rig_end(&r);
}

TEST(beginnings_and_ends_are_found)
{
	struct topic_partition at[PARTITIONS];
	struct err err;
	struct rig r;
	int64_t sum = 0;

	rig_start(&r, CLIENT_TARGET);
	for (int32_t i = 0; i < PARTITIONS; i++)
		at[i] = (struct topic_partition){"t", i, 77};
	CHECK(reader_find(r.reader, READER_BEGINNING, at, PARTITIONS, PATIENCE_MS, &err) == 0);
	for (int32_t i = 0; i < PARTITIONS; i++)
		CHECK_INT(at[i].offset, 0);
	CHECK(reader_find(r.reader, READER_ENDS, at, PARTITIONS, PATIENCE_MS, &err) == 0);
	for (int32_t i = 0; i < PARTITIONS; i++)
		sum += at[i].offset;
	CHECK_INT(sum, r.count);
	CHECK(reader_find(r.reader, READER_ENDS, at, 0, PATIENCE_MS, &err) == 0);
	mock_stop(&r.mock);
	CHECK(reader_find(r.reader, READER_ENDS, at, PARTITIONS, 500, &err) == -1);
	CHECK(strstr(err.text, "the target does not tell where its partitions begin and end: "));
	rig_end(&r);
}

/* A call that waits for all that it may give out would wait for a minute at the end. */
TEST(what_is_there_is_given_out_at_once)
{
	struct reader_item items[READER_AT_ONCE];
	struct seen seen = {.end = -1};
	int64_t began = clock_ms();
	bool has_ended = false;
	size_t n, max = 1;
	struct err err;
	struct rig r;

	rig_start(&r, CLIENT_TARGET);
	CHECK(reader_start(r.reader, "t", 0, 0, &seen, &err) == 0);
	while (!has_ended && CHECK(clock_ms() - began < 30000)) {
		n = reader_next(r.reader, items, max, 60000);
		CHECK(n <= max);
		for (size_t i = 0; i < n; i++)
			has_ended |= items[i].kind == READER_END;
		reader_release(items, n);
		max = READER_AT_ONCE;
	}
	CHECK(clock_ms() - began < 30000);
	rig_end(&r);
}

TEST(an_offset_that_is_not_there_is_trouble)
{
	struct seen seen = {.end = -1};
	struct err err;
	struct rig r;

	rig_start(&r, CLIENT_SOURCE);
	CHECK(reader_start(r.reader, "t", 0, 1000000, &seen, &err) == 0);
	read_all(r.reader, &seen, 1);
	CHECK(seen.is_troubled);
	CHECK(seen.has_reason);
	CHECK_INT(seen.records, 0);
	rig_end(&r);
}

TEST(a_cluster_that_is_away_is_a_failure_that_says_so)
{
	struct seen seen = {.end = -1};
	struct reader_item item;
	char failure[600] = "";
	int64_t until = clock_ms() + PATIENCE_MS;
	struct err err;
	struct rig r;

	rig_start(&r, CLIENT_SOURCE);
	mock_stop(&r.mock);
	CHECK(reader_start(r.reader, "t", 0, READER_BEGINNING, &seen, &err) == 0);
	/* The first may be that the connection was lost. */
	while (!strstr(failure, "nothing listens there") && clock_ms() < until) {
		size_t n = reader_next(r.reader, &item, 1, 100);

		reader_release(&item, n);
		reader_failure(r.reader, failure, sizeof(failure));
	}
	CHECK(strstr(failure, "nothing listens there"));
	rig_end(&r);
}
