/* Unit tests of the audit: fingerprints, sums over ranges of keys, and looks in bounded memory. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "mirror/audit.h"
#include "mirror/newer.h"

#define MEMORY (8 * 1024 * 1024)

/* One record as a test gives it. */
struct row {
	const char *key, *value; /* NULL: null */
	const char *header;	 /* NULL: none */
	int64_t timestamp;
};

static struct fingerprint
print_of(const struct row *r)
{
	struct fingerprint fp;

	fingerprint_begin(&fp, r->key, r->key ? strlen(r->key) : 0, r->value,
		r->value ? strlen(r->value) : 0);
	if (r->header)
		fingerprint_header(&fp, r->header, r->header, strlen(r->header));
	fingerprint_end(&fp, r->timestamp);
	return fp;
}

/* All of these differ from each other. */
static const struct row rows[] = {
	{"k", "v", NULL, 1},
	{"k", "v", NULL, 2},
	{"k", "v", NULL, -1},
	{"k", "v", "h", 1},
	{"k", "v", "", 1},
	{"k", "", NULL, 1},
	{"k", NULL, NULL, 1},
	{"", "v", NULL, 1},
	{NULL, "v", NULL, 1},
	{"kv", "", NULL, 1},
	{"v", "k", NULL, 1},
	{NULL, NULL, NULL, 1},
	{"", "", NULL, 1},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

TEST(every_part_of_a_record_is_in_its_fingerprint)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct fingerprint x = print_of(&rows[i]);

		for (size_t j = 0; j < ROWS; j++) {
			struct fingerprint y = print_of(&rows[j]);

			CHECK_INT(x.content[0] == y.content[0], i == j);
			CHECK_INT(x.content[1] == y.content[1], i == j);
		}
	}
}

TEST(headers_have_an_order_and_a_null)
{
	static const char *const orders[][2] = {{"a", "b"}, {"b", "a"}, {"a", NULL}, {"a", ""}};
	uint64_t seen[4];

	for (int i = 0; i < 4; i++) {
		struct fingerprint fp;
		const char *second = orders[i][1];

		fingerprint_begin(&fp, NULL, 0, NULL, 0);
		fingerprint_header(&fp, "n", orders[i][0], 1);
		fingerprint_header(&fp, "n", second, second ? strlen(second) : 0);
		fingerprint_end(&fp, 0);
		seen[i] = fp.content[0];
		for (int j = 0; j < i; j++)
			CHECK(seen[i] != seen[j]);
	}
}

TEST(a_timestamp_is_left_out_of_the_bare_content)
{
	struct fingerprint x = print_of(&rows[0]), y = print_of(&rows[1]);

	CHECK(x.bare == y.bare && x.content[0] != y.content[0]);
	CHECK(x.key == y.key && x.has_key);
	CHECK(!print_of(&rows[8]).has_key);
}

TEST(newer_records_are_taken_as_often_as_they_were_added)
{
	struct newer *n = newer_new(1 << 20);

	for (uint64_t i = 1; i <= 5000; i++)
		CHECK(newer_add(n, i * 977));
	CHECK(newer_add(n, 977));
	CHECK_INT(newer_count(n), 5001);
	CHECK(newer_take(n, 977) && newer_take(n, 977) && !newer_take(n, 977));
	CHECK(!newer_take(n, 1));
	for (uint64_t i = 2; i <= 5000; i++)
		CHECK(newer_take(n, i * 977));
	newer_free(&n);
	CHECK(!n);
}

TEST(newer_records_are_bounded)
{
	struct newer *n = newer_new(100000);
	size_t added = 0;

	while (added < 100000 && newer_add(n, added * 31 + 7))
		added++;
	CHECK(added > 500 && added < 100000 / 16);
	newer_free(&n);
}

/* A history: count keyed records over some keys, the i-th in source partition i % feeders, and what
   is done to them on their way to a target of one partition a feeder. */
