/* Any bytes as the header that says where a record came from; the first one says how many places
 * may be named. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mirror/provenance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is written has the form again, ends with the new hop, and has forgotten no cluster while
   there was room for all. */
static void
check(struct provenance *p, const struct provenance_hops *hops, size_t places_most)
{
	static const char place[] = "here/t:0@";
	struct provenance_hops after;
	size_t size;
	const char *text = provenance_write(p, hops, place, 7, &size);

	if (!provenance_parse(text, size, &after) || after.places > places_most ||
		size < sizeof(place) ||
		memcmp(text + size - sizeof(place), "here/t:0@7", 10) != 0 ||
		!provenance_is_from_source(p, &after) || !provenance_is_back(p, &after))
		abort();
	for (size_t i = 0; hops && hops->count < PROVENANCE_HOPS_MOST && i < hops->count; i++) {
		char name[ORIGIN_NAME_MOST + 1] = "";

		memcpy(name, hops->items[i].cluster, hops->items[i].cluster_size);
		if (!provenance_has(&after, name))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct provenance_clusters clusters = {.source = "here", .target = "there"};
	struct config config = {
		.mirror = {.provenance = true, .loop_drop = true, .provenance_header = "h"}};
	struct provenance_hops hops;
	struct provenance *p;

	if (size == 0)
		return 0;
	config.mirror.provenance_hops = 2 + data[0] % 31;
	p = provenance_new(&config, &clusters);
	if (provenance_parse(data + 1, size - 1, &hops)) {
		provenance_is_loop(p, &hops);
		check(p, &hops, (size_t)config.mirror.provenance_hops);
	} else {
		check(p, NULL, (size_t)config.mirror.provenance_hops);
	}
	provenance_free(&p);
	return 0;
}
