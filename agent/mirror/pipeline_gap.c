/* The pipeline's gaps: partitions whose source does not have what was to be read next. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "mirror/pipeline_state.h"
#include "mirror/ranges.h"

/* A question that was not answered, or in vain, is asked again after this time. */
#define ASK_AGAIN_MS 2000
/* Where the library does not read yet, it is told again after this time where to. */
#define SEEK_AGAIN_MS 100
/* Telling it may wait for it: others have their turn after this time. */
#define PASS_MS 20

bool
partition_is_gap_held(const struct partition *p)
{
	return p->gap && p->gap->is_held;
}

/* The partition stands here. What was read from behind, from the record at i on, is read again. */
static void
meet(struct pipeline *pl, struct partition *p, size_t i, size_t *count, struct standing_gap gap)
{
	for (size_t k = i; k < *count; k++)
		record_release(pl->records[k].message, pl->records[k].headers);
	*count = i;
	p->gap = mem_alloc(sizeof(*p->gap));
	*p->gap = gap;
	pl->gaps++;
	partition_show_state(p);
}

/* How many of the records were read before the source refused an offset: they lie below it, and
   grow. has_before: there were some. */
static size_t
count_before(const struct pipeline *pl, const struct partition *p, size_t count, int64_t refused,
	bool has_before)
{
	int64_t last = tracker_last_offset(p->tracker);
	size_t i;

	if (last < 0 && !has_before)
		return 0;
	for (i = 0; i < count; i++) {
		int64_t offset = pl->records[i].offset;

		if (offset >= refused || offset <= last)
			break;
		last = offset;
	}
	return i;
}

bool
partition_find_gap(struct pipeline *pl, struct partition *p, size_t *count)
{
	bool has_before;
	int64_t refused = source_partition_refused(p->source, &has_before);
	size_t i;

	if (refused < 0 || p->gap)
		return false;
	i = count_before(pl, p, *count, refused, has_before);
	if (*count > 0 && i == *count)
		return true;
	meet(pl, p, i, count,
		(struct standing_gap){.position = refused,
			.again = -1,
			.has_read = has_before || tracker_last_offset(p->tracker) >= 0});
	return false;
}

void
partition_go_back(struct pipeline *pl, struct partition *p, size_t i, size_t *count)
{
	meet(pl, p, i, count,
		(struct standing_gap){.position = tracker_last_offset(p->tracker) + 1,
			.again = pl->records[i].offset,
			.has_read = true});
}

static bool
asks_gap(const struct partition *p, int64_t now)
{
	return p->gap && !p->gap->is_judged && now >= p->gap->ask_at;
}

struct ranges *
pipeline_ask_ranges(struct pipeline *pl)
{
	struct ranges *ranges = NULL;
	int64_t now;
	bool asks_identities;

	if (pl->gaps == 0 && pl->identities == 0)
		return NULL;
	now = clock_ms();
	asks_identities = pl->identities > 0 && now >= pl->ask_identities_at;
	for (struct partition *p = pl->partitions; p; p = p->next) {
		if (!asks_gap(p, now) && !(asks_identities && p->is_identity_due))
			continue;
		if (!ranges)
			ranges = ranges_new(pl->count);
		ranges_add(ranges, p->topic, p->number);
		if (p->gap)
			p->gap->ask_at = now + ASK_AGAIN_MS;
	}
	if (asks_identities)
		pl->ask_identities_at = now + ASK_AGAIN_MS;
	return ranges;
}

void
partition_ask_identity(struct pipeline *pl, struct partition *p)
{
	if (!consumer_knows_topic_ids() || pl->is_dry)
		return;
	p->is_identity_due = true;
	pl->identities++;
	pl->ask_identities_at = 0;
}

void
partition_forget_identity(struct pipeline *pl, struct partition *p)
{
	pl->identities -= p->is_identity_due;
	p->is_identity_due = false;
}

/* What an operator can do about it. */
static const char *
advice_of(enum gap_kind kind)
{
	switch (kind) {
	case GAP_RETENTION:
		return "raise retention.ms or retention.bytes of the topic at the source, or "
		       "mirror faster";
	case GAP_TRUNCATED:
		return "an unclean election has cut the log: compare the target with the source "
		       "from there on, and keep unclean.leader.election.enable=false";
	case GAP_RECREATED:
		return "the target's topic holds records of the old one too: delete it as well if "
		       "it shall not";
	default:
		return "somebody has committed a position that the log never had, or the topic is "
		       "another one: check it with kafka-consumer-groups";
	}
}

