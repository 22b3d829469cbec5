/* Unit tests of the pipeline's held partitions: what is shown of the record at which one stands,
 * and what becomes of it. */
#include "tests/unit/unit.h"

#include "tests/unit/pipeline_one.h"
#include "tests/unit/script_rig.h"

#include "mirror/held.h"

/* What the stream says to one question; is_refused and is_here go to where they are wanted. The
   first item, "" when there is none. */
static char said[8192];

static struct held_answer
ask(enum held_ask what, const char *topic, int32_t partition, int64_t offset)
{
	struct held_question q = {
		.ask = what, .id = 7, .partition = partition, .offset = offset, .by = "tester"};
	struct held_answer *a, copy;

	snprintf(q.topic, sizeof(q.topic), "%s", topic);
	a = pipeline_ask_held(pipeline, &q);
	CHECK_INT(a->id, 7);
	snprintf(said, sizeof(said), "%s", a->count ? a->items[0] : "");
	copy = *a;
	held_answer_free(&a);
	return copy;
}

/* Nothing is done, and this is why. */
static void
check_refused(enum held_ask what, int64_t offset, const char *why)
{
	struct held_answer a = ask(what, "here", 0, offset);

	CHECK(a.is_here && a.is_refused);
	CHECK_STR(said, why);
}

static void
check_done(enum held_ask what, int64_t offset, const char *sentence)
{
	struct held_answer a = ask(what, "here", 0, offset);

	CHECK(a.is_here && !a.is_refused);
	CHECK_STR(said, sentence);
}

/* Three records, of which the target refuses the one in the middle. */
static struct meter *
hold_at_target(void)
{
	struct meter *m;

	start("pause");
	m = add(0);
	for (int i = 0; i < 3; i++)
		add_record(0, 1000);
	turn();
	answer("ARA");
	CHECK_INT(m->state, METER_HELD);
	return m;
}

TEST(a_record_that_the_target_refuses_is_shown)
{
	struct held_answer a;

	hold_at_target();
	a = ask(HELD_SHOW, "", -1, 0);
	CHECK_INT(a.count, 1);
	CHECK(a.is_here);
	CHECK(strstr(said, "{\"topic\":\"here\",\"partition\":0,\"offset\":1,\"kind\":\"target\","
			   "\"reason\":\"Invalid\",\"error\":\"INVALID\",\"since\":\"20"));
	CHECK(strstr(said, ",\"target_topic\":\"copy\",\"timestamp\":1000,\"key\":null,"
			   "\"value\":\"" VALUE "\",\"value_size\":10,"
			   "\"headers\":[{\"name\":\"h\",\"value\":\"1\"}],\"header_count\":1,"
			   "\"output\":null}"));
	CHECK_INT(ask(HELD_SHOW, "here", 0, 0).count, 1);
	CHECK(!ask(HELD_SHOW, "here", 1, 0).is_here);
	CHECK(!ask(HELD_SHOW, "there", -1, 0).is_here);
	stop();
}

TEST(only_the_record_that_was_named_is_left_out)
{
	struct meter *m = hold_at_target();
	uint64_t before = tallied(TALLY_DROPPED, "skipped by an operator");

	check_refused(HELD_SKIP, 2, "here partition 0 is held at offset 1, not at 2");
	CHECK_INT(m->state, METER_HELD);
	check_done(HELD_SKIP, 1, "the record at offset 1 of here partition 0 is left out");
	turn();
	CHECK_INT(sent_count, 0);
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 3);
	CHECK_INT(m->state, METER_CAUGHT_UP);
	CHECK_INT(m->settled[FATE_FAILED], 1);
	CHECK_INT(m->settled[FATE_MIRRORED], 2);
	CHECK_INT(m->records_dropped, 1);
	CHECK_INT(tallied(TALLY_DROPPED, "skipped by an operator"), before + 1);
	CHECK_INT(counters.partitions_held, 0);
	CHECK_INT(ask(HELD_SHOW, "", -1, 0).count, 0);
	check_refused(
		HELD_SKIP, 1, "here partition 0 is not held; what it settles next is at offset 3");
	CHECK(!ask(HELD_SKIP, "here", 1, 1).is_here);
	stop();
}

TEST(a_refused_record_is_put_aside_by_hand)
{
	struct meter *m = hold_at_target();

	check_done(HELD_DEAD_LETTER, 1, "the record at offset 1 of here partition 0 goes to dead");
	turn();
	/* What is behind it is too, for here all topics are one. */
	CHECK_INT(sent_count, 2);
	CHECK_INT(sent_offsets[0], 1);
	answer("RA");
	/* The dead letter is refused as well. */
	CHECK_INT(m->state, METER_HELD);
	CHECK_INT(ask(HELD_SHOW, "here", -1, 0).count, 1);
	CHECK(strstr(said, "\"output\":{\"topic\":\"copy\",\"key\":null,\"value\":\"" VALUE
			   "\",\"dead_letter\":true}"));
	check_refused(HELD_DEAD_LETTER, 1,
		"what the target refuses is the dead letter itself; mend copy and use reflejo ctl "
		"resume, or leave the record out with reflejo ctl skip");
	pipeline_retry(pipeline, "here", 0);
	turn();
	answer("AA");
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 3);
	CHECK_INT(m->settled[FATE_DEAD_LETTER], 1);
	CHECK_INT(m->records_dead_lettered, 1);
	stop();
}

