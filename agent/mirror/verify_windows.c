/* Verifying: from where to where the partitions of both clusters are read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/admin.h"
#include "mirror/verify_state.h"

/* A cluster that does not answer for so long is said to be away. */
#define LOOK_MS 20000
/* What may wait to be taken, of each side. */
#define BUFFER (32 * 1024 * 1024)

/* All partitions of a side, for a look-up. @gives */
static struct topic_partition *
positions_of(const struct verify_side *side)
{
	struct topic_partition *list = mem_zero(side->count + 1, sizeof(*list));

	for (size_t i = 0; i < side->count; i++)
		list[i] = (struct topic_partition){
			side->ranges[i].topic, side->ranges[i].partition, -1};
	return list;
}

enum edge { EDGE_BEGIN, EDGE_END, EDGE_FROM };

/* Asks one side where its partitions begin, end, or are to be read from. */
static int
find(struct verify_side *side, enum edge edge, int64_t when, struct err *err)
{
	struct topic_partition *list = positions_of(side);
	int rc = reader_find(side->reader, when, list, side->count, LOOK_MS, err);

	for (size_t i = 0; rc == 0 && i < side->count; i++) {
		struct verify_range *r = &side->ranges[i];

		if (edge == EDGE_BEGIN)
			r->begin = r->from = list[i].offset < 0 ? 0 : list[i].offset;
		else if (edge == EDGE_END)
			r->end = list[i].offset < 0 ? 0 : list[i].offset;
		else if (list[i].offset < 0 && r->source)
			/* What comes from now on belongs to the window. */
			r->from = r->end;
		else
			r->from = list[i].offset; /* -1: the end, which is not known yet */
	}
	free(list);
	return rc;
}

/* No record of the window, so far as its beginning was known only as "none". */
static void
close_windows(struct verify_side *side)
{
	for (size_t i = 0; i < side->count; i++) {
		struct verify_range *r = &side->ranges[i];

		if (r->from < 0 || r->from > r->end)
			r->from = r->end;
	}
}

/* Where the group stands. Returns how many partitions have a position, -1 on error. */
static int64_t
find_committed(struct verify *v, struct err *err)
{
	struct admin *admin =
		admin_open_source(v->options->config, v->options->source_brokers, err);
	struct topic_partition *list = positions_of(&v->source);
	int64_t known = admin ? 0 : -1;

	if (admin && v->source.count > 0 &&
		admin_committed(admin, LOOK_MS, list, v->source.count, err) < 0)
		known = -1;
	for (size_t i = 0; known >= 0 && i < v->source.count; i++) {
		v->source.ranges[i].until = list[i].offset;
		known += list[i].offset >= 0;
	}
	free(list);
	admin_close(&admin);
	return known;
}

/* Up to where records must be at the target; -1 for "its end", which is asked for later. */
static int
find_until(struct verify *v, struct err *err)
{
	int64_t known = v->options->until == VERIFY_COMMITTED ? find_committed(v, err) : 0;

	if (known < 0)
		return -1;
	if (v->options->until == VERIFY_COMMITTED && known == 0 && v->source.count > 0)
		verify_note(v,
			"The group %s has no positions: everything up to the ends of the source "
			"is compared.",
			v->options->config->source.group_id);
	for (size_t i = 0; i < v->source.count; i++) {
		struct verify_range *r = &v->source.ranges[i];

		/* A partition without a position, where others have one, was not begun. */
		if (known == 0)
			r->until = -1;
		else if (r->until < 0)
			r->until = r->begin;
	}
	return 0;
}

/* The source's ends at the beginning are where what must be at the target ends, when no position
   does that. */
static int
fix_until(struct verify *v, struct err *err)
{
	if (find(&v->source, EDGE_END, READER_ENDS, err) < 0)
		return -1;
	for (size_t i = 0; i < v->source.count; i++) {
		struct verify_range *r = &v->source.ranges[i];

		if (r->until < 0)
			r->until = r->end;
	}
	return 0;
}

