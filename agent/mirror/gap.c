/* Gaps: what is missing between the offset that was to be read next and what the source has. */
#include "mirror/gap.h"

#include <string.h>

/* The log starts before it did: no log does that, it is another one. */
static bool
has_start_gone_back(const struct gap_facts *f)
{
	return f->seen_low > f->low;
}

/* The topic was made anew: all that it has is new. What is missing is the rest of the old one, as
   far as its end was seen. */
static struct gap
recreated(const struct gap_facts *f)
{
	int64_t end = f->seen_high > f->position ? f->seen_high : f->position;

	return (struct gap){GAP_RECREATED, f->position, end - 1, f->low};
}

/* The log ended before the position when it was refused. Where it was cut is not known, for it may
   have grown since, up to its end of now or past the position: all of it is read again, for records
   given twice are borne and records that are lost are not. */
static struct gap
beyond_end(const struct gap_facts *f)
{
	if (f->was_absent && !f->is_same)
		return recreated(f);
	return (struct gap){f->has_read ? GAP_TRUNCATED : GAP_OUT_OF_RANGE,
		f->high < f->position ? f->high : f->low, f->position - 1, f->low};
}

/* The source went back by itself: the library saw where the log was cut and goes on there, or
   gives records once more. */
static struct gap
gone_back(const struct gap_facts *f)
{
	enum gap_kind kind = f->high < f->position ? GAP_TRUNCATED : GAP_NONE;

	return (struct gap){kind, f->again, f->position - 1, f->again};
}

struct gap
gap_judge(const struct gap_facts *f)
{
	if (f->is_remade || (!f->is_same && has_start_gone_back(f)))
		return recreated(f);
	if (f->again >= 0)
		return gone_back(f);
	if (f->position < f->low)
		return (struct gap){GAP_RETENTION, f->position, f->low - 1, f->low};
	return beyond_end(f);
}

int64_t
gap_size(const struct gap *gap)
{
	return gap->last < gap->first ? 0 : gap->last - gap->first + 1;
}

const char *
gap_kind_name(enum gap_kind kind)
{
	static const char *const names[GAP_KINDS] = {
		[GAP_NONE] = "none",
		[GAP_RETENTION] = "retention",
		[GAP_TRUNCATED] = "truncated",
		[GAP_RECREATED] = "recreated",
		[GAP_OUT_OF_RANGE] = "out_of_range",
	};

	return names[kind];
}

static const char *const policies[] = {
	[GAP_ALARM] = "alarm",
	[GAP_PAUSE] = "pause",
	[GAP_STOP] = "stop",
};

enum gap_policy
gap_policy_of(const char *word)
{
	enum gap_policy policy = GAP_ALARM;

	while (policy < GAP_STOP && strcmp(policies[policy], word) != 0)
		policy++;
	return policy;
}

const char *
gap_policy_name(enum gap_policy policy)
{
	return policies[policy];
}
