/* Unit tests of the atlas: how maps go on, what several source partitions say together, and that
 * what is kept comes back. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mirror/atlas.h"
#include "service/atlas_document.h"

static struct plan_topic mirrored[] = {{.name = "in",
	.target = "out",
	.partitions = 2,
	.target_partitions = 1,
	.rule = PLAN_BY_KEY}};

/* A plan of one topic that is never freed. */
static struct plan plan = {.topics = mirrored, .count = 1, .mirrored = 1, .references = 1};

static struct atlas *
new_atlas(enum plan_rule rule, int32_t target_partitions)
{
	struct atlas *a = atlas_new(1 << 20);

	mirrored[0].rule = rule;
	mirrored[0].target_partitions = target_partitions;
	atlas_set_plan(a, &plan);
	return a;
}

static struct leaf *
leaf_of(struct atlas *a, int32_t partition)
{
	return atlas_leaf(a, (size_t)partition);
}

/* What a stream says; map may be NULL. */
static void
say(struct atlas *a, int32_t partition, int64_t begun, struct offset_map *map)
{
	struct offset_note note = {
		.topic = (char *)"in", .partition = partition, .begun = begun, .map = map};

	atlas_take_note(a, &note, 1000);
	offset_map_free(&map);
}

static void
arrive(struct atlas *a, int32_t partition)
{
	struct offset_note note = {.topic = (char *)"in", .partition = partition, .is_first = true};

	atlas_take_note(a, &note, 1000);
}

static void
leave(struct atlas *a, int32_t partition, bool is_clean)
{
	struct offset_note note = {.topic = (char *)"in",
		.partition = partition,
		.is_last = true,
		.is_clean = is_clean};

	CHECK(atlas_take_note(a, &note, 1000));
}

/* Notes of records from source on, which are at the target one after the other. */
static struct offset_map *
piece(int64_t source, int32_t place, int64_t target, int count)
{
	struct offset_map *map = offset_map_new(100);

	for (int i = 0; i < count; i++) {
		offset_map_record(map, source + i);
		offset_map_add(map, NULL, "out", place, target + i);
	}
	return map;
}

static struct offset_answer
translate(struct atlas *a, int32_t place, int64_t first, int64_t second)
{
	const int64_t committed[] = {first, second};

	atlas_link(a);
	atlas_ask(a, committed);
	return atlas_translate(a, atlas_find_place(a, "out", place));
}

static void
check_answer(struct offset_answer a, enum offset_quality quality, enum offset_reason reason,
	int64_t next)
{
	CHECK_INT(a.quality, quality);
	CHECK_INT(a.reason, reason);
	CHECK_INT(a.next, next);
}

/* Both partitions are given to streams, at their beginning, with nothing at the target. */
static void
begin_both(struct atlas *a)
{
	for (int32_t p = 0; p < 2; p++) {
		arrive(a, p);
		CHECK(!leaf_may_settle(leaf_of(a, p), 0, 1000));
		say(a, p, 0, offset_map_new(10));
		CHECK(leaf_may_settle(leaf_of(a, p), 0, 1000));
		CHECK(atlas_settle(a, leaf_of(a, p), 0, true));
		for (size_t i = 0; i < atlas_places(a); i++)
			if (leaf_may_feed(leaf_of(a, p), atlas_place(a, i)))
				atlas_hide(leaf_of(a, p), atlas_place(a, i), 0);
	}
}

TEST(preserved_partitions_answer_alone)
{
	struct atlas *a = new_atlas(PLAN_PRESERVE, 2);

	begin_both(a);
	say(a, 0, 10, piece(0, 0, 0, 10));
	check_answer(translate(a, 0, 5, -1), OFFSET_EXACT, OFFSET_FINE, 5);
	check_answer(translate(a, 0, 10, -1), OFFSET_EXACT, OFFSET_FINE, 10);
	/* Nothing is known of the other, which has nothing to do with it. */
	check_answer(translate(a, 1, 5, 0), OFFSET_UNKNOWN, OFFSET_NOTHING, -1);
	atlas_free(&a);
}

