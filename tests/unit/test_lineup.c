/* Unit tests of the line-up: a row a case. Records of one key are letters in the order in which
   they stand; what is found is told as kind and offsets. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "mirror/lineup.h"

/* Expected and found by letters, each a content; a digit in front of a letter is its partition. */
static const struct {
	const char *expected, *newer, *found, *findings;
} cases[] = {
	{"abc", "", "abc", ""},
	{"", "", "", ""},
	{"abc", "", "ac", "missing 1-;"},
	{"abc", "", "", "missing 0-;missing 1-;missing 2-;"},
	{"abc", "", "abbc", "duplicated 1-2;"},
	{"abc", "", "abcbc", "duplicated 1-3;duplicated 2-4;"},
	{"abc", "", "axc", "different 1-1;"},
	{"abc", "", "acb", "reordered 1-2<2;"},
	/* The one that moved is said, not those that it went past. */
	{"abcd", "", "bcda", "reordered 0-3<3;"},
	{"abc", "", "abcx", "unexpected -3;"},
	/* Newer records may be there, and need not. */
	{"ab", "cd", "ab", ""},
	{"ab", "cd", "abc", ""},
	{"ab", "cd", "abcd", ""},
	{"ab", "cd", "bcd", "missing 0-;"},
	{"ab", "c", "abcc", "duplicated 2-3;"},
	{"ab", "cd", "adcb", "reordered 2-2<3;reordered 1-3<3;"},
	/* The same content again. */
	{"aba", "", "aba", ""},
	{"aba", "", "aab", "reordered 1-2<2;"},
	{"aaa", "", "aa", "missing 2-;"},
	{"aa", "a", "aa", ""},
	{"aa", "a", "aaa", ""},
	{"aa", "a", "aaaa", "duplicated 0-3;"},
	/* Repeated ones of an unfinished round do not make the first ones late. */
	{"abcab", "", "abcabcab", "duplicated 0-6;duplicated 1-7;duplicated 2-5;"},
	/* Partitions. */
	{"0a1b", "", "0a1b", ""},
	{"0a1b", "", "1b0a", ""},
	{"0a0b", "", "0a1b", "misplaced 1-1;"},
	{"?a?b", "", "0a1b", ""},
	{"?a?b", "", "0b0a", "reordered 0-1<1;"},
	{"0a0b", "", "0a1a0b", "duplicated 0-1;"},
	{"0a0b", "", "0a1x", "missing 1-;unexpected -1;"},
};

static void
add(struct lineup *l, const char *letters, enum lineup_side side, int64_t from)
{
	struct lineup_entry e = {.group = 7, .range = side == LINEUP_FOUND, .has_key = true};

	for (const char *s = letters; *s; s++) {
		if (*s < 'a') {
			e.partition = *s == '?' ? -1 : *s - '0';
			continue;
		}
		e.content = (uint64_t)*s;
		e.value_size = 1;
		e.offset = from++;
		e.side = (uint8_t)side;
		/* Found ones of another partition are of another range. */
		e.range = side == LINEUP_FOUND ? (uint32_t)e.partition + 1 : 0;
		CHECK(lineup_add(l, &e));
	}
}

struct told {
	char text[400];
	size_t count;
};

static void
tell(const struct finding *f, void *arg)
{
	struct told *t = arg;
	char *at = t->text + strlen(t->text);
	size_t room = sizeof(t->text) - strlen(t->text);

	t->count++;
	if (f->before)
		snprintf(at, room, "%s %d-%d<%d;", finding_name(f->kind), (int)f->expected->offset,
			(int)f->found->offset, (int)f->before->offset);
	else if (f->expected && f->found)
		snprintf(at, room, "%s %d-%d;", finding_name(f->kind), (int)f->expected->offset,
			(int)f->found->offset);
	else if (f->expected)
		snprintf(at, room, "%s %d-;", finding_name(f->kind), (int)f->expected->offset);
	else
		snprintf(at, room, "%s -%d;", finding_name(f->kind), (int)f->found->offset);
}

static int64_t
length(const char *letters)
{
	int64_t n = 0;

	for (; *letters; letters++)
		n += *letters >= 'a';
	return n;
}

TEST(what_differs_is_found)
{
	static const struct lineup_topic topic;
	struct lineup *l = lineup_new(100);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told = {0};

		add(l, cases[i].expected, LINEUP_REQUIRED, 0);
		add(l, cases[i].newer, LINEUP_NEWER, length(cases[i].expected));
		add(l, cases[i].found, LINEUP_FOUND, 0);
		lineup_match(l, &topic, tell, &told);
		if (!CHECK(!strcmp(told.text, cases[i].findings)))
			printf("# %s + %s at the target as %s: %s, not %s\n", cases[i].expected,
				cases[i].newer, cases[i].found, told.text, cases[i].findings);
		CHECK_INT(lineup_count(l), 0);
	}
	lineup_free(&l);
	CHECK(!l);
}

