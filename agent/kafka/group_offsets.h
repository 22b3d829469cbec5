/* Consumer groups other than the mirror's own: which there are, and their offsets, read and
 * written. */
#ifndef KAFKA_GROUP_OFFSETS_H
#define KAFKA_GROUP_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kafka/admin.h"

/* Calls through a client of kafka/admin.h. */

/* The names of all groups that may be seen. The error says what to do. @blocks
   @gives *ret and its members; group_names_free */
struct group_names {
	char **items;
	size_t count;
};
int group_offsets_list(
	struct admin *admin, int timeout_ms, struct group_names *ret, struct err *err);
void group_names_free(struct group_names *names);

/* Fills each position's offset with what that group has committed, -1 where it has nothing.
 * @blocks */
int group_offsets_read(struct admin *admin, const char *group, int timeout_ms,
	struct topic_partition *positions, size_t count, struct err *err);

/* Commits offsets for that group from outside. Brokers refuse it while the group has members:
 *ret_has_members tells whether that was so. @blocks */
int group_offsets_write(struct admin *admin, const char *group, int timeout_ms,
	const struct topic_partition *positions, size_t count, bool *ret_has_members,
	struct err *err);

#endif
