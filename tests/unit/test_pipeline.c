/* Unit tests of the pipeline, between a source and a target of our own: what it counts, and what
 * its meters say. */
#include "tests/unit/unit.h"

#include "tests/unit/pipeline_one.h"
#include "tests/unit/script_rig.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "mirror/pauses.h"
#include "mirror/pipeline.h"
#include "mirror/pipeline_state.h"

static uint64_t
latencies(const struct meter *m)
{
	uint64_t sum = 0;

	for (int i = 0; i <= METER_BOUNDS; i++)
		sum += m->topic->latency[i];
	return sum;
}

TEST(nothing_overtakes_a_record_that_finds_no_room)
{
	start("pause");
	add(0);
	for (int i = 0; i < 4; i++)
		add_record(0, 1000);
	room = 1;
	turn();
	turn_until_sent(4);
	for (int i = 0; i < 4; i++)
		CHECK_INT(sent_offsets[i], i);
	answer("AAAA");
	stop();
}

TEST(nothing_is_sent_before_the_target_has_told_of_its_topics)
{
	start("pause");
	CHECK_INT(expected_topics, 1);
	is_uninformed = true;
	add(0);
	add_record(0, 1000);
	turn();
	CHECK_INT(counters.records_read, 0);
	is_uninformed = false;
	turn_until_sent(1);
	CHECK_INT(sent_offsets[0], 0);
	answer("A");
	stop();
}

TEST(a_partition_is_counted_by_itself)
{
	struct meter *zero, *one;
	int64_t now = clock_wall_ms();

	start("pause");
	zero = add(0);
	one = add(1);
	CHECK_INT(zero->state, METER_FLOWING);
	CHECK_INT(counters.buffer_bound, 1 << 20);
	add_record(0, now - 70);
	add_record(0, now - 60);
	add_record(1, now - 40);
	turn();
	CHECK_INT(zero->records_read, 2);
	CHECK_INT(zero->bytes_read, 20);
	CHECK_INT(one->records_read, 1);
	CHECK_INT(pipeline_survey(pipeline), 3);
	CHECK_INT(zero->in_flight, 2);
	CHECK_INT(zero->lag, 2);
	CHECK_INT(zero->position, 0);
	CHECK_INT(zero->end, 2);
	CHECK_INT(zero->committed, -1);
	CHECK_INT(zero->oldest_ms, -1);
	CHECK_INT(zero->state, METER_FLOWING);
	answer("AAA");
	CHECK_INT(zero->records_mirrored, 2);
	CHECK_INT(zero->bytes_mirrored, 20);
	CHECK_INT(one->records_mirrored, 1);
	CHECK_INT(counters.records_mirrored, 3);
	CHECK_INT(zero->oldest_ms, now - 60);
	CHECK_INT(one->oldest_ms, now - 40);
	CHECK(zero->topic == one->topic);
	CHECK_INT(latencies(zero), 3);
	CHECK(zero->topic->latency_ms >= 170);
	/* None was younger than 40 ms. */
	CHECK_INT(zero->topic->latency[0] + zero->topic->latency[1] + zero->topic->latency[2], 0);
	CHECK_INT(pipeline_survey(pipeline), 0);
	CHECK_INT(zero->state, METER_CAUGHT_UP);
	CHECK_INT(zero->position, 2);
	CHECK_INT(zero->in_flight, 0);
	stop();
}

TEST(what_is_committed_is_shown)
{
	const struct topic_partition *positions;
	struct meter *m;

	start("pause");
	m = add(0);
	add_record(0, 1000);
	turn();
	answer("A");
	CHECK_INT(pipeline_positions(pipeline, &positions), 1);
	pipeline_survey(pipeline);
	CHECK_INT(m->committed, -1);
	pipeline_committed(pipeline);
	pipeline_survey(pipeline);
	CHECK_INT(m->committed, 1);
	stop();
}

TEST(records_without_a_timestamp_have_no_latency)
{
	struct meter *m;

	start("pause");
	m = add(0);
	add_record(0, -1);
	add_record(0, 0);
	turn();
	answer("AA");
	CHECK_INT(m->records_mirrored, 2);
	CHECK_INT(latencies(m), 0);
	CHECK_INT(m->oldest_ms, -1);
	stop();
}