/* Expected and found of a compacted topic: capital letters have no value. */
static const struct {
	bool is_source, is_target;
	const char *expected, *found, *findings;
} compacted[] = {
	{false, true, "abc", "c", "compacted 0-;compacted 1-;"},
	{false, true, "abc", "a", "missing 1-;missing 2-;"},
	{false, false, "abc", "c", "missing 0-;missing 1-;"},
	{true, false, "c", "abc", "compacted -0;compacted -1;"},
	{true, false, "a", "abc", "unexpected -1;unexpected -2;"},
	{true, false, "", "", ""},
};

TEST(compaction_is_told_from_loss)
{
	struct lineup *l = lineup_new(100);

	for (size_t i = 0; i < sizeof(compacted) / sizeof(compacted[0]); i++) {
		const struct lineup_topic topic = {compacted[i].is_source, compacted[i].is_target};
		struct told told = {0};

		add(l, compacted[i].expected, LINEUP_REQUIRED, 0);
		add(l, compacted[i].found, LINEUP_FOUND, 0);
		lineup_match(l, &topic, tell, &told);
		CHECK_STR(told.text, compacted[i].findings);
	}
	lineup_free(&l);
}

/* A key that was deleted: its last record has no value. */
TEST(a_deleted_key_may_be_gone_from_a_compacted_target)
{
	const struct lineup_topic topic = {.is_target_compacted = true};
	struct lineup *l = lineup_new(10);
	struct lineup_entry e = {.has_key = true, .content = 1, .value_size = 3};
	struct told told = {0};

	lineup_add(l, &e);
	e = (struct lineup_entry){.has_key = true, .content = 2, .offset = 1};
	lineup_add(l, &e);
	lineup_match(l, &topic, tell, &told);
	CHECK_STR(told.text, "compacted 0-;compacted 1-;");
	lineup_free(&l);
}

/* Records without a key that have the same timestamp may be one that was changed; others have
   nothing in common, and no order. */
TEST(records_without_a_key_are_paired_by_timestamp_only)
{
	static const struct lineup_topic topic;
	struct lineup *l = lineup_new(10);
	struct lineup_entry e = {.group = 1, .content = 1, .timestamp = 5};
	struct told told = {0};

	lineup_add(l, &e);
	e.side = LINEUP_FOUND;
	e.content = 2;
	e.offset = 9;
	lineup_add(l, &e);
	e = (struct lineup_entry){.group = 2, .content = 3, .timestamp = 6, .offset = 4};
	lineup_add(l, &e);
	e.content = 4;
	e.offset = 5;
	lineup_add(l, &e);
	e.side = LINEUP_FOUND;
	lineup_add(l, &e);
	e.content = 3;
	e.offset = 6;
	lineup_add(l, &e);
	lineup_match(l, &topic, tell, &told);
	CHECK_STR(told.text, "different 0-9;");
	lineup_free(&l);
}

/* The order between source partitions is nobody's promise. */
TEST(order_is_compared_within_a_source_partition)
{
	static const struct lineup_topic topic;
	struct lineup *l = lineup_new(10);
	struct told told = {0};

	for (uint32_t i = 0; i < 2; i++) {
		struct lineup_entry e = {
			.has_key = true, .content = i + 1, .range = i, .offset = 10 - i};

		lineup_add(l, &e);
		e = (struct lineup_entry){
			.has_key = true, .content = i + 1, .side = LINEUP_FOUND, .offset = i};
		lineup_add(l, &e);
	}
	lineup_match(l, &topic, tell, &told);
	CHECK_STR(told.text, "");
	lineup_free(&l);
}

TEST(a_full_lineup_takes_nothing_more)
{
	struct lineup *l = lineup_new(1);
	const struct lineup_entry e = {0};

	CHECK(lineup_add(l, &e));
	CHECK(!lineup_add(l, &e));
	lineup_clear(l);
	CHECK(lineup_add(l, &e));
	lineup_free(&l);
}

/* Against an exhaustive look at random histories without repeated contents: what was taken out is
   missing, what was put in twice is duplicated, and nothing else. */
TEST(random_losses_and_repeats_are_counted)
{
	static const struct lineup_topic topic;
	struct lineup *l = lineup_new(4000);
	unsigned seed = 1;

	for (int round = 0; round < 200; round++) {
		struct told told = {0};
		size_t expected = 0;

		for (int i = 0; i < 300; i++) {
			struct lineup_entry e = {.group = (uint64_t)i % 7,
				.content = (uint64_t)i + 1,
				.offset = i,
				.value_size = 1,
				.has_key = true};
			int copies = rand_r(&seed) % 20;

			lineup_add(l, &e);
			copies = copies == 0 ? 0 : copies == 1 ? 2 : 1;
			expected += copies != 1;
			e.side = LINEUP_FOUND;
			for (int n = 0; n < copies; n++) {
				/* A repeat stands somewhere behind the first. */
				e.offset = n == 0 ? i * 10 : i * 10 + 1 + rand_r(&seed) % 500 * 10;
				lineup_add(l, &e);
			}
		}
		lineup_match(l, &topic, tell, &told);
		if (!CHECK_INT(told.count, expected))
			printf("# in round %d\n", round);
	}
	lineup_free(&l);
}
