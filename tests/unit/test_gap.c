/* Unit tests of gaps: what is missing, and where reading goes on; and of the line in which the
 * library gives up a position. */
#include "tests/unit/unit.h"

#include "kafka/reset.h"
#include "mirror/gap.h"

static const struct row {
	const char *what;
	struct gap_facts facts;
	struct gap expected;
	int64_t size;
} rows[] = {
	{"retention has overtaken",
		{.position = 100,
			.low = 150,
			.high = 400,
			.seen_low = 50,
			.seen_high = 300,
			.again = -1},
		{GAP_RETENTION, 100, 149, 150}, 50},
	{"by one",
		{.position = 149,
			.low = 150,
			.high = 150,
			.seen_low = -1,
			.seen_high = -1,
			.again = -1},
		{GAP_RETENTION, 149, 149, 150}, 1},
	{"of a topic known to be the same",
		{.position = 0,
			.low = 7,
			.high = 9,
			.seen_low = -1,
			.seen_high = -1,
			.again = -1,
			.is_same = true},
		{GAP_RETENTION, 0, 6, 7}, 7},
	{"a committed position behind the end, and nobody knows of what",
		{.position = 100,
			.low = 10,
			.high = 30,
			.seen_low = -1,
			.seen_high = -1,
			.again = -1},
		{GAP_OUT_OF_RANGE, 30, 99, 10}, 70},
	{"likewise of the same topic",
		{.position = 100,
			.low = 10,
			.high = 30,
			.seen_low = -1,
			.seen_high = -1,
			.again = -1,
			.is_same = true},
		{GAP_OUT_OF_RANGE, 30, 99, 10}, 70},
	{"cut below what was read, and nothing proves that it is the same topic",
		{.position = 100,
			.low = 10,
			.high = 80,
			.seen_low = 10,
			.seen_high = 100,
			.again = -1,
			.has_read = true},
		{GAP_TRUNCATED, 80, 99, 10}, 20},
	{"likewise of the same topic",
		{.position = 100,
			.low = 10,
			.high = 80,
			.seen_low = 10,
			.seen_high = 100,
			.again = -1,
			.has_read = true,
			.is_same = true},
		{GAP_TRUNCATED, 80, 99, 10}, 20},
	{"cut, and grown past the position since: where it was cut is not known",
		{.position = 100,
			.low = 10,
			.high = 180,
			.seen_low = 10,
			.seen_high = 100,
			.again = -1,
			.has_read = true,
			.is_same = true},
		{GAP_TRUNCATED, 10, 99, 10}, 90},
	{"the log starts before it did: another topic",
		{.position = 100,
			.low = 0,
			.high = 60,
			.seen_low = 40,
			.seen_high = 120,
			.again = -1,
			.has_read = true},
		{GAP_RECREATED, 100, 119, 0}, 20},
	{"even where the new log has reached the position",
		{.position = 100,
			.low = 0,
			.high = 160,
			.seen_low = 40,
			.seen_high = 100,
			.again = -1,
			.has_read = true},
		{GAP_RECREATED, 100, 99, 0}, 0},
	{"known to be made anew, and all of the old one was read",
		{.position = 100,
			.low = 0,
			.high = 160,
			.seen_low = 0,
			.seen_high = 100,
			.again = -1,
			.has_read = true,
			.is_remade = true},
		{GAP_RECREATED, 100, 99, 0}, 0},
	{"known to be made anew, and the old one's end was never seen",
		{.position = 100,
			.low = 0,
			.high = 160,
			.seen_low = -1,
			.seen_high = -1,
			.again = -1,
			.is_remade = true},
		{GAP_RECREATED, 100, 99, 0}, 0},
	{"made anew, and its retention has begun",
		{.position = 100,
			.low = 500,
			.high = 900,
			.seen_low = 0,
			.seen_high = 130,
			.again = -1,
			.has_read = true,
			.is_remade = true},
		{GAP_RECREATED, 100, 129, 500}, 30},
	{"cut, and the topic was away for a while",
		{.position = 100,
			.low = 0,
			.high = 80,
			.seen_low = 0,
			.seen_high = 110,
			.again = -1,
			.has_read = true,
			.was_absent = true},
		{GAP_RECREATED, 100, 109, 0}, 10},
	{"likewise, but it is the same one",
		{.position = 100,
			.low = 0,
			.high = 80,
			.seen_low = 0,
			.seen_high = 110,
			.again = -1,
			.has_read = true,
			.is_same = true,
			.was_absent = true},
		{GAP_TRUNCATED, 80, 99, 0}, 20},
	{"the library went back to where the log was cut",
		{.position = 100,
			.low = 10,
			.high = 95,
			.seen_low = 10,
			.seen_high = 100,
			.again = 80,
			.has_read = true},
		{GAP_TRUNCATED, 80, 99, 80}, 20},
	{"records given once more",
		{.position = 100,
			.low = 10,
			.high = 300,
			.seen_low = 10,
			.seen_high = 300,
			.again = 80,
			.has_read = true,
			.is_same = true},
		{GAP_NONE, 80, 99, 80}, 20},
	{"it went back because the topic was made anew",
		{.position = 100,
			.low = 0,
			.high = 300,
			.seen_low = 10,
			.seen_high = 300,
			.again = 5,
			.has_read = true},
		{GAP_RECREATED, 100, 299, 0}, 200},
};

