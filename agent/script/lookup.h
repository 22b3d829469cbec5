/* Look-up files: each is read once for all states, and again when it changes, by a thread of its
 * own. */
#ifndef SCRIPT_LOOKUP_H
#define SCRIPT_LOOKUP_H

#include <stdint.h>

#include "base/err.h"
#include "script/table.h"

/* All look-up files. May be used by all threads. */
struct lookups;

/* One state's hold on a look-up file. One thread at a time. */
struct script_map;

/* interval_ms: how often files are looked at. The thread starts with the first file. @gives the
   files; lookups_free, after all maps were closed; @blocks until the thread has ended */
struct lookups *lookups_new(int64_t interval_ms);
void lookups_free(struct lookups **lookups);

/* Opens the file, reading it unless another state has; relative paths are the caller's. NULL: it
   cannot be read or is malformed. When it changes later and the new one is bad, the old one stays
   and the log says so.
   @gives the map; lookup_close. @blocks on reading. @thread any */
struct script_map *lookup_open(struct lookups *lookups, const char *path,
	const struct table_format *format, struct err *err);
void lookup_close(struct script_map *map);

/* The table as it is now; lives until the next call for this map. */
const struct table *lookup_table(struct script_map *map);

/* The table that lookup_table gave last. */
const struct table *lookup_last(const struct script_map *map);

#endif
