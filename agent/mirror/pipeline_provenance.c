/* The pipeline's provenance: records are marked with where they came from, and those that came from
   the target are left out. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mirror/pipeline_state.h"
#include "mirror/provenance.h"

/* By this name what was left out is counted. */
#define LOOP "loop"

void
pipeline_set_provenance(struct pipeline *pl)
{
	/* Once records are marked, the source's name stays; the target's id may come to be known.
	 */
	provenance_free(&pl->provenance);
	pl->provenance = provenance_new(pl->config, &pl->plan->clusters);
	if (!pl->spares && pl->provenance && provenance_header(pl->provenance))
		pl->spares = record_spares_new();
}

void
partition_find_origin(struct pipeline *pl, struct partition *p)
{
	if (pl->provenance && provenance_header(pl->provenance))
		p->origin = provenance_place(pl->provenance, p->topic, p->number);
}

/* A record has been in the source before, and nothing has stopped it on its way round. */
static void
say_back(const struct partition *p, const struct flight *f, const struct provenance_hops *hops)
{
	LOG_LIMITED(60, EVENT_loop_suspected, F_STR("topic", p->topic),
		F_INT("partition", p->number), F_INT("offset", f->offset),
		F_UINT("hops", hops->count),
		F_STR("advice",
			"a mirror on its way does not know its target in the records' origin: give "
			"all mirrors provenance=true and loop.drop=true, and the same names to the "
			"clusters; or it is brought back on purpose"));
}

bool
partition_leave_loop(struct pipeline *pl, struct partition *p, struct record *r)
{
	struct provenance_hops hops;
	struct flight gone = {.state = FLIGHT_DONE}, *f;

	if (!provenance_drops(pl->provenance) ||
		!provenance_read(pl->provenance, r->message, &hops) ||
		!provenance_is_loop(pl->provenance, &hops))
		return false;
	if (pl->wishes)
		pipeline_sample(pl, p, &gone, r, NULL);
	f = tracker_begin(p->tracker, r->offset, RECORD_OVERHEAD);
	f->timestamp = r->timestamp;
	pl->buffered += f->bytes;
	record_release(r->message, r->headers);
	/* What is raw is the newest of its partition. */
	if (p->raw > 0)
		partition_add_raw(p, f);
	else
		partition_settle_loop(pl, p, f);
	return true;
}

void
partition_settle_loop(struct pipeline *pl, struct partition *p, struct flight *f)
{
	partition_count_dropped(pl, p, f, FATE_DROPPED, LOOP);
	tracker_set(f, FLIGHT_DONE);
}

const char *
flight_origin(const struct pipeline *pl, const struct partition *p, const struct flight *f,
	size_t *ret_size)
{
	struct provenance_hops hops;
	bool has_hops;

	if (!p->origin)
		return NULL;
	has_hops = provenance_read(pl->provenance, f->message, &hops);
	if (has_hops && provenance_is_back(pl->provenance, &hops))
		say_back(p, f, &hops);
	return provenance_write(
		pl->provenance, has_hops ? &hops : NULL, p->origin, f->offset, ret_size);
}

void
pipeline_mark(const struct pipeline *pl, void **headers, const char *origin, size_t size)
{
	if (origin)
		record_set_header(headers, provenance_header(pl->provenance), origin, size);
}

void
flight_mark(const struct pipeline *pl, const struct partition *p, const struct flight *f,
	struct record *r)
{
	size_t size;
	const char *origin = flight_origin(pl, p, f, &size);

	if (!origin)
		return;
	r->headers = record_take_headers(f->message);
	if (!r->headers)
		r->headers = record_take_spare(pl->spares);
	pipeline_mark(pl, &r->headers, origin, size);
}
