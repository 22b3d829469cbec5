/* The batch: the memory that a script's hooks fill while one batch runs, and the calls that do it.
 */
#ifndef SCRIPT_BATCH_H
#define SCRIPT_BATCH_H

#include "script/calls.h"
#include "script/script.h"

struct header_list {
	struct script_header *items;
	size_t count, capacity;
};

/* Texts by number. */
struct texts {
	char **items;
	size_t count, capacity;
};

/* Part of struct script. @thread owner of the script, for all calls */
struct batch {
	struct script_batch view; /* what Lua sees */
	size_t most;		  /* room in view._records */
	size_t emit_count, emit_capacity;
	struct header_list *lists;
	size_t list_count, list_capacity;
	struct texts reasons; /* of drops and dead letters; the Lua side says when to forget them */
	struct texts failures; /* of this batch */
	const struct script_headers_of *headers_of;
};

/* Room for most records. */
void batch_init(struct batch *batch, size_t most, const struct script_headers_of *headers_of);
void batch_fini(struct batch *batch);

/* Forgets what the batch before held, and clears the out-fields of count records. */
void batch_reset(struct batch *batch, size_t count);

/* Keeps a reason, the first kilobyte of it; gives its number, which is good until they are
 * forgotten. */
int32_t batch_text(struct batch *batch, const char *text, size_t size);
void batch_forget_texts(struct batch *batch);

/* Nothing of what the hook did to the record counts. */
void batch_renew(struct batch *batch, int32_t i);

/* The same, and it has failed for this reason. */
void batch_fail(struct batch *batch, int32_t i, const char *reason);

/* The text of a record's _reason; "" when there is none. */
const char *batch_reason(const struct batch *batch, const struct script_record *record);

/* The calls for the batch of a script; see calls.h. */
int32_t batch_emit(struct batch *batch, struct script_record *record);
int32_t batch_header_list(struct batch *batch, struct script_record *record);
int32_t batch_header_add(struct batch *batch, int32_t list, const char *name, size_t name_size,
	const char *value, size_t value_size);
void batch_header_replace(struct batch *batch, int32_t list, size_t at);
int32_t batch_header_remove(struct batch *batch, int32_t list, const char *name, size_t name_size);
bool batch_header_at(
	struct batch *batch, struct script_record *record, int32_t i, struct script_header *header);

#endif