TEST(a_latency_counts_once_though_the_record_is_sent_twice)
{
	struct meter *m;
	uint64_t errors = tallied(TALLY_SEND_ERROR, "NOT_LEADER");

	start("pause");
	m = add(0);
	for (int i = 0; i < 3; i++)
		add_record(0, clock_wall_ms());
	turn();
	answer("NNA");
	CHECK_INT(latencies(m), 1);
	CHECK_INT(m->records_mirrored, 0);
	CHECK_INT(tallied(TALLY_SEND_ERROR, "NOT_LEADER"), errors + 2);
	turn_until_sent(3);
	CHECK_INT(m->records_resent, 3);
	answer("AAA");
	CHECK_INT(latencies(m), 3);
	CHECK_INT(m->records_mirrored, 3);
	stop();
}

TEST(a_refused_record_holds_its_partition_and_says_why)
{
	struct meter *zero, *one;

	start("pause");
	zero = add(0);
	one = add(1);
	add_record(0, 1000);
	add_record(0, 1000);
	add_record(1, 1000);
	turn();
	answer("ARA");
	CHECK_INT(zero->state, METER_HELD);
	CHECK_REASON(zero, "the target refuses the record at offset 1: Invalid");
	CHECK_INT(counters.partitions_held, 1);
	pipeline_survey(pipeline);
	CHECK_INT(zero->state, METER_HELD);
	CHECK_REASON(zero, "the target refuses the record at offset 1: Invalid");
	CHECK_INT(zero->position, 1);
	CHECK_INT(one->state, METER_CAUGHT_UP);
	CHECK_REASON(one, "");
	pipeline_remove(pipeline, pipeline_find(pipeline, "here", 0));
	CHECK_INT(zero->state, METER_GONE);
	CHECK_INT(zero->in_flight, 0);
	CHECK_REASON(zero, "");
	stop();
}

TEST(a_dropped_record_is_counted_with_its_reason)
{
	struct meter *m;
	uint64_t dropped = tallied(TALLY_DROPPED, "INVALID");

	start("drop");
	m = add(0);
	add_record(0, 1000);
	add_record(0, 2000);
	turn();
	answer("AR");
	CHECK_INT(m->records_dropped, 1);
	CHECK_INT(m->records_mirrored, 1);
	CHECK_INT(tallied(TALLY_DROPPED, "INVALID"), dropped + 1);
	CHECK_INT(m->oldest_ms, 2000);
	CHECK_INT(latencies(m), 1);
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 2);
	CHECK_INT(m->state, METER_CAUGHT_UP);
	stop();
}

TEST(a_dead_letter_is_counted)
{
	struct meter *m;
	uint64_t letters = tallied(TALLY_DEAD_LETTER, "Invalid");

	start("dead-letter");
	m = add(0);
	add_record(0, 1000);
	turn();
	answer("R");
	CHECK_INT(m->records_dead_lettered, 1);
	CHECK_INT(tallied(TALLY_DEAD_LETTER, "Invalid"), letters + 1);
	CHECK_INT(latencies(m), 0);
	turn_until_sent(1);
	answer("A");
	CHECK_INT(latencies(m), 1);
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 1);
	stop();
}

/* By the record's offset. */
static const char script[] = "return { api = 1, record = function(r)\n"
			     "	if r.offset == 1 then return r:drop 'old' end\n"
			     "	if r.offset == 2 then return false end\n"
			     "	if r.offset == 3 then error 'why' end\n"
			     "	if r.offset == 4 then return r:retry(1) end\n"
			     "end }\n";

TEST(what_a_script_does_is_counted_and_said)
{
	struct meter *m;
	struct rig rig;
	uint64_t old = tallied(TALLY_DROPPED, "old"), none = tallied(TALLY_DROPPED, "");

	rig_init(&rig);
	start("pause");
	if (!CHECK(rig_load(&rig, script)))
		return;
	pipeline_set_script(pipeline, rig.script);
	m = add(0);
	for (int i = 0; i < 6; i++)
		add_record(0, 1000 + i);
	turn();
	/* Those behind the one that fails were not shown. */
	CHECK_INT(counters.script_records, 4);
	CHECK(counters.script_ns > 0);
	CHECK_INT(m->records_dropped, 2);
	CHECK_INT(tallied(TALLY_DROPPED, "old"), old + 1);
	CHECK_INT(tallied(TALLY_DROPPED, ""), none + 1);
	CHECK_INT(m->state, METER_HELD);
	CHECK_REASON(m, "the script fails for the record at offset 3: s.lua:4: why");
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->state, METER_HELD);
	CHECK_INT(m->position, 3);
	CHECK_INT(m->in_flight, 3);
	/* The next script lets it go on, and is asked for the rest. */
	if (!CHECK(rig_load(
		    &rig, "return { api = 1, record = function(r) return r:retry(9) end }")))
		return;
	pipeline_set_script(pipeline, rig.script);
	CHECK_INT(m->state, METER_FLOWING);
	CHECK_REASON(m, "");
	turn();
	pipeline_survey(pipeline);
	CHECK_INT(m->state, METER_RETRYING);
	stop();
	rig_fini(&rig);
}

