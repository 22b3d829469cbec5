/* The worker: one mirroring thread with a consumer, a producer and a pipeline of its own. */
#ifndef MIRROR_WORKER_H
#define MIRROR_WORKER_H

#include <stddef.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "kafka/consumer.h"
#include "mirror/counters.h"
#include "mirror/held.h"
#include "mirror/limits.h"
#include "mirror/pauses.h"
#include "mirror/plan.h"
#include "mirror/ranges.h"
#include "mirror/until.h"

struct worker;
struct meters;

/* What a worker tells the main thread. */
enum worker_notice {
	WORKER_TROUBLE = 100, /* one side may be unreachable: look */
	WORKER_MISSED,	      /* topics of the target are not what the plan says: list them */
	WORKER_FAILED,	      /* the mirror cannot go on; reason is a finished sentence */
	WORKER_PREPARED, /* after worker_prepare: the new script is ready, or reason says why not */
	WORKER_SAMPLED,	 /* of worker_tap: topic and sample */
	WORKER_HELD,	 /* of worker_ask_held: held */
	WORKER_RANGES,	 /* a struct ranges: the source is to be asked for them, and the answer goes
			    to worker_tell_ranges */
	WORKER_DRAINED,	 /* after worker_stop: settled and committed, or out of time for it */
	WORKER_ENDED	 /* the thread is about to return: join it */
};
struct worker_message {
	struct message message; /* kind is one of the above */
	int stream;
	bool is_source; /* TROUBLE */
	bool is_start;	/* FAILED: nothing was mirrored yet and the cause is the set-up (exit status
			   1) */
	bool is_ready;	/* PREPARED */
	bool is_drained;	  /* ENDED: everything on its way was acknowledged and committed */
	char *topic, *sample;	  /* SAMPLED */
	struct held_answer *held; /* HELD */
	char reason[1024];
};

/* Frees a message with all it holds. */
void worker_message_free(struct worker_message *message);

/* What all workers of one start have in common. */
struct worker_plan {
	const struct config *config;
	const char *source_brokers; /* "host:port,..." */
	int source_broker_count,
		partition_count; /* at the source, of the mirrored topics; for sharing memory out */
	struct mailbox *notices; /* main's; struct worker_message */
	struct script_world *world;
	bool is_dry;		   /* nothing is produced or committed */
	const struct until *until; /* where a one shot ends; NULL: it is none */
	struct offset_sink *notes; /* where target offsets are noted; NULL: they are not */
	/* Those of the start, read by worker_start only; NULL: none. */
	struct limits *limits;
	const struct pauses *pauses;
};

/* Makes the clients and, where there is a script, its state, and starts the thread. stream counts
   from 0. @thread main
   @borrows plan's members until worker_join @gives the worker */
struct worker *worker_start(
	const struct worker_plan *plan, const struct plan *routes, int stream, struct err *err);

/* Subscribes to exactly these topics, whose records go where the plan says. @thread main */
void worker_set_topics(
	struct worker *worker, const char *const *topics, size_t count, const struct plan *routes);

/* Loads and initializes the script anew, beside the one that runs, and tells with PREPARED; until
   worker_decide nothing more is read. @thread main */
void worker_prepare(struct worker *worker);

/* After PREPARED: the new script and the plan that it made are taken at once (routes NULL: it is
 * dropped). @thread main */
void worker_decide(struct worker *worker, const struct plan *routes);

/* Goes back to the script before the last one that was taken, and to the plan that it made; nothing
   happens when there is none. @thread main */
void worker_rollback(struct worker *worker, const struct plan *routes);

/* Samples the next count records of a source topic (0: none any more), whatever was asked for of it
   before: SAMPLED each. @thread main */
void worker_tap(struct worker *worker, const char *source_topic, int64_t count);

/* What an operator has paused now; the group notices nothing. Takes a reference. @thread main */
void worker_set_pauses(struct worker *worker, const struct pauses *pauses);

/* Partitions of a topic (NULL: of all), or this one of it (-1: all), that are held at a record, or
   wait for one, offer it again. @thread main */
void worker_retry(struct worker *worker, const char *source_topic, int32_t partition);

/* Shows at which records partitions are held, or decides about one of them: HELD is the answer,
   unless ENDED comes first. @thread main */
void worker_ask_held(struct worker *worker, const struct held_question *question);

/* How fast is read now. Takes a reference. @thread main */
void worker_set_limits(struct worker *worker, struct limits *limits);

/* More source brokers to ask ("host:port,..."). @thread main */
void worker_add_brokers(struct worker *worker, const char *brokers);

/* A target topic's max.message.bytes, and whether its message format is too old for headers.
   @thread main */
void worker_limit_topic(
	struct worker *worker, const char *target_topic, int64_t max_bytes, bool no_headers);

/* Begins the end of the worker: it stops reading, waits for acknowledgements, commits, and sends
   DRAINED. Then it waits for worker_leave, leaves the group, and sends ENDED; all within
   timeout_ms. @thread main */
void worker_stop(struct worker *worker, int64_t timeout_ms);

/* The worker may leave the group: call it when all are DRAINED, because while one leaves the group
   may refuse the others' commits.
   @thread main */
void worker_leave(struct worker *worker);

/* Waits for the thread and frees. Call it after ENDED. @thread main @blocks shortly */
void worker_join(struct worker **worker);

/* Topics of the source were deleted and made anew: pairs of a name and its id now. @thread main */
void worker_tell_remade(struct worker *worker, const char *const *pairs, size_t count);

/* What the source says to WORKER_RANGES. @takes ranges @thread main */
void worker_tell_ranges(struct worker *worker, struct ranges *ranges);

/* Where its orders go. For worker_orders.c. @thread any */
struct mailbox *worker_mailbox(struct worker *worker);

/* What it has counted so far. @thread any */
const struct counters *worker_counters(const struct worker *worker);

/* What it has counted by partition and topic. @thread any @borrows worker, until worker_join */
const struct meters *worker_meters(const struct worker *worker);

#endif