struct history {
	int count, keys, feeders, targets;
	int missing, doubled, changed, swapped; /* the numbers of the records; -1: none */
	int newer;				/* from this one on; -1: none */
	bool is_append;
	bool is_placed; /* keys are in the partitions where Java puts them, on both sides */
};

static const struct history plain = {1000, 50, 3, 3, -1, -1, -1, -1, -1, false, false};

static struct fingerprint
print_at(const struct history *h, int i, bool is_changed)
{
	char key[24], value[24];
	const struct row row = {key, value, NULL, h->is_append ? 5 : 1000 + i};

	snprintf(key, sizeof(key), "key-%d", i % h->keys);
	snprintf(value, sizeof(value), "%s%d", is_changed ? "other-" : "value-", i);
	return print_of(&row);
}

/* The partition of a record: that of its key. */
static int32_t
partition_at(const struct history *h, int i, int partitions)
{
	if (h->is_placed)
		return (int32_t)(print_at(h, i, false).place % (uint32_t)partitions);
	return (int32_t)(i % h->keys % partitions);
}

static void
give_expected(struct audit *a, uint32_t topic, const struct history *h)
{
	int64_t offsets[16] = {0};
	struct history expected = *h;

	expected.is_append = false;
	/* One source partition after the other, as they may come. */
	for (int feeder = 0; feeder < h->feeders; feeder++)
		for (int i = 0; i < h->count; i++) {
			struct expected x = {.partition = partition_at(h, i, h->targets),
				.fingerprint = print_at(&expected, i, false)};

			if (partition_at(h, i, h->feeders) != feeder)
				continue;
			x.offset = offsets[feeder]++;
			audit_expected(
				a, topic, &x, (uint32_t)feeder, h->newer >= 0 && i >= h->newer);
		}
}

static void
give_one(struct audit *a, uint32_t topic, const struct history *h, int i, int64_t *offsets)
{
	struct fingerprint fp = print_at(h, i, i == h->changed);
	int32_t partition = partition_at(h, i, h->targets);

	audit_found(
		a, topic, &fp, partition, (uint32_t)partition, offsets[partition]++, h->is_append);
}

static void
give_found(struct audit *a, uint32_t topic, const struct history *h)
{
	int64_t offsets[16] = {0};

	for (int i = 0; i < h->count; i++) {
		/* The swapped one changes places with the next of its key. */
		int n = i == h->swapped				       ? i + h->keys
			: i == h->swapped + h->keys && h->swapped >= 0 ? i - h->keys
								       : i;

		if (n != h->missing)
			give_one(a, topic, h, n, offsets);
		if (n == h->doubled)
			give_one(a, topic, h, n, offsets);
	}
}

static void
ignore(const struct finding *f, void *arg)
{
	(void)f;
	++*(int *)arg;
}

/* Runs all looks; returns how many there were. */
static int
run_looks(struct audit *a, uint32_t topic, const struct history *h)
{
	int looks = 0, findings = 0;

	do {
		give_expected(a, topic, h);
		give_found(a, topic, h);
		looks++;
	} while (audit_next_look(a, ignore, &findings) && looks < 1000);
	return looks;
}

static struct audit *
start(int64_t memory, size_t limit)
{
	const struct audit_options options = {.memory = memory, .topics = 1, .limit = limit};

	return audit_new(&options);
}

/* A history, the looks that it takes, and what is found: missing, duplicated, different, reordered.
 */
