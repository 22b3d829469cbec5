/* The keeper: a thread that makes, grows and syncs topics at the target, so that the scout never
 * waits for it. */
#ifndef SERVICE_KEEPER_H
#define SERVICE_KEEPER_H

#include <stdbool.h>

#include "base/mailbox.h"
#include "config/config.h"
#include "mirror/plan.h"

struct keeper;

/* What the keeper tells whoever started it. */
enum keeper_notice {
	KEEPER_CHANGED = 300, /* topics were made or grown: list the target's */
	KEEPER_REFUSED,	      /* topic is not made or grown, and reason says why; it is tried again.
				 reason NULL: that is over */
	KEEPER_SETTLED,	      /* all refusals of one go were told: plan with them */
	KEEPER_UNABLE	      /* the target cannot be asked to make topics, and reason says why */
};
struct keeper_message {
	struct message message; /* kind is one of the above */
	char *topic, *reason;
};

/* Frees a message with all it holds. */
void keeper_message_free(struct keeper_message *message);

/* Starts the thread, which does nothing before the first plan. NULL when that is not possible.
   @borrows config and notices until keeper_stop @gives */
struct keeper *keeper_start(const struct config *config, struct mailbox *notices);

/* From now on this plan is followed; its topics that wait for their target's are made, small ones
   grown. source_brokers: "host:port,...". Takes a reference. @thread any */
void keeper_set_plan(struct keeper *keeper, const struct plan *plan, const char *source_brokers);

/* Ends the thread and frees, waiting at most timeout_ms for a call under way; a thread that is
   still in one is left behind (false), for the process is about to end. NULL is accepted. */
bool keeper_stop(struct keeper **keeper, int timeout_ms);

#endif
