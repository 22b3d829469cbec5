/* The route: where the records of one source topic go. */
#include "mirror/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct route *
routes_get(struct routes *routes, const char *source_topic)
{
	struct route *r;

	for (r = routes->first; r; r = r->next)
		if (!strcmp(r->source_topic, source_topic))
			return r;
	r = mem_zero(1, sizeof(*r));
	r->source_topic = mem_strdup(source_topic);
	r->target = producer_topic(routes->producer, source_topic);
	r->keeps_partition = !strcmp(routes->config->mirror.partition_mode, "preserve");
	r->missing.interval_ms = 10000;
	r->next = routes->first;
	routes->first = r;
	return r;
}

void
routes_fini(struct routes *routes)
{
	struct route *r;

	while ((r = routes->first)) {
		routes->first = r->next;
		free(r->source_topic);
		free(r);
	}
}
