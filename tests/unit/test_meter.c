/* Unit tests of meters and of the tally's runs. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "mirror/meter.h"
#include "mirror/tally.h"

TEST(a_partition_has_one_meter)
{
	struct meters *meters = meters_new(3);
	struct meter *a = meters_get(meters, "one", 0), *b = meters_get(meters, "one", 1);
	struct meter *c = meters_get(meters, "two", 0);

	CHECK(a != b && b != c && a != c);
	CHECK(meters_get(meters, "one", 0) == a);
	CHECK(meters_get(meters, "one", 1) == b);
	CHECK(a->topic == b->topic && a->topic != c->topic);
	CHECK_STR(c->topic->name, "two");
	CHECK_INT(b->partition, 1);
	CHECK_INT(b->stream, 3);
	meters_free(&meters);
	CHECK(!meters);
	meters_free(&meters);
}

TEST(of_a_new_meter_nothing_is_known)
{
	struct meters *meters = meters_new(0);
	struct meter *m = meters_get(meters, "one", 0);

	CHECK_INT(m->state, METER_GONE);
	CHECK_INT(m->position, -1);
	CHECK_INT(m->committed, -1);
	CHECK_INT(m->end, -1);
	CHECK_INT(m->lag, -1);
	CHECK_INT(m->oldest_ms, -1);
	CHECK_INT(m->records_read + m->in_flight, 0);
	meters_free(&meters);
}

/* So many that the index grows several times. */
#define TOPICS 200
#define PARTITIONS 7

static struct meter *
get(struct meters *meters, int topic, int32_t partition)
{
	char name[20];

	snprintf(name, sizeof(name), "topic-%d", topic);
	return meters_get(meters, name, partition);
}

TEST(walks_see_everything_once_in_the_order_of_making)
{
	struct meters *meters = meters_new(0);
	struct meter *m = NULL, *made[TOPICS * PARTITIONS];
	struct meter_topic *t = NULL;
	int topics = 0;

	CHECK(!meters_next(meters, NULL));
	CHECK(!meters_next_topic(meters, NULL));
	for (int i = 0; i < TOPICS * PARTITIONS; i++)
		made[i] = get(meters, i % TOPICS, i / TOPICS);
	for (int i = 0; i < TOPICS * PARTITIONS; i++) {
		m = meters_next(meters, m);
		if (!CHECK(m == made[i]))
			break;
		CHECK(get(meters, i % TOPICS, i / TOPICS) == m);
	}
	CHECK(!meters_next(meters, m));
	while ((t = meters_next_topic(meters, t)))
		topics++;
	CHECK_INT(topics, TOPICS);
	meters_free(&meters);
}

static void *
make_all(void *arg)
{
	for (int i = 0; i < TOPICS * PARTITIONS; i++) {
		struct meter *m = get(arg, i % TOPICS, i / TOPICS);

		atomic_store_explicit(&m->records_read, 1, memory_order_relaxed);
		meter_latency(m->topic, i);
		meter_set_reason(m, i % 2 ? "odd" : "");
	}
	return NULL;
}

/* What a reader may see while the worker adds: whole meters, never fewer than before. */
static int
count_whole(const struct meters *meters)
{
	char reason[METER_REASON];
	int count = 0;

	for (struct meter *m = NULL; (m = meters_next(meters, m)); count++) {
		CHECK(!strncmp(m->topic->name, "topic-", 6));
		CHECK(atomic_load_explicit(&m->records_read, memory_order_relaxed) <= 1);
		meter_reason(m, reason);
		CHECK(!reason[0] || !strcmp(reason, "odd"));
	}
	return count;
}

TEST(a_walk_goes_on_while_the_worker_adds)
{
	struct meters *meters = meters_new(0);
	uint64_t records = 0;
	pthread_t worker;
	int seen = 0, now;

	pthread_create(&worker, NULL, make_all, meters);
	while (seen < TOPICS * PARTITIONS) {
		now = count_whole(meters);
		if (!CHECK(now >= seen))
			break;
		seen = now;
		sched_yield();
	}
	pthread_join(worker, NULL);
	for (struct meter_topic *t = NULL; (t = meters_next_topic(meters, t));)
		for (int i = 0; i <= METER_BOUNDS; i++)
			records += t->latency[i];
	CHECK_INT(records, TOPICS * PARTITIONS);
	meters_free(&meters);
}

/* Milliseconds, and the bucket that counts them. */
static const struct {
	int64_t ms;
	int bucket;
} latencies[] = {
	{-1, 0},
	{INT64_MIN, 0},
	{0, 0},
	{5, 0},
	{6, 1},
	{10, 1},
	{11, 2},
	{3600000, METER_BOUNDS - 1},
	{3600001, METER_BOUNDS},
	{INT64_MAX / 2, METER_BOUNDS},
};

TEST(a_latency_is_counted_in_its_bucket)
{
	for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {
		struct meters *meters = meters_new(0);
		struct meter_topic *t = meters_get(meters, "one", 0)->topic;

		meter_latency(t, latencies[i].ms);
		for (int j = 0; j <= METER_BOUNDS; j++)
			CHECK_INT(t->latency[j], j == latencies[i].bucket);
		CHECK_INT(t->latency_ms, latencies[i].ms > 0 ? latencies[i].ms : 0);
		meters_free(&meters);
	}
	for (int i = 1; i < METER_BOUNDS; i++)
		CHECK(meter_bounds[i] > meter_bounds[i - 1]);
}