/* It was mirrored before anybody noted where to, up to 100: whoever has read all of that goes on
   behind what the target has, and nobody else is known to. */
TEST(behind_what_was_not_noted_the_target_goes_on)
{
	struct atlas *a = new_atlas(PLAN_PRESERVE, 2);

	arrive(a, 0);
	say(a, 0, 100, offset_map_new(10));
	CHECK(atlas_settle(a, leaf_of(a, 0), 100, false));
	atlas_hide(leaf_of(a, 0), atlas_place(a, 0), 70);
	check_answer(translate(a, 0, 100, -1), OFFSET_UNKNOWN, OFFSET_NOTHING, -1);
	atlas_see_end(atlas_place(a, 0), 70);
	atlas_tick(a);
	check_answer(translate(a, 0, 100, -1), OFFSET_UNKNOWN, OFFSET_NOTHING, -1);
	say(a, 0, 100, offset_map_new(10));
	check_answer(translate(a, 0, 100, -1), OFFSET_EXACT, OFFSET_FINE, 70);
	check_answer(translate(a, 0, 99, -1), OFFSET_UNKNOWN, OFFSET_BEFORE, -1);
	say(a, 0, 110, piece(100, 0, 70, 10));
	check_answer(translate(a, 0, 100, -1), OFFSET_EXACT, OFFSET_FINE, 70);
	check_answer(translate(a, 0, 110, -1), OFFSET_EXACT, OFFSET_FINE, 80);
	atlas_free(&a);
}

TEST(another_partition_may_have_records_on_their_way)
{
	struct atlas *a = new_atlas(PLAN_BY_KEY, 1);

	begin_both(a);
	say(a, 0, 10, piece(0, 0, 0, 10));
	/* No tick yet: partition 1 may have sent something that stands before 5. */
	check_answer(translate(a, 0, 5, 0), OFFSET_UNKNOWN, OFFSET_UNSETTLED, -1);
	atlas_tick(a);
	check_answer(translate(a, 0, 5, 0), OFFSET_UNKNOWN, OFFSET_UNSETTLED, -1);
	/* It says that it had begun to send up to 3, of which nothing is noted. */
	say(a, 1, 3, NULL);
	check_answer(translate(a, 0, 5, 0), OFFSET_UNKNOWN, OFFSET_UNSETTLED, -1);
	atlas_free(&a);

	a = new_atlas(PLAN_BY_KEY, 1);
	begin_both(a);
	say(a, 0, 10, piece(0, 0, 0, 10));
	atlas_tick(a);
	say(a, 1, 0, offset_map_new(10));
	/* It had begun nothing: what comes of it stands behind the tick's 10. */
	check_answer(translate(a, 0, 5, 0), OFFSET_EXACT, OFFSET_FINE, 5);
	say(a, 0, 20, piece(10, 0, 10, 10));
	check_answer(translate(a, 0, 15, 0), OFFSET_BOUND, OFFSET_SHARED, 10);
	/* The group has nothing of partition 1 committed: it counts from the beginning. */
	check_answer(translate(a, 0, 5, -1), OFFSET_EXACT, OFFSET_FINE, 5);
	atlas_free(&a);
}

TEST(a_map_goes_on_where_it_was_left_clean)
{
	struct atlas *a = new_atlas(PLAN_PRESERVE, 2);

	begin_both(a);
	say(a, 0, 10, piece(0, 0, 0, 10));
	leave(a, 0, true);
	CHECK(leaf_of(a, 0)->is_clean && leaf_of(a, 0)->owner == LEAF_ELSEWHERE);
	arrive(a, 0);
	say(a, 0, 15, piece(10, 0, 10, 5));
	/* It has committed further by now; its first record tells. */
	CHECK(!atlas_settle(a, leaf_of(a, 0), 15, false));
	check_answer(translate(a, 0, 5, -1), OFFSET_EXACT, OFFSET_FINE, 5);
	check_answer(translate(a, 0, 14, -1), OFFSET_EXACT, OFFSET_FINE, 14);
	leave(a, 0, false);
	check_answer(translate(a, 0, 14, -1), OFFSET_BOUND, OFFSET_LOST, 14);
	arrive(a, 0);
	say(a, 0, 15, offset_map_new(10));
	CHECK(atlas_settle(a, leaf_of(a, 0), 12, false));
	check_answer(translate(a, 0, 5, -1), OFFSET_BOUND, OFFSET_REPEATED, 5);
	/* 14 is read again, and will stand behind. */
	check_answer(translate(a, 0, 14, -1), OFFSET_BOUND, OFFSET_BEHIND, 12);
	atlas_free(&a);
}

