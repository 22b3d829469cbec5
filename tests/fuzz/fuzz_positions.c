/* Any bytes as what says where mirroring starts: a file of offsets, a record of MirrorMaker 2's, a
 * setting. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/offsets.h"
#include "config/startpoint.h"
#include "kafka/mm2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A list is sorted, has each partition once, and no offset below 0. */
static void
check_offsets(const struct offsets *offsets)
{
	for (size_t i = 0; i < offsets->count; i++) {
		const struct offsets_item *item = &offsets->items[i];

		if (item->offset < 0 || item->partition < 0 ||
			offsets_find(offsets, item->topic, item->partition) != item->offset)
			abort();
	}
}

/* The first line as the key, the rest as the value. */
static void
take_record(const char *text, size_t size)
{
	struct mm2_positions positions = {.connector = "c", .alias = "w"};
	const char *end = memchr(text, '\n', size);
	size_t n = end ? (size_t)(end - text) : size;

	for (int i = 0; i < 2; i++)
		mm2_take(&positions, text, n, end ? end + 1 : NULL, end ? size - n - 1 : 0);
	check_offsets(&positions.offsets);
	mm2_positions_fini(&positions);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);
	struct offsets offsets;
	struct startpoint point;
	struct err err;

	if (offsets_parse(text, "f", "g", &offsets, &err) == 0 && offsets.count == 0)
		abort();
	check_offsets(&offsets);
	offsets_fini(&offsets);
	if (startpoint_parse(text, &point, &err) == 0 && point.ms < 0)
		abort();
	take_record((const char *)data, size);
	free(text);
	return 0;
}