TEST(what_is_behind_a_record_that_was_left_out_goes_again_in_order)
{
	struct meter *m;

	start("pause");
	m = add(0);
	for (int i = 0; i < 4; i++)
		add_record(0, 1000);
	turn();
	/* The second one that is refused is looked at when it is its turn. */
	answer("RARA");
	CHECK_INT(ask(HELD_SHOW, "", -1, 0).count, 1);
	check_done(HELD_SKIP, 0, "the record at offset 0 of here partition 0 is left out");
	turn();
	CHECK_INT(sent_count, 2);
	CHECK_INT(sent_offsets[0], 2);
	CHECK_INT(sent_offsets[1], 3);
	answer("RA");
	CHECK_INT(m->state, METER_HELD);
	check_done(HELD_SKIP, 2, "the record at offset 2 of here partition 0 is left out");
	turn();
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 4);
	CHECK_INT(m->settled[FATE_FAILED], 2);
	stop();
}

static const char failing[] = "return { api = 1, record = function(r)\n"
			      "	if r.offset == 1 then error 'why' end\n"
			      "end }\n";

/* Three records, and a script that fails for the one in the middle. */
static struct meter *
hold_at_script(struct rig *rig)
{
	struct meter *m;

	rig_init(rig);
	start("pause");
	CHECK(rig_load(rig, failing));
	pipeline_set_script(pipeline, rig->script);
	m = add(0);
	for (int i = 0; i < 3; i++)
		add_record(0, 1000);
	turn();
	CHECK_INT(m->state, METER_HELD);
	return m;
}

TEST(a_record_for_which_the_script_fails_is_left_out)
{
	struct rig rig;
	struct meter *m = hold_at_script(&rig);

	CHECK_INT(ask(HELD_SHOW, "", -1, 0).count, 1);
	CHECK(strstr(said, "\"offset\":1,\"kind\":\"script\",\"reason\":\"s.lua:2: why\",\"error\":"
			   "\"SCRIPT_FAILED\""));
	check_refused(HELD_SKIP, 0, "here partition 0 is held at offset 1, not at 0");
	check_done(HELD_SKIP, 1, "the record at offset 1 of here partition 0 is left out");
	CHECK_INT(counters.partitions_held, 0);
	turn();
	CHECK_INT(sent_count, 2);
	CHECK_INT(sent_offsets[1], 2);
	answer("AA");
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 3);
	CHECK_INT(m->settled[FATE_FAILED], 1);
	stop();
	rig_fini(&rig);
}

TEST(a_record_for_which_the_script_fails_is_put_aside)
{
	struct rig rig;
	struct meter *m = hold_at_script(&rig);

	check_done(HELD_DEAD_LETTER, 1, "the record at offset 1 of here partition 0 goes to dead");
	turn();
	CHECK_INT(sent_count, 3);
	CHECK_INT(sent_offsets[1], 1);
	answer("AAA");
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 3);
	CHECK_INT(m->settled[FATE_DEAD_LETTER], 1);
	CHECK_INT(m->settled[FATE_MIRRORED], 2);
	stop();
	rig_fini(&rig);
}

TEST(what_the_target_refuses_stands_before_what_the_script_fails_for)
{
	struct rig rig;
	struct meter *m = hold_at_script(&rig);

	answer("R");
	CHECK_INT(ask(HELD_SHOW, "", -1, 0).count, 1);
	CHECK(strstr(said, "\"offset\":0,\"kind\":\"target\""));
	check_refused(HELD_SKIP, 1, "here partition 0 is held at offset 0, not at 1");
	check_done(HELD_SKIP, 0, "the record at offset 0 of here partition 0 is left out");
	CHECK_INT(counters.partitions_held, 1);
	turn();
	CHECK_INT(m->state, METER_HELD);
	check_done(HELD_SKIP, 1, "the record at offset 1 of here partition 0 is left out");
	turn();
	answer("A");
	pipeline_survey(pipeline);
	CHECK_INT(m->position, 3);
	stop();
	rig_fini(&rig);
}

TEST(a_partition_that_is_handed_over_decides_nothing)
{
	hold_at_target();
	pipeline_quiesce(pipeline, pipeline_find(pipeline, "here", 0));
	check_refused(HELD_SKIP, 1,
		"here partition 0 is being handed over; look at it again where it is read then");
	/* And is taken away with all that is known of it. */
	stop();
}
