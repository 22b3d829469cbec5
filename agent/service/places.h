/* Places: the mirrored partitions, and where the group stands in each. */
#ifndef SERVICE_PLACES_H
#define SERVICE_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "kafka/admin.h"
#include "mirror/starts.h"

/* One partition. Topics and settings are borrowed. */
struct place {
	struct topic_partition at; /* offset -1: the group has no position */
	const struct start *start; /* the setting for its topic */
	enum startpoint_kind kind; /* what it is given, where is_due */
	bool is_due;		   /* a position is being found for it, or was and is to be
				      committed */
};

struct places {
	struct place *items; /* a topic's stand together */
	size_t count;
};

/* All partitions of these topics, with their settings. @gives the places; places_fini */
struct places places_of(
	const struct cluster_topic *topics, size_t topic_count, struct starts *starts);

/* Frees what it holds and clears it. */
void places_fini(struct places *places);

/* Asks for the group's positions. @blocks up to timeout_ms */
int places_look_up(struct places *places, struct admin *source, int timeout_ms, struct err *err);

/* Have so many no position? */
size_t places_missing(const struct places *places);

/* Is this the place of a topic of which no partition has a position? */
bool places_is_new_topic(const struct places *places, const struct place *place);

/* Finds the offset of every place that is due, by its kind; a time behind the last record is the
   end. Nothing is changed on error. @blocks up to three times timeout_ms */
int places_find_offsets(
	struct places *places, struct admin *source, int timeout_ms, struct err *err);

/* Makes every place that has no position due, as one of STARTPOINT_EARLIEST, and finds its
   beginning; what has no leader keeps -1. Returns for how many it was found; -1: the cluster does
   not answer. @blocks up to timeout_ms */
int places_find_beginnings(
	struct places *places, struct admin *source, int timeout_ms, struct err *err);

/* Commits those that are due in one request. *ret_has_members as admin_commit has it. @blocks up
   to timeout_ms */
int places_commit(struct places *places, struct admin *source, int timeout_ms,
	bool *ret_has_members, struct err *err);

/* Logs, for each setting, how many places that are due are given what it says: group, partitions,
   from. */
void places_say(const struct places *places, const struct starts *starts, enum log_event event,
	const char *group);

/* How many are due and are given another kind than their setting's. */
size_t places_due_otherwise(const struct places *places);

/* None is due any more. */
void places_settle(struct places *places);

#endif
