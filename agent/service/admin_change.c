/* The admin API's calls that hold the mirror back, and let it go on: pauses and rate limits. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/agent_state.h"

#define LIMIT_MOST 500

/* What a call is about: a partition, a topic, or everything. */
struct place {
	char *topic;	   /* NULL: everything */
	int64_t partition; /* -1: the whole topic */
};

/* "t partition 3", "t", "everything". @gives a string */
static char *
place_text(const struct place *place)
{
	if (!place->topic)
		return mem_strdup("everything");
	if (place->partition < 0)
		return mem_strdup(place->topic);
	return mem_printf("%s partition %d", place->topic, (int)place->partition);
}

static bool
has_place(const struct place *place, const struct survey_partition *p)
{
	return !place->topic || (!strcmp(place->topic, p->topic->name) &&
					(place->partition < 0 || place->partition == p->partition));
}

/* How many partitions of the place this agent has. */
static size_t
count_here(const struct agent *a, const struct place *place)
{
	size_t count, here = 0;
	struct survey_partition *const *partitions = survey_partitions(a->survey, &count);

	for (size_t i = 0; i < count; i++)
		here += partitions[i]->state != METER_GONE && has_place(place, partitions[i]);
	return here;
}

/* What is paused or limited before it is there is mostly misspelt, and what is with another agent
   goes on there: the end of a sentence that says so. @gives a string */
static char *
absence(const struct agent *a, const struct place *place)
{
	const struct plan_topic *t =
		place->topic && a->routes ? plan_find(a->routes, place->topic) : NULL;
	size_t wanted, here;

	if (!place->topic || !a->routes)
		return mem_strdup("");
	if (!t || !t->target)
		return mem_printf("; %s is no topic that is mirrored now", place->topic);
	if (place->partition >= t->partitions)
		return mem_printf("; %s has only %d partition%s now", place->topic,
			(int)t->partitions, t->partitions == 1 ? "" : "s");
	wanted = place->partition < 0 ? (size_t)t->partitions : 1;
	here = count_here(a, place);
	if (here >= wanted)
		return mem_strdup("");
	return place->partition < 0
		       ? mem_printf("; this agent has %zu of its %zu partitions now", here, wanted)
		       : mem_strdup("; this agent does not have it now");
}

/* Reads topic, partition and, for a pause, keep. -1: the request was answered. */
static int
read_place(struct http_request *r, struct place *place, bool *keep)
{
	const struct admin_field fields[] = {
		{"topic", ADMIN_TOPIC, false, 0, 0, &place->topic},
		{"partition", ADMIN_NUMBER, false, 0, INT32_MAX, &place->partition},
		{"keep", ADMIN_BOOL, false, 0, 0, keep},
	};

	*place = (struct place){.partition = -1};
	if (admin_body(r, fields, keep ? 3 : 2) < 0)
		return -1;
	if (place->topic || place->partition < 0)
		return 0;
	http_reply_error(r, 400, "'partition' needs a 'topic'");
	return -1;
}

void
call_pause(struct http_request *r, void *agent)
{
	struct agent *a = agent;
	struct place place;
	struct err err;
	bool keep = false;
	char *text, *absent;

	if (read_place(r, &place, &keep) < 0)
		return;
	text = place_text(&place);
	absent = absence(a, &place);
	if (brakes_pause(
		    a->brakes, place.topic, (int32_t)place.partition, http_peer(r), keep, &err) < 0)
		http_reply_error(r, 500, "%s", err.text);
	else
		http_reply_done(r, "%s is paused%s%s", text,
			keep ? ", after a restart too" : " until it is resumed or the agent ends",
			absent);
	free(absent);
	free(text);
	free(place.topic);
}

/* What is held at a record there offers it again: what stood against it may be mended. Returns how
   many partitions are. */
static size_t
retry(struct agent *a, const struct place *place)
{
	size_t count, held = 0;
	struct survey_partition *const *partitions = survey_partitions(a->survey, &count);

	for (size_t i = 0; i < count; i++)
		held += partitions[i]->state == METER_HELD && has_place(place, partitions[i]);
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_retry(a->workers[i], place->topic, (int32_t)place->partition);
	return held;
}

/* Says what goes on now. */
static void
reply_resumed(struct http_request *r, const struct place *place, size_t paused, size_t held)
{
	char *text = place_text(place), *again = NULL;

	if (held > 0)
		again = mem_printf("%zu held %s offered again", held,
			held == 1 ? "partition is" : "partitions are");
	if (paused > 0)
		http_reply_done(r, "%s goes on%s%s", text, again ? "; " : "", again ? again : "");
	else
		http_reply_done(r, "nothing was paused%s%s", again ? "; " : "", again ? again : "");
	free(again);
	free(text);
}

void
call_resume(struct http_request *r, void *agent)
{
	struct agent *a = agent;
	struct place place;
	struct err err;
	size_t count;

	if (read_place(r, &place, NULL) < 0)
		return;
	if (brakes_resume(a->brakes, place.topic, (int32_t)place.partition, http_peer(r), &count,
		    &err) < 0)
		http_reply_error(r, 409, "%s", err.text);
	else
		reply_resumed(r, &place, count, retry(a, &place));
	free(place.topic);
}

void
call_limit(struct http_request *r, void *agent)
{
	struct agent *a = agent;
	char *topic = NULL, *limit = NULL, *absent;
	const struct admin_field fields[] = {
		{"limit", ADMIN_TEXT, true, 0, LIMIT_MOST, &limit},
		{"topic", ADMIN_TOPIC, false, 0, 0, &topic},
	};
	struct err err;

	if (admin_body(r, fields, 2) < 0)
		return;
	absent = absence(a, &(struct place){topic, -1});
	if (brakes_limit(a->brakes, topic, limit, &err) < 0)
		http_reply_error(r, 400, "'limit': %s", err.text);
	else if (!strcmp(limit, "default"))
		http_reply_done(r, "the limit %s%s is the configuration's again%s",
			topic ? "of " : "over all topics", topic ? topic : "", absent);
	else
		http_reply_done(r, "the limit %s%s is %s until the agent ends%s",
			topic ? "of " : "over all topics", topic ? topic : "", limit, absent);
	free(absent);
	free(topic);
	free(limit);
}
