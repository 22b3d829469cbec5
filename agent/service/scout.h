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
#include "kafka/consumer.h"
#include "mirror/plan.h"
#include "mirror/ranges.h"
#include "mirror/starts.h"
#include "mirror/topics.h"
#include "mirror/until.h"
#include "script/script.h"

struct scout;

/* What the scout tells the main thread. */
enum scout_notice {
	SCOUT_PLAN = 200, /* which topics are to be mirrored; first one: positions are in place,
			     mirroring may start */
	SCOUT_FAILED,	  /* the start is not possible; reason says it */
	SCOUT_BROKERS,	  /* the source's brokers have changed: names[0] is the new list */
	SCOUT_TRIED, /* of scout_try: plan with reason what it changes (NULL: nothing), or no plan
			and why not */
	SCOUT_ROLLED_BACK, /* of scout_roll_back: a plan as PLAN has it; without one there is
			      nothing to go back to */
	SCOUT_LIMIT,	   /* the target topic names[0] takes batches up to number bytes;
			      no_headers: and no headers */
	SCOUT_ENDS,	   /* a struct scout_ends, the answer to scout_ask_ends */
	SCOUT_STANDINGS,   /* the same of one that asked for standings */
	SCOUT_REMADE, /* topics were deleted and made anew: names holds pairs of a name and the id
			 that it has now */
	SCOUT_RANGES, /* a struct ranges, the answer to scout_ask_ranges */
	SCOUT_SIDE /* whether a cluster answers has changed, or is known now: the source's (number
		      1) or the target's (0); reason NULL: it does; brokers: where it is */
};
struct scout_message {
	struct message message; /* kind is one of the above */
	char *reason;
	char *brokers;	     /* PLAN: the source's bootstrap list in use; SIDE */
	int broker_count;    /* PLAN */
	int partition_count; /* PLAN: of all topics together */
	char **names;
	size_t name_count;
	int64_t number;
	bool no_headers;	 /* LIMIT */
	bool has_record;	 /* TRIED with a plan: the script has a record hook */
	const struct plan *plan; /* PLAN, TRIED; scout_message_free gives it back */
	struct until *until;	 /* the first PLAN of a one shot; scout_message_free frees it */
};

/* Where partitions end; topics are borrowed until the answer is taken. Or, with wants_standings,
   where the group stands in them: then there are count more items, and is_known says whether the
   source has answered. */
struct scout_ends {
	struct message message;
	size_t count;
	bool wants_standings, is_known;
	struct topic_partition items[]; /* offset: behind the last record; -1: not known. Standings:
					   what the group has committed, and of the further ones
					   the first offset that is there; -1: none */
};

/* With room for most partitions, none in it yet. @gives the ends; scout_ask_ends, or free() */
struct scout_ends *scout_ends_new(size_t most);

/* Asks the source where these partitions end; the same ends come back as SCOUT_ENDS, or as
   SCOUT_STANDINGS. @takes ends @thread main */
void scout_ask_ends(struct scout *scout, struct scout_ends *ends);

/* Asks the source where these logs begin and end; the same ranges come back as SCOUT_RANGES. @takes
   ranges @thread main */
void scout_ask_ranges(struct scout *scout, struct ranges *ranges);

/* Frees a message with all it holds. */
void scout_message_free(struct scout_message *message);

/* What the scout works with. */
struct scout_parts {
	const struct config *config;
	struct topics *filter;
	struct plan_rules *rules;
	struct starts *starts;
	struct script *script; /* NULL: none. The only state that is asked for topics, routes and
				  partitions */
	struct script_world *world;
	bool is_dry; /* no positions are committed */
};

/* Starts the thread: it finds the source's brokers (ZooKeeper if need be), waits for the source,
   puts the group's first positions in place, sends a PLAN, and another one whenever the topics
   change. Reachability of both sides is logged by it.
   @borrows config, world and notices until scout_stop @takes filter, rules, starts and script
   @thread main
 */
struct scout *scout_start(const struct scout_parts *parts, struct mailbox *notices);

/* Loads the script's file anew and plans with it, keeping it aside: the answer is TRIED. @thread
 * main */
void scout_try(struct scout *scout);

/* The script that was tried is taken, and a PLAN of it follows, or it is dropped. @thread main */
void scout_adopt(struct scout *scout, bool is_taken);

/* One side may be unreachable: look now. @thread main */
void scout_look(struct scout *scout, bool is_source);

/* The target's topics may not be what was listed last: lists them soon, but not all the time.
   @thread main */
void scout_list_soon(struct scout *scout);

/* Ends the thread and frees, waiting at most timeout_ms for a look-up under way; a thread that is
   still in one is left behind (false), for the process is about to end. @thread main */
bool scout_stop(struct scout **scout, int timeout_ms);

/* Goes back to the script before the last one that was taken; ROLLED_BACK follows. @thread main */
void scout_roll_back(struct scout *scout);

#endif
