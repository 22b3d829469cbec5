/* Brakes: what holds the mirror back because somebody wants it: rate limits and pauses. */
#ifndef SERVICE_BRAKES_H
#define SERVICE_BRAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "mirror/limits.h"
#include "mirror/pauses.h"
#include "mirror/worker.h"

/* All calls: @thread main */
struct brakes;

/* The configuration's limits, and the pauses that were kept (none in a dry run, which has a group
   of its own); a file of them that cannot be read is said in the log and passed over. NULL on
   error.
   @borrows config until brakes_free @gives the brakes */
struct brakes *brakes_new(const struct config *config, struct err *err);

/* Frees and clears. NULL is accepted. */
void brakes_free(struct brakes **brakes);

/* The streams that changes are told from now on; a NULL among them has ended. Their worker_plan
   must have had brakes_limits and brakes_pauses. @borrows workers until the next call or
   brakes_free */
void brakes_set_workers(struct brakes *brakes, struct worker *const *workers, size_t count);

/* Limits by the time of day. Call it every second. */
void brakes_every_second(struct brakes *brakes);

/* Sets a live limit over all topics (topic NULL) or of one, until the process ends. "default" takes
   it away. -1: the text is none. */
int brakes_limit(struct brakes *brakes, const char *topic, const char *text, struct err *err);

/* Pauses a partition, a topic (partition -1) or everything (topic NULL). by: who wants it. keep: it
   survives a restart; -1 when that cannot be had (the file cannot be written): then nothing is
   paused. */
int brakes_pause(struct brakes *brakes, const char *topic, int32_t partition, const char *by,
	bool keep, struct err *err);

/* Ends pauses; see pauses_without. *ret_count: how many. -1: what is asked for cannot go on alone,
   or the file of those that were to be kept cannot be written; then nothing is resumed. */
int brakes_resume(struct brakes *brakes, const char *topic, int32_t partition, const char *by,
	size_t *ret_count, struct err *err);

/* What is in force. @borrows brakes until the next change */
struct limits *brakes_limits(struct brakes *brakes);
const struct pauses *brakes_pauses(const struct brakes *brakes);

#endif
