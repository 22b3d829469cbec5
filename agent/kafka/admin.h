/* Look-ups at a cluster: its topics, a group's positions, topic settings. */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/consumer.h"

/* A client for look-ups only. All calls but admin_open and admin_close block, up to their
   timeout_ms: they belong on a thread of their own, never on a worker. One thread at a time. */
struct admin;

/* A topic as the cluster lists it. */
struct cluster_topic {
	char *name;
	int partitions;
	int replicas;			  /* of its first partition */
	int leaderless, first_leaderless; /* partitions that have no leader, and the number of the
					     first of them */
	int absent;			  /* for the caller: looks in a row that did not list it */
};

/* What a cluster looks like. */
struct cluster_view {
	struct cluster_topic *topics; /* sorted by name; without those that may not be described */
	size_t topic_count;
	int brokers;
	int can_create; /* 1: it can be asked to make topics, 0: it cannot, -1: not known now */
};

/* For the source: a client that carries the group's name but never joins it. NULL on error. @gives;
 * admin_close */
struct admin *admin_open_source(
	const struct config *config, const char *bootstrap_servers, struct err *err);

/* For the target. NULL on error. @gives; admin_close */
struct admin *admin_open_target(const struct config *config, struct err *err);

/* While this says so, calls of admin_topics.h, acls.h, group_offsets.h and topic_ids.h
   that are under way give up within a tenth
   of a second. @borrows must_stop until admin_close */
void admin_heed(struct admin *admin, const atomic_bool *must_stop);

/* Frees and clears. NULL is accepted. */
void admin_close(struct admin **admin);

/* More brokers to ask ("host:port,..."). */
void admin_add_brokers(struct admin *admin, const char *bootstrap_servers);

/* Lists the topics. The error sentence says why the cluster did not answer, and what to do.
   @blocks @gives *ret; cluster_view_fini */
int admin_view(struct admin *admin, int timeout_ms, struct cluster_view *ret, struct err *err);
void cluster_view_fini(struct cluster_view *view);

/* Adds to now what old had and now does not list, unless so many looks in a row did not list it: a
   broker that has just started may list nothing for a moment. Returns whether something was added.
 */
bool cluster_view_keep(const struct cluster_view *old, struct cluster_view *now, int looks);

/* Does the cluster answer at all? @blocks */
int admin_ping(struct admin *admin, int timeout_ms, struct err *err);

/* The cluster's own id into id, "" when its brokers are too old to have one (before 0.10.1). -1: it
   does not answer, so that nothing is known, and id is left as it was. @blocks */
int admin_cluster_id(struct admin *admin, int timeout_ms, char *id, size_t size, struct err *err);

/* Fills each position's offset with what the group has committed, -1 where it has nothing. @blocks
 */
int admin_committed(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct err *err);

/* Fills each position's offset with the partition's end. @blocks */
int admin_ends(struct admin *admin, int timeout_ms, struct topic_partition *positions, size_t count,
	struct err *err);

/* The same, but -1 for partitions whose end the cluster does not tell, a missing leader for
   example; an error only when it does not answer at all. @blocks */
int admin_known_ends(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct err *err);

/* Fills each position's offset with the first one that the partition has, -1 as in
   admin_known_ends. @blocks */
int admin_known_begins(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct err *err);

/* Each position's offset is a time (ms since 1970 UTC), or ADMIN_BEGINNING, and becomes the offset
   of the first record of that time or later, -1 where there is none; the first offset there is.
   @blocks
 */
#define ADMIN_BEGINNING (-2)
int admin_at_times(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct err *err);

/* Fills each position's offset with the first one that the partition has. @blocks */
int admin_begins(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct err *err);

/* Commits offsets for the group from outside. Works only while the group has no members;
 *ret_has_members tells whether that was why it failed. @blocks */
int admin_commit(struct admin *admin, int timeout_ms, const struct topic_partition *positions,
	size_t count, bool *ret_has_members, struct err *err);

/* What a topic takes. */
struct topic_takes {
	int64_t max_bytes; /* of a batch, max.message.bytes; 0: the cluster does not tell */
	bool no_headers;   /* message.format.version is older than 0.11 */
};

/* Fills takes[i] with what topics[i] takes. @blocks */
int admin_topics_take(struct admin *admin, int timeout_ms, const char *const *topics, size_t count,
	struct topic_takes *takes, struct err *err);

#endif
