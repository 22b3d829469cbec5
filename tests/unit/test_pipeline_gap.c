/* Unit tests of the pipeline's gaps: what it does where the source does not have what comes next.
 */
#include "tests/unit/unit.h"

#include "tests/unit/pipeline_one.h"

#include <stdlib.h>

#include "mirror/held.h"
#include "mirror/offset_notes.h"
#include "mirror/ranges.h"

/* The source says so of a partition's log, to the question that must have been asked. */
static void
tell_range(int64_t low, int64_t high)
{
	struct ranges *ranges = pipeline_ask_ranges(pipeline);
	bool is_asked = CHECK(ranges != NULL) && CHECK_INT(ranges->count, 1) &&
			CHECK_STR(ranges->items[0].topic, "here") &&
			CHECK_INT(ranges->items[0].partition, 0);

	if (is_asked) {
		ranges->items[0].low = low;
		ranges->items[0].high = high;
		pipeline_answer(pipeline, &ranges->items[0]);
	}
	free(ranges);
	CHECK(!pipeline_ask_ranges(pipeline));
	turn();
}

static int64_t
position(void)
{
	const struct topic_partition *positions;

	return pipeline_positions(pipeline, &positions) ? positions[0].offset : -1;
}

/* What an operator is shown of the one partition that is held has this part. */
static void
check_shown(const char *part)
{
	const struct held_question q = {.ask = HELD_SHOW, .partition = -1};
	struct held_answer *a = pipeline_ask_held(pipeline, &q);

	if (CHECK_INT(a->count, 1))
		CHECK(strstr(a->items[0], part));
	held_answer_free(&a);
}

/* There is none to be left out. */
static void
check_no_record(int64_t offset)
{
	const struct held_question q = {.ask = HELD_SKIP, .topic = "here", .offset = offset};
	struct held_answer *a = pipeline_ask_held(pipeline, &q);

	CHECK(a->is_refused);
	CHECK_STR(a->items[0],
		"here partition 0 stands at a gap before offset 5, where there is no record; "
		"reflejo ctl resume here:0 goes on behind it");
	held_answer_free(&a);
}

/* Records at 3 and 4 were read, and the source refuses 5: it goes on at 20, which is in the same
   batch. */
static struct meter *
meet_gap(void)
{
	struct meter *m;

	start("pause");
	m = add(0);
	sources[0]->end = 3;
	add_record(0, 1000);
	add_record(0, 1000);
	sources[0]->end = 20;
	add_record(0, 1000);
	add_record(0, 1000);
	sources[0]->refused = 5;
	sources[0]->has_before = true;
	turn();
	return m;
}

TEST(a_gap_is_looked_at_before_what_is_behind_it_is_sent)
{
	struct meter *m = meet_gap();
	struct meter_gap last;

	CHECK_INT(sent_count, 2);
	CHECK_INT(m->records_read, 2);
	/* The source says that all is read, which is what is behind the gap. */
	CHECK(pipeline_survey(pipeline) != 0);
	CHECK(m->state != METER_CAUGHT_UP);
	answer("AA");
	CHECK_INT(position(), 5);
	meter_gap(m, &last);
	CHECK_INT(last.gap.kind, GAP_NONE);
	tell_range(18, 22);
	CHECK_INT(sources[0]->sought, 18);
	meter_gap(m, &last);
	CHECK_INT(last.gap.kind, GAP_RETENTION);
	CHECK_INT(last.gap.first, 5);
	CHECK_INT(last.gap.last, 17);
	/* Also when nothing comes from there. */
	CHECK_INT(position(), 18);
	CHECK_INT(tallied(TALLY_GAP, "retention"), 1);
	CHECK_INT(tallied(TALLY_MISSING, "retention"), 13);
	sources[0]->end = 18;
	add_record(0, 1000);
	turn();
	answer("A");
	CHECK_INT(position(), 19);
	stop();
}

