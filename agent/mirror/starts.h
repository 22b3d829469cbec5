/* Starts: where each topic begins of which the group has no position, as [start] says. */
#ifndef MIRROR_STARTS_H
#define MIRROR_STARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/config.h"
#include "config/offsets.h"
#include "config/startpoint.h"

struct starts;

/* One setting: start.from, or one of the topics that an expression matches. */
struct start {
	const char *text; /* of the value; borrowed from the configuration */
	struct startpoint point;
	struct offsets offsets; /* of its file; not OFFSETS: empty */
	bool is_general;	/* of start.from itself */
	bool is_relative;	/* latest or a duration: it moves with the time of the start */
};

/* Compiles the expressions and reads the files. now_ms: the wall clock, for durations, which become
   a TIMESTAMP. The error sentence begins with the line's origin. NULL on error. @borrows config
   until starts_free @gives; starts_free @blocks on the disk @thread any */
struct starts *starts_new(const struct config *config, int64_t now_ms, struct err *err);

/* Frees and clears. NULL is accepted. */
void starts_free(struct starts **starts);

/* The setting for a topic; never NULL. An expression that cannot be decided for it does not match.
   @borrows starts @thread owner */
const struct start *starts_find(struct starts *starts, const char *topic);

/* The i-th setting in the order in which they are asked, start.from last; NULL after that. @borrows
 * starts */
const struct start *starts_at(const struct starts *starts, size_t i);

/* All of it as one line that is another one when anything was set otherwise. What files hold is not
   in it. @gives a string */
char *starts_text(const struct starts *starts);

/* What a partition without a position is given: a kind of which its setting says the rest, or
   COMMITTED: nothing is asked for.
   is_new_group: no mirrored partition had a position, nor was one taken over.
   is_new_topic: no other partition of its topic has a position either.

   - A partition that a topic gained is read from its beginning, whatever the setting says:
   EARLIEST. Only a file that names it counts there.
   - So is what a file does not name.
   - latest and duration of start.from itself hold for a new group only: a topic that turns up later
     may have been made while nobody mirrored, and nothing of it shall be passed over. Of a setting
     for the topic's own name they hold for every new topic.
   @thread any */
enum startpoint_kind starts_decide(const struct start *start, const char *topic, int32_t partition,
	bool is_new_group, bool is_new_topic);

#endif
