/* The route: where the records of one source topic go. */
#ifndef MIRROR_ROUTE_H
#define MIRROR_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "config/config.h"
#include "kafka/producer.h"

/* Decided once per source topic, then read for every record. */
struct route {
	struct route *next;
	char *source_topic;
	struct target_topic *target;
	bool keeps_partition; /* the source's partition number is used; otherwise the key decides */
	struct log_limit missing; /* "topic is missing" is said once in ten seconds */
};

/* All routes of one worker. */
struct routes {
	const struct config *config;
	struct producer *producer;
	struct route *first;
};

/* The route of a source topic, made at the first call. @borrows routes @thread worker */
struct route *routes_get(struct routes *routes, const char *source_topic);

/* The partition to ask the producer for. */
static inline int32_t
route_partition(const struct route *route, int32_t source_partition)
{
	return route->keeps_partition ? source_partition : PRODUCER_BY_KEY;
}

/* Frees the routes; the target topics belong to the producer. */
void routes_fini(struct routes *routes);

#endif
