/* Unit tests of the brakes: a stream between two embedded clusters, whose limits and pauses change
   while it runs. */
#include "tests/unit/unit.h"

#include "tests/unit/config_rig.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/library.h"
#include "kafka/mock.h"
#include "mirror/plan.h"
#include "service/brakes.h"

#define PARTITIONS 4
#define DEADLINE_MS 60000

struct rig {
	struct mock *source, *target;
	struct config *config;
	struct mailbox *notices;
	struct topics *filter;
	struct plan_rules *rules;
	const struct plan *plan;
	struct worker_plan worker_plan;
	struct worker *worker;
	struct brakes *brakes;
	char *file;
};

static void
rig_start(struct rig *r)
{
	const char *const topics[] = {"t"};
	const struct plan_partitions source = {.name = "t", .partitions = PARTITIONS};
	struct plan_input input = {.sources = &source, .source_count = 1};
	struct err err = {0};

	*r = (struct rig){.file = mem_printf("/tmp/reflejo-brakes-%d", (int)getpid())};
	r->source = mock_start(1, "t", PARTITIONS, &err);
	r->target = mock_start(1, "t", PARTITIONS, &err);
	r->config = load_between(mock_brokers(r->source), mock_brokers(r->target),
		"--consumer.auto.offset.reset", "earliest", "--consumer.fetch.max.wait.ms", "20",
		"--admin.state.file", r->file, NULL);
	input.config = r->config;
	input.filter = r->filter = topics_new("t", false, true, &err);
	r->rules = plan_rules_new(r->config, &err);
	r->plan = plan_make(r->rules, &input, &err);
	r->brakes = brakes_new(r->config, &err);
	r->notices = mailbox_new();
	r->worker_plan = (struct worker_plan){.config = r->config,
		.source_brokers = mock_brokers(r->source),
		.source_broker_count = 1,
		.partition_count = PARTITIONS,
		.notices = r->notices,
		.limits = brakes_limits(r->brakes),
		.pauses = brakes_pauses(r->brakes)};
	r->worker = worker_start(&r->worker_plan, r->plan, 0, &err);
	CHECK_STR(err.text, "");
	brakes_set_workers(r->brakes, &r->worker, 1);
	worker_set_topics(r->worker, topics, 1, r->plan);
	mock_write(r->source, 1000, &err);
}

/* Waits until the worker says that. */
static void
wait_notice(struct rig *r, int kind)
{
	int64_t until = clock_ms() + DEADLINE_MS;

	for (bool is_there = false; !is_there && CHECK(clock_ms() < until);) {
		struct pollfd fd = {mailbox_fd(r->notices), POLLIN, 0};
		struct message *m, *next;

		poll(&fd, 1, 1000);
		for (m = mailbox_take(r->notices); m; m = next) {
			next = m->next;
			is_there |= m->kind == kind;
			/* What the source has is asked for as well, by libraries that know topic
			   ids. */
			if (m->kind == WORKER_RANGES)
				free(m);
			else
				worker_message_free((struct worker_message *)m);
		}
	}
}

static void
rig_stop(struct rig *r)
{
	worker_stop(r->worker, 5000);
	wait_notice(r, WORKER_DRAINED);
	worker_leave(r->worker);
	wait_notice(r, WORKER_ENDED);
	worker_join(&r->worker);
	brakes_free(&r->brakes);
	plan_release(&r->plan);
	plan_rules_free(&r->rules);
	topics_free(&r->filter);
	mailbox_free(&r->notices);
	mock_stop(&r->source);
	mock_stop(&r->target);
	config_free(&r->config);
	unlink(r->file);
	free(r->file);
	library_wait(1000);
}

static uint64_t
records_read(const struct rig *r)
{
	return counter_get(&worker_counters(r->worker)->records_read);
}

/* Waits until so many records were written to the source beyond those that had been. */
static void
wait_written(const struct rig *r, uint64_t more)
{
	uint64_t goal = mock_written(r->source) + more;
	int64_t until = clock_ms() + DEADLINE_MS;

	while (mock_written(r->source) < goal && CHECK(clock_ms() < until))
		poll(NULL, 0, 5);
}

/* Waits until the stream has read all that has been written so far. */
static void
wait_caught_up(const struct rig *r)
{
	uint64_t goal = mock_written(r->source);
	int64_t until = clock_ms() + DEADLINE_MS;

	while (records_read(r) < goal && CHECK(clock_ms() < until))
		poll(NULL, 0, 5);
}

