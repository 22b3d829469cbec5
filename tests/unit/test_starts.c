/* Unit tests of where topics begin: the texts, files of offsets, settings by topic, and what they
 * decide. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "mirror/starts.h"

#define NOW INT64_C(1769817600000)

static const struct {
	const char *text;
	enum startpoint_kind kind;
	int64_t ms;
	const char *path;
} points[] = {
	{"committed", STARTPOINT_COMMITTED, 0, NULL},
	{"Earliest", STARTPOINT_EARLIEST, 0, NULL},
	{"LATEST", STARTPOINT_LATEST, 0, NULL},
	{"timestamp:2026-01-31T00:00:00Z", STARTPOINT_TIMESTAMP, NOW, NULL},
	{"timestamp:2026-01-31T01:00:00.5+01:00", STARTPOINT_TIMESTAMP, NOW + 500, NULL},
	{"duration:PT6H", STARTPOINT_DURATION, 21600000, NULL},
	{"Duration:p1d", STARTPOINT_DURATION, 86400000, NULL},
	{"offsets:positions.csv", STARTPOINT_OFFSETS, 0, "positions.csv"},
	{"offsets:/a:b,c", STARTPOINT_OFFSETS, 0, "/a:b,c"},
};

TEST(texts_are_understood)
{
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
		struct startpoint point;
		struct err err = {""};

		if (!CHECK_INT(startpoint_parse(points[i].text, &point, &err), 0) ||
			!CHECK_INT(point.kind, points[i].kind) ||
			!CHECK_INT(point.ms, points[i].ms) ||
			!CHECK_STR(point.path, points[i].path))
			printf("# %s: %s\n", points[i].text, err.text);
	}
}

TEST(other_texts_are_refused)
{
	static const char *const texts[] = {"", "now", "early", "earliest ", "latest:1",
		"committed:", "timestamp", "timestamp:", "timestamp:2026-01-31",
		"timestamp:2026-01-31T00:00:00", "timestamp:1769817600000",
		"duration:", "duration:6h", "duration:P1M", "offsets:", "offsets"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct startpoint point = {.ms = 77};
		struct err err = {""};

		if (!CHECK_INT(startpoint_parse(texts[i], &point, &err), -1) ||
			!CHECK_INT(point.ms, 77) || !CHECK(*err.text))
			printf("# %s\n", texts[i]);
	}
}

/* What is in the list, "a:0=5 a:1=7". */
static const char *
shown(const struct offsets *offsets)
{
	static char out[400];
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < offsets->count; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s:%d=%" PRId64, i ? " " : "",
			offsets->items[i].topic, (int)offsets->items[i].partition,
			offsets->items[i].offset);
	return out;
}

static const struct {
	const char *text, *expected; /* an error when it begins with f.csv */
} files[] = {
	{"a,0,5\n", "a:0=5"},
	{"a,0,5", "a:0=5"},
	{"b,1,7\r\n\r\na,10,0\r\na,9,9223372036854775807\r\n",
		"a:9=9223372036854775807 a:10=0 b:1=7"},
	{"\"a\",0,5\n\"a\",\"1\",\"6\"\n", "a:0=5 a:1=6"},
	{"g,a,0,5\nother,a,0,6\n\"g\",\"a\",1,7\n", "a:0=5 a:1=7"},
	{"a, 0 , 5 \n", "a:0=5"},
	{"", "f.csv: has no line"},
	{"\n\n", "f.csv: has no line"},
	{"x,a,0,5\ny,a,0,5\n", "f.csv: has no line of the group g, but of x"},
	{"a,0,5\na,1\n",
		"f.csv:2: is not topic,partition,offset, nor group,topic,partition,offset, as "
		"kafka-consumer-groups.sh --export writes it"},
	{"a,0,5\n\ng,a,1,5\n", "f.csv:3: has 4 columns, and the first line has 3"},
	{"a,0,5\na,0,5\n", "f.csv:2: partition 0 of a stands there twice"},
	{",0,5\n", "f.csv:1: has no topic"},
	{"a,x,5\n", "f.csv:1: the partition: 'x' is not a whole number"},
	{"a,0,-1\n", "f.csv:1: the offset: '-1' is too small: at least 0"},
	{"topic,partition,offset\n", "f.csv:1: the partition: 'partition' is not a whole number"},
};

