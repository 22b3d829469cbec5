/* Consumer groups other than the mirror's own: which there are, and their offsets, read and
 * written. */
#ifndef KAFKA_GROUP_OFFSETS_H
#define KAFKA_GROUP_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/consumer.h"
#include "kafka/traffic.h"

/* A client of one cluster for that. All calls but open and close block, up to their timeout_ms: not
   for workers. One thread at a time. */
struct group_offsets;

/* brokers: the bootstrap list. NULL on error. @gives; group_offsets_close */
struct group_offsets *group_offsets_open(
	enum client_side side, const struct config *config, const char *brokers, struct err *err);

/* Frees and clears. NULL is accepted. */
void group_offsets_close(struct group_offsets **groups);

/* The names of all groups that may be seen. The error says what to do. @blocks
   @gives *ret and its members; group_names_free */
struct group_names {
	char **items;
	size_t count;
};
int group_offsets_list(
	struct group_offsets *groups, int timeout_ms, struct group_names *ret, struct err *err);
void group_names_free(struct group_names *names);

/* Fills each position's offset with what that group has committed, -1 where it has nothing.
 * @blocks */
int group_offsets_read(struct group_offsets *groups, const char *group, int timeout_ms,
	struct topic_partition *positions, size_t count, struct err *err);

/* Commits offsets for that group from outside. Brokers refuse it while the group has members:
 *ret_has_members tells whether that was so. @blocks */
int group_offsets_write(struct group_offsets *groups, const char *group, int timeout_ms,
	const struct topic_partition *positions, size_t count, bool *ret_has_members,
	struct err *err);

/* Fills each position's offset with the partition's end, -1 where the cluster does not tell.
 * @blocks */
int group_offsets_ends(struct group_offsets *groups, int timeout_ms,
	struct topic_partition *positions, size_t count, struct err *err);

#endif