TEST(a_range_that_is_not_known_is_asked_for_again)
{
	struct ranges *ranges;
	struct range none = {.topic = "here", .low = -1, .high = 7};

	meet_gap();
	ranges = pipeline_ask_ranges(pipeline);
	CHECK(ranges != NULL);
	free(ranges);
	pipeline_answer(pipeline, &none);
	CHECK(!pipeline_ask_ranges(pipeline));
	CHECK(pipeline_wants_time(pipeline));
	CHECK_INT(sources[0]->sought, -1);
	/* Its time comes. */
	pipeline_find(pipeline, "here", 0)->gap->ask_at = 0;
	tell_range(18, 22);
	CHECK_INT(sources[0]->sought, 18);
	CHECK(!pipeline_wants_time(pipeline));
	answer("AA");
	stop();
}

TEST(a_gap_holds_its_partition_until_it_is_released)
{
	struct meter *m;

	on_gap = "pause";
	m = meet_gap();
	on_gap = "alarm";
	answer("AA");
	tell_range(18, 22);
	CHECK_INT(sources[0]->sought, -1);
	pipeline_survey(pipeline);
	CHECK_INT(m->state, METER_HELD);
	CHECK_REASON(m,
		"the source does not have offsets 5 to 17 (retention); reflejo ctl resume goes "
		"on at 18");
	CHECK_INT(counters.partitions_held, 1);
	CHECK(!pipeline_wants_time(pipeline));
	CHECK(pipeline_is_drained(pipeline, NULL));
	CHECK_INT(position(), 5);
	check_shown("\"offset\":5,\"kind\":\"gap\",\"reason\":\"the source does not have offsets 5 "
		    "to 17 (retention); reflejo ctl resume goes on at 18\",\"error\":null,");
	check_shown(",\"goes_on_at\":18}");
	check_no_record(5);
	pipeline_retry(pipeline, "here", -1);
	turn();
	/* The source is asked once more, and its log has grown meanwhile. */
	CHECK_INT(sources[0]->sought, -1);
	tell_range(19, 30);
	CHECK_INT(sources[0]->sought, 18);
	CHECK_INT(counters.partitions_held, 0);
	CHECK_INT(position(), 18);
	pipeline_survey(pipeline);
	CHECK_REASON(m, "");
	stop();
}

TEST(a_gap_may_end_the_mirror)
{
	on_gap = "stop";
	meet_gap();
	on_gap = "alarm";
	answer("AA");
	tell_range(18, 22);
	CHECK_STR(pipeline_failure(pipeline),
		"here partition 0: the source does not have offsets 5 to 17 (retention), and "
		"on.gap=stop; to go on at 18 start with on.gap=alarm");
	CHECK_INT(sources[0]->sought, -1);
	CHECK_INT(position(), 5);
	stop();
	CHECK_INT(counters.partitions_held, 0);
}

/* What was read of the old log comes first, or a restart would read it in vain. */
TEST(a_log_that_begins_anew_waits_for_what_is_on_its_way)
{
	struct meter *m = meet_gap();

	CHECK_INT(sent_count, 2);
	tell_range(0, 3);
	CHECK_INT(sources[0]->sought, -1);
	answer("AA");
	turn();
	CHECK_INT(sources[0]->sought, 0);
	CHECK_INT(m->records_mirrored, 2);
	CHECK_INT(position(), 0);
	add_record(0, 1000);
	turn();
	answer("A");
	CHECK_INT(position(), 1);
	CHECK_INT(tallied(TALLY_GAP, "truncated"), 1);
	stop();
}

