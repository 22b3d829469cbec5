/* The route: where the records of one source topic go. */
#include "mirror/route.h"

#include <stdlib.h>

#include "base/mem.h"
#include "script/digest.h"

struct route *
route_new(const struct plan *plan, const char *source_topic, struct producer *producer)
{
	struct route *r = mem_zero(1, sizeof(*r));

	r->plan = plan_take(plan);
	r->topic = plan_find(plan, source_topic);
	if (r->topic && r->topic->target)
		r->target = producer_topic(producer, r->topic->target);
	r->missing.interval_ms = 6000;
	r->holders = 1;
	return r;
}

struct route *
route_take(struct route *route)
{
	route->holders++;
	return route;
}

void
route_release(struct route **route)
{
	struct route *r = *route;

	*route = NULL;
	if (!r || --r->holders > 0)
		return;
	plan_release(&r->plan);
	free(r);
}

/* What the partition hook said for this source partition. */
static int32_t
mapped(const struct plan_topic *topic, int32_t source_partition)
{
	int32_t to = source_partition < topic->partitions ? topic->map[source_partition]
							  : PLAN_MAP_NOWHERE;

	return to == PLAN_MAP_BY_KEY	? PRODUCER_BY_KEY
	       : to == PLAN_MAP_NOWHERE ? ROUTE_NOWHERE
					: to;
}

bool
route_needs_count(const struct route *r)
{
	return r->topic->rule == PLAN_ROUND_ROBIN || r->topic->rule == PLAN_CRC32;
}

int32_t
route_partition_among(
	struct route *r, int32_t source_partition, const void *key, size_t key_size, int32_t count)
{
	switch (r->topic->rule) {
	case PLAN_BY_KEY: break;
	case PLAN_PRESERVE: return source_partition;
	case PLAN_MAP: return mapped(r->topic, source_partition);
	case PLAN_ROUND_ROBIN:
		return count > 0 ? (int32_t)(r->next++ % (uint32_t)count) : ROUTE_UNKNOWN;
	case PLAN_CRC32:
		if (!key)
			break;
		return count > 0 ? (int32_t)(digest_crc32(key, key_size) % (uint32_t)count)
				 : ROUTE_UNKNOWN;
	}
	return PRODUCER_BY_KEY;
}
