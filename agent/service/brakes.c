/* Brakes: what holds the mirror back because somebody wants it: rate limits and pauses. */
#include "service/brakes.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct brakes {
	struct limits *limits;
	const struct pauses *pauses;
	char *file; /* of pauses that are kept */
	struct worker *const *workers;
	size_t worker_count;
};

static void
say(enum log_event event, const char *topic, int32_t partition, const char *by)
{
	LOG(event, F_STR("topic", topic ? topic : "*"), F_INT("partition", partition),
		F_STR("by", by));
}

static void
load_pauses(struct brakes *b)
{
	struct err err;

	b->pauses = pauses_load(b->file, &err);
	if (!b->pauses) {
		LOG(EVENT_pauses_unreadable, F_STR("reason", err.text));
		b->pauses = pauses_new();
	}
	for (size_t i = 0; i < b->pauses->count; i++)
		say(EVENT_paused, b->pauses->items[i].topic, b->pauses->items[i].partition,
			b->pauses->items[i].by);
}

struct brakes *
brakes_new(const struct config *config, struct err *err)
{
	struct brakes *b = mem_zero(1, sizeof(*b));

	b->limits = limits_new(config, err);
	if (!b->limits) {
		brakes_free(&b);
		return NULL;
	}
	b->file = config_state_file(config, config->admin.state_file, "pauses");
	if (config->mirror.dry_run)
		b->pauses = pauses_new();
	else
		load_pauses(b);
	return b;
}

void
brakes_free(struct brakes **brakes)
{
	struct brakes *b = *brakes;

	if (!b)
		return;
	limits_release(&b->limits);
	pauses_release(&b->pauses);
	free(b->file);
	free(b);
	*brakes = NULL;
}

void
brakes_set_workers(struct brakes *b, struct worker *const *workers, size_t count)
{
	b->workers = workers;
	b->worker_count = count;
}

void
brakes_every_second(struct brakes *b)
{
	limits_at(b->limits, clock_wall_ms());
}

int
brakes_limit(struct brakes *b, const char *topic, const char *text, struct err *err)
{
	struct limits *fresh = limits_with(b->limits, topic, text, err);

	if (!fresh)
		return -1;
	limits_release(&b->limits);
	b->limits = fresh;
	for (size_t i = 0; i < b->worker_count; i++)
		if (b->workers[i])
			worker_set_limits(b->workers[i], fresh);
	LOG(EVENT_limited, F_STR("topic", topic ? topic : "*"), F_STR("limit", text));
	return 0;
}

/* Takes other pauses, once what shall survive a restart is in the file; where that stays as it is,
   a file that cannot be written is in nobody's way. @takes fresh */
static int
change_pauses(struct brakes *b, const struct pauses *fresh, bool keep, struct err *err)
{
	if ((keep || pauses_kept(fresh) != pauses_kept(b->pauses)) &&
		pauses_save(fresh, b->file, err) < 0) {
		pauses_release(&fresh);
		return -1;
	}
	pauses_release(&b->pauses);
	b->pauses = fresh;
	for (size_t i = 0; i < b->worker_count; i++)
		if (b->workers[i])
			worker_set_pauses(b->workers[i], fresh);
	return 0;
}

int
brakes_pause(struct brakes *b, const char *topic, int32_t partition, const char *by, bool keep,
	struct err *err)
{
	const struct pause pause = {.topic = (char *)(uintptr_t)topic,
		.partition = partition,
		.by = (char *)(uintptr_t)by,
		.since_ms = clock_wall_ms(),
		.keep = keep};

	if (change_pauses(b, pauses_with(b->pauses, &pause), keep, err) < 0)
		return -1;
	say(EVENT_paused, topic, topic ? partition : -1, by);
	return 0;
}

int
brakes_resume(struct brakes *b, const char *topic, int32_t partition, const char *by,
	size_t *ret_count, struct err *err)
{
	size_t count;
	const struct pauses *fresh = pauses_without(b->pauses, topic, partition, &count, err);

	if (!fresh || change_pauses(b, fresh, false, err) < 0)
		return -1;
	*ret_count = count;
	if (count > 0)
		say(EVENT_resumed, topic, topic ? partition : -1, by);
	return 0;
}

struct limits *
brakes_limits(struct brakes *b)
{
	return b->limits;
}

const struct pauses *
brakes_pauses(const struct brakes *b)
{
	return b->pauses;
}
