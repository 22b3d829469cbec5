/* A pass over the consumer groups of the source: their offsets, translated, and written at the
 * target. */
#ifndef SERVICE_GROUP_PASS_H
#define SERVICE_GROUP_PASS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/group_offsets.h"
#include "mirror/atlas.h"

/* What passes remember of each group. One thread at a time. */
struct group_pass;

/* For the groups that groups.sync names. Once *must_stop is set, a pass goes over no further group.
   NULL when the expression does not compile. @borrows both @gives; group_pass_free */
struct group_pass *group_pass_new(
	const struct config *config, const atomic_bool *must_stop, struct err *err);

/* Frees and clears. NULL is accepted. */
void group_pass_free(struct group_pass **pass);

/* First half: reads the offsets of the groups, the mirror's own left out. Then the maps must be
   brought up to date. -1: the groups cannot be listed. @blocks */
int group_pass_read(
	struct group_pass *pass, struct admin *source, const struct atlas *atlas, struct err *err);

/* Second half: translates what was read, and writes it for groups that have no members at the
   target, and never backwards, unless the group went back at the source and nobody but us has
   written at the target. @blocks */
struct group_counts {
	unsigned groups, synced, with_members, failed; /* groups: with offsets in mirrored topics;
							  synced: all that is known is written */
	unsigned qualities[OFFSET_UNKNOWN + 1];	       /* how many offsets are known how well */
};
void group_pass_write(struct group_pass *pass, struct admin *source, struct admin *target,
	struct atlas *atlas, struct group_counts *ret);

/* The last pass as GET /groups has it. reason: why it is not whole, NULL: it is. @gives a string */
char *group_pass_document(const struct group_pass *pass, const char *reason);

#endif
