/* The one shot: how far the mirror is on the way to its end, and when it is there. */
#include "service/oneshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/offsets.h"
#include "service/agent_state.h"

/* While partitions of this agent are still read, those of other members are asked for so often; at
   most so many at once. */
#define OTHERS_MS 5000
#define MOST 5000
/* The rate is that of so many seconds. */
#define RATE_SECONDS 10

/* What is known of a partition that has an end. A partition is done when the group has committed
   its end: whoever read it, this agent or another member. */
struct goal {
	int64_t committed; /* by the group, as the source said last; -1: nothing */
	int64_t position;  /* of the stream that has it here, as of the last second */
	int64_t moved_ms;  /* clock_ms, when it is elsewhere: that it was, or moved, last */
	int64_t gone_from, gone_to; /* offsets that the source deleted before they were read */
	struct meter_gap gap;	    /* that a stream of this agent went past, the newest of them */
	bool is_gone_guessed;  /* from the position as of a second, while records were on their way
				*/
	bool is_done, is_here; /* here: a stream of this agent has it */
	bool is_settled;       /* here, and all of it is at the target */
	bool is_stuck;
};

/* Why something does not move, as of the stop. */
struct stuck {
	char *topic, *why;
	int32_t partition;
};

struct oneshot {
	struct until *until;
	struct goal *goals; /* one for each of until's partitions */
	bool is_asking, is_reached;
	int64_t next_ask; /* clock_ms */
	size_t ask_from;
	uint64_t records_read; /* in all, and since when no more (clock_ms) */
	int64_t idle_since;
	int64_t lefts[RATE_SECONDS + 1], times[RATE_SECONDS + 1]; /* of the last seconds */
	uint64_t moments;
	struct last_pass {
		bool is_asked, is_done;
		int64_t since; /* clock_ms, while both clusters answer: it is waited for */
	} groups;
	struct stuck *stuck;
	size_t stuck_count;
};

struct oneshot *
oneshot_new(struct until *until)
{
	struct oneshot *o = mem_zero(1, sizeof(*o));

	o->until = until;
	o->goals = mem_zero(until->count, sizeof(*o->goals));
	for (size_t i = 0; i < until->count; i++) {
		const struct until_partition *u = &until->items[i];
		struct goal *g = &o->goals[i];

		g->committed = u->start;
		g->position = -1;
		g->is_done = until_was_done(u);
		/* What retention took from a group that had stood there. */
		if (u->start >= 0 && u->start < u->begin) {
			g->gone_from = u->start;
			g->gone_to = u->end >= 0 && u->end < u->begin ? u->end : u->begin;
		}
	}
	return o;
}

void
oneshot_free(struct oneshot **oneshot)
{
	struct oneshot *o = *oneshot;

	if (!o)
		return;
	for (size_t i = 0; i < o->stuck_count; i++) {
		free(o->stuck[i].topic);
		free(o->stuck[i].why);
	}
	free(o->stuck);
	free(o->goals);
	until_free(&o->until);
	free(o);
	*oneshot = NULL;
}

const struct until *
oneshot_until(const struct oneshot *o)
{
	return o->until;
}

bool
oneshot_is_reached(const struct oneshot *o)
{
	return o && o->is_reached;
}

int64_t
oneshot_committed(const struct oneshot *o, const struct until_partition *partition)
{
	return o->goals[partition - o->until->items].committed;
}

/* A cluster that has just come back has still to show what moves. */
static bool
answers(const struct view_side *side, int64_t stall_ms)
{
	return side->reachable != 0 && clock_wall_ms() - side->since > stall_ms;
}

/* An outage is waited for, so that what it holds up is not stuck. */
static bool
both_answer(const struct agent *a)
{
	int64_t stall_ms = a->config->admin.stall_ms;

	return answers(&a->source, stall_ms) && answers(&a->target, stall_ms);
}

/* What the plan says of a topic that is not there at the target is the cause of standing still. */
static void
add_problem(const struct agent *a, const struct survey_partition *p, char **why)
{
	const struct plan_topic *t = a->routes ? plan_find(a->routes, p->topic->name) : NULL;
	char *more;

	if (!t || t->target_partitions != 0 || t->problem_count == 0)
		return;
	more = mem_printf("%s; %s", *why, t->problems[0]);
	free(*why);
	*why = more;
}

/* Will a partition that a stream of ours has not move any more, by all that is known? *ret_why gets
   a sentence then, which the caller frees. */