static const struct {
	struct history history;
	int looks;
	uint64_t found[4];
} histories[] = {
	{{1000, 50, 3, 3, -1, -1, -1, -1, -1, false, false}, 1, {0}},
	{{1000, 50, 3, 3, 500, -1, -1, -1, -1, false, false}, 2, {1, 0, 0, 0}},
	{{1000, 50, 3, 3, -1, 500, -1, -1, -1, false, false}, 2, {0, 1, 0, 0}},
	{{1000, 50, 3, 3, -1, -1, 500, -1, -1, false, false}, 2, {0, 0, 1, 0}},
	{{1000, 50, 3, 3, -1, -1, -1, 500, -1, false, false}, 2, {0, 0, 0, 1}},
	{{1000, 50, 3, 3, 100, 200, 301, 402, -1, false, false}, 2, {1, 1, 1, 1}},
	/* Several source partitions a range: only a second look tells the order. */
	{{1000, 50, 6, 4, -1, -1, -1, -1, -1, false, false}, 2, {0}},
	{{1000, 50, 6, 4, -1, -1, -1, 500, -1, false, false}, 2, {0, 0, 0, 1}},
	/* Newer records are no difference, there or not. */
	{{1000, 50, 3, 3, -1, -1, -1, -1, 900, false, false}, 1, {0}},
	{{1000, 50, 3, 3, 950, -1, -1, -1, 900, false, false}, 1, {0}},
	{{1000, 50, 3, 3, -1, 950, -1, -1, 900, false, false}, 2, {0, 1, 0, 0}},
	/* The target writes its own timestamps. */
	{{1000, 50, 3, 3, -1, -1, -1, -1, -1, true, false}, 1, {0}},
	{{1000, 50, 3, 3, 500, -1, -1, -1, -1, true, false}, 2, {1, 0, 0, 0}},
	{{1000, 50, 3, 3, -1, -1, 500, -1, -1, true, false}, 2, {0, 0, 1, 0}},
};

TEST(a_difference_is_found_by_a_second_look)
{
	for (size_t i = 0; i < sizeof(histories) / sizeof(histories[0]); i++) {
		const struct history *h = &histories[i].history;
		struct audit *a = start(MEMORY, 20);
		uint32_t topic = audit_topic(a, "t", h->targets, 1, (uint64_t)h->count, true, true);
		const struct audit_sum *sum;
		bool holds = CHECK_INT(run_looks(a, topic, h), histories[i].looks);

		sum = audit_sum(a, topic);
		for (int kind = 0; kind < 4; kind++)
			holds &= CHECK_INT(sum->kinds[kind], histories[i].found[kind]);
		holds &= CHECK_INT(sum->kinds[FINDING_UNEXPECTED], 0);
		holds &= CHECK_INT(sum->kinds[FINDING_MISPLACED], 0);
		CHECK_INT(sum->unordered, 0);
		CHECK_INT(sum->looked, sum->differing);
		CHECK(!sum->is_changing);
		if (!holds)
			printf("# in history %zu\n", i);
		audit_free(&a);
		CHECK(!a);
	}
}

/* As many looks as it takes, in memory for few records at a time. */
TEST(what_does_not_fit_is_looked_at_bit_by_bit)
{
	const struct history all = {3000, 50, 3, 3, 100, 200, 301, 402, -1, false, false};
	struct audit *a = start(40 * 1000, 1000);
	uint32_t topic = audit_topic(a, "t", 3, 1, 3000, true, true);
	const struct audit_sum *sum;
	int looks = run_looks(a, topic, &all);

	sum = audit_sum(a, topic);
	CHECK(looks > 2 && looks < 1000);
	CHECK_INT(sum->kinds[FINDING_MISSING], 1);
	CHECK_INT(sum->kinds[FINDING_DUPLICATED], 1);
	CHECK_INT(sum->kinds[FINDING_DIFFERENT], 1);
	CHECK_INT(sum->kinds[FINDING_REORDERED], 1);
	CHECK_INT(sum->looked, sum->differing);
	audit_free(&a);
}

