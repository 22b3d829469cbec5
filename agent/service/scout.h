/* The scout: a thread that looks at both clusters, so that nobody else has to wait for an answer.
 */
#ifndef SERVICE_SCOUT_H
#define SERVICE_SCOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "mirror/topics.h"

struct scout;

/* What the scout tells the main thread. */
enum scout_notice {
	SCOUT_PLAN = 200, /* which topics are to be mirrored; first one: positions are in place,
			     mirroring may start */
	SCOUT_FAILED,	  /* the start is not possible; reason says it */
	SCOUT_BROKERS,	  /* the source's brokers have changed: names[0] is the new list */
	SCOUT_LIMIT	  /* the target topic names[0] takes batches up to number bytes */
};
struct scout_message {
	struct message message; /* kind is one of the above */
	char *reason;
	char *brokers;	     /* PLAN: the source's bootstrap list in use */
	int broker_count;    /* PLAN */
	int partition_count; /* PLAN: of all topics together */
	char **names;
	size_t name_count;
	int64_t number;
};

/* Frees a message with all it holds. */
void scout_message_free(struct scout_message *message);

/* Starts the thread: it finds the source's brokers (ZooKeeper if need be), waits for the source,
   puts the group's first positions in place, sends a PLAN, and another one whenever the topics
   change. Reachability of both sides is logged by it.
   @borrows config and notices until scout_stop @takes topics @thread main */
struct scout *scout_start(
	const struct config *config, struct topics *topics, struct mailbox *notices);

/* One side may be unreachable: look now. @thread main */
void scout_look(struct scout *scout, bool is_source);

/* Ends the thread and frees, waiting at most timeout_ms for a look-up under way; a thread that is
   still in one is left behind (false), for the process is about to end. @thread main */
bool scout_stop(struct scout **scout, int timeout_ms);

#endif
