/* What the parts of the keeper share. For service/keeper*.c only. @thread keeper for all calls */
#ifndef SERVICE_KEEPER_STATE_H
#define SERVICE_KEEPER_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "kafka/admin_topics.h"
#include "service/keeper.h"

/* One call may take this long. */
#define KEEPER_CALL_MS 15000
/* Topics that one call is about, at most. */
#define KEEPER_AT_ONCE 100
/* Settings that the target does not know and are left out of one topic, at most. */
#define KEEPER_LEFT_OUT_MOST 16

/* A topic of the target with which something did not work. */
struct trial {
	struct trial *next;
	char *topic;
	int64_t due;   /* clock_ms: not tried again before */
	int64_t pause; /* the one before that; 0: none yet */
};

struct keeper {
	const struct config *config;
	struct mailbox *notices, *orders;
	pthread_t thread;
	atomic_bool must_stop;
	const struct plan *plan; /* NULL before the first */
	char *brokers;		 /* of the source */
	struct admin *source, *target;
	struct trial *trials;
	int64_t sync_due; /* clock_ms */
	bool has_made;	  /* topics were made that have not been synced yet */
	bool is_acl_said; /* that there are no access rules */
};

/* Opens the client of a side when it is not open yet. */
int keeper_open_source(struct keeper *keeper, struct err *err);
int keeper_open_target(struct keeper *keeper, struct err *err);

/* Is a topic of the plan at the target, and the first of those that go there? */
bool keeper_is_there(const struct plan_topic *topic);

/* Settings of up to KEEPER_AT_ONCE topics at the source, of those whose recipe copies them; NULL
   entries of topics are left out. What cannot be found out has a reason, to be freed. @blocks
   @gives ret, settings_fini */
int keeper_ask_source(struct keeper *keeper, const struct plan_topic *const *topics, size_t count,
	struct settings *ret, char **reasons, struct err *err);

/* Compares settings and access rules, and writes the differences. @blocks */
void keeper_sync(struct keeper *keeper);

#endif