TEST(records_that_are_given_again_are_no_gap)
{
	struct meter *m;

	start("pause");
	m = add(0);
	for (int i = 0; i < 4; i++)
		add_record(0, 1000);
	sources[0]->end = 2;
	add_record(0, 1000);
	turn();
	answer("AAAA");
	CHECK_INT(m->records_read, 4);
	tell_range(0, 9);
	CHECK_INT(sources[0]->sought, 2);
	CHECK_INT(tallied(TALLY_GAP, "none"), 0);
	add_record(0, 1000);
	turn();
	answer("A");
	CHECK_INT(position(), 3);
	stop();
}

/* What the source says to whoever opens a partition. */
static void
tell_origin(const char *id, const char *committed_id, int64_t committed)
{
	struct ranges *ranges = pipeline_ask_ranges(pipeline);

	if (CHECK(ranges != NULL)) {
		struct range *r = &ranges->items[0];

		r->low = 0;
		r->high = 50;
		r->committed = committed;
		snprintf(r->id, sizeof(r->id), "%s", id);
		snprintf(r->committed_id, sizeof(r->committed_id), "%s", committed_id);
		pipeline_answer(pipeline, r);
	}
	free(ranges);
	turn();
}

/* With ids; the partition has read 0 and 1. */
static void
start_with_ids(const char *id, const char *committed_id, int64_t committed)
{
	knows_topic_ids = true;
	start("pause");
	add(0);
	knows_topic_ids = false;
	tell_origin(id, committed_id, committed);
	add_record(0, 1000);
	add_record(0, 1000);
	turn();
	answer(sent_count ? "AA" : "");
}

TEST(a_position_is_committed_with_the_id_of_its_topic)
{
	start_with_ids("one", "", -1);
	CHECK_INT(position(), 2);
	CHECK_STR(pipeline_position_ids(pipeline)[0], "one");
	/* It is known now. */
	CHECK(!pipeline_ask_ranges(pipeline));
	stop();
}

TEST(a_topic_that_is_made_anew_is_read_from_its_beginning)
{
	start_with_ids("one", "one", 0);
	pipeline_remade(pipeline, "other", "two");
	pipeline_remade(pipeline, "here", "one");
	CHECK(!pipeline_ask_ranges(pipeline));
	pipeline_remade(pipeline, "here", "two");
	tell_origin("two", "one", 2);
	CHECK_INT(sources[0]->sought, 0);
	CHECK_INT(tallied(TALLY_GAP, "recreated"), 1);
	CHECK_INT(position(), 0);
	CHECK_STR(pipeline_position_ids(pipeline)[0], "two");
	/* Said once more, as by the scout's own look. */
	pipeline_remade(pipeline, "here", "two");
	CHECK(!pipeline_ask_ranges(pipeline));
	stop();
}

TEST(a_position_of_the_topic_before_is_known_at_the_start)
{
	start_with_ids("two", "one", 7);
	CHECK_INT(sources[0]->sought, 0);
	CHECK_INT(tallied(TALLY_GAP, "recreated"), 2);
	CHECK_INT(position(), 2);
	CHECK_STR(pipeline_position_ids(pipeline)[0], "two");
	stop();
}

/* The answer came before the library had begun to read: it would go on at the old position. */
TEST(a_partition_that_is_not_read_yet_stands_until_it_goes_on_where_it_shall)
{
	is_read_later = true;
	start_with_ids("two", "one", 7);
	CHECK_INT(sources[0]->sought, -1);
	CHECK_INT(sent_count, 0);
	is_read_later = false;
	turn();
	CHECK_INT(sources[0]->sought, -1);
	pipeline->partitions->gap->seek_at = 0;
	turn();
	CHECK_INT(sources[0]->sought, 0);
	CHECK_INT(tallied(TALLY_GAP, "recreated"), 3);
	CHECK_INT(position(), 0);
	stop();
}