TEST(a_missing_topic_is_waited_for_and_said)
{
	struct meter *m;

	start("pause");
	m = add(0);
	add_record(0, 1000);
	turn();
	answer("M");
	CHECK_INT(m->state, METER_WAITING);
	CHECK_REASON(m, "the target topic copy is not there: Unknown topic");
	turn_until_sent(1);
	pipeline_survey(pipeline);
	CHECK_INT(m->state, METER_WAITING);
	answer("A");
	/* Before the next survey. */
	CHECK_INT(m->state, METER_FLOWING);
	CHECK_REASON(m, "");
	/* What is drained for another reason later does not wait for the topic. */
	add_record(0, 1000);
	turn();
	partition_recover(pipeline, pipeline_find(pipeline, "here", 0), false);
	CHECK(!pipeline_waits_for_topic(pipeline));
	answer("A");
	stop();
}

/* Brokers that make topics in their own way must not be asked about one that is being made. */
TEST(nothing_is_sent_to_a_topic_that_is_being_made)
{
	struct meter *meter;

	start("pause");
	set_plan(0);
	meter = add(0);
	CHECK_INT(meter->state, METER_WAITING);
	CHECK_REASON(meter, "here is being made at the target");
	touched = 0;
	add_record(0, 1000);
	turn();
	add_record(0, 1000);
	turn();
	pipeline_survey(pipeline);
	CHECK_INT(sent_count + (size_t)touched, 0);
	CHECK_INT(meter->state, METER_WAITING);
	CHECK_INT(meter->lag, 2);
	CHECK_REASON(meter, "here is being made at the target");
	CHECK(pipeline_is_drained(pipeline, NULL));
	/* At once, whatever the pause was. */
	set_plan(2);
	turn();
	CHECK_INT(sent_count, 1);
	answer("A");
	CHECK_INT(sent_count, 1);
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(meter->state, METER_CAUGHT_UP);
	CHECK_REASON(meter, "");
	stop();
}

/* It was there before, and is gone: what has come back is not sent again either until it is. */
TEST(what_came_back_waits_for_a_topic_that_is_being_made)
{
	struct meter *meter;
	char reason[METER_REASON];

	start("pause");
	meter = add(0);
	add_record(0, 1000);
	turn();
	set_plan(0);
	answer("N");
	turn();
	CHECK_INT(sent_count, 0);
	pipeline_survey(pipeline);
	CHECK_INT(meter->state, METER_WAITING);
	meter_reason(meter, reason);
	CHECK_STR(reason, "here is being made at the target");
	set_plan(2);
	turn_until_sent(1);
	answer("A");
	CHECK_INT(meter->records_mirrored, 1);
	stop();
}

/* The producer would ask again only minutes later. */
TEST(a_topic_that_has_grown_is_asked_for_anew)
{
	start("pause");
	refreshed = 0;
	set_plan(2);
	CHECK_INT(refreshed, 0);
	set_plan(5);
	CHECK_INT(refreshed, 1);
	stop();
}

TEST(what_a_script_fails_for_is_said_though_something_before_it_is_sent_again)
{
	static const char reason[] = "the script fails for the record at offset 1: s.lua:2: why";
	struct meter *m;
	struct rig rig;

	rig_init(&rig);
	start("pause");
	if (!CHECK(rig_load(&rig, "return { api = 1, record = function(r)\n"
				  "	if r.offset == 1 then error 'why' end\n"
				  "end }\n")))
		return;
	pipeline_set_script(pipeline, rig.script);
	m = add(0);
	add_record(0, 1000);
	add_record(0, 1000);
	turn();
	CHECK_INT(m->state, METER_HELD);
	CHECK_REASON(m, reason);
	answer("N");
	turn_until_sent(1);
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 1);
	CHECK_INT(m->state, METER_HELD);
	CHECK_REASON(m, reason);
	/* Held for two reasons it is one partition. */
	partition_set_state(pipeline, pipeline_find(pipeline, "here", 0), PARTITION_HELD);
	CHECK_INT(counters.partitions_held, 1);
	stop();
	rig_fini(&rig);
}

