/* Unit tests of the survey. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "service/survey.h"

/* Two streams and a survey of them, with a clock that the test turns. */
struct rig {
	struct meters *streams[2];
	struct survey *survey;
	struct counters counters;
	int64_t now, wall;
};

static void
open_rig(struct rig *r)
{
	*r = (struct rig){.now = 1000, .wall = 1000000};
	r->streams[0] = meters_new(0);
	r->streams[1] = meters_new(1);
	r->survey = survey_new();
	r->counters.rebalances = 1;
}

static void
close_rig(struct rig *r)
{
	survey_free(&r->survey);
	meters_free(&r->streams[0]);
	meters_free(&r->streams[1]);
}

static void
take(struct rig *r, int64_t ms)
{
	r->now += ms;
	r->wall += ms;
	survey_take(r->survey, (const struct meters *const *)r->streams, 2, &r->counters, r->now,
		r->wall);
}

/* A partition that flows. */
static struct meter *
flowing(struct rig *r, int stream, const char *topic, int32_t partition)
{
	struct meter *m = meters_get(r->streams[stream], topic, partition);

	m->state = METER_FLOWING;
	m->lag = 0;
	m->moved_ms = r->now;
	return m;
}

TEST(rows_are_sorted_by_topic_and_number_however_they_come)
{
	struct rig r;
	struct survey_partition *const *rows;
	size_t count;
	char seen[100] = "";

	open_rig(&r);
	flowing(&r, 0, "b", 10);
	flowing(&r, 1, "b", 2);
	take(&r, 1000);
	flowing(&r, 1, "a", 1);
	flowing(&r, 0, "c", 0);
	flowing(&r, 0, "b", 0);
	take(&r, 1000);
	rows = survey_partitions(r.survey, &count);
	for (size_t i = 0; i < count; i++)
		snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%d ",
			rows[i]->topic->name, (int)rows[i]->partition);
	CHECK_STR(seen, "a1 b0 b2 b10 c0 ");
	CHECK_INT(survey_find(r.survey, "b")->count, 3);
	CHECK_INT(survey_find(r.survey, "b")->assigned, 3);
	CHECK(!survey_find(r.survey, "d"));
	CHECK_STR(rows[3]->labels, "topic=\"b\",partition=\"10\"");
	close_rig(&r);
}

TEST(a_partition_that_moves_between_streams_keeps_its_count)
{
	struct rig r;
	struct meter *before, *after;
	struct survey_partition *const *rows;
	size_t count;

	open_rig(&r);
	before = flowing(&r, 0, "t", 0);
	before->records_mirrored = 100;
	before->position = 100;
	take(&r, 1000);
	before->state = METER_GONE;
	after = flowing(&r, 1, "t", 0);
	after->records_mirrored = 7;
	after->position = 107;
	take(&r, 1000);
	rows = survey_partitions(r.survey, &count);
	CHECK_INT(count, 1);
	CHECK_INT(rows[0]->mirrored.records, 107);
	CHECK_INT(rows[0]->stream, 1);
	CHECK_INT(rows[0]->position, 107);
	/* What a stream that ended had counted stays. */
	survey_forget(r.survey, r.streams[0]);
	meters_free(&r.streams[0]);
	r.streams[0] = meters_new(0);
	take(&r, 1000);
	rows = survey_partitions(r.survey, &count);
	CHECK_INT(rows[0]->mirrored.records, 107);
	close_rig(&r);
}

TEST(rates_are_over_the_last_ten_seconds)
{
	struct rig r;
	struct meter *m;
	const struct survey_sum *sum;
	struct survey_moment history[SURVEY_HISTORY];
	size_t moments;

	open_rig(&r);
	m = flowing(&r, 0, "t", 0);
	take(&r, 1000);
	for (int i = 0; i < 20; i++) {
		m->records_mirrored += 50;
		m->bytes_mirrored += 5000;
		take(&r, 500);
	}
	sum = survey_sum(r.survey);
	CHECK_INT(lround(sum->mirrored.records_per_second), 100);
	CHECK_INT(lround(sum->mirrored.bytes_per_second), 10000);
	CHECK_INT(lround(survey_find(r.survey, "t")->mirrored.records_per_second), 100);
	moments = survey_history(r.survey, history);
	CHECK_INT(moments, 21);
	CHECK_INT(lround(history[20].records_per_second), 100);
	CHECK_INT(lround(history[0].records_per_second), 0);
	for (int i = 0; i < SURVEY_HISTORY; i++)
		take(&r, 1000);
	CHECK_INT(survey_history(r.survey, history), SURVEY_HISTORY);
	CHECK_INT(lround(sum->mirrored.records_per_second), 0);
	close_rig(&r);
}

