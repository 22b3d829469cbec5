/* What the parts of the scout share. For service/scout*.c only. @thread scout for all calls */
#ifndef SERVICE_SCOUT_STATE_H
#define SERVICE_SCOUT_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "kafka/admin.h"
#include "service/incarnations.h"
#include "service/keeper.h"
#include "service/scout.h"
#include "service/side.h"

struct scout {
	const struct config *config;
	struct topics *filter;
	struct mailbox *notices, *orders;
	pthread_t thread;
	atomic_bool must_stop;
	int64_t started;
	struct side source, target;
	struct cluster_view topics, targets; /* what each side listed last */
	bool is_target_known;		     /* targets holds something */
	int64_t targets_listed;		     /* clock_ms: when; 0: never */
	struct plan_rules *rules;
	struct starts *starts;
	struct script *script, *candidate,
		*previous; /* candidate: tried, and not yet taken or dropped; previous: to go back
			      to; NULL: none */
	const struct plan *plan; /* NULL before the first one was sent */
	struct script_world *world;
	bool is_dry;
	int64_t next_leaderless; /* clock_ms: that partitions have no leader is not said before */
	bool is_compared;	 /* the two sides are known to be the same cluster, or not */
	bool is_same;
	char source_id[128]; /* "": its brokers tell none; once its topics were listed */
	char target_id[128]; /* likewise; once it is compared */
	struct provenance_clusters clusters; /* by the plans from now on */
	struct incarnations *incarnations;
	struct until *until;   /* of a one shot, until the first plan is sent */
	bool is_limits_due;    /* target topics are to be asked for their settings */
	struct keeper *keeper; /* NULL: a dry run */
	int can_create;	       /* the target, as cluster_view has it; 1 stays */
	bool is_unable_said;
	struct plan_refusal *refusals; /* what the keeper was refused */
	size_t refusal_count;
};

/* scout.c: */

/* The mirror cannot begin, or go on, for this reason. */
void scout_fail(struct scout *scout, const char *reason);

/* scout_look.c: */

/* Looks at a side: does it answer, and has what it holds changed? */
void scout_look_at_source(struct scout *scout);
void scout_look_at_target(struct scout *scout);

/* Do both sides answer as the same cluster? A target that does not answer is compared when it does.
 */
void scout_compare_clusters(struct scout *scout);

/* Finds out what the clusters are called in the header that says where records came from. False:
   the mirror cannot begin, which is said, or has to wait for the target. */
bool scout_name_clusters(struct scout *scout);

/* Lists the target's topics, when it is there. */
void scout_list_targets(struct scout *scout);

/* The target is listed at its next look, which is now. */
void scout_want_targets(struct scout *scout);

/* The target is listed again as soon as it may be. */
void scout_doubt_targets(struct scout *scout);

/* Target topics are asked for their settings at the next look, which is now unless it is down. */
void scout_want_limits(struct scout *scout);

/* Fills in where partitions of the source end, and answers; what is not found out stays -1. @takes
 * ends */
void scout_tell_ends(struct scout *scout, struct scout_ends *ends);

/* scout_plan.c: */

/* A plan of what both sides listed last, by this script. previous: see struct plan_input. NULL on
   error. @gives a plan */
const struct plan *scout_make_plan(
	struct scout *scout, struct script *script, const struct plan *previous, struct err *err);

/* Why the plan must not be followed: a mirror within one cluster whose copies it reads itself.
   NULL: it may. @gives a sentence */
char *scout_find_endless(struct scout *scout, struct script *script, const struct plan *plan);

/* Ends the mirror when the plan must not be followed. */
bool scout_is_endless(struct scout *scout, const struct plan *plan);

/* Tells the main thread, and the keeper, what the plan is. */
void scout_send_plan(struct scout *scout, enum scout_notice kind);

/* The first look that succeeds: positions, then the plan. */
int scout_first_plan(struct scout *scout, struct err *err);

/* What is different from the last plan is said and sent. */
void scout_next_plan(struct scout *scout);

/* scout_keep.c: */

/* What the keeper tells. @takes message */
void scout_on_keeper(struct scout *scout, struct keeper_message *message);

/* Are topics made and grown at the target, as far as is known? What is not possible is said once,
   when the plan misses a topic. */
bool scout_manages(const struct scout *scout);
void scout_say_unable(struct scout *scout);

/* Forgets refusals of what the plan does not want any more: somebody else has made it, say. */
void scout_prune_refusals(struct scout *scout);

/* Frees what the keeper was refused. */
void scout_forget_refusals(struct scout *scout);

/* scout_script.c: */

/* Loads the script anew and plans with it; the answer is TRIED with a plan, or with a reason. */
void scout_try_script(struct scout *scout);

/* The candidate is the script from now on. */
void scout_take_script(struct scout *scout);

/* Back to the script before the last one that was taken; a ROLLED_BACK without a plan: there is
 * none. */
void scout_change_back(struct scout *scout);

/* The candidate is not taken; what has changed meanwhile is planned now. */
void scout_drop_script(struct scout *scout);

#endif