static void
say(const struct partition *p, const struct standing_gap *g, enum gap_policy policy)
{
	LOG(EVENT_source_gap, F_STR("topic", p->topic), F_INT("partition", p->number),
		F_STR("kind", gap_kind_name(g->gap.kind)), F_INT("first_missing", g->gap.first),
		F_INT("last_missing", g->gap.last), F_INT("missing", gap_size(&g->gap)),
		F_INT("position", g->position), F_INT("goes_on_at", g->gap.go_on),
		F_STR("action", gap_policy_name(policy)), F_STR("advice", advice_of(g->gap.kind)));
}

/* Writes the gap down wherever it is shown. */
static void
report(const struct partition *p, const struct standing_gap *g, enum gap_policy policy)
{
	const struct meter_gap last = {.gap = g->gap, .policy = policy, .wall_ms = clock_wall_ms()};
	const char *kind = gap_kind_name(g->gap.kind);

	say(p, g, policy);
	meter_set_gap(p->meter, &last);
	tally_add(TALLY_GAP, kind, 1);
	tally_add(TALLY_MISSING, kind, (uint64_t)gap_size(&g->gap));
}

/* The gap as part of a sentence. */
static void
describe(const struct standing_gap *g, char *text, size_t size)
{
	if (gap_size(&g->gap) == 0)
		snprintf(text, size, "the topic was made anew (%s)", gap_kind_name(g->gap.kind));
	else
		snprintf(text, size, "the source does not have offsets %lld to %lld (%s)",
			(long long)g->gap.first, (long long)g->gap.last,
			gap_kind_name(g->gap.kind));
}

static void
hold(struct pipeline *pl, struct partition *p)
{
	char what[200], reason[400];

	p->gap->is_held = true;
	pl->gaps--;
	partition_count_held(pl, p);
	describe(p->gap, what, sizeof(what));
	snprintf(reason, sizeof(reason), "%s; reflejo ctl resume goes on at %lld", what,
		(long long)p->gap->gap.go_on);
	partition_give_reason(p, reason);
}

static void
stop(struct pipeline *pl, struct partition *p)
{
	char what[200], reason[600];

	describe(p->gap, what, sizeof(what));
	snprintf(reason, sizeof(reason),
		"%s partition %d: %s, and on.gap=stop; to go on at %lld start with on.gap=alarm",
		p->topic, (int)p->number, what, (long long)p->gap->gap.go_on);
	pipeline_fail(pl, reason);
}

/* Are both known, and not the same topic? */
static bool
is_another(const char *id, const char *now)
{
	return *id && *now && strcmp(id, now) != 0;
}

static void
set_topic_id(struct partition *p, const char *id)
{
	if (*id)
		snprintf(p->topic_id, sizeof(p->topic_id), "%s", id);
}

/* What is missing is known: it is said, and on.gap is followed. */
static void
judge(struct pipeline *pl, struct partition *p, const struct range *r)
{
	struct standing_gap *g = p->gap;
	const struct gap_facts facts = {.position = g->position,
		.low = r->low,
		.high = r->high,
		.seen_low = p->seen_low,
		.seen_high = p->seen_high,
		.again = g->again,
		.has_read = g->has_read,
		.is_remade = is_another(p->topic_id, r->id),
		.is_same = *r->id && !strcmp(p->topic_id, r->id),
		.was_absent = r->was_absent};
	enum gap_policy policy = gap_policy_of(pl->config->mirror.on_gap);

	g->gap = gap_judge(&facts);
	g->is_judged = true;
	g->begin = r->low;
	g->end = r->high;
	set_topic_id(p, r->id);
	if (g->gap.kind == GAP_NONE) {
		LOG(EVENT_source_rewound, F_STR("topic", p->topic), F_INT("partition", p->number),
			F_INT("from", g->position), F_INT("to", g->gap.go_on));
		return;
	}
	report(p, g, policy);
	if (policy != GAP_ALARM)
		hold(pl, p);
	if (policy == GAP_STOP)
		stop(pl, p);
}

/* The partition was held, and is to go on: is the log still the one that was judged? Then it does.
   One that was made anew meanwhile has offsets of its own, and is judged as any other. */
