/* Unit tests of the pipeline's part of exactly once: what is sent when, and sent again. */
#include "tests/unit/unit.h"

#include "tests/unit/pipeline_one.h"

#include <stdlib.h>

#include "mirror/counters.h"
#include "mirror/pipeline_state.h"
#include "mirror/ranges.h"

static void
start_exact(char *on_error)
{
	start(on_error);
	pipeline_set_exact(pipeline);
	add(0);
	pipeline_set_gate(pipeline, PIPELINE_FLOWS);
}

/* The partition's claim is committed, and the ledger has this position. */
static void
claim(int64_t next)
{
	struct partition *p = pipeline_next_claim(pipeline, NULL, false);

	CHECK(p != NULL);
	partition_write_claim(p, 1);
	CHECK_INT(pipeline_ask_claims(pipeline, 1), 1);
	pipeline_claimed(pipeline, "here", 0, 1, next);
}

static int64_t
position(void)
{
	const struct topic_partition *positions;

	return pipeline_positions(pipeline, &positions) == 1 ? positions[0].offset : -1;
}

/* What the protocol does not have, each of which would lose, repeat or half-commit something. */
static const struct {
	enum exact_state from, to;
} forbidden[] = {{EXACT_OFF, EXACT_FLOWING}, {EXACT_PREPARING, EXACT_FLOWING},
	{EXACT_OPENING, EXACT_DRAINING}, {EXACT_FLOWING, EXACT_ENTERING},
	{EXACT_FLOWING, EXACT_COMMITTING}, {EXACT_FLOWING, EXACT_OPENING},
	{EXACT_DRAINING, EXACT_COMMITTING}, {EXACT_ENTERING, EXACT_FLOWING},
	{EXACT_COMMITTING, EXACT_ABORTING}, {EXACT_COMMITTING, EXACT_TAKING_BACK},
	{EXACT_ABORTING, EXACT_FLOWING}, {EXACT_RENEWING, EXACT_FLOWING}};

TEST(a_transaction_takes_no_short_cut)
{
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		CHECK(!exact_state_may_follow(forbidden[i].from, forbidden[i].to));
	for (int s = EXACT_PREPARING; s < EXACT_STATES; s++) {
		CHECK_INT(exact_state_may_follow((enum exact_state)s, EXACT_FAILED),
			s != EXACT_FAILED);
		CHECK(!exact_state_may_follow(EXACT_FAILED, (enum exact_state)s));
		CHECK(!exact_state_may_follow((enum exact_state)s, EXACT_OFF));
	}
}

TEST(nothing_is_read_before_the_claim)
{
	start_exact("pause");
	add_record(0, 1000);
	turn();
	CHECK_INT(sent_count, 0);
	CHECK_INT(position(), -1);
	claim(-1);
	turn();
	CHECK_INT(sent_count, 1);
	answer("A");
	CHECK_INT(position(), 1);
	stop();
}

TEST(an_answer_for_another_claim_is_not_taken)
{
	start_exact("pause");
	add_record(0, 1000);
	partition_write_claim(pipeline_next_claim(pipeline, NULL, false), 2);
	pipeline_ask_claims(pipeline, 2);
	pipeline_claimed(pipeline, "here", 0, 1, -1);
	turn();
	CHECK_INT(sent_count, 0);
	pipeline_claimed(pipeline, "here", 0, 2, -1);
	turn();
	CHECK_INT(sent_count, 1);
	answer("A");
	stop();
}

TEST(what_stands_below_the_ledgers_position_is_thrown_away)
{
	start_exact("pause");
	claim(2);
	for (int i = 0; i < 4; i++)
		add_record(0, 1000);
	turn();
	CHECK_INT(sent_count, 2);
	CHECK_INT(sent_offsets[0], 2);
	answer("AA");
	CHECK_INT(position(), 4);
	stop();
}

TEST(acknowledged_records_count_once_they_are_committed)
{
	struct meter *m;

	start_exact("pause");
	m = meters_get(meters, "here", 0);
	claim(-1);
	add_record(0, 1000);
	add_record(0, 1000);
	turn();
	CHECK(!pipeline_is_settled(pipeline));
	answer("AA");
	CHECK(pipeline_is_settled(pipeline));
	CHECK(pipeline_has_sent(pipeline));
	CHECK_INT(m->records_mirrored, 0);
	CHECK_INT(position(), 2);
	pipeline_committed(pipeline);
	CHECK_INT(m->records_mirrored, 2);
	CHECK(!pipeline_has_sent(pipeline));
	CHECK(!pipeline_has_content(pipeline));
	CHECK_INT(position(), -1);
	stop();
}

TEST(a_failure_takes_all_of_it_back_and_it_is_sent_again_in_order)
{
	start_exact("pause");
	claim(-1);
	for (int i = 0; i < 4; i++)
		add_record(0, 1000);
	turn();
	answer("ANAA");
	CHECK(pipeline_broken(pipeline) != NULL);
	/* Nothing goes out before the transaction is taken back. */
	pipeline_set_gate(pipeline, PIPELINE_STANDS);
	turn();
	CHECK_INT(sent_count, 0);
	pipeline_took_back(pipeline, false, false);
	CHECK(pipeline_broken(pipeline) == NULL);
	CHECK_INT(position(), -1);
	pipeline_set_gate(pipeline, PIPELINE_FLOWS);
	turn_until_sent(4);
	for (int i = 0; i < 4; i++)
		CHECK_INT(sent_offsets[i], i);
	answer("AAAA");
	CHECK_INT(position(), 4);
	stop();
}

