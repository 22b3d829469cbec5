/* One pipeline between the source and the target of pipeline_rig.h, and what a test does with it.
 */
#ifndef TESTS_UNIT_PIPELINE_ONE_H
#define TESTS_UNIT_PIPELINE_ONE_H

#include "tests/unit/unit.h"

#include "tests/unit/pipeline_rig.h"

#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/library.h"
#include "mirror/meter.h"
#include "mirror/pipeline.h"
#include "mirror/plan.h"
#include "mirror/tally.h"
#include "mirror/topics.h"

static struct config *config;
static struct counters counters;
static struct meters *meters;
static struct pipeline *pipeline;

/* The topic that copies go to has so many partitions at the target; 0: it is missing and being
 * made. */
static const struct plan *
make_plan_with(int32_t partitions)
{
	struct topics *filter = topics_new(".*", false, true, NULL);
	struct plan_rules *rules = plan_rules_new(config, NULL);
	struct plan_partitions source = {.name = "here", .partitions = 2},
			       target = {.name = "here", .partitions = partitions};
	struct plan_input input = {.config = config,
		.filter = filter,
		.sources = &source,
		.source_count = 1,
		.targets = &target,
		.target_count = partitions > 0,
		.is_managed = partitions == 0};
	const struct plan *plan = plan_make(rules, &input, NULL);

	plan_rules_free(&rules);
	topics_free(&filter);
	return plan;
}

static const struct plan *
make_plan(void)
{
	return make_plan_with(2);
}

__attribute__((unused)) static void
set_plan(int32_t partitions)
{
	const struct plan *plan = make_plan_with(partitions);

	pipeline_set_plan(pipeline, plan);
	plan_release(&plan);
}

static struct meter *
add(int32_t partition)
{
	struct meter *meter = meters_get(meters, "here", partition);

	pipeline_add(pipeline, NULL, "here", partition, meter);
	return meter;
}

static char *on_gap = "alarm";

static void
start(char *on_error)
{
	char *argv[] = {"--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist", "here",
		"--abort.on.send.failure", "false", "--send.on.error", on_error,
		"--dead.letter.topic", "dead", "--on.gap", on_gap};
	struct problems problems = {0};
	const struct plan *plan;

	log_set_level(LOG_LEVEL_ERROR);
	config = config_load(16, argv, library_knows_property, &problems);
	problems_fini(&problems);
	counters = (struct counters){0};
	meters = meters_new(0);
	pipeline = pipeline_new(config, NULL, &counters, 1 << 20);
	plan = make_plan();
	pipeline_set_plan(pipeline, plan);
	plan_release(&plan);
	sent_count = answer_count = 0;
}

static void
stop(void)
{
	for (struct partition *p; (p = pipeline_next(pipeline, NULL));)
		pipeline_remove(pipeline, p);
	pipeline_abandon(pipeline, 0);
	pipeline_free(&pipeline);
	meters_free(&meters);
	config_free(&config);
}

/* Reads and sends what is there. */
static void
turn(void)
{
	for (size_t i = 0; i < 2; i++)
		if (sources[i] && sources[i]->taken < sources[i]->count)
			pipeline_wake(pipeline, sources[i]);
	pipeline_turn(pipeline);
}

/* Answers everything that was sent, in this order: A acknowledged, N not leader, M missing topic,
   R refused. */
static void
answer(const char *verdicts)
{
	CHECK_INT(sent_count, strlen(verdicts));
	for (size_t i = 0; i < sent_count; i++) {
		struct delivery d = {.opaque = sent[i], .partition = 0};

		switch (verdicts[i]) {
		case 'A': d.verdict = DELIVERY_ACKED; break;
		case 'N':
			d.verdict = DELIVERY_AGAIN;
			d.reason = "Not leader";
			d.error = "NOT_LEADER";
			break;
		case 'M':
			d.verdict = DELIVERY_LATER;
			d.is_missing_topic = true;
			d.reason = "Unknown topic";
			d.error = "UNKNOWN_TOPIC";
			break;
		default:
			d.verdict = DELIVERY_REFUSED;
			d.reason = "Invalid";
			d.error = "INVALID";
		}
		answers[answer_count++] = d;
	}
	sent_count = 0;
	turn();
}

#define CHECK_REASON(meter, expected)        \
	do {                                 \
		char text[METER_REASON];     \
		meter_reason((meter), text); \
		CHECK_STR(text, (expected)); \
	} while (0)

struct count {
	const char *name;
	uint64_t count;
};

static void
find_count(const char *name, uint64_t count, void *arg)
{
	struct count *c = arg;

	if (!strcmp(name, c->name))
		c->count = count;
}

__attribute__((unused)) static uint64_t
tallied(enum tally_kind kind, const char *name)
{
	struct count c = {name, 0};

	tally_each(kind, find_count, &c);
	return c.count;
}

/* Turns until so much was sent (again); pauses pass by the clock. */
__attribute__((unused)) static void
turn_until_sent(size_t count)
{
	static const struct timespec moment = {0, 1000000};
	int64_t until = clock_ms() + 10000;

	while (sent_count < count && CHECK(clock_ms() < until)) {
		turn();
		nanosleep(&moment, NULL);
	}
}

#endif