static bool
goes_on_as_judged(struct partition *p, const struct range *r)
{
	struct standing_gap *g = p->gap;

	if (!is_another(p->topic_id, r->id) && r->low >= g->begin && r->high >= g->end) {
		g->is_judged = true;
		LOG(EVENT_source_gap_passed, F_STR("topic", p->topic),
			F_INT("partition", p->number), F_INT("goes_on_at", g->gap.go_on));
		return true;
	}
	g->is_released = false;
	p->seen_low = g->begin;
	p->seen_high = g->end;
	return false;
}

/* The partition reads another topic than before without having been told, and stands until it is
   known where that one begins. What was seen of the log may be of either. */
static void
meet_another(struct pipeline *pl, struct partition *p, int64_t position)
{
	size_t none = 0;

	p->seen_low = p->seen_high = -1;
	meet(pl, p, 0, &none,
		(struct standing_gap){.position = position, .again = -1, .has_read = true});
}

/* Which topic a partition reads that was opened; the group's position may be of the one before. */
static void
take_identity(struct pipeline *pl, struct partition *p, const struct range *r)
{
	partition_forget_identity(pl, p);
	if (*p->topic_id)
		return;
	if (p->gap || r->committed < 0 || !is_another(r->committed_id, r->id)) {
		set_topic_id(p, *r->committed_id ? r->committed_id : r->id);
		return;
	}
	set_topic_id(p, r->committed_id);
	meet_another(pl, p, r->committed);
}

void
pipeline_answer(struct pipeline *pl, const struct range *r)
{
	struct partition *p = pipeline_find(pl, r->topic, r->partition);

	if (!p || r->low < 0 || r->high < 0)
		return;
	if (p->is_identity_due)
		take_identity(pl, p, r);
	if (!p->gap || p->gap->is_judged)
		return;
	if (!p->gap->is_released || !goes_on_as_judged(p, r))
		judge(pl, p, r);
}

void
pipeline_remade(struct pipeline *pl, const char *topic, const char *id)
{
	int64_t position;

	for (struct partition *p = pl->partitions; p; p = p->next) {
		/* One that is not known to read the old topic began with the new one. */
		if (strcmp(p->topic, topic) != 0 || p->gap || !is_another(p->topic_id, id))
			continue;
		position = tracker_last_offset(p->tracker) + 1;
		meet_another(pl, p, position > 0 ? position : source_partition_position(p->source));
	}
}

/* Where the offsets begin anew so does the tracker. */
static void
begin_anew(struct pipeline *pl, struct partition *p)
{
	tracker_free(&p->tracker);
	p->tracker = tracker_new(p);
	p->committed = p->committing = p->advised = p->floor = -1;
	p->seen_low = p->seen_high = -1;
	partition_restart_notes(pl, p);
}

/* Reads on behind the gap. What the tracker holds of an old log comes first. */
static void
pass(struct pipeline *pl, struct partition *p)
{
	struct standing_gap *g = p->gap;
	bool is_anew = g->gap.kind != GAP_RETENTION;

	if (is_anew && tracker_count(p->tracker) > 0)
		return;
	if (!source_partition_seek(p->source, g->gap.go_on)) {
		g->seek_at = clock_ms() + SEEK_AGAIN_MS;
		return;
	}
	if (is_anew)
		begin_anew(pl, p);
	/* Where it stands now is to be committed even if no record comes. */
	p->is_touched = pl->has_content = true;
	partition_forget_gap(pl, p);
	partition_activate(pl, p);
}

static bool
is_passable(struct pipeline *pl, struct partition *p, int64_t now)
{
	const struct standing_gap *g = p->gap;

	return g && g->is_judged && !g->is_held && now >= g->seek_at && !p->is_quiet &&
	       partition_may_flow(pl, p);
}

void
pass_gaps(struct pipeline *pl)
{
	int64_t now = clock_ms(), until = now + PASS_MS;

	for (struct partition *p = pl->partitions; p && now < until; p = p->next) {
		if (!is_passable(pl, p, now))
			continue;
		pass(pl, p);
		now = clock_ms();
	}
}

void
partition_release_gap(struct pipeline *pl, struct partition *p)
{
	if (!partition_is_gap_held(p))
		return;
	p->gap->is_held = p->gap->is_judged = false;
	p->gap->is_released = true;
	p->gap->ask_at = 0;
	pl->gaps++;
	partition_count_held(pl, p);
	partition_forget_reason(p);
}

void
partition_forget_gap(struct pipeline *pl, struct partition *p)
{
	if (!p->gap)
		return;
	if (!p->gap->is_held)
		pl->gaps--;
	free(p->gap);
	p->gap = NULL;
}
