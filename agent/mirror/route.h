/* The route: where the records of one source topic go. */
#ifndef MIRROR_ROUTE_H
#define MIRROR_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "kafka/producer.h"
#include "mirror/plan.h"

/* A worker's copy of a topic's place in the plan. Partitions hold it while records of theirs are on
   their way by it.
   @thread worker for all calls */
struct route {
	const struct plan *plan;
	const struct plan_topic *topic; /* NULL: the plan does not know the topic */
	struct target_topic *target;	/* NULL: not mirrored */
	uint32_t next;			/* round.robin */
	int holders;
	struct log_limit missing; /* "topic is missing" is said once in ten seconds */
};

/* The route of a source topic in a plan. @gives one hold; route_release */
struct route *route_new(
	const struct plan *plan, const char *source_topic, struct producer *producer);

/* Why no record may be sent by it yet, a finished sentence; NULL: they may. @borrows route */
static inline const char *
route_awaits(const struct route *route)
{
	return route->topic ? route->topic->awaits : NULL;
}

/* One more hold. */
struct route *route_take(struct route *route);

/* Gives a hold back and clears; the last one frees. NULL is accepted. */
void route_release(struct route **route);

/* What route_partition says besides a number or PRODUCER_BY_KEY. */
#define ROUTE_UNKNOWN                                                                            \
	(-2)		   /* the rule needs to know how many partitions the target has: not yet \
			    */
#define ROUTE_NOWHERE (-3) /* the script's partition hook gave none that is there */

/* Can no partition of a topic be chosen while it is not known how many it has? */
bool route_needs_count(const struct route *route);

/* The partition to ask the producer for, by the topic's rule; count: partitions of the target
   topic, 0 or less while unknown. A null key has no CRC: the library chooses. */
int32_t route_partition_among(struct route *route, int32_t source_partition, const void *key,
	size_t key_size, int32_t count);

/* The same for the route's own target. */
static inline int32_t
route_partition(struct route *route, int32_t source_partition, const void *key, size_t key_size)
{
	if (route->topic->rule == PLAN_BY_KEY)
		return PRODUCER_BY_KEY;
	return route_partition_among(
		route, source_partition, key, key_size, route->topic->target_partitions);
}

#endif