static bool
is_stuck_here(const struct agent *a, const struct survey_partition *p, char **ret_why)
{
	char reason[METER_REASON] = "";

	if (p->state == METER_HELD) {
		if (p->meter)
			meter_reason(p->meter, reason);
		*ret_why = mem_printf("it is held: %s", *reason ? reason : "see the log");
		return true;
	}
	/* A limit may be as low as one likes. */
	if (p->state == METER_LIMITED || !both_answer(a) ||
		survey_is_moving(p, survey_time(a->survey), a->config->admin.stall_ms, ret_why))
		return false;
	add_problem(a, p, ret_why);
	return true;
}

static void
look_here(const struct agent *a, struct goal *g, const struct survey_partition *p)
{
	char *why = NULL;

	g->is_here = true;
	g->position = p->position;
	g->is_settled = p->meter && atomic_load_explicit(&p->meter->is_over, memory_order_relaxed);
	g->is_stuck = !g->is_settled && is_stuck_here(a, p, &why);
	g->moved_ms = survey_time(a->survey);
	free(why);
	/* Nothing stood below its end but what is no record: there is nothing to commit. */
	if (g->is_settled && p->position < 0)
		g->is_done = true;
}

/* Has every stream what the group gives it? */
static bool
is_shared_out(const struct agent *a)
{
	const struct counters *c = &survey_sum(a->survey)->counters;

	if (a->routes && a->routes->mirrored == 0)
		return true;
	return counter_get(&c->rebalances) >= (uint64_t)a->worker_count &&
	       counter_get(&c->is_unassigned) == 0;
}

/* Another member may have it. That a stream of ours waits for the group shows after stall_ms only,
   which takes it as long again. */
static void
look_elsewhere(const struct agent *a, struct goal *g)
{
	int64_t now = survey_time(a->survey);

	g->is_here = g->is_settled = false;
	if (g->moved_ms == 0 || !both_answer(a) || !is_shared_out(a))
		g->moved_ms = now;
	g->is_stuck = now - g->moved_ms > 2 * a->config->admin.stall_ms;
}

static int
compare(const struct until_partition *u, const struct survey_partition *p)
{
	return offsets_order(u->topic, u->partition, p->topic->name, p->partition);
}

/* What the streams do with all that is not done; both lists have the same order. */
static void
look(struct agent *a)
{
	struct oneshot *o = a->oneshot;
	size_t count, n = 0;
	struct survey_partition *const *partitions = survey_partitions(a->survey, &count);

	for (size_t i = 0; i < o->until->count; i++) {
		const struct until_partition *u = &o->until->items[i];

		while (n < count && compare(u, partitions[n]) > 0)
			n++;
		if (o->goals[i].is_done)
			continue;
		if (n < count && compare(u, partitions[n]) == 0 &&
			partitions[n]->state != METER_GONE)
			look_here(a, &o->goals[i], partitions[n]);
		else
			look_elsewhere(a, &o->goals[i]);
	}
}

static int64_t
left_of(const struct until_partition *u, const struct goal *g)
{
	int64_t at = u->end - until_to_read(u);

	if (g->is_done)
		return 0;
	if (g->committed > at)
		at = g->committed;
	if (g->is_here && g->position > at)
		at = g->position;
	return u->end > at ? u->end - at : 0;
}

static int64_t
count_left(const struct oneshot *o)
{
	int64_t left = 0;

	for (size_t i = 0; o->until->has_ends && i < o->until->count; i++)
		left += left_of(&o->until->items[i], &o->goals[i]);
	return left;
}

static void
note_moment(struct oneshot *o, int64_t now)
{
	int64_t left = count_left(o);
	size_t at;

	/* Before the first record comes, the group takes its time: that says nothing of the rate.
	 */
	if (o->moments > 0 && o->lefts[0] == left && o->moments < 2)
		o->moments = 0;
	at = o->moments++ % (RATE_SECONDS + 1);
	o->lefts[at] = left;
	o->times[at] = now;
}

void
oneshot_progress(const struct oneshot *o, struct oneshot_progress *ret)
{
	uint64_t kept = o->moments < RATE_SECONDS + 1 ? o->moments : RATE_SECONDS + 1;
	size_t last = (o->moments + RATE_SECONDS) % (RATE_SECONDS + 1),
	       first = (o->moments - kept) % (RATE_SECONDS + 1);
	double seconds = kept > 1 ? (double)(o->times[last] - o->times[first]) / 1000 : 0;

	*ret = (struct oneshot_progress){.has_ends = o->until->has_ends,
		.partitions = o->until->count,
		.left = count_left(o),
		.eta_ms = -1};
	for (size_t i = 0; ret->has_ends && i < o->until->count; i++) {
		ret->to_read += until_to_read(&o->until->items[i]);
		ret->done += o->goals[i].is_done;
	}
	if (seconds > 0 && o->lefts[first] > o->lefts[last])
		ret->per_second = (double)(o->lefts[first] - o->lefts[last]) / seconds;
	if (ret->has_ends && ret->left == 0)
		ret->eta_ms = 0;
	else if (ret->per_second > 0)
		ret->eta_ms = (int64_t)((double)ret->left * 1000 / ret->per_second);
}