/* However many partitions of a topic are made anew: a turn that waits for one asks no more. */
TEST(a_library_that_is_slow_to_answer_holds_a_turn_up_once)
{
	struct ranges *ranges;

	knows_topic_ids = true;
	start("pause");
	add(0);
	add(1);
	knows_topic_ids = false;
	ranges = pipeline_ask_ranges(pipeline);
	if (CHECK(ranges != NULL) && CHECK_INT(ranges->count, 2))
		for (int i = 0; i < 2; i++) {
			struct range *r = &ranges->items[i];

			r->low = 0;
			r->high = 50;
			r->committed = 7;
			snprintf(r->id, sizeof(r->id), "two");
			snprintf(r->committed_id, sizeof(r->committed_id), "one");
			pipeline_answer(pipeline, r);
		}
	free(ranges);
	is_read_later = true;
	refused_seeks = 0;
	turn();
	CHECK_INT(refused_seeks, 1);
	turn();
	CHECK_INT(refused_seeks, 2);
	is_read_later = false;
	stop();
}

static struct offset_sink sink;

/* The only note that the pipeline has given away since. @gives the message */
static struct offset_notes *
take_note(void)
{
	struct message *m = mailbox_take(sink.mailbox);
	struct offset_notes *notes = (struct offset_notes *)m;
	bool is_one = CHECK(m && !m->next && m->kind == OFFSET_NOTES) && CHECK_INT(notes->count, 1);

	return is_one ? notes : NULL;
}

/* What was noted of the old log says nothing of the new one: the notes end, not as those of a
   partition whose map may be gone on from, and begin again. */
TEST(notes_begin_again_with_a_log_that_begins_anew)
{
	struct message *m;
	struct offset_notes *ended, *begun;

	start("pause");
	sink.mailbox = mailbox_new();
	pipeline_set_notes(pipeline, &sink);
	add(0);
	offset_notes_free(take_note());
	sources[0]->end = 3;
	add_record(0, 1000);
	add_record(0, 1000);
	sources[0]->end = 20;
	add_record(0, 1000);
	sources[0]->refused = 5;
	sources[0]->has_before = true;
	turn();
	tell_range(0, 3);
	answer("AA");
	turn();
	CHECK_INT(sources[0]->sought, 0);
	m = mailbox_take(sink.mailbox);
	ended = (struct offset_notes *)m;
	begun = m ? (struct offset_notes *)m->next : NULL;
	if (CHECK(begun && !begun->message.next)) {
		CHECK(ended->items[0].is_last && !ended->items[0].is_clean);
		CHECK_INT(offset_map_span(ended->items[0].map)->begin, 3);
		CHECK(begun->items[0].is_first && !begun->items[0].map);
		CHECK_INT(begun->items[0].begun, 0);
		offset_notes_free(ended);
		offset_notes_free(begun);
	}
	add_record(0, 1000);
	turn();
	answer("A");
	pipeline_send_notes(pipeline);
	ended = take_note();
	CHECK_INT(offset_map_span(ended->items[0].map)->begin, 0);
	CHECK_INT(offset_map_span(ended->items[0].map)->position, 1);
	offset_notes_free(ended);
	stop();
	offset_notes_free(take_note());
	mailbox_free(&sink.mailbox);
}

/* Where reading was to go on is a place in a log that is no more: all of the new one is read. */
TEST(a_topic_made_anew_while_it_is_held_is_another_gap)
{
	struct meter *m;

	on_gap = "pause";
	m = meet_gap();
	on_gap = "alarm";
	answer("AA");
	tell_range(18, 22);
	pipeline_retry(pipeline, "here", -1);
	turn();
	tell_range(0, 60);
	CHECK_INT(sources[0]->sought, -1);
	CHECK_INT(counters.partitions_held, 1);
	CHECK_REASON(m,
		"the source does not have offsets 5 to 21 (recreated); reflejo ctl resume goes "
		"on at 0");
	CHECK_INT(position(), 5);
	pipeline_retry(pipeline, "here", -1);
	turn();
	tell_range(0, 61);
	CHECK_INT(sources[0]->sought, 0);
	CHECK_INT(counters.partitions_held, 0);
	stop();
}
