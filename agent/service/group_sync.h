/* Group sync: a thread that keeps the offsets of the source's consumer groups at the target. */
#ifndef SERVICE_GROUP_SYNC_H
#define SERVICE_GROUP_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "mirror/offset_notes.h"
#include "mirror/plan.h"

/* It owns the atlas (mirror/atlas.h), which grows by the streams' notes and is kept in a compacted
   topic at the target, and passes over the groups every groups.interval. It waits for answers of
   both clusters, and nobody waits for it. */
struct group_sync;

/* What it tells the main thread. */
enum group_sync_notice { GROUP_SYNC_PASSED = 400 };
struct group_sync_message {
	struct message message; /* kind is the above */
	int64_t time_ms;	/* clock_wall_ms of the pass; 0: it did not come to an end */
	unsigned groups, synced, with_members, failed;
	unsigned qualities[OFFSET_UNKNOWN + 1]; /* see struct group_counts */
	bool is_asked;	/* it came to an end, and is the one of group_sync_pass */
	char *document; /* of GET /groups */
};

/* Frees a message with all it holds. */
void group_sync_message_free(struct group_sync_message *message);

/* Where groups.sync is set. brokers: of the source. NULL on error.
   @borrows config and notices until group_sync_stop @gives the thread @thread main */
struct group_sync *group_sync_start(
	const struct config *config, const char *brokers, struct mailbox *notices, struct err *err);

/* Where the streams' notes go. @borrows sync @thread main */
struct offset_sink *group_sync_sink(struct group_sync *sync);

/* What is mirrored, and where to. Takes a reference. @thread main */
void group_sync_set_plan(struct group_sync *sync, const struct plan *plan);

/* The source has other brokers now ("host:port,..."). @thread main */
void group_sync_add_brokers(struct group_sync *sync, const char *brokers);

/* Asks for a pass that begins from now on, once all that the streams have noted is in place.
   @thread main */
void group_sync_pass(struct group_sync *sync);

/* Keeps what is known now, ends the thread and frees, waiting at most timeout_ms; a thread that is
   in a call that does not come back is left behind (false), for the process is about to end. The
   streams must have ended. NULL is accepted, and clears. @thread main @blocks */
bool group_sync_stop(struct group_sync **sync, int timeout_ms);

#endif
