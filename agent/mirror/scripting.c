/* Scripting: how the mirror's parts make the states of the user's script. */
#include "mirror/scripting.h"

#include <stdio.h>
#include <stdlib.h>

#include "kafka/record.h"
#include "script/tester.h"

static const struct script_headers_of headers_of = {.at = record_header};

/* The cases of script.test that failed. */
struct failures {
	size_t count;
	char first[400];
};

static void
note_case(const char *name, const char *why, void *arg)
{
	struct failures *f = arg;

	if (why && f->count++ == 0)
		snprintf(f->first, sizeof(f->first), "%s: %s", name, why);
}

/* Runs the test file that the configuration wants passed. */
static int
run_test(const struct config *config, struct err *err)
{
	const char *file = config->script.test;
	struct failures f = {0};

	if (!file)
		return 0;
	if (tester_run(config, file, note_case, &f, err) < 0)
		return -1;
	if (f.count > 0)
		return err_set(err, "%s: %zu cases of script.test fail, the first: %s", file,
			f.count, f.first);
	return 0;
}

struct script *
scripting_load(const struct config *config, struct script_world *world, enum script_reason reason,
	struct err *err)
{
	const struct script_options options = {.config = config,
		.world = world,
		.headers = &headers_of,
		.reason = reason,
		.stream = -1,
		.streams = (int)config->mirror.num_streams};
	struct script *script = script_load(&options, err);

	if (script && (script_init(script, NULL, err) < 0 || run_test(config, err) < 0))
		script_free(&script);
	return script;
}

static int32_t
partitions_by_plan(void *arg, const char *topic)
{
	const struct plan *const *plan = arg;

	return plan_target_partitions(*plan, topic);
}

/* Loads the stream's state; init was not called. */
static struct script *
load_stream(const struct scripting *s, enum script_reason reason, struct err *err)
{
	const struct script_options options = {.config = s->config,
		.world = s->world,
		.headers = &headers_of,
		.reason = reason,
		.stream = s->stream,
		.streams = (int)s->config->mirror.num_streams,
		.partitions_of = partitions_by_plan,
		.partitions_arg = (void *)(uintptr_t)s->plan};

	return script_load(&options, err);
}

static void
take(struct scripting *s, struct script *script)
{
	s->script = script;
	s->next_timer = script && script_has(script, SCRIPT_TIMERS) ? 1 : 0;
	if (script)
		script_take_over(script);
}

/* One that was in force never before. */
static void
take_new(struct scripting *s, struct script *script)
{
	if (script)
		script_set_generation(script, ++s->taken);
	take(s, script);
}

int
scripting_start(struct scripting *s, const struct config *config, struct script_world *world,
	int stream, const struct plan *const *plan, struct err *err)
{
	struct script *script;

	*s = (struct scripting){.config = config, .world = world, .plan = plan, .stream = stream};
	if (!config->script.file)
		return 0;
	script = load_stream(s, SCRIPT_AT_START, err);
	if (script && script_init(script, NULL, err) < 0)
		script_free(&script);
	take_new(s, script);
	return script ? 0 : -1;
}

void
scripting_fini(struct scripting *s)
{
	script_free(&s->next);
	script_free(&s->previous);
	script_free(&s->script);
}

int
scripting_prepare(struct scripting *s, struct err *err)
{
	char *saved = NULL;

	script_free(&s->next);
	s->next = load_stream(s, SCRIPT_AT_RELOAD, err);
	if (s->next && s->script)
		script_close(s->script, "reload", &saved);
	if (s->next && script_init(s->next, saved, err) < 0)
		script_free(&s->next);
	free(saved);
	return s->next ? 0 : -1;
}

void
scripting_decide(struct scripting *s, bool is_taken)
{
	if (!is_taken) {
		script_free(&s->next);
		return;
	}
	script_free(&s->previous);
	s->previous = s->script;
	take_new(s, s->next);
	s->next = NULL;
}

bool
scripting_roll_back(struct scripting *s)
{
	struct script *script = s->previous;

	if (!script)
		return false;
	s->previous = s->script;
	take(s, script);
	return true;
}

void
scripting_close(struct scripting *s)
{
	char *saved = NULL;

	if (s->script)
		script_close(s->script, "stop", &saved);
	free(saved);
}

void
scripting_run_timers(struct scripting *s, int64_t now)
{
	int64_t wait;

	if (s->next_timer == 0 || now < s->next_timer)
		return;
	wait = script_run_timers(s->script);
	s->next_timer = wait < 0 ? 0 : now + wait;
}
