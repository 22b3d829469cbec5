/* The watchdog: a thread that notices a script which does not come back, and the note of what it
 * was doing. */
#ifndef SCRIPT_WATCHDOG_H
#define SCRIPT_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct script;

/* The thread in which a script ran for twice its limit does not answer: where describes the record.
   The process must end, and not by a way that waits for that thread. @thread watchdog */
typedef void watchdog_fatal(const char *where, void *arg);

/* Starts the thread. state_file is where batches are noted, NULL: nowhere; notes of an earlier run
   are read first. Past its limit a script is interrupted: interpreted code raises an error,
   compiled code only when the LuaJIT that is linked checks hooks there. When that does not help
   within one more limit, the file says so and fatal is called. One for the process. @thread main */
int watchdog_start(
	const char *state_file, int streams, watchdog_fatal *fatal, void *arg, struct err *err);
void watchdog_stop(void);

/* Was the process ended in this partition's batch by an earlier watchdog? *ret_offset gets the
 * record. @thread any */
bool watchdog_is_poisoned(const char *topic, int32_t partition, int64_t *ret_offset);

/* This script is the one now: what one with another text never ended at may be tried again, for it
   may have been mended.
   @thread any */
void watchdog_forget_others(const struct script *script);

/* A new script was taken: no record is poisoned any more, in the file either. @thread any */
void watchdog_clear(void);

/* A script is watched from watch to unwatch; between enter and leave it is in Lua, for at most
   limit_ms. Without watchdog_start these do nothing. @thread owner of the script */
void watchdog_watch(struct script *script);
void watchdog_unwatch(struct script *script);
void watchdog_enter(struct script *script, int64_t limit_ms);
void watchdog_leave(struct script *script);

#endif
