/* Unit tests of where a one shot stops to read. */
#include "tests/unit/unit.h"

#include "mirror/until.h"

static void
put(struct until *until, const char *topic, int32_t partition, int64_t begin, int64_t start,
	int64_t end)
{
	struct until_partition *p = until_add(until, topic, partition);

	p->begin = begin;
	p->start = start;
	p->end = end;
}

TEST(finds_partitions_in_whatever_order_they_came)
{
	struct until *until = until_new(true);

	CHECK(until_find(until, "b", 0) == NULL);
	put(until, "b", 10, 0, -1, 10);
	put(until, "b", 2, 0, -1, 2);
	put(until, "a", 1, 0, -1, 1);
	put(until, "b", 1, 0, -1, 100);
	put(until, "aa", 0, 0, -1, 7);
	until_sort(until);
	CHECK_INT(until_end(until, "b", 10), 10);
	CHECK_INT(until_end(until, "b", 2), 2);
	CHECK_INT(until_end(until, "b", 1), 100);
	CHECK_INT(until_end(until, "a", 1), 1);
	CHECK_INT(until_end(until, "aa", 0), 7);
	CHECK_INT(until_find(until, "b", 2)->partition, 2);
	until_free(&until);
	CHECK(until == NULL);
}

TEST(what_came_later_ends_where_it_begins)
{
	struct until *until = until_new(true);

	CHECK_INT(until_end(until, "new", 0), 0);
	put(until, "t", 0, 0, -1, 5);
	until_sort(until);
	CHECK_INT(until_end(until, "t", 1), 0);
	CHECK_INT(until_end(until, "new", 0), 0);
	until_free(&until);
}

TEST(without_ends_nothing_ends)
{
	struct until *until = until_new(false);

	put(until, "t", 0, 0, 3, -1);
	until_sort(until);
	CHECK_INT(until_end(until, "t", 0), -1);
	CHECK_INT(until_end(until, "new", 0), -1);
	CHECK(!until_was_done(until_find(until, "t", 0)));
	CHECK_INT(until_end(NULL, "t", 0), -1);
	until_free(&until);
}

TEST(knows_what_was_left_to_do)
{
	static const struct {
		int64_t begin, start, end, to_read, not_again;
		bool is_done;
	} rows[] = {
		{0, -1, 10, 10, 0, false}, {0, 4, 10, 6, 4, false}, {0, 10, 10, 0, 10, true},
		{0, 12, 10, 0, 12, true}, /* the group is further already */
		{5, -1, 10, 5, 0, false}, /* what stood before is gone */
		{5, 2, 10, 5, 0, false},  /* so that the group lost something */
		{10, -1, 10, 0, 0, true}, /* all is gone */
		{10, 2, 10, 0, 0, true}, {5, 8, 10, 2, 3, false},
		{0, -1, 0, 0, 0, true}, /* never had a record */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct until_partition p = {"t", 0, rows[i].begin, rows[i].start, rows[i].end};

		CHECK_INT(until_to_read(&p), rows[i].to_read);
		CHECK_INT(until_not_read_again(&p), rows[i].not_again);
		CHECK_INT(until_was_done(&p), rows[i].is_done);
	}
}