/* Says it once for a topic: for the first partition, and how many more there are. */
static void
note_topic(struct verify *v, const struct verify_side *side, size_t from, size_t to,
	bool is_gap(const struct verify_range *r), const char *what)
{
	const struct verify_range *first = NULL;
	int count = 0;
	char more[48] = "";

	for (size_t i = from; i < to; i++) {
		if (!is_gap(&side->ranges[i]))
			continue;
		first = first ? first : &side->ranges[i];
		count++;
	}
	if (!first)
		return;
	if (count > 1)
		snprintf(more, sizeof(more), " (and so it is with %d more)", count - 1);
	verify_note(v, "%s partition %d of the %s begins at offset %lld%s%s: %s", first->topic,
		(int)first->partition, first->source ? "source" : "target", (long long)first->begin,
		first->source && first->until < first->begin ? ", behind the group's position" : "",
		more, what);
}

static void
note_side(struct verify *v, const struct verify_side *side,
	bool is_gap(const struct verify_range *r), const char *what)
{
	size_t to;

	for (size_t from = 0; from < side->count; from = to) {
		for (to = from + 1;
			to < side->count && side->ranges[to].topic == side->ranges[from].topic;)
			to++;
		note_topic(v, side, from, to, is_gap, what);
	}
}

static bool
is_lost(const struct verify_range *r)
{
	return r->until < r->begin;
}

static bool
is_cut_at_source(const struct verify_range *r)
{
	return r->begin > 0 && !is_lost(r);
}

static bool
is_cut_at_target(const struct verify_range *r)
{
	return r->begin > 0 && r->target != UINT32_MAX;
}

void
verify_note_gaps(struct verify *v)
{
	note_side(v, &v->source, is_lost, "what was between them was never mirrored.");
	if (v->report->differences == 0 || v->options->from_ms != VERIFY_ALWAYS)
		return;
	note_side(v, &v->source, is_cut_at_source,
		"what the target still has of older records is unexpected there.");
	note_side(v, &v->target, is_cut_at_target,
		"what was before it is gone by retention or deletion, and counts as missing.");
}

/* The order matters. What the group has committed is at the target before its ends are asked for;
   and what is at the target below these ends stood in the source before its ends are asked for the
   last time. */
static int
find_windows(struct verify *v, struct err *err)
{
	int64_t from = v->options->from_ms;

	if (find(&v->source, EDGE_BEGIN, READER_BEGINNING, err) < 0 || find_until(v, err) < 0 ||
		fix_until(v, err) < 0 || find(&v->target, EDGE_BEGIN, READER_BEGINNING, err) < 0)
		return -1;
	if (from != VERIFY_ALWAYS && (find(&v->source, EDGE_FROM, from, err) < 0 ||
					     find(&v->target, EDGE_FROM, from, err) < 0))
		return -1;
	if (find(&v->target, EDGE_END, READER_ENDS, err) < 0 ||
		find(&v->source, EDGE_END, READER_ENDS, err) < 0)
		return -1;
	close_windows(&v->source);
	close_windows(&v->target);
	for (size_t i = 0; i < v->source.count; i++) {
		const struct verify_range *r = &v->source.ranges[i];

		v->beyond += r->end > r->until ? (uint64_t)(r->end - r->until) : 0;
	}
	return 0;
}

int
verify_open(struct verify *v, struct err *err)
{
	const struct config *config = v->options->config;
	/* What counts for exactly once is what was committed, on either side. */
	enum reader_isolation isolation =
		config->mirror.exactly_once ? READER_COMMITTED : READER_AS_SET;

	v->source.reader = reader_open(
		CLIENT_SOURCE, config, v->options->source_brokers, BUFFER, isolation, err);
	if (!v->source.reader)
		return -1;
	v->target.reader = reader_open(
		CLIENT_TARGET, config, config->target.bootstrap_servers, BUFFER, isolation, err);
	if (!v->target.reader)
		return -1;
	return find_windows(v, err);
}