TEST(the_state_that_matters_most_is_the_topics)
{
	struct rig r;
	const struct survey_topic *t;

	open_rig(&r);
	flowing(&r, 0, "t", 0);
	flowing(&r, 0, "t", 1)->state = METER_CAUGHT_UP;
	flowing(&r, 1, "t", 2)->state = METER_HELD;
	flowing(&r, 1, "t", 3)->state = METER_GONE;
	take(&r, 1000);
	t = survey_find(r.survey, "t");
	CHECK_INT(t->state, METER_HELD);
	CHECK_INT(t->worst->partition, 2);
	CHECK_INT(t->assigned, 3);
	CHECK_INT(t->count, 4);
	CHECK_INT(survey_sum(r.survey)->states[METER_HELD], 1);
	CHECK_INT(survey_sum(r.survey)->assigned, 3);
	close_rig(&r);
}

TEST(lag_in_seconds_is_the_age_of_what_was_settled_last)
{
	struct rig r;
	struct meter *m;
	const struct survey_topic *t;

	open_rig(&r);
	m = flowing(&r, 0, "t", 0);
	m->lag = 10;
	m->oldest_ms = -1;
	take(&r, 1000);
	t = survey_find(r.survey, "t");
	CHECK_INT(t->lag, 10);
	CHECK_INT(t->lag_ms, -1);
	m->oldest_ms = r.wall - 4000;
	take(&r, 1000);
	CHECK_INT(t->lag_ms, 5000);
	m->lag = 0;
	take(&r, 1000);
	CHECK_INT(t->lag_ms, 0);
	/* One partition whose end is not known makes the sum unknown. */
	flowing(&r, 0, "t", 1)->lag = -1;
	take(&r, 1000);
	CHECK_INT(t->lag, -1);
	CHECK_INT(survey_sum(r.survey)->lag, -1);
	close_rig(&r);
}

TEST(an_end_that_was_asked_for_counts_while_nothing_is_fetched)
{
	struct rig r;
	struct meter *m;
	const struct survey_topic *t;

	open_rig(&r);
	m = flowing(&r, 0, "t", 0);
	m->state = METER_PAUSED;
	m->position = 10;
	m->end = 100;
	m->lag = 90;
	take(&r, 1000);
	t = survey_find(r.survey, "t");
	survey_set_end(r.survey, "t", 0, 5000);
	survey_set_end(r.survey, "t", 7, 5000);
	survey_set_end(r.survey, "u", 0, 5000);
	take(&r, 1000);
	CHECK_INT(t->lag, 4990);
	CHECK_INT(t->partitions[0]->end, 5000);
	/* Fetching goes on and knows more. */
	m->end = 6000;
	m->lag = 20;
	take(&r, 1000);
	CHECK_INT(t->lag, 20);
	/* An old answer does not count: the topic may have been made anew. */
	m->end = 100;
	m->lag = 90;
	for (int i = 0; i < 20; i++)
		take(&r, 1000);
	CHECK_INT(t->lag, 90);
	close_rig(&r);
}

TEST(latency_quantiles_are_of_the_last_minute)
{
	struct rig r;
	struct meter *m;
	const struct survey_topic *t;

	open_rig(&r);
	m = flowing(&r, 0, "t", 0);
	take(&r, 1000);
	t = survey_find(r.survey, "t");
	CHECK(t->p50 < 0);
	for (int i = 0; i < 96; i++)
		meter_latency(m->topic, 30);
	meter_latency(m->topic, 7000);
	meter_latency(m->topic, 7000);
	meter_latency(m->topic, 7000);
	meter_latency(m->topic, 10000000);
	take(&r, 1000);
	CHECK(t->p50 > 0.025 && t->p50 <= 0.05);
	CHECK(t->p99 > 5 && t->p99 <= 15);
	CHECK_INT(t->latency_ms, 96 * 30 + 3 * 7000 + 10000000);
	for (int i = 0; i < 80; i++)
		take(&r, 1000);
	CHECK(t->p50 < 0);
	close_rig(&r);
}

TEST(what_does_not_move_is_told_with_its_reason)
{
	struct rig r;
	struct meter *m;
	struct survey_partition *const *rows;
	size_t count;
	char *why = NULL;

	open_rig(&r);
	m = flowing(&r, 0, "t", 3);
	m->state = METER_HELD;
	meter_set_reason(m, "the target refuses the record at offset 5: too large");
	take(&r, 60000);
	rows = survey_partitions(r.survey, &count);
	CHECK(survey_is_moving(rows[0], r.now, 60000, &why));
	take(&r, 1000);
	CHECK(!survey_is_moving(rows[0], r.now, 60000, &why));
	CHECK_STR(why, "t partition 3 has not moved for 61 s: it is held, the target refuses the "
		       "record at offset 5: too large");
	free(why);
	m->state = METER_FLOWING;
	m->in_flight = 0;
	take(&r, 1000);
	CHECK(!survey_is_moving(rows[0], r.now, 60000, &why));
	CHECK_STR(why, "t partition 3 has not moved for 62 s: nothing is read");
	free(why);
	m->in_flight = 7;
	take(&r, 1000);
	CHECK(!survey_is_moving(rows[0], r.now, 60000, &why));
	CHECK_STR(why, "t partition 3 has not moved for 63 s: the target acknowledges nothing");
	free(why);
	m->state = METER_PAUSED;
	take(&r, 1000);
	CHECK(survey_is_moving(rows[0], r.now, 60000, &why));
	close_rig(&r);
}
