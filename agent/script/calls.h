/* Calls: what the record's Lua side (lua/mirror/loop.lua) asks of C, through LuaJIT's FFI. */
#ifndef SCRIPT_CALLS_H
#define SCRIPT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/view.h"

/* FFI begin */

struct script;

/* None of them raises or calls back into Lua. Numbers below 0 are refusals. */
struct script_calls {
	/* A topic's handle: -1 it is no name that Kafka takes, -2 there are too many. */
	int32_t (*intern)(struct script *script, const char *name, size_t size);
	/* The name of a handle. */
	const char *(*topic_name)(const struct script *script, int32_t handle);
	/* Partitions of a topic at the target: 0 it is not there, -1 not known. */
	int32_t (*partitions)(struct script *script, const char *topic);
	/* Keeps a reason until all are forgotten; gives its number. */
	int32_t (*text)(struct script *script, const char *text, size_t size);
	void (*forget_texts)(struct script *script);
	/* Makes the i-th record what it was before its hook ran. */
	void (*renew)(struct script *script, int32_t i);
	/* One more output of a record; gives its number in _emit. */
	int32_t (*emit)(struct script *script, struct script_record *record);
	/* A list of headers of its own for a record (a copy of what it has), or, with NULL, an
	 * empty one. */
	int32_t (*header_list)(struct script *script, struct script_record *record);
	/* value NULL: null. The bytes are borrowed until the next batch. -1: there are too many. */
	int32_t (*header_add)(struct script *script, int32_t list, const char *name,
		size_t name_size, const char *value, size_t value_size);
	/* Puts the header that was added last at number at, and removes its namesakes behind that.
	 */
	void (*header_replace)(struct script *script, int32_t list, int32_t at);
	/* How many were removed. */
	int32_t (*header_remove)(
		struct script *script, int32_t list, const char *name, size_t name_size);
	/* The i-th header of a record as it is now. */
	bool (*header_at)(struct script *script, struct script_record *record, int32_t i,
		struct script_header *header);
	/* A header of that name from number i on, forwards or, with step -1, backwards; gives its
	 * number, -1: none. */
	int32_t (*header_find)(struct script *script, struct script_record *record, int32_t i,
		int32_t step, const char *name, size_t name_size, struct script_header *header);
	int32_t (*header_count)(struct script *script, struct script_record *record);
	/* Are the first size bytes the same? Does a stand in bytes? */
	bool (*same)(const char *bytes, const char *prefix, size_t size);
	bool (*contains)(const char *bytes, size_t size, const char *text, size_t text_size);
	/* Kafka's hash of a key, signed as Java's. */
	int32_t (*murmur2)(const char *bytes, size_t size);
};

/* FFI end */

/* The table, for scripts of batch.c. */
const struct script_calls *script_calls(void);

#endif