/* Is there a partition of ours that still moves towards its end? */
static bool
is_busy(const struct oneshot *o)
{
	for (size_t i = 0; i < o->until->count; i++) {
		const struct goal *g = &o->goals[i];

		if (!g->is_done && g->is_here && !g->is_settled && !g->is_stuck)
			return true;
	}
	return false;
}

/* Asks where the group stands: with the partitions of others while ours are busy, then with all
   that are not done. */
static void
ask(struct agent *a)
{
	struct oneshot *o = a->oneshot;
	int64_t now = survey_time(a->survey);
	size_t count = o->until->count, most = count < MOST ? count : MOST;
	bool is_waiting = is_busy(o);
	struct scout_ends *s;

	if (o->is_asking || (is_waiting && now < o->next_ask) || count == 0)
		return;
	s = scout_ends_new(2 * most);
	s->wants_standings = true;
	for (size_t i = 0; i < count && s->count < most; i++) {
		size_t at = (o->ask_from + i) % count;
		const struct until_partition *u = &o->until->items[at];

		if (o->goals[at].is_done || (is_waiting && o->goals[at].is_here))
			continue;
		s->items[s->count++] = (struct topic_partition){u->topic, u->partition, -1};
		if (s->count == most)
			o->ask_from = (at + 1) % count;
	}
	o->next_ask = now + OTHERS_MS;
	if (s->count == 0) {
		free(s);
		return;
	}
	o->is_asking = true;
	scout_ask_ends(a->scout, s);
}

/* The source says how far the group is, and what it has deleted. */
static void
take_standing(
	struct oneshot *o, const struct topic_partition *committed, int64_t begin, int64_t now)
{
	const struct until_partition *u =
		until_find(o->until, committed->topic, committed->partition);
	struct goal *g = u ? &o->goals[u - o->until->items] : NULL;

	if (!g || g->is_done)
		return;
	if (committed->offset != g->committed)
		g->moved_ms = now;
	g->committed = committed->offset;
	if (begin >= u->end && left_of(u, g) > 0) {
		g->gone_from = u->end - left_of(u, g);
		g->gone_to = u->end;
		g->is_gone_guessed = true;
	}
	g->is_done = committed->offset >= u->end || begin >= u->end;
}

void
oneshot_take(struct agent *a, struct message *message)
{
	struct scout_ends *s = (struct scout_ends *)message;
	struct oneshot *o = a->oneshot;

	o->is_asking = false;
	for (size_t i = 0; i < s->count && s->is_known; i++)
		take_standing(
			o, &s->items[i], s->items[s->count + i].offset, survey_time(a->survey));
	free(s);
}

/* Is all done, but for what will not move? */
static bool
is_over(const struct oneshot *o)
{
	if (!o->until->has_ends)
		return false;
	for (size_t i = 0; i < o->until->count; i++)
		if (!o->goals[i].is_done && !o->goals[i].is_stuck)
			return false;
	return true;
}

static bool
is_all_done(const struct oneshot *o)
{
	for (size_t i = 0; i < o->until->count; i++)
		if (!o->goals[i].is_done)
			return false;
	return true;
}

/* Has nothing come for so long, and is all that came settled, or stuck? */
static bool
is_idle(struct agent *a)
{
	struct oneshot *o = a->oneshot;
	int64_t now = survey_time(a->survey), wait = a->config->mirror.until_idle_ms;
	uint64_t read = counter_get(&survey_sum(a->survey)->counters.records_read);
	size_t count;
	struct survey_partition *const *partitions = survey_partitions(a->survey, &count);

	if (wait == 0)
		return false;
	if (read != o->records_read || !is_shared_out(a) || a->source.reachable == 0 ||
		o->idle_since == 0)
		o->idle_since = now;
	o->records_read = read;
	if (now - o->idle_since < wait)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct survey_partition *p = partitions[i];
		char *why = NULL;
		bool is_stuck = p->state != METER_GONE && is_stuck_here(a, p, &why);

		free(why);
		if (p->state != METER_GONE && p->state != METER_CAUGHT_UP && !is_stuck)
			return false;
	}
	return true;
}