/* A key that alone has more records than fit is taken in parts. */
TEST(a_key_that_does_not_fit_is_looked_at_in_parts)
{
	const struct history hot = {3000, 1, 1, 1, 100, 200, -1, -1, -1, false, false};
	struct audit *a = start(64 * 1000, 1000);
	uint32_t topic = audit_topic(a, "t", 1, 1, 3000, true, true);
	int looks = run_looks(a, topic, &hot);
	const struct audit_sum *sum = audit_sum(a, topic);

	CHECK(looks > 4 && looks < 1000);
	CHECK_INT(sum->kinds[FINDING_MISSING], 1);
	CHECK_INT(sum->kinds[FINDING_DUPLICATED], 1);
	CHECK_INT(sum->kinds[FINDING_DIFFERENT] + sum->kinds[FINDING_REORDERED], 0);
	CHECK_INT(sum->looked, sum->differing);
	audit_free(&a);
}

TEST(a_topic_that_has_its_findings_is_not_looked_into_further)
{
	const struct history none = {0, 1, 1, 1, -1, -1, -1, -1, -1, false, false};
	struct audit *a = start(64 * 1000, 10);
	uint32_t topic = audit_topic(a, "t", 3, 1, 3000, true, true);
	const struct audit_sum *sum;
	int findings = 0, looks = 0;

	do {
		give_expected(a, topic, &plain);
		give_found(a, topic, &none);
	} while (++looks < 100 && audit_next_look(a, ignore, &findings));
	sum = audit_sum(a, topic);
	CHECK_INT(looks, 2);
	CHECK(findings >= 10 && findings < 1000);
	CHECK(sum->looked > 0 && sum->looked < sum->differing);
	audit_free(&a);
}

/* More newer records come to the chosen ranges than there is room for: fewer are chosen then, until
   it fits, or it is said that it does not. */
TEST(a_look_that_overflows_is_tried_again_with_less)
{
	static const int64_t memories[] = {16000, 40000, 160000};

	for (int i = 0; i < 3; i++) {
		const struct history h = {6000, 50, 3, 3, 100, -1, -1, -1, 600, false, false};
		struct audit *a = start(memories[i], 10);
		uint32_t topic = audit_topic(a, "t", 3, 1, 6000, true, true);
		int looks = run_looks(a, topic, &h);
		const struct audit_sum *sum = audit_sum(a, topic);
		uint64_t missing = sum->kinds[FINDING_MISSING];

		CHECK(looks > 1 && looks < 200);
		CHECK(missing == 1 || (missing == 0 && sum->looked < sum->differing));
		CHECK(i < 2 || missing == 1);
		CHECK_INT(sum->kinds[FINDING_UNEXPECTED] + sum->kinds[FINDING_REORDERED], 0);
		audit_free(&a);
	}
}

TEST(an_order_that_was_not_compared_is_said)
{
	const struct history wide = {3000, 50, 6, 4, -1, -1, -1, -1, -1, false, false};
	struct audit *a = start(64 * 1000, 10);
	uint32_t topic = audit_topic(a, "t", 4, 1, 3000, true, true);

	run_looks(a, topic, &wide);
	CHECK(audit_sum(a, topic)->unordered > 0);
	audit_free(&a);
}

/* Repeats of what came shortly before are told by the sums: where they are tolerated, nothing else
   is looked at, and where they are not, only so many as shall be named. */
TEST(repeats_are_counted_by_the_first_look)
{
	for (int is_tolerated = 0; is_tolerated < 2; is_tolerated++) {
		struct audit_options options = {.memory = 64 * 1000, .topics = 1, .limit = 5};
		struct audit *a;
		uint32_t topic;
		int64_t offsets[16] = {0};
		int findings = 0, looks = 0;
		const struct audit_sum *sum;

		options.tolerates[FINDING_DUPLICATED] = is_tolerated;
		a = audit_new(&options);
		topic = audit_topic(a, "t", 3, 1, 3000, true, true);
		do {
			give_expected(a, topic, &plain);
			/* The last hundred come again, as after a kill. */
			memset(offsets, 0, sizeof(offsets));
			for (int i = 0; i < 700; i++)
				give_one(a, topic, &plain, i, offsets);
			for (int i = 600; i < 1000; i++)
				give_one(a, topic, &plain, i, offsets);
		} while (audit_next_look(a, ignore, &findings) && ++looks < 100);
		sum = audit_sum(a, topic);
		CHECK_INT(looks, is_tolerated ? 0 : 1);
		CHECK_INT(sum->repeated + sum->kinds[FINDING_DUPLICATED], 100);
		CHECK_INT(findings, sum->kinds[FINDING_DUPLICATED]);
		CHECK(is_tolerated || (findings >= 5 && findings < 100));
		CHECK_INT(sum->differing, 0);
		CHECK_INT(sum->kinds[FINDING_REORDERED], 0);
		audit_free(&a);
	}
}

