/* Offset notes: what the streams note of the offsets that records got at the target, on its way to
 * whoever keeps the maps. */
#ifndef MIRROR_OFFSET_NOTES_H
#define MIRROR_OFFSET_NOTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "mirror/offset_map.h"

/* The mailbox of the reader of notes, shared by all streams. Where it does not keep up, the streams
   keep their notes, coarser, until it does. */
struct offset_sink {
	struct mailbox *mailbox;
	_Atomic int waiting; /* messages that it has not freed yet */
};

/* What a stream says of one source partition that it has. */
struct offset_note {
	char *topic;
	int32_t partition;
	bool is_first;		/* it has just been given to the stream; no map comes with this */
	bool is_last, is_clean; /* it goes; clean: all of it is settled, noted and committed */
	int64_t begun;		/* nothing from this source offset on was sent when this was said */
	struct offset_map *map; /* what was noted since the note before; NULL: nothing */
};

/* Kind of the message, beside the receiver's own. */
#define OFFSET_NOTES 300
struct offset_notes {
	struct message message;
	struct offset_sink *sink;
	size_t count;
	struct offset_note items[];
};

/* Room for so many, none yet. @gives the notes; offset_notes_post or offset_notes_free */
struct offset_notes *offset_notes_new(size_t most);

/* Gives it away. @takes notes @thread any */
void offset_notes_post(struct offset_notes *notes, struct offset_sink *sink);

/* Does the reader keep up? @thread any */
bool offset_sink_has_room(struct offset_sink *sink);

/* Frees it with what it holds. */
void offset_notes_free(struct offset_notes *notes);

#endif
