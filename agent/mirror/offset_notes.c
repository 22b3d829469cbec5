/* Offset notes: what the streams note of the offsets that records got at the target, on its way to
 * whoever keeps the maps. */
#include "mirror/offset_notes.h"

#include <stdlib.h>

#include "base/mem.h"

/* More messages than this wait while the reader is busy with a cluster. */
#define WAITING_MOST 64

struct offset_notes *
offset_notes_new(size_t most)
{
	struct offset_notes *notes =
		mem_zero(1, sizeof(*notes) + most * sizeof(struct offset_note));

	notes->message.kind = OFFSET_NOTES;
	return notes;
}

void
offset_notes_post(struct offset_notes *notes, struct offset_sink *sink)
{
	notes->sink = sink;
	atomic_fetch_add_explicit(&sink->waiting, 1, memory_order_relaxed);
	mailbox_post(sink->mailbox, &notes->message);
}

bool
offset_sink_has_room(struct offset_sink *sink)
{
	return atomic_load_explicit(&sink->waiting, memory_order_relaxed) < WAITING_MOST;
}

void
offset_notes_free(struct offset_notes *notes)
{
	if (notes->sink)
		atomic_fetch_sub_explicit(&notes->sink->waiting, 1, memory_order_relaxed);
	for (size_t i = 0; i < notes->count; i++) {
		free(notes->items[i].topic);
		offset_map_free(&notes->items[i].map);
	}
	free(notes);
}