/* Records that are alike at the source are no repeats. */
TEST(records_that_are_alike_are_the_same)
{
	struct audit *a = start(MEMORY, 20);
	uint32_t topic = audit_topic(a, "t", 1, 1, 100, true, true);
	struct expected x = {.fingerprint = print_of(&rows[0])};
	int findings = 0;

	for (int i = 0; i < 100; i++) {
		x.offset = i;
		audit_expected(a, topic, &x, 0, false);
	}
	for (int i = 0; i < 100; i++)
		audit_found(a, topic, &x.fingerprint, 0, 0, i, false);
	CHECK(!audit_next_look(a, ignore, &findings));
	CHECK_INT(audit_sum(a, topic)->repeated, 0);
	audit_free(&a);
}

/* 6 partitions go to 4: where keys are placed as expected the first look tells their order,
   whatever the memory. */
TEST(lanes_tell_the_order_of_keys_from_several_partitions)
{
	const struct history histories_of_lanes[] = {
		{3000, 50, 6, 4, -1, -1, -1, -1, -1, false, true},
		{3000, 50, 6, 4, -1, -1, -1, 500, -1, false, true},
		{3000, 50, 6, 4, 500, -1, -1, -1, -1, false, true},
	};

	for (int i = 0; i < 3; i++) {
		const struct history *h = &histories_of_lanes[i];
		struct audit *a = start(64 * 1000, 10);
		uint32_t topic = audit_topic(a, "t", 4, 6, 3000, true, true);
		const struct audit_sum *sum;

		CHECK_INT(run_looks(a, topic, h), i == 0 ? 1 : 2);
		sum = audit_sum(a, topic);
		CHECK_INT(sum->unordered, 0);
		CHECK_INT(sum->kinds[FINDING_REORDERED], i == 1);
		CHECK_INT(sum->kinds[FINDING_MISSING], i == 2);
		CHECK_INT(sum->kinds[FINDING_MISPLACED] + sum->kinds[FINDING_UNEXPECTED], 0);
		audit_free(&a);
	}
}

TEST(topics_that_go_to_one_have_no_lanes)
{
	const struct history h = {1000, 50, 6, 4, -1, -1, -1, -1, -1, false, true};
	struct audit *a = start(MEMORY, 10);
	uint32_t topic = audit_topic(a, "t", 4, 6, 1000, true, true);

	CHECK_INT(audit_topic(a, "t", 4, 6, 1000, true, true), topic);
	CHECK_INT(run_looks(a, topic, &h), 2);
	CHECK_INT(audit_sum(a, topic)->unordered, 0);
	audit_free(&a);
}

/* The second look is given something else than the first, as by a script that throws dice. */
TEST(answers_that_change_are_noticed)
{
	struct history h = plain;
	struct audit *a = start(MEMORY, 10);
	uint32_t topic = audit_topic(a, "t", 3, 1, 1000, true, true);
	int findings = 0;

	h.missing = 500;
	give_expected(a, topic, &plain);
	give_found(a, topic, &h);
	CHECK(audit_next_look(a, ignore, &findings));
	h.count = 400;
	give_expected(a, topic, &h);
	give_found(a, topic, &h);
	CHECK(!audit_next_look(a, ignore, &findings));
	CHECK(audit_sum(a, topic)->is_changing);
	audit_free(&a);
}