static void
reach(struct agent *a, const char *reason)
{
	a->oneshot->is_reached = true;
	LOG(EVENT_until_reached, F_STR("reason", reason));
	agent_stop(a, AGENT_OK, reason);
}

void
oneshot_on_groups(struct oneshot *o)
{
	o->groups.is_done = o->groups.is_asked;
}

/* Where consumer groups move too: a last pass, while the streams are still there, because it needs
   to know that nothing is on its way. Is it over, or will it not be? */
static bool
has_last_pass(struct agent *a)
{
	struct last_pass *pass = &a->oneshot->groups;
	int64_t now = survey_time(a->survey);

	if (!a->groups || pass->is_done)
		return true;
	if (pass->since == 0 || !both_answer(a))
		pass->since = now;
	/* Before the group has given out its partitions none is ours. */
	if (!pass->is_asked && is_shared_out(a)) {
		group_sync_pass(a->groups);
		pass->is_asked = true;
		pass->since = now;
	}
	return now - pass->since > a->config->admin.stall_ms;
}

void
oneshot_every_second(struct agent *a)
{
	struct oneshot *o = a->oneshot;
	const char *reason = NULL;

	if (!o || a->is_stopping)
		return;
	if (o->until->has_ends) {
		look(a);
		note_moment(o, survey_time(a->survey));
		ask(a);
	}
	if (is_over(o))
		reason = is_all_done(o) ? "its ends are reached"
					: "its ends are reached, but for what does not move";
	else if (is_idle(a))
		reason = "nothing has come for the time of until.idle";
	if (!reason)
		o->groups = (struct last_pass){0};
	else if (has_last_pass(a))
		reach(a, reason);
}

void
oneshot_note_stop(struct agent *a)
{
	struct oneshot *o = a->oneshot;
	size_t count;
	struct survey_partition *const *partitions = survey_partitions(a->survey, &count);

	if (!o)
		return;
	o->stuck = mem_zero(count, sizeof(*o->stuck));
	for (size_t i = 0; i < count; i++) {
		const struct survey_partition *p = partitions[i];
		char *why = NULL;

		if (p->state == METER_GONE || !is_stuck_here(a, p, &why))
			continue;
		o->stuck[o->stuck_count++] =
			(struct stuck){mem_strdup(p->topic->name), why, p->partition};
	}
}

/* One that holds its partition is told as what holds it. The stream knows better what was gone than
   the guess. */
static void
note_gap(struct goal *g, const struct meter *meter)
{
	struct meter_gap gap;

	meter_gap(meter, &gap);
	if (gap.gaps == 0 || gap.policy != GAP_ALARM)
		return;
	g->gap = gap;
	if (g->is_gone_guessed && gap.gap.first < g->gone_to && gap.gap.last >= g->gone_from)
		g->gone_to = g->gone_from;
}

void
oneshot_note_meters(struct oneshot *o, const struct meters *meters)
{
	for (const struct meter *m = NULL; o && (m = meters_next(meters, m));) {
		const struct until_partition *u =
			until_find(o->until, m->topic->name, m->partition);
		struct goal *g = u ? &o->goals[u - o->until->items] : NULL;
		int64_t committed = atomic_load_explicit(&m->committed, memory_order_relaxed);

		if (!g)
			continue;
		g->is_here = false;
		if (committed > g->committed)
			g->committed = committed;
		g->is_done |= o->until->has_ends && g->committed >= u->end;
		note_gap(g, m);
	}
}

static int
compare_stuck(const void *key, const void *element)
{
	const struct until_partition *u = key;
	const struct stuck *s = element;

	return offsets_order(u->topic, u->partition, s->topic, s->partition);
}

/* Why a partition did not move, NULL: it did, or was not here. */
static const char *
why_stuck(const struct oneshot *o, const struct until_partition *u)
{
	const struct stuck *s = o->stuck_count ? bsearch(u, o->stuck, o->stuck_count,
							 sizeof(*o->stuck), compare_stuck)
					       : NULL;

	return s ? s->why : NULL;
}

/* Why an end was not reached. */
static const char *
why_left(const struct oneshot *o, const struct until_partition *u)
{
	const char *why = why_stuck(o, u);

	if (why)
		return why;
	if (!o->is_reached)
		return "the mirror ended before";
	return "another member of the group has it, or none, and its committed position does not "
	       "move";
}

/* Is the only gap part of what was deleted? */
static bool
is_gap_in_gone(const struct goal *g)
{
	return g->gap.gaps == 1 && g->gap.gap.first >= g->gone_from && g->gap.gap.last < g->gone_to;
}

