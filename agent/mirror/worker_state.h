/* What the parts of the worker share. For mirror/worker*.c only.
   @thread worker for all calls */
#ifndef MIRROR_WORKER_STATE_H
#define MIRROR_WORKER_STATE_H

#include <pthread.h>

#include "base/log.h"
#include "mirror/order.h"
#include "mirror/pipeline.h"
#include "mirror/scripting.h"
#include "mirror/worker.h"

/* A refused commit is tried again after this pause. */
#define COMMIT_AGAIN_MS 200

/* Why the worker is not simply mirroring; one step after the other. */
enum phase {
	PHASE_RUN,
	PHASE_DRAIN,  /* waits for acknowledgements of what was revoked, or of everything at the end
		       */
	PHASE_COMMIT, /* waits for the commit of that */
	PHASE_READY,  /* at the end: waits until the other streams have committed as well */
	PHASE_CLOSE,  /* at the end: leaves the group */
	PHASE_END
};

struct worker {
	const struct worker_plan *plan;
	int stream;
	char *client_id;
	struct consumer *consumer;
	struct producer *producer;
	struct pipeline *pipeline;
	const struct plan *routes;
	struct order *topics; /* what is subscribed to; NULL: nothing yet */
	struct scripting scripting;
	struct counters counters;
	struct meters *meters;
	struct mailbox *orders;
	pthread_t thread;
	struct event_base *base;
	struct event *events[6];
	struct event *turn, *tick; /* runs again at once; runs again after a while */
	enum phase phase;
	bool is_stopping, may_leave, is_answer_due; /* the end was ordered; a rebalance event waits
					    for consumer_answer */
	bool is_exact;
	struct exact *exact; /* of worker_exact.c; NULL: at least once */
	bool is_committing, is_drained, has_failed;
	bool is_commit_refused; /* the last commit did not succeed */
	int64_t phase_until, stop_until, next_commit, next_second; /* clock_ms */
	int64_t assigned_at, unassigned_since; /* the first assignment, 0: none yet; has waited for
						  one since then, 0: does not wait */
	struct topic_partition *revoked;
	size_t revoked_count;
};

/* worker.c: */

/* Tells the main thread; like and reason may be NULL. */
void worker_notify(struct worker *worker, enum worker_notice kind,
	const struct worker_message *like, const char *reason);

/* The mirror cannot go on; the first reason counts. */
void worker_fail(struct worker *worker, bool is_start, const char *reason);

/* Moves on to a phase that may last until within_ms from now. */
void worker_set_phase(struct worker *worker, enum phase phase, int64_t within_ms);

/* worker_group.c: */

/* Commits what has moved. Returns true when an answer will come. */
bool worker_commit(struct worker *worker);

/* Is everything of the partitions that the group takes settled? */
bool worker_revoked_is_drained(struct worker *worker);

/* Hands the revoked partitions over, and says so as this event. */
void worker_finish_revoke(struct worker *worker, enum log_event event, bool is_drained);

/* Forgets which partitions the group takes. */
void worker_forget_revoked(struct worker *worker);

/* A trouble of the group as a whole, or of one partition; reason may be NULL. */
void worker_on_trouble(struct worker *worker, enum consumer_event_kind kind, bool is_connection,
	const char *reason);

/* Deals with what the group and the library have to say, a bounded number of events. Returns true
   when there may be more. */
bool worker_take_events(struct worker *worker);

/* worker_exact.c; only where the worker is_exact: */

/* Begins; the pipeline must have no partitions yet. -1 on error; exact_end in either case. */
int exact_start(struct worker *worker, struct err *err);

/* Ends its threads and frees. Nothing happens where there is none. @thread worker, or main once
   that is over @blocks shortly */
void exact_end(struct worker *worker);

/* Becomes readable when there is something for exact_turn, which takes everything on as far as it
   goes now; again within exact_wait_ms. Returns true when the pipeline may flow again, or has
   partitions that were taken over. */
int exact_fd(const struct worker *worker);
bool exact_turn(struct worker *worker);
int64_t exact_wait_ms(const struct worker *worker);

/* As worker_commit: the open transaction is to end now. In PHASE_COMMIT the claims of quiet
   partitions are given back with it. */
bool exact_commit(struct worker *worker);

/* What is settled is to be committed, and the group told, now. */
void exact_hurry(struct worker *worker);

/* The group was told positions, or was not, for this reason. */
void exact_advised(struct worker *worker, const char *reason);

#endif
