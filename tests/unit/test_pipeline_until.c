/* Unit tests of the pipeline's ends: partitions that are read up to an offset, and what became of
 * each record. */
#include "tests/unit/unit.h"

#include "tests/unit/pipeline_one.h"

#include "mirror/until.h"

/* Of a one shot in which partition 0 of the topic is read from start to end. */
static struct until *
make_until(int64_t start_at, int64_t end)
{
	struct until *until = until_new(true);
	struct until_partition *p = until_add(until, "here", 0);

	p->begin = 0;
	p->start = start_at;
	p->end = end;
	until_sort(until);
	pipeline_set_until(pipeline, until);
	return until;
}

/* What may be committed of partition 0 now, and is; -1: nothing. */
static int64_t
commit(void)
{
	const struct topic_partition *positions;
	size_t count = pipeline_positions(pipeline, &positions);
	int64_t position = count ? positions[0].offset : -1;

	pipeline_committed(pipeline);
	return position;
}

TEST(a_partition_is_read_up_to_its_end)
{
	struct until *until;
	struct meter *m;

	start("pause");
	until = make_until(-1, 2);
	m = add(0);
	for (int i = 0; i < 5; i++)
		add_record(0, 1000);
	turn();
	CHECK_INT(sent_count, 2);
	CHECK_INT(m->is_over, 0);
	CHECK(!pipeline_is_over_uncommitted(pipeline));
	answer("AA");
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 1);
	CHECK_INT(m->state, METER_CAUGHT_UP);
	CHECK_INT(m->records_read, 2);
	CHECK_INT(m->first, 0);
	CHECK_INT(m->last, 1);
	CHECK_INT(m->lag, 3);
	CHECK(pipeline_is_over_uncommitted(pipeline));
	CHECK_INT(commit(), 2);
	CHECK(!pipeline_is_over_uncommitted(pipeline));
	/* What comes now is not read. */
	add_record(0, 1000);
	turn();
	CHECK_INT(sources[0]->taken, 5);
	CHECK_INT(commit(), -1);
	stop();
	until_free(&until);
}

TEST(the_last_record_below_the_end_is_enough)
{
	struct until *until;
	struct meter *m;

	start("pause");
	until = make_until(-1, 2);
	m = add(0);
	add_record(0, 1000);
	turn();
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 0);
	add_record(0, 1000);
	turn();
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 1);
	CHECK_INT(commit(), 2);
	stop();
	until_free(&until);
}

TEST(markers_below_the_end_are_no_records)
{
	struct until *until;
	struct meter *m;

	start("pause");
	until = make_until(-1, 3);
	m = add(0);
	add_record(0, 1000);
	turn();
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 0);
	sources[0]->next = 3;
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 1);
	CHECK_INT(commit(), 3);
	stop();
	until_free(&until);
}

TEST(a_hole_below_the_end_is_committed_up_to_the_end)
{
	struct until *until;
	struct meter *m;

	start("pause");
	until = make_until(-1, 3);
	m = add(0);
	add_record(0, 1000);
	sources[0]->end = 7;
	add_record(0, 1000);
	turn();
	CHECK_INT(sent_count, 1);
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 1);
	CHECK_INT(commit(), 3);
	stop();
	until_free(&until);
}

TEST(a_group_behind_the_end_is_not_taken_back_to_it)
{
	struct until *until;
	struct meter *m;

	start("pause");
	until = make_until(-1, 3);
	m = add(0);
	/* Another member has been here since the one shot began. */
	sources[0]->end = 7;
	add_record(0, 1000);
	turn();
	CHECK_INT(sent_count, 0);
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 1);
	CHECK_INT(m->position, -1);
	CHECK_INT(commit(), -1);
	stop();
	until_free(&until);
}

TEST(what_was_done_at_the_start_is_not_read)
{
	struct until *until;
	struct meter *m;

	start("pause");
	until = make_until(5, 3);
	m = add(0);
	/* Of this one nothing was known when the one shot began. */
	add(1);
	sources[0]->end = 5;
	add_record(0, 1000);
	add_record(1, 1000);
	turn();
	CHECK_INT(sources[0]->taken + sources[1]->taken, 0);
	pipeline_survey(pipeline);
	CHECK_INT(m->is_over, 1);
	CHECK_INT(commit(), -1);
	stop();
	until_free(&until);
}

TEST(every_record_has_one_fate)
{
	struct until *until;
	struct meter *m;

	start("drop");
	until = make_until(-1, 100);
	m = add(0);
	for (int i = 0; i < 4; i++)
		add_record(0, 1000);
	turn();
	answer("ARAR");
	turn_until_sent(0);
	CHECK_INT(m->settled[FATE_MIRRORED], 2);
	CHECK_INT(m->settled[FATE_FAILED], 2);
	CHECK(meter_drops(m) && !meter_drops(m)->next);
	CHECK_STR(meter_drops(m)->name, "INVALID");
	CHECK_INT(meter_drops(m)->count, 2);
	/* These are on their way when the partition is taken. */
	add_record(0, 1000);
	add_record(0, 1000);
	turn();
	pipeline_remove(pipeline, pipeline_find(pipeline, "here", 0));
	CHECK_INT(m->given_up, 2);
	CHECK_INT(m->records_read, 6);
	CHECK_INT(m->is_over, 0);
	answer("AA");
	CHECK_INT(m->settled[FATE_MIRRORED], 2);
	stop();
	until_free(&until);
}