TEST(what_is_committed_before_it_is_noted_is_waited_for)
{
	struct atlas *a = new_atlas(PLAN_BY_KEY, 2);
	struct leaf *leaf = leaf_of(a, 0);

	arrive(a, 0);
	say(a, 0, 0, offset_map_new(10));
	CHECK(!leaf_may_settle(leaf, 10, 1000));
	/* A stream that has nothing to read notes nothing. */
	CHECK(leaf_may_settle(leaf, 10, 6000));
	say(a, 0, 10, piece(0, 0, 0, 10));
	CHECK(leaf_may_settle(leaf, 10, 1000));
	atlas_free(&a);
}

TEST(what_came_and_went_at_once_is_not_forgotten)
{
	struct atlas *a = new_atlas(PLAN_PRESERVE, 2);

	arrive(a, 0);
	say(a, 0, 10, piece(0, 0, 0, 10));
	leave(a, 0, true);
	check_answer(translate(a, 0, 5, -1), OFFSET_EXACT, OFFSET_FINE, 5);
	CHECK(leaf_of(a, 0)->is_clean && leaf_of(a, 0)->is_changed);
	atlas_free(&a);
}

TEST(a_target_made_anew_is_forgotten_by_all)
{
	struct atlas *a = new_atlas(PLAN_BY_KEY, 1);

	begin_both(a);
	say(a, 0, 10, piece(0, 0, 0, 10));
	say(a, 1, 10, piece(0, 0, 10, 10));
	say(a, 0, 15, piece(10, 0, 0, 5));
	CHECK_INT(atlas_find_place(a, "out", 0)->end, 5);
	check_answer(translate(a, 0, 12, 5), OFFSET_UNKNOWN, OFFSET_BEFORE, -1);
	atlas_free(&a);
}

/* Kept and read again. */
static struct offset_map *
through_document(struct leaf *leaf)
{
	char *text = atlas_document(leaf, "me");
	struct atlas_kept kept;
	struct err err;
	struct offset_map *map = NULL;

	if (CHECK_INT(atlas_document_read(text, strlen(text), &kept, &err), 0)) {
		CHECK_STR(kept.topic, leaf->topic);
		CHECK_INT(kept.partition, leaf->partition);
		CHECK_STR(kept.writer, "me");
		CHECK(kept.is_clean == leaf->is_clean);
		map = kept.map;
		kept.map = NULL;
		atlas_kept_fini(&kept);
	}
	free(text);
	return map;
}

static bool
is_same(struct offset_answer a, struct offset_answer b)
{
	return a.quality == b.quality && a.reason == b.reason && a.next == b.next &&
	       a.after == b.after && a.hidden == b.hidden;
}

TEST(what_is_kept_answers_as_before)
{
	struct atlas *a = new_atlas(PLAN_BY_KEY, 3);
	struct offset_map *map = offset_map_new(1000);
	unsigned seed = 1;
	int64_t ends[3] = {0};

	begin_both(a);
	for (int64_t source = 0; source < 500; source++) {
		offset_map_record(map, source);
		if (source == 200)
			offset_map_repeated(map);
		for (int i = rand_r(&seed) % 3; i > 0; i--) {
			int place = rand_r(&seed) / 7 % 3;

			ends[place] += rand_r(&seed) / 7 % 2;
			offset_map_add(
				map, NULL, "out", place, rand_r(&seed) % 40 ? ends[place] : -1);
			ends[place]++;
		}
	}
	say(a, 0, 500, map);
	map = through_document(leaf_of(a, 0));
	for (int place = 0; map && place < 3; place++)
		for (int64_t s = -1; s < 503; s++)
			if (!CHECK(is_same(offset_map_look(map, "out", place, s),
				    offset_map_look(leaf_of(a, 0)->map, "out", place, s))))
				break;
	offset_map_free(&map);
	atlas_free(&a);
}