/* Is what was deleted part of the last gap? */
static bool
is_gone_in_gap(const struct goal *g)
{
	return g->gap.gaps > 0 && g->gap.gap.first <= g->gone_from &&
	       g->gap.gap.last >= g->gone_to - 1;
}

/* What the source had deleted, by what was seen of its beginning. */
static void
tell_gone(const struct until_partition *u, const struct goal *g, oneshot_left *fn, void *arg)
{
	struct text text = {0};

	if (g->gone_to <= g->gone_from || (is_gone_in_gap(g) && !is_gap_in_gone(g)))
		return;
	text_printf(&text,
		"offsets %" PRId64 " to %" PRId64
		" were deleted at the source before they were mirrored",
		g->gone_from, g->gone_to - 1);
	fn(u->topic, u->partition, text.s, arg);
	text_fini(&text);
}

/* What the source did not have when it was to be read. */
static void
tell_gap(const struct until_partition *u, const struct goal *g, oneshot_left *fn, void *arg)
{
	const struct gap *gap = &g->gap.gap;
	struct text text = {0};

	if (g->gap.gaps == 0 || is_gap_in_gone(g))
		return;
	if (gap_size(gap) > 0)
		text_printf(&text,
			"offsets %" PRId64 " to %" PRId64 " were not there when they were to be "
			"read (%s)",
			gap->first, gap->last, gap_kind_name(gap->kind));
	else
		text_printf(&text,
			"the topic was made anew (%s): what was not read of the old one is gone",
			gap_kind_name(gap->kind));
	if (g->gap.gaps > 1)
		text_printf(&text,
			"; with those before there were %" PRIu64 " such gaps, of %" PRIu64
			" offsets in all: see source_gap in the log",
			g->gap.gaps, g->gap.missing);
	fn(u->topic, u->partition, text.s, arg);
	text_fini(&text);
}

static void
each_partition(const struct oneshot *o, size_t i, oneshot_left *fn, void *arg)
{
	const struct until_partition *u = &o->until->items[i];
	const struct goal *g = &o->goals[i];
	struct text text = {0};

	tell_gone(u, g, fn, arg);
	tell_gap(u, g, fn, arg);
	if (!o->until->has_ends || g->is_done || left_of(u, g) == 0)
		return;
	text_printf(&text, "offsets %" PRId64 " to %" PRId64 " are not mirrored: %s",
		u->end - left_of(u, g), u->end - 1, why_left(o, u));
	fn(u->topic, u->partition, text.s, arg);
	text_fini(&text);
}

/* Consumer groups whose offsets the last pass did not bring to the target. */
static void
each_groups(const struct agent *a, oneshot_left *fn, void *arg)
{
	const struct group_sync_message *m = a->groups_seen;
	struct text text = {0};

	if (!a->oneshot->groups.is_done) {
		fn(NULL, -1,
			"the offsets of the consumer groups as they stood at the end are not at "
			"the target: no pass over them came to an end (see groups_trouble in the "
			"log)",
			arg);
		return;
	}
	if (m->with_members > 0) {
		text_printf(&text,
			"%u of %u consumer groups %s members at the target, so that not all their "
			"offsets could be written there: stop their consumers and start this again",
			m->with_members, m->groups, m->with_members == 1 ? "has" : "have");
		fn(NULL, -1, text.s, arg);
		text_fini(&text);
	}
	if (m->failed > 0) {
		text_printf(&text,
			"the offsets of %u of %u consumer groups could not be brought to the "
			"target: the report's groups.errors say why",
			m->failed, m->groups);
		fn(NULL, -1, text.s, arg);
		text_fini(&text);
	}
}

void
oneshot_each_left(const struct agent *a, oneshot_left *fn, void *arg)
{
	const struct oneshot *o = a->oneshot;

	if (a->routes && a->routes->mirrored == 0 && o->until->count == 0)
		fn(NULL, -1, "no topic of the source is mirrored: see the expression", arg);
	for (size_t i = 0; i < o->until->count; i++)
		each_partition(o, i, fn, arg);
	if (a->groups)
		each_groups(a, fn, arg);
	if (o->until->has_ends)
		return;
	for (size_t i = 0; i < o->stuck_count; i++)
		fn(o->stuck[i].topic, o->stuck[i].partition, o->stuck[i].why, arg);
	if (!o->is_reached)
		fn(NULL, -1, "the mirror ended before nothing came any more", arg);
	else if (!a->is_drained && o->stuck_count == 0)
		fn(NULL, -1,
			"not everything that was read was acknowledged and committed within "
			"shutdown.timeout.ms",
			arg);
}