/* Waits until nothing is read while 300 records are written. An order takes a moment to arrive. */
static bool
stands_still(const struct rig *r)
{
	for (int i = 0; i < 20; i++) {
		uint64_t before = records_read(r);

		wait_written(r, 300);
		if (records_read(r) == before)
			return true;
	}
	return false;
}

/* Records a second over about two seconds. */
static int64_t
measure(const struct rig *r)
{
	int64_t began = clock_us();
	uint64_t before = records_read(r);

	wait_written(r, 2000);
	return (int64_t)(records_read(r) - before) * 1000000 / (clock_us() - began);
}

static void
check_pauses(struct rig *r)
{
	uint64_t rebalances = counter_get(&worker_counters(r->worker)->rebalances);
	int64_t rate;
	struct err err = {0};
	size_t count;

	CHECK_INT(brakes_pause(r->brakes, "t", -1, "me", false, &err), 0);
	CHECK(stands_still(r));
	CHECK_INT(brakes_resume(r->brakes, "t", 1, "me", &count, &err), -1);
	CHECK(strstr(err.text, "resume the topic") != NULL);
	CHECK_INT(brakes_resume(r->brakes, "t", -1, "me", &count, &err), 0);
	CHECK_INT(count, 1);
	wait_caught_up(r);

	/* One partition of four: three quarters go on. */
	CHECK_INT(brakes_pause(r->brakes, "t", 2, "me", true, &err), 0);
	CHECK_INT(access(r->file, R_OK), 0);
	rate = measure(r);
	CHECK(rate > 600 && rate < 900);
	CHECK_INT(brakes_resume(r->brakes, NULL, -1, "me", &count, &err), 0);
	CHECK_INT(access(r->file, F_OK), -1);
	wait_caught_up(r);
	CHECK_INT(brakes_resume(r->brakes, NULL, -1, "me", &count, &err), 0);
	CHECK_INT(count, 0);
	CHECK_INT(counter_get(&worker_counters(r->worker)->rebalances), rebalances);
}

static void
check_limits(struct rig *r)
{
	struct err err = {0};
	int64_t rate;

	CHECK_INT(brakes_limit(r->brakes, NULL, "fast", &err), -1);
	CHECK_INT(brakes_limit(r->brakes, NULL, "1B/s", &err), 0);
	CHECK(stands_still(r));
	CHECK_INT(brakes_limit(r->brakes, NULL, "500r/s", &err), 0);
	rate = measure(r);
	CHECK(rate > 440 && rate < 560);
	CHECK_INT(brakes_limit(r->brakes, "t", "200r/s", &err), 0);
	rate = measure(r);
	CHECK(rate > 170 && rate < 230);
	CHECK_INT(brakes_limit(r->brakes, NULL, "default", &err), 0);
	CHECK_INT(brakes_limit(r->brakes, "t", "none", &err), 0);
	wait_caught_up(r);
	brakes_every_second(r->brakes);
	CHECK_INT(brakes_limit(r->brakes, "t", "default", &err), 0);
	wait_caught_up(r);
}

TEST(what_changes_while_it_runs_is_obeyed_at_once)
{
	struct rig r;

	log_set_level(LOG_LEVEL_ERROR);
	rig_start(&r);
	wait_written(&r, 100);
	wait_caught_up(&r);
	CHECK_INT(counter_get(&worker_counters(r.worker)->partitions), PARTITIONS);
	check_pauses(&r);
	check_limits(&r);
	rig_stop(&r);
}

TEST(nothing_is_paused_when_it_cannot_be_kept)
{
	struct config *config = load_between(
		"127.0.0.1:1", "127.0.0.1:2", "--admin.state.file", "/nowhere/at/all", NULL);
	struct err err = {0};
	struct brakes *brakes = brakes_new(config, &err);
	size_t count = 7;

	CHECK_INT(brakes_pause(brakes, "t", -1, "me", true, &err), -1);
	CHECK(!strncmp(err.text, "/nowhere/at/all: the pauses cannot be kept: ", 44));
	CHECK_INT(brakes_pauses(brakes)->count, 0);
	CHECK_INT(brakes_pause(brakes, "t", -1, "me", false, &err), 0);
	CHECK_INT(brakes_pauses(brakes)->count, 1);
	CHECK_INT(brakes_resume(brakes, "t", -1, "me", &count, &err), 0);
	CHECK_INT(count, 1);
	brakes_free(&brakes);
	config_free(&config);
}
