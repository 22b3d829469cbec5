/* Ranges: what a worker asks about logs of the source, and the scout answers. */
#include "mirror/ranges.h"

#include <stdio.h>

#include "base/mem.h"

struct ranges *
ranges_new(size_t most)
{
	return mem_zero(1, sizeof(struct ranges) + most * sizeof(struct range));
}

void
ranges_add(struct ranges *ranges, const char *topic, int32_t partition)
{
	struct range *r = &ranges->items[ranges->count++];

	*r = (struct range){.partition = partition, .low = -1, .high = -1, .committed = -1};
	snprintf(r->topic, sizeof(r->topic), "%s", topic);
}
