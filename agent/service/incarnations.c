/* Incarnations: what the source's logs are now, against what was read of them before. */
#include "service/incarnations.h"

#include <stdlib.h>

#include "base/mem.h"

void
incarnations_fill(struct admin *source, int timeout_ms, struct ranges *ranges)
{
	size_t count = ranges->count;
	struct topic_partition *items = mem_zero(count, sizeof(*items));
	struct err err;

	for (size_t i = 0; i < count; i++)
		items[i] = (struct topic_partition){
			ranges->items[i].topic, ranges->items[i].partition, -1};
	/* One that fails leaves the others as they are: what is not known is asked again. */
	admin_ends(source, timeout_ms, items, count, &err);
	for (size_t i = 0; i < count; i++)
		ranges->items[i].high = items[i].offset;
	/* The beginning after the end: it only grows, and must not be older than what it is
	   compared with. */
	admin_beginnings(source, timeout_ms, items, count, &err);
	for (size_t i = 0; i < count; i++)
		ranges->items[i].low = items[i].offset;
	free(items);
}
