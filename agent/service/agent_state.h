/* What the agent's parts share. For service/agent.c, reload.c and the calls of the admin API.
 * @thread main */
#ifndef SERVICE_AGENT_STATE_H
#define SERVICE_AGENT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "mirror/counters.h"
#include "mirror/worker.h"
#include "service/admin.h"
#include "service/agent.h"
#include "service/brakes.h"
#include "service/events.h"
#include "service/group_sync.h"
#include "service/oneshot.h"
#include "service/reload.h"
#include "service/report.h"
#include "service/rotation.h"
#include "service/scout.h"
#include "service/survey.h"
#include "service/view.h"

struct agent {
	const struct config *config;
	const struct agent_options *options;
	struct event_base *base;
	struct event *signals[5], *second, *notices_event;
	struct mailbox *notices;
	struct scout *scout;
	struct group_sync *groups;		/* NULL: groups.sync is not set */
	struct group_sync_message *groups_seen; /* the last pass; NULL: none yet */
	struct brakes *brakes;
	struct script_world *world;
	struct reload reload;
	struct rotation rotation;
	struct admin_api admin;
	struct events *events;
	struct survey *survey;
	bool is_asking_ends; /* see service/ends.h */
	int64_t next_ends;   /* clock_ms */
	size_t ends_from;
	struct oneshot *oneshot; /* NULL: it is none, or has not begun */
	struct report *report;	 /* of it; likewise NULL */
	char why_stopped[256];	 /* a sentence; "" while it runs */
	struct view_side source, target;
	struct view_script generations;
	const struct plan *routes; /* in force; NULL before the first */
	struct worker_plan plan;
	char *brokers; /* what plan.source_brokers points to */
	struct worker **workers;
	int worker_count, running, drained; /* made; not yet ended; ready to leave the group */
	bool is_stopping, is_drained;
	int status;
	int64_t started_wall; /* clock_wall_ms */
	int64_t started, stopped, last_progress,
		force_end;   /* clock_ms; force_end: the process ends then, come what may */
	struct counters sum; /* of streams that have ended */
	uint64_t last_records, last_bytes;
};

/* Begins the end of the process; the first reason decides the status. */
void agent_stop(struct agent *agent, int status, const char *reason);

/* Tells all streams which topics to read, and where their records go. */
void agent_set_topics(struct agent *agent, const struct scout_message *message);

#endif