TEST(a_long_map_is_kept_coarser_and_stays_safe)
{
	struct atlas *a = new_atlas(PLAN_PRESERVE, 1);
	struct offset_map *map = offset_map_new(100000), *kept;
	int exact = 0;

	begin_both(a);
	for (int64_t i = 0; i < 20000; i++) {
		offset_map_record(map, i * 2);
		offset_map_add(map, NULL, "out", 0, i);
	}
	say(a, 0, 40000, map);
	kept = through_document(leaf_of(a, 0));
	CHECK(offset_map_runs(leaf_of(a, 0)->map) == 20000);
	CHECK(kept && offset_map_runs(kept) <= 4200);
	for (int64_t i = 0; kept && i < 20000; i++) {
		struct offset_answer answer = offset_map_look(kept, "out", 0, i * 2);

		CHECK(answer.quality != OFFSET_UNKNOWN && answer.next <= i);
		CHECK(i < 18000 || answer.quality == OFFSET_EXACT);
		exact += answer.quality == OFFSET_EXACT;
	}
	CHECK(exact < 5000);
	offset_map_free(&kept);
	atlas_free(&a);
}

TEST(what_is_no_document_is_refused)
{
	static const char *const texts[] = {"", "{", "[]", "{\"version\":2}",
		"{\"version\":1,\"topic\":\"t\",\"partition\":-1,\"writer\":\"w\",\"begin\":0,"
		"\"known\":0,\"position\":5,\"exact_from\":0,\"lanes\":[]}",
		/* A run above the position, one that is too short, one that goes back. */
		"{\"version\":1,\"topic\":\"t\",\"partition\":0,\"writer\":\"w\",\"begin\":0,"
		"\"known\":0,\"position\":5,\"exact_from\":0,\"lanes\":[{\"topic\":\"o\","
		"\"partition\":0,\"from\":0,\"pending\":0,\"hidden\":0,\"runs\":[0,0,9,0]}]}",
		"{\"version\":1,\"topic\":\"t\",\"partition\":0,\"writer\":\"w\",\"begin\":0,"
		"\"known\":0,\"position\":5,\"exact_from\":0,\"lanes\":[{\"topic\":\"o\","
		"\"partition\":0,\"from\":0,\"pending\":0,\"hidden\":0,\"runs\":[0,0,1]}]}",
		"{\"version\":1,\"topic\":\"t\",\"partition\":0,\"writer\":\"w\",\"begin\":0,"
		"\"known\":0,\"position\":5,\"exact_from\":0,\"lanes\":[{\"topic\":\"o\","
		"\"partition\":0,\"from\":0,\"pending\":0,\"hidden\":0,"
		"\"runs\":[2,2,1,0,0,-1,1,0]}]}",
		/* Names that no topic has. */
		"{\"version\":1,\"topic\":\"t t\",\"partition\":0,\"writer\":\"w\",\"begin\":0,"
		"\"known\":0,\"position\":5,\"exact_from\":0,\"lanes\":[]}",
		"{\"version\":1,\"topic\":\"t\",\"partition\":0,\"writer\":\"w\",\"begin\":0,"
		"\"known\":0,\"position\":5,\"exact_from\":0,\"lanes\":[{\"topic\":\"o\x9e\","
		"\"partition\":0,\"from\":0,\"pending\":0,\"hidden\":0,\"runs\":[]}]}"};
	struct atlas_kept kept;
	struct err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!CHECK_INT(atlas_document_read(texts[i], strlen(texts[i]), &kept, &err), -1))
			atlas_kept_fini(&kept);
}
