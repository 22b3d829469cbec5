/* The batch: the memory that a script's hooks fill while one batch runs, and the calls that do it. */
#ifndef SCRIPT_BATCH_H
#define SCRIPT_BATCH_H

#include "script/calls.h"
#include "script/script.h"

struct header_list {
	struct script_header *items;
	size_t count, capacity;
};

/* Bytes that live until the next batch. */
struct arena {
	struct arena_chunk *first;
	char *at, *end;
};

/* Part of struct script. @thread owner of the script, for all calls */
struct batch {
	struct script_batch view; /* what Lua sees */
	size_t most;		  /* room in view._records */
	size_t emit_count, emit_capacity;
	struct header_list *lists;
	size_t list_count, list_capacity;
	const char **texts;
	size_t text_count, text_capacity;
	struct arena arena;
	const struct script_headers_of *headers_of;
};

/* Room for most records. */
void batch_init(struct batch *batch, size_t most, const struct script_headers_of *headers_of);
void batch_fini(struct batch *batch);

/* Forgets what the batch before held, and clears the out-fields of count records. */
void batch_reset(struct batch *batch, size_t count);

/* Keeps a text; gives its number. */
int32_t batch_text(struct batch *batch, const char *text, size_t size);

/* The record failed for this reason: nothing of what the hook did to it counts. */
void batch_fail(struct batch *batch, int32_t i, const char *reason);

/* The calls for the batch of a script. */
const char *batch_copy(struct batch *batch, const char *bytes, size_t size);
int32_t batch_emit(struct batch *batch, struct script_record *record);
int32_t batch_header_list(struct batch *batch, struct script_record *record);
void batch_header_add(struct batch *batch, int32_t list, const char *name, size_t name_size, const char *value,
	size_t value_size);
int32_t batch_header_remove(struct batch *batch, int32_t list, const char *name, size_t name_size);
bool batch_header_at(
	struct batch *batch, struct script_record *record, int32_t i, struct script_header *header);

#endif