TEST(files_of_offsets_are_read)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct offsets offsets;
		struct err err = {""};
		int rc = offsets_parse(files[i].text, "f.csv", "g", &offsets, &err);

		if (!CHECK_STR(rc ? err.text : shown(&offsets), files[i].expected))
			printf("# row %zu\n", i);
		CHECK_INT(rc, strncmp(files[i].expected, "f.csv", 5) ? 0 : -1);
		offsets_fini(&offsets);
	}
}

TEST(broken_quotes_are_refused)
{
	static const char *const texts[] = {
		"\"a,0,5\n", "\"a\"b,0,5\n", "\"a\",0,\"5\n", "g,a,0,5,6\n", "a\n", "\"\",0,5\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct offsets offsets;
		struct err err = {""};

		if (!CHECK_INT(offsets_parse(texts[i], "f.csv", "g", &offsets, &err), -1))
			printf("# row %zu\n", i);
		CHECK(!strncmp(err.text, "f.csv:1: ", 9));
		CHECK_INT(offsets.count, 0);
	}
}

TEST(a_list_of_offsets_keeps_one_of_each)
{
	struct offsets o = {0};

	for (int i = 0; i < 1000; i++)
		CHECK(offsets_set(&o, i % 2 ? "odd" : "even", (i * 7919) % 1000, i));
	CHECK_INT(o.count, 1000);
	CHECK(!offsets_set(&o, "odd", 7919 % 1000, 5));
	CHECK_INT(offsets_find(&o, "odd", 7919 % 1000), 5);
	CHECK_INT(offsets_find(&o, "even", 7919 % 1000), -1);
	offsets_remove(&o, "odd", 7919 % 1000);
	offsets_remove(&o, "odd", 7919 % 1000);
	CHECK_INT(offsets_find(&o, "odd", 7919 % 1000), -1);
	CHECK_INT(o.count, 999);
	for (size_t i = 1; i < o.count; i++)
		CHECK(strcmp(o.items[i - 1].topic, o.items[i].topic) < 0 ||
			o.items[i - 1].partition < o.items[i].partition);
	offsets_fini(&o);
}

/* A configuration with start.from and pairs of expression, value, origin up to NULL. NULL with err.
 */
static struct starts *
make(struct config *config, const char *from, const char *const *pairs, struct err *err)
{
	*config = (struct config){0};
	config->source.group_id = mem_strdup("g");
	config->start.from = mem_strdup(from);
	for (; pairs && *pairs; pairs += 3)
		config_extra_set(&config->start.extra, pairs[0], pairs[1], pairs[2]);
	return starts_new(config, NOW, err);
}

static void
unmake(struct config *config, struct starts **starts)
{
	starts_free(starts);
	free(config->source.group_id);
	free(config->start.from);
	config_extra_fini(&config->start.extra);
}

TEST(the_first_expression_that_matches_counts)
{
	static const char *const pairs[] = {"a.*", "earliest", "f.ini:3", "ab", "latest", "f.ini:4",
		"abc", "duration:PT1H", "--start.from.abc", NULL};
	static const char *const rows[] = {"a", "earliest", "ab", "earliest", "abc",
		"duration:PT1H", "b", "timestamp:2026-01-01T00:00:00Z"};
	struct config config;
	struct err err = {""};
	struct starts *starts = make(&config, "timestamp:2026-01-01T00:00:00Z", pairs, &err);
	char *text;

	if (!CHECK(starts))
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i += 2)
		CHECK_STR(starts_find(starts, rows[i])->text, rows[i + 1]);
	CHECK_INT(starts_find(starts, "abc")->point.kind, STARTPOINT_TIMESTAMP);
	CHECK_INT(starts_find(starts, "abc")->point.ms, NOW - 3600000);
	CHECK(!starts_find(starts, "abc")->is_general);
	CHECK(starts_find(starts, "b")->is_general);
	text = starts_text(starts);
	CHECK_STR(text, "from.abc=duration:PT1H; from.a.*=earliest; from.ab=latest; "
			"from=timestamp:2026-01-01T00:00:00Z");
	free(text);
	unmake(&config, &starts);
}

