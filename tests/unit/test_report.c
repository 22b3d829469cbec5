/* Unit tests of the report of a one shot: rows of several streams become one, and the text. */
#include "tests/unit/unit.h"

#include "base/mem.h"
#include "mirror/counters.h"
#include "mirror/until.h"
#include "service/report_rows.h"
#include "service/report_text.h"

/* What a stream has counted of a partition: offsets from first to last, all of them read, the last
   one given up. */
static void
count(struct meters *meters, const char *topic, int32_t partition, int64_t first, int64_t last,
	int64_t at_ms)
{
	struct meter *m = meters_get(meters, topic, partition);

	m->first = first;
	m->last = last - 1;
	m->first_ms = at_ms;
	m->last_ms = at_ms + 100;
	m->committed = last;
	counter_add(&m->records_read, (uint64_t)(last - first + 1));
	counter_add(&m->bytes_mirrored, 10);
	counter_add(&m->settled[FATE_MIRRORED], (uint64_t)(last - first - 1));
	counter_add(&m->settled[FATE_DROPPED], 1);
	counter_add(&m->given_up, 1);
	meter_drop(m, partition ? "one" : "zero");
}

TEST(streams_that_had_the_same_partition_make_one_row)
{
	struct meters *first = meters_new(0), *second = meters_new(1);
	struct until *until = until_new(true);
	struct until_partition *known;
	struct report_rows rows = {0};
	struct report_row sum = {.first_ms = INT64_MAX};

	known = until_add(until, "t", 0);
	known->begin = 5;
	known->start = 10;
	known->end = 40;
	until_add(until, "a", 3);
	until_sort(until);
	count(first, "t", 0, 10, 19, 1000);
	count(first, "t", 1, 0, 9, 1000);
	count(second, "t", 0, 19, 39, 2000);
	report_rows_add(&rows, first);
	report_rows_add(&rows, second);
	report_rows_join(&rows, until);
	CHECK_INT(rows.count, 3);
	CHECK_STR(rows.items[0].topic, "a");
	CHECK_INT(rows.items[0].read, 0);
	CHECK_INT(rows.items[0].first, -1);
	CHECK_INT(rows.items[1].partition, 0);
	CHECK(rows.items[1].is_known);
	CHECK_INT(rows.items[1].end, 40);
	CHECK_INT(rows.items[1].not_read_again, 5);
	CHECK_INT(rows.items[1].first, 10);
	CHECK_INT(rows.items[1].last, 38);
	CHECK_INT(rows.items[1].committed, 39);
	CHECK_INT(rows.items[1].read, 31);
	CHECK_INT(rows.items[1].settled[FATE_MIRRORED], 27);
	CHECK_INT(rows.items[1].given_up, 2);
	CHECK_INT(rows.items[1].drop_count, 1);
	CHECK_INT(rows.items[1].drops[0].count, 2);
	CHECK(report_row_seconds(&rows.items[1]) > 1.09 &&
		report_row_seconds(&rows.items[1]) < 1.11);
	CHECK(!rows.items[2].is_known);
	for (size_t i = 0; i < rows.count; i++) {
		CHECK(report_row_agrees(&rows.items[i]));
		report_row_sum(&sum, &rows.items[i]);
	}
	CHECK_INT(sum.read, 41);
	CHECK_INT(sum.drop_count, 2);
	CHECK_INT(sum.partitions, 3);
	rows.items[1].read++;
	CHECK(!report_row_agrees(&rows.items[1]));
	report_row_fini(&sum);
	report_rows_fini(&rows);
	until_free(&until);
	meters_free(&first);
	meters_free(&second);
}

TEST(the_text_says_what_is_left_out)
{
	struct report_rows rows = {0};
	struct report_row sum = {.first_ms = INT64_MAX};
	struct report_left left[60];
	struct report_summary summary = {.rows = &rows,
		.sum = &sum,
		.left = left,
		.status = 3,
		.why = "its ends are reached"};
	struct text text = {0};
	char why[] = "it is held: no", topic[] = "t";

	for (size_t i = 0; i < 60; i++)
		left[i] = (struct report_left){topic, why, (int32_t)i};
	summary.left_count = 60;
	report_text_put(&text, &summary);
	CHECK(strstr(text.s, "one shot: 60 things were left out (status 3); it ended because its "
			     "ends are reached\n"));
	CHECK(strstr(text.s, "    t partition 49: it is held: no\n    and 10 more\n"));
	CHECK(!strstr(text.s, "partition 50"));
	text_fini(&text);
	summary.left_count = 0;
	summary.status = 0;
	report_text_put(&text, &summary);
	CHECK(strstr(text.s, "one shot: everything is mirrored and committed"));
	CHECK(!strstr(text.s, "groups"));
	text_fini(&text);
}

TEST(the_text_says_how_far_groups_are_known)
{
	struct group_sync_message pass = {.groups = 3, .synced = 2, .qualities = {5, 1, 4}};
	struct report_rows rows = {0};
	struct report_row sum = {.first_ms = INT64_MAX};
	struct report_summary summary = {.rows = &rows, .sum = &sum, .groups = &pass};
	struct text text = {0};

	report_text_put(&text, &summary);
	CHECK(strstr(text.s, "  consumer groups at the target: 2 of 3; offsets: 5 exact, 1 bounds, "
			     "4 unknown and not written\n"));
	text_fini(&text);
}