TEST(a_second_failure_waits_and_says_why)
{
	struct meter *m;

	start("pause");
	m = add(0);
	add_record(0, 1000);
	turn();
	answer("N");
	CHECK_INT(m->state, METER_FLOWING);
	turn_until_sent(1);
	answer("N");
	CHECK_INT(m->state, METER_WAITING);
	CHECK_REASON(m, "to be sent again: Not leader");
	stop();
}

TEST(a_target_that_answers_nothing_is_waited_for)
{
	struct meter *m;
	struct standstill still;

	start("pause");
	m = add(0);
	add_record(0, 1000);
	turn();
	pipeline_survey(pipeline);
	CHECK(!pipeline_find_standstill(pipeline, &still));
	CHECK_INT(m->state, METER_FLOWING);
	/* As if so much time had passed. */
	pipeline_find(pipeline, "here", 0)->still_since -= PIPELINE_SILENCE_MS;
	pipeline_survey(pipeline);
	CHECK_INT(m->state, METER_WAITING);
	CHECK_REASON(m, "the target acknowledges nothing");
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->state, METER_CAUGHT_UP);
	CHECK_REASON(m, "");
	stop();
}

TEST(a_partition_that_comes_back_goes_on_counting)
{
	struct meter *m;

	start("pause");
	m = add(0);
	add_record(0, 1000);
	turn();
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 1);
	pipeline_remove(pipeline, pipeline_find(pipeline, "here", 0));
	CHECK_INT(m->state, METER_GONE);
	CHECK(add(0) == m);
	CHECK_INT(m->state, METER_FLOWING);
	CHECK_INT(m->position, -1);
	CHECK_INT(m->lag, -1);
	add_record(0, 1000);
	CHECK_INT(pipeline_survey(pipeline), 1);
	turn();
	answer("A");
	CHECK_INT(m->records_mirrored, 2);
	stop();
}

TEST(who_was_looked_at_twice_without_an_end_cannot_be_read)
{
	/* Whatever the clock says meanwhile. */
	static const struct {
		int64_t looked_at;
		bool is_unread;
	} looks[] = {{0, false}, {1000, false}, {1000, false}, {7999, false}, {8000, true}};
	struct unread unread;

	start("pause");
	add(0);
	is_end_unknown = true;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		looked_at = looks[i].looked_at;
		CHECK_INT(pipeline_find_unread(pipeline, 7000, &unread), looks[i].is_unread);
	}
	CHECK_INT(unread.count, 1);
	is_end_unknown = false;
	looked_at = -1;
	CHECK(!pipeline_find_unread(pipeline, 7000, &unread));
	stop();
}

TEST(a_position_that_moves_is_seen_to_move)
{
	const struct pause everything = {.partition = -1, .by = (char[]){"ana"}};
	const struct pauses *none = pauses_new(), *all = pauses_with(none, &everything);
	struct meter *m;
	int64_t before;

	start("pause");
	m = add(0);
	add_record(0, 1000);
	turn();
	pipeline_survey(pipeline);
	/* Long ago, as if nothing had moved since. */
	before = m->moved_ms -= 1000000;
	pipeline_survey(pipeline);
	CHECK_INT(m->moved_ms, before);
	/* A pause is no standstill: its time begins when it may go on. */
	pipeline_set_pauses(pipeline, all);
	pipeline_survey(pipeline);
	CHECK_INT(m->state, METER_PAUSED);
	CHECK(m->moved_ms > before);
	pipeline_set_pauses(pipeline, none);
	before = m->moved_ms -= 1000;
	pipeline_survey(pipeline);
	CHECK_INT(m->moved_ms, before);
	/* What was not looked at since may have been caught up with long ago. */
	looked_at = before;
	pipeline_survey(pipeline);
	CHECK(m->moved_ms > before);
	looked_at = -1;
	before = m->moved_ms -= 1000;
	add_record(0, 1000);
	answer("A");
	pipeline_survey(pipeline);
	CHECK(m->moved_ms > before);
	stop();
	pauses_release(&none);
	pauses_release(&all);
}
