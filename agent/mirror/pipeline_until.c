/* The pipeline's ends: of a one shot, how far each partition is read. */
#include "mirror/pipeline_state.h"

void
pipeline_set_until(struct pipeline *pl, const struct until *until)
{
	pl->until = until;
}

void
partition_find_until(struct pipeline *pl, struct partition *p)
{
	const struct until_partition *u =
		pl->until ? until_find(pl->until, p->topic, p->number) : NULL;

	p->until = until_end(pl->until, p->topic, p->number);
	/* What is not read is not committed either: the group may stand far behind the end. */
	p->is_over = p->until == 0 || (u && until_was_done(u));
}

size_t
partition_cut(struct pipeline *pl, struct partition *p, size_t count)
{
	size_t kept = 0;

	/* Offsets grow, but for a source that went back: then what came before was not the end. */
	for (size_t i = 0; i < count; i++) {
		struct record *r = &pl->records[i];

		if (r->offset < p->until)
			pl->records[kept++] = *r;
		else
			record_release(r->message, r->headers);
		p->is_over = r->offset >= p->until - 1;
	}
	if (p->is_over)
		p->is_touched = true;
	return kept;
}

/* A position of the source, not beyond the end. */
static int64_t
cut_position(const struct partition *p, int64_t position)
{
	if (p->until < 0 || position <= p->until)
		return position;
	/* Without a record below the end it is not known here where reading began: the group may
	   stand behind the end already, and must not be taken back to it. */
	return tracker_last_offset(p->tracker) < 0 ? -1 : p->until;
}

int64_t
partition_read_position(const struct partition *p)
{
	return cut_position(p, source_partition_position(p->source));
}

void
partition_look_over(struct partition *p)
{
	/* At a gap the source counts what was taken from behind it. */
	if (p->until < 0 || p->gap || tracker_count(p->tracker) > 0)
		return;
	/* What stands below the end may be no records: transaction markers. */
	if (!p->is_over && source_partition_seen(p->source) >= p->until)
		p->is_over = p->is_touched = true;
	if (p->is_over)
		tracker_advance(p->tracker, cut_position(p, source_partition_seen(p->source)));
}

int64_t
partition_lag_behind(const struct partition *p, int64_t end)
{
	return end > p->until ? end - p->until : 0;
}

bool
pipeline_is_over_uncommitted(const struct pipeline *pl)
{
	bool is_touched = false;

	if (!pl->until || !pl->until->has_ends)
		return false;
	for (const struct partition *p = pl->partitions; p; p = p->next) {
		if (!p->is_over || tracker_count(p->tracker) > 0)
			return false;
		is_touched |= tracker_position(p->tracker) > p->committed ||
			      (pl->is_exact && p->committed > p->advised);
	}
	return is_touched;
}
