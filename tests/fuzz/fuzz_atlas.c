/* Fuzz target: documents of offset maps as the target's topic may hold them. What is taken must
 * answer without trouble, and be the same when it is written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/atlas_document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asks around all that the map knows. */
static int64_t
look_around(const struct offset_map *map)
{
	const struct offset_lane *lane;
	int64_t sum = 0;

	for (size_t i = 0; (lane = offset_map_lane(map, i)); i++) {
		for (size_t r = 0; r < lane->count; r++)
			for (int64_t s = lane->runs[r].source - 1; s <= lane->runs[r].source + 1;
				s++)
				sum += offset_map_look(map, lane->topic, lane->partition, s).next;
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct atlas_kept kept, again;
	struct leaf leaf = {0};
	struct err err;
	char *text;

	if (atlas_document_read((const char *)data, size, &kept, &err) < 0)
		return 0;
	leaf.topic = kept.topic;
	leaf.partition = kept.partition;
	leaf.map = kept.map;
	text = atlas_document(&leaf, kept.writer);
	if (offset_map_runs(kept.map) < 8 &&
		(atlas_document_read(text, strlen(text), &again, &err) < 0 ||
			look_around(again.map) != look_around(kept.map)))
		abort();
	if (offset_map_runs(kept.map) < 8)
		atlas_kept_fini(&again);
	look_around(kept.map);
	offset_map_limit(kept.map, 3);
	look_around(kept.map);
	free(text);
	atlas_kept_fini(&kept);
	return 0;
}
