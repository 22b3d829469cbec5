/* The clerk: a thread that makes a stream's calls which wait for the target, so that its worker
   need not: transactions' beginnings and ends, and take-overs of partitions. */
#ifndef MIRROR_CLERK_H
#define MIRROR_CLERK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "config/config.h"
#include "kafka/ledger.h"
#include "kafka/producer.h"

struct clerk;

enum clerk_kind {
	CLERK_PREPARE,	/* the ledger's topic, and the source's id: OUTCOME_DONE or REFUSED */
	CLERK_OPEN,	/* producer_open_transactions: DONE, LOST or REFUSED */
	CLERK_COMMIT,	/* DONE, ABORT, LOST or REFUSED */
	CLERK_ABORT,	/* DONE, LOST or REFUSED */
	CLERK_TAKE_OVER /* ledger_take_over: DONE, LOST or REFUSED */
};

/* What is asked for, and then what came of it. What has to be made again is made again by the
   clerk, and said in the log. */
struct clerk_task {
	struct message message; /* kind is one of the above */
	unsigned number;	/* the worker's, given back */
	enum outcome outcome;
	char reason[1024];
	char source[LEDGER_SOURCE]; /* PREPARE: the answer; TAKE_OVER: the question */
	char writer[LEDGER_WRITER]; /* TAKE_OVER */
	struct ledger_takeover takeover;
};

/* Starts the thread, which answers into replies. source_brokers: "host:port,...". NULL on error.
   @borrows all arguments until clerk_end @gives the clerk; clerk_end @thread worker's, or who makes
   it */
struct clerk *clerk_start(const struct config *config, const char *source_brokers,
	struct producer *producer, struct mailbox *replies, int stream, struct err *err);

/* A task of that kind. @gives the task; clerk_ask, clerk_task_free @thread any */
struct clerk_task *clerk_task_new(enum clerk_kind kind, unsigned number);

/* One after the other, in order. @takes task @thread worker */
void clerk_ask(struct clerk *clerk, struct clerk_task *task);

/* Frees it with what it holds. */
void clerk_task_free(struct clerk_task *task);

/* Gives up what it does, waits for the thread, and frees; clears. NULL is accepted. @blocks up to
   about half a second, or as long as a look-up that is under way @thread any */
void clerk_end(struct clerk **clerk);

#endif
