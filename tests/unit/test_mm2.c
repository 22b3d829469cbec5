/* Unit tests of MirrorMaker 2's positions: records of Connect's offsets topic. */
#include "tests/unit/unit.h"

#include "kafka/mm2.h"

#define KEY(topic, partition)                                                       \
	"[\"MirrorSourceConnector\",{\"cluster\":\"west\",\"partition\":" partition \
	",\"topic\":\"" topic "\"}]"

static void
take(struct mm2_positions *p, const char *key, const char *value)
{
	mm2_take(p, key, key ? strlen(key) : 0, value, value ? strlen(value) : 0);
}

static struct mm2_positions
empty(void)
{
	return (struct mm2_positions){.connector = "MirrorSourceConnector", .alias = "west"};
}

TEST(the_last_one_of_a_partition_counts)
{
	struct mm2_positions p = empty();

	take(&p, KEY("a", "0"), "{\"offset\":5}");
	take(&p, KEY("a", "1"), "{\"offset\":7}");
	take(&p, KEY("a", "0"), "{\"offset\":9}");
	/* The order of names and blanks mean nothing. */
	take(&p,
		"[ \"MirrorSourceConnector\" , "
		"{\"topic\":\"b.c\",\"cluster\":\"west\",\"partition\":3}]",
		" {\"offset\": 9007199254740991} ");
	CHECK_INT(p.offsets.count, 3);
	/* It is the last record copied; the next one is behind it. */
	CHECK_INT(offsets_find(&p.offsets, "a", 0), 10);
	CHECK_INT(offsets_find(&p.offsets, "a", 1), 8);
	CHECK_INT(offsets_find(&p.offsets, "b.c", 3), INT64_C(9007199254740992));
	CHECK_INT(p.others.length, 0);
	mm2_positions_fini(&p);
}

TEST(a_record_without_a_value_takes_a_position_back)
{
	struct mm2_positions p = empty();

	take(&p, KEY("a", "0"), "{\"offset\":5}");
	take(&p, KEY("a", "1"), "{\"offset\":5}");
	take(&p, KEY("a", "2"), "{\"offset\":5}");
	take(&p, KEY("a", "0"), NULL);
	take(&p, KEY("a", "1"), "null");
	take(&p, KEY("b", "0"), NULL);
	CHECK_INT(p.offsets.count, 1);
	CHECK_INT(offsets_find(&p.offsets, "a", 2), 6);
	take(&p, KEY("a", "0"), "{\"offset\":0}");
	CHECK_INT(offsets_find(&p.offsets, "a", 0), 1);
	mm2_positions_fini(&p);
}

TEST(others_are_named_and_not_taken)
{
	struct mm2_positions p = empty();

	for (int i = 0; i < 3; i++) {
		take(&p,
			"[\"MirrorSourceConnector\",{\"cluster\":\"east\",\"partition\":0,"
			"\"topic\":\"a\"}]",
			"{\"offset\":5}");
		take(&p, "[\"c1\",{\"cluster\":\"west\",\"partition\":0,\"topic\":\"a\"}]",
			"{\"offset\":5}");
	}
	CHECK_INT(p.offsets.count, 0);
	CHECK_STR(p.others.s, "MirrorSourceConnector/east, c1/west");
	for (int i = 0; i < 1000; i++) {
		char key[100];

		snprintf(key, sizeof(key),
			"[\"c%d\",{\"cluster\":\"x\",\"partition\":0,\"topic\":\"a\"}]", i);
		take(&p, key, "{\"offset\":5}");
	}
	CHECK(p.others.length < 400);
	mm2_positions_fini(&p);
}

TEST(anything_else_is_passed_over)
{
	static const char *const keys[] = {NULL, "", "[", "[]", "{}", "null", "1", "\"a\"",
		"[\"MirrorSourceConnector\"]", "[\"MirrorSourceConnector\",null]",
		"[\"MirrorSourceConnector\",{\"cluster\":\"west\",\"topic\":\"a\"}]",
		"[\"MirrorSourceConnector\",{\"cluster\":\"west\",\"partition\":-1,\"topic\":\"a\"}"
		"]",
		"[\"MirrorSourceConnector\",{\"cluster\":\"west\",\"partition\":0.5,\"topic\":"
		"\"a\"}]",
		"[\"MirrorSourceConnector\",{\"cluster\":\"west\",\"partition\":4294967296,"
		"\"topic\":\"a\"}]",
		"[\"MirrorSourceConnector\",{\"cluster\":\"west\",\"partition\":\"0\",\"topic\":"
		"\"a\"}]",
		"[\"MirrorSourceConnector\",{\"cluster\":1,\"partition\":0,\"topic\":\"a\"}]",
		"[\"MirrorSourceConnector\",{\"cluster\":\"west\",\"partition\":0,\"topic\":null}]",
		"[1,{\"cluster\":\"west\",\"partition\":0,\"topic\":\"a\"}]",
		"{\"a\":\"MirrorSourceConnector\",\"b\":{\"cluster\":\"west\",\"partition\":0,"
		"\"topic\":\"a\"}}"};
	static const char *const values[] = {"", "{", "[]", "{}", "5", "{\"offset\":null}",
		"{\"offset\":\"5\"}", "{\"offset\":-1}", "{\"offset\":1.5}", "{\"offset\":1e300}"};
	struct mm2_positions p = empty();

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		take(&p, keys[i], "{\"offset\":5}");
	CHECK_INT(p.offsets.count, 0);
	CHECK_INT(p.others.length, 0);
	take(&p, KEY("a", "0"), "{\"offset\":5}");
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		take(&p, KEY("a", "0"), values[i]);
	CHECK_INT(offsets_find(&p.offsets, "a", 0), 6);
	mm2_positions_fini(&p);
}