TEST(a_reason_is_copied_cut_and_cleared)
{
	struct meters *meters = meters_new(0);
	struct meter *m = meters_get(meters, "one", 0);
	char text[METER_REASON + 50], out[METER_REASON];

	meter_reason(m, out);
	CHECK_STR(out, "");
	snprintf(text, sizeof(text), "why");
	meter_set_reason(m, text);
	text[0] = 'X';
	meter_reason(m, out);
	CHECK_STR(out, "why");
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	meter_set_reason(m, text);
	meter_reason(m, out);
	CHECK_INT(strlen(out), METER_REASON - 1);
	/* The character that would be cut goes as a whole. */
	memcpy(text + METER_REASON - 3, "\xe2\x82\xac", 3);
	meter_set_reason(m, text);
	meter_reason(m, out);
	CHECK_INT(strlen(out), METER_REASON - 3);
	meter_set_reason(m, "");
	meter_reason(m, out);
	CHECK_STR(out, "");
	meters_free(&meters);
}

TEST(every_state_has_a_name)
{
	for (int i = 0; i < METER_STATES; i++)
		CHECK(meter_state_name(i) && meter_state_name(i)[0]);
	CHECK_STR(meter_state_name(METER_CAUGHT_UP), "caught up");
}

static void
find_count(const char *name, uint64_t count, void *arg)
{
	uint64_t *counts = arg;

	if (!strcmp(name, "A"))
		counts[0] = count;
	if (!strcmp(name, "B"))
		counts[1] = count;
}

/* The counts of "A" and "B" in the table. */
static void
check_counts(uint64_t a, uint64_t b)
{
	uint64_t counts[2] = {0};

	tally_each(TALLY_SEND_ERROR, find_count, counts);
	CHECK_INT(counts[0], a);
	CHECK_INT(counts[1], b);
}

static void
find_longest(const char *name, uint64_t count, void *arg)
{
	size_t *longest = arg;

	CHECK_INT(count, 2);
	if (strlen(name) > *longest)
		*longest = strlen(name);
}

TEST(of_a_long_name_the_beginning_counts)
{
	char name[TALLY_NAME_MOST + 100] = "";
	size_t longest = 0;

	/* A character of two bytes stands across the bound, and is left out. */
	memset(name, 'x', TALLY_NAME_MOST - 1);
	strcat(name, "\xc3\xa9 one");
	tally_add(TALLY_TARGET, name, 1);
	strcat(name, " and another");
	tally_add(TALLY_TARGET, name, 1);
	tally_each(TALLY_TARGET, find_longest, &longest);
	CHECK_INT(longest, TALLY_NAME_MOST - 1);
}

TEST(a_run_is_tallied_when_it_ends)
{
	struct tally_run run = {0};
	char same[] = "A";

	tally_run_end(&run);
	tally_run_add(&run, TALLY_SEND_ERROR, "A");
	tally_run_add(&run, TALLY_SEND_ERROR, same);
	check_counts(0, 0);
	tally_run_add(&run, TALLY_SEND_ERROR, "B");
	check_counts(2, 0);
	tally_run_add(&run, TALLY_NOTE, "B");
	check_counts(2, 1);
	tally_run_end(&run);
	tally_run_end(&run);
	check_counts(2, 1);
	tally_run_add(&run, TALLY_SEND_ERROR, "B");
	tally_run_end(&run);
	check_counts(2, 2);
}

TEST(reasons_of_a_partition_are_bounded)
{
	struct meters *m = meters_new(0);
	struct meter *meter = meters_get(m, "t", 0);
	char name[2 * METER_DROP_NAME];
	const struct meter_drop *others = NULL;
	size_t count = 0;
	uint64_t sum = 0;

	meter_drop(meter, "");
	meter_drop(meter, "");
	for (int i = 0; i < 3 * METER_DROPS; i++) {
		snprintf(name, sizeof(name), "reason %d", i);
		meter_drop(meter, name);
	}
	for (const struct meter_drop *d = meter_drops(meter); d; d = d->next) {
		count++;
		sum += d->count;
		if (!strcmp(d->name, "(others)"))
			others = d;
	}
	CHECK_STR(meter_drops(meter)->name, "");
	CHECK_INT(meter_drops(meter)->count, 2);
	CHECK_INT(count, METER_DROPS);
	CHECK_INT(sum, 3 * METER_DROPS + 2);
	CHECK(others && others->count == sum - 2 - (METER_DROPS - 2));
	meters_free(&m);
}

TEST(a_long_reason_is_cut_within_characters)
{
	struct meters *m = meters_new(0);
	struct meter *meter = meters_get(m, "t", 0);
	char name[METER_DROP_NAME + 2];

	memset(name, 'x', sizeof(name));
	/* An e with its accent lies across the end. */
	memcpy(name + METER_DROP_NAME - 1, "\xc3\xa9", 3);
	meter_drop(meter, name);
	CHECK_INT(strlen(meter_drops(meter)->name), METER_DROP_NAME - 1);
	meter_drop(meter, name);
	CHECK_INT(meter_drops(meter)->count, 2);
	meters_free(&m);
}