TEST(gaps_are_judged)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct gap gap = gap_judge(&r->facts);
		bool holds = CHECK_STR(gap_kind_name(gap.kind), gap_kind_name(r->expected.kind));

		holds &= CHECK_INT(gap.first, r->expected.first);
		holds &= CHECK_INT(gap.last, r->expected.last);
		holds &= CHECK_INT(gap.go_on, r->expected.go_on);
		holds &= CHECK_INT(gap_size(&gap), r->size);
		if (!holds)
			printf("# in: %s\n", r->what);
	}
}

TEST(policies_have_their_words)
{
	CHECK_INT(gap_policy_of("alarm"), GAP_ALARM);
	CHECK_INT(gap_policy_of("pause"), GAP_PAUSE);
	CHECK_INT(gap_policy_of("stop"), GAP_STOP);
	CHECK_STR(gap_policy_name(GAP_PAUSE), "pause");
}

static const struct {
	const char *line, *topic;
	int32_t partition;
	int64_t offset;
} lines[] = {
	/* 2.0.2 */
	{"[thrd:main]: t.a [3]: offset reset (at offset 10, broker 1) to BEGINNING: fetch failed "
	 "due "
	 "to requested offset not available on the broker: Broker: Offset out of range",
		"t.a", 3, 10},
	{"t [0]: offset reset (at offset 0, broker 1) to cached BEGINNING offset 5: x", "t", 0, 0},
	/* 2.15.0 */
	{"[thrd:main]: a-b_c [120]: offset reset (at offset 9007199254740993 (leader epoch 4), "
	 "broker 2) to offset BEGINNING (leader epoch -1): x",
		"a-b_c", 120, 9007199254740993},
	/* No position was there. */
	{"[thrd:main]: t [3]: offset reset (at offset INVALID, broker -1) to BEGINNING: x", NULL, 0,
		0},
	{"[thrd:main]: t [3]: offset reset (at offset BEGINNING, broker 1) to x", NULL, 0, 0},
	{"[thrd:main]: t [3]: offset reset (at offset -1001, broker 1) to x", NULL, 0, 0},
	/* Something else. */
	{"[thrd:main]: t [3]: Stored offset INVALID", NULL, 0, 0},
	{"]: offset reset (at offset 3", NULL, 0, 0},
	{" [3]: offset reset (at offset 3", NULL, 0, 0},
	{"3]: offset reset (at offset 3", NULL, 0, 0},
	{"t []: offset reset (at offset 3", NULL, 0, 0},
	{"", NULL, 0, 0},
};

TEST(the_librarys_line_is_understood)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct reset reset;
		bool holds = CHECK_INT(reset_parse(lines[i].line, &reset), lines[i].topic != NULL);

		if (holds && lines[i].topic) {
			holds &= CHECK_STR(reset.topic, lines[i].topic);
			holds &= CHECK_INT(reset.partition, lines[i].partition);
			holds &= CHECK_INT(reset.offset, lines[i].offset);
		}
		if (!holds)
			printf("# in: %s\n", lines[i].line);
	}
}

TEST(a_name_that_is_too_long_is_none)
{
	char line[400];
	struct reset reset;

	memset(line, 'a', 250);
	strcpy(line + 249, " [1]: offset reset (at offset 3");
	CHECK(reset_parse(line, &reset));
	CHECK_INT(strlen(reset.topic), 249);
	strcpy(line + 249, "a [1]: offset reset (at offset 3");
	CHECK(!reset_parse(line, &reset));
}