TEST(what_is_wrong_names_its_line)
{
	static const char *const broken[] = {"a[", "earliest", "f.ini:3", NULL};
	static const char *const missing[] = {"a", "offsets:/nowhere/f.csv", "f.ini:4", NULL};
	struct config config;
	struct err err = {""};
	struct starts *starts = make(&config, "committed", broken, &err);

	CHECK(!starts && !strncmp(err.text, "f.ini:3: ", 9));
	unmake(&config, &starts);
	starts = make(&config, "committed", missing, &err);
	CHECK(!starts);
	CHECK_STR(err.text, "f.ini:4: cannot read '/nowhere/f.csv': No such file or directory");
	unmake(&config, &starts);
	starts = make(&config, "committed", NULL, &err);
	CHECK(starts && starts_find(starts, "t")->point.kind == STARTPOINT_COMMITTED);
	unmake(&config, &starts);
}

TEST(a_file_is_read_for_the_group)
{
	char path[] = "/tmp/reflejo-starts-XXXXXX", from[64];
	int fd = mkstemp(path);
	struct config config;
	struct err err = {""};
	struct starts *starts;

	CHECK(fd >= 0 && write(fd, "g,t,0,5\nh,t,1,6\n", 16) == 16);
	close(fd);
	snprintf(from, sizeof(from), "offsets:%s", path);
	starts = make(&config, from, NULL, &err);
	if (CHECK(starts)) {
		const struct start *start = starts_find(starts, "t");

		CHECK_STR(shown(&start->offsets), "t:0=5");
		/* A file counts for what it names, and nothing of the rest is passed over. */
		CHECK_INT(starts_decide(start, "t", 0, false, false), STARTPOINT_OFFSETS);
		CHECK_INT(starts_decide(start, "t", 1, true, true), STARTPOINT_EARLIEST);
	}
	unmake(&config, &starts);
	unlink(path);
}

enum {
	COMMITTED = STARTPOINT_COMMITTED,
	EARLIEST = STARTPOINT_EARLIEST,
	LATEST = STARTPOINT_LATEST,
	TIMESTAMP = STARTPOINT_TIMESTAMP
};

static const struct {
	const char *text;
	/* For start.from, and for a setting of the topic's own: in a new group; for a topic that
	   is new to a group; for a partition that a topic gained. */
	int general[3], own[3];
} decisions[] = {
	{"committed", {COMMITTED, COMMITTED, COMMITTED}, {COMMITTED, COMMITTED, COMMITTED}},
	{"earliest", {EARLIEST, EARLIEST, EARLIEST}, {EARLIEST, EARLIEST, EARLIEST}},
	{"latest", {LATEST, EARLIEST, EARLIEST}, {LATEST, LATEST, EARLIEST}},
	{"duration:PT1H", {TIMESTAMP, EARLIEST, EARLIEST}, {TIMESTAMP, TIMESTAMP, EARLIEST}},
	{"timestamp:2026-01-01T00:00:00Z", {TIMESTAMP, TIMESTAMP, EARLIEST},
		{TIMESTAMP, TIMESTAMP, EARLIEST}},
};

static void
check_decisions(struct starts *starts, const int expected[3], const char *text)
{
	const struct start *start = starts_find(starts, "t");

	if (!CHECK_INT(starts_decide(start, "t", 0, true, true), expected[0]) ||
		!CHECK_INT(starts_decide(start, "t", 0, false, true), expected[1]) ||
		!CHECK_INT(starts_decide(start, "t", 0, false, false), expected[2]))
		printf("# %s\n", text);
}

TEST(what_appears_later_loses_nothing)
{
	for (size_t i = 0; i < sizeof(decisions) / sizeof(*decisions); i++) {
		const char *const pairs[] = {"t", decisions[i].text, "f.ini:1", NULL};
		struct config config;
		struct err err = {""};
		struct starts *starts = make(&config, decisions[i].text, NULL, &err);

		check_decisions(starts, decisions[i].general, decisions[i].text);
		unmake(&config, &starts);
		starts = make(&config, "committed", pairs, &err);
		check_decisions(starts, decisions[i].own, decisions[i].text);
		unmake(&config, &starts);
	}
}
