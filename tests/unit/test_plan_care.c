/* Unit tests of what a plan does for topics at the target: made when they are missing, grown when
 * they are small. */
#include "tests/unit/plan_rig.h"

/* Where the target can be asked, what is missing is made and waited for; that is no problem. */
TEST(a_missing_topic_is_waited_for_while_it_is_made)
{
	struct rig r;
	struct err err;
	const struct plan *plan, *before;

	open_rig(&r, "--topic.rename.regex (b|c) --topic.rename.replacement m", "a:2 b:3 c:5 d:1",
		"d:1");
	r.input.is_managed = true;
	plan = make(&r, &err);
	CHECK_PLAN(plan, "a>a key 0, b>m key 0!, c>m key 0, d>d key 1");
	CHECK(plan->makes_topics && has_problem(plan, "b", "c goes to m as well"));
	CHECK_STR(plan_find(plan, "a")->awaits, "a is being made at the target");
	CHECK(!plan_find(plan, "d")->awaits);
	CHECK_INT(plan_find(plan, "b")->recipe.partitions, 5);
	CHECK(plan_find(plan, "b")->leads && !plan_find(plan, "c")->leads);
	/* It is there: another plan, but nothing has to drain. */
	before = plan_take(plan);
	set_targets(&r, "a:2 d:1 m:5");
	plan = make(&r, &err);
	CHECK_PLAN(plan, "a>a key 2, b>m key 5!, c>m key 5, d>d key 1");
	CHECK(!plan_find(plan, "a")->awaits && !plan_equals(before, plan));
	CHECK(plan_topic_equals(before->topics, plan->topics));
	plan_release(&before);
	close_rig(&r);
}

/* Nothing may be sent to what may be missing. */
TEST(an_unknown_target_is_waited_for)
{
	struct rig r;
	struct err err;

	open_rig(&r, "", "a:2", NULL);
	r.input.is_managed = true;
	CHECK_PLAN(make(&r, &err), "a>a key -1");
	CHECK_STR(r.input.previous->topics[0].awaits,
		"whether a is there at the target is not known yet");
	close_rig(&r);
	open_rig(&r, "--topics.create never", "a:2", NULL);
	r.input.is_managed = true;
	CHECK(!make(&r, &err)->topics[0].awaits);
	set_targets(&r, "");
	CHECK(has_problem(make(&r, &err), "a", "or let its brokers create it"));
	CHECK(!r.input.previous->makes_topics);
	close_rig(&r);
}

TEST(a_refused_topic_is_a_problem)
{
	static const struct plan_refusal refusals[] = {{"a", "not authorized"}};
	struct rig r;
	struct err err;
	const struct plan *before;

	open_rig(&r, "", "a:2 b:1", "");
	r.input.is_managed = true;
	before = plan_take(make(&r, &err));
	r.input.refusals = refusals;
	r.input.refusal_count = 1;
	CHECK_PLAN(make(&r, &err), "a>a key 0!, b>b key 0");
	CHECK(has_problem(r.input.previous, "a",
		"a is not there, and the target does not make it: not authorized; tried again"));
	CHECK(r.input.previous->topics[0].is_refused && r.input.previous->topics[0].awaits);
	CHECK(!plan_equals(before, r.input.previous));
	plan_release(&before);
	close_rig(&r);
}

/* Nothing of the source need go there, and yet it is made, waited for, and refused. */
TEST(the_topic_of_dead_letters_is_waited_for)
{
	static const struct plan_refusal refusals[] = {{"dead", "not authorized"}};
	struct rig r;
	struct err err;
	const struct plan *before;

	open_rig(&r, "--dead.letter.topic dead", "a:2", "a:2");
	CHECK(!make(&r, &err)->dead_letters_await);
	r.input.is_managed = true;
	before = plan_take(make(&r, &err));
	CHECK_STR(before->dead_letters_await, "dead is being made at the target");
	CHECK(!before->are_dead_letters_refused);
	r.input.refusals = refusals;
	r.input.refusal_count = 1;
	CHECK(make(&r, &err)->are_dead_letters_refused && !plan_equals(before, r.input.previous));
	CHECK_STR(r.input.previous->dead_letters_await,
		"dead is not there, and the target does not make it: not authorized; tried again");
	set_targets(&r, "a:2 dead:1");
	CHECK(!make(&r, &err)->dead_letters_await && !r.input.previous->are_dead_letters_refused);
	plan_release(&before);
	close_rig(&r);
}

/* The hook is told how many partitions a topic will have that is being made. */
TEST(a_map_into_a_topic_that_is_made)
{
	struct rig r;
	struct err err;

	open_map(&r, "a:3", "");
	r.input.is_managed = true;
	CHECK_PLAN(make(&r, &err), "a>out map 0 0/-1/3");
	CHECK_INT(r.answers.target_partitions, 3);
	CHECK_INT(r.input.previous->topics[0].recipe.partitions, 4);
	close_rig(&r);
}

TEST(small_topics_grow_where_numbers_are_kept)
{
	static const struct plan_refusal refusals[] = {{"a", "too many"}};
	struct rig r;
	struct err err;

	open_rig(&r, "--partition.mode preserve", "a:4", "a:2");
	CHECK(has_problem(make(&r, &err), "a", "a has 2 partitions and the source 4"));
	CHECK_INT(r.input.previous->topics[0].grow_to, 0);
	r.input.is_managed = true;
	CHECK_PLAN(make(&r, &err), "a>a preserve 2");
	CHECK_INT(r.input.previous->topics[0].grow_to, 4);
	r.input.refusals = refusals;
	r.input.refusal_count = 1;
	CHECK(has_problem(make(&r, &err), "a", "is to have 4, but the target does not add them"));
	close_rig(&r);
	open_rig(&r, "", "a:4", "a:2");
	r.input.is_managed = true;
	CHECK_INT(make(&r, &err)->topics[0].grow_to, 0);
	close_rig(&r);
	open_rig(&r, "--topics.grow always", "a:4", "a:2");
	r.input.is_managed = true;
	CHECK_INT(make(&r, &err)->topics[0].grow_to, 4);
	close_rig(&r);
}