TEST(a_refused_record_stops_its_partition_when_all_before_it_are_sent_again)
{
	struct meter *m;

	start_exact("pause");
	m = meters_get(meters, "here", 0);
	claim(-1);
	for (int i = 0; i < 4; i++)
		add_record(0, 1000);
	turn();
	answer("AARA");
	CHECK(pipeline_broken(pipeline) != NULL);
	pipeline_took_back(pipeline, false, false);
	turn_until_sent(2);
	CHECK_INT(sent_offsets[1], 1);
	answer("AA");
	CHECK(pipeline_is_settled(pipeline));
	CHECK_INT(position(), 2);
	pipeline_committed(pipeline);
	CHECK_INT(m->state, METER_HELD);
	CHECK_REASON(m, "the target refuses the record at offset 2: Invalid");
	/* An operator says that it may be tried again. */
	pipeline_retry(pipeline, NULL, -1);
	turn_until_sent(2);
	CHECK_INT(sent_offsets[0], 2);
	answer("AA");
	CHECK_INT(position(), 4);
	stop();
}

TEST(a_lost_claim_is_written_anew_and_nothing_is_sent_meanwhile)
{
	start_exact("pause");
	claim(-1);
	add_record(0, 1000);
	turn();
	answer("A");
	pipeline_took_back(pipeline, false, true);
	turn();
	CHECK_INT(sent_count, 0);
	/* Nobody has written for it: what is there is sent again. */
	claim(-1);
	turn_until_sent(1);
	CHECK_INT(sent_offsets[0], 0);
	answer("A");
	CHECK_INT(position(), 1);
	stop();
}

TEST(what_another_writer_has_committed_meanwhile_is_forgotten)
{
	start_exact("pause");
	claim(-1);
	add_record(0, 1000);
	add_record(0, 1000);
	turn();
	answer("AA");
	pipeline_took_back(pipeline, false, true);
	claim(2);
	turn();
	CHECK_INT(sent_count, 0);
	CHECK_INT(pipeline_has_sent(pipeline), false);
	CHECK_INT(position(), -1);
	stop();
}

TEST(a_claim_that_was_given_back_is_never_sent_for_again)
{
	struct partition *p;

	start_exact("pause");
	claim(-1);
	add_record(0, 1000);
	turn();
	answer("A");
	p = pipeline_next(pipeline, NULL);
	pipeline_quiesce(pipeline, p);
	CHECK(pipeline_next_claim(pipeline, NULL, true) == p);
	partition_give_up_claim(p);
	/* Its transaction fails. */
	pipeline_took_back(pipeline, false, true);
	turn();
	CHECK_INT(sent_count, 0);
	CHECK(pipeline_next_claim(pipeline, NULL, false) == NULL);
	CHECK(pipeline_next_claim(pipeline, NULL, true) == NULL);
	stop();
}

TEST(partitions_that_go_break_what_they_are_part_of)
{
	start_exact("pause");
	claim(-1);
	add_record(0, 1000);
	turn();
	answer("A");
	CHECK(pipeline_broken(pipeline) == NULL);
	pipeline_remove(pipeline, pipeline_next(pipeline, NULL));
	CHECK(pipeline_broken(pipeline) != NULL);
	stop();
}

TEST(partitions_break_it_also_behind_a_record_that_was_left_out)
{
	start_exact("drop");
	claim(-1);
	add_record(0, 1000);
	add_record(0, 1000);
	turn();
	answer("RA");
	/* The first is left out; the second goes again, and is acknowledged behind it. */
	pipeline_took_back(pipeline, false, false);
	turn_until_sent(1);
	answer("A");
	CHECK(pipeline_broken(pipeline) == NULL);
	pipeline_remove(pipeline, pipeline_next(pipeline, NULL));
	CHECK(pipeline_broken(pipeline) != NULL);
	stop();
}

TEST(a_record_that_is_left_out_is_a_reason_to_commit)
{
	start_exact("pause");
	claim(-1);
	add_record(0, 1000);
	turn();
	answer("R");
	pipeline_took_back(pipeline, false, false);
	turn();
	pipeline_committed(pipeline);
	CHECK(!pipeline_has_content(pipeline));
	/* As ctl skip does it. */
	partition_count_dropped(pipeline, pipeline_next(pipeline, NULL),
		tracker_next(pipeline_next(pipeline, NULL)->tracker, NULL), FATE_FAILED, NULL);
	CHECK(pipeline_has_content(pipeline));
	stop();
}

TEST(the_group_is_told_what_a_lost_writer_had_committed)
{
	const struct topic_partition *positions;

	start_exact("pause");
	claim(-1);
	add_record(0, 1000);
	turn();
	answer("A");
	pipeline_took_back(pipeline, false, true);
	CHECK_INT(pipeline_advice(pipeline, &positions), 0);
	/* The commit whose answer was lost had come through. */
	claim(1);
	CHECK_INT(pipeline_advice(pipeline, &positions), 1);
	CHECK_INT(positions[0].offset, 1);
	pipeline_advised(pipeline);
	CHECK_INT(pipeline_advice(pipeline, &positions), 0);
	stop();
}

TEST(a_position_of_the_ledger_that_the_source_does_not_have_is_a_gap)
{
	struct ranges *asked;

	start_exact("pause");
	claim(1000);
	/* The log was cut: the library goes to its beginning. */
	sources[0]->refused = 1000;
	add_record(0, 1000);
	turn();
	CHECK_INT(sent_count, 0);
	asked = pipeline_ask_ranges(pipeline);
	CHECK(asked != NULL);
	free(asked);
	stop();
}
