/* The view: what the documents of the admin API are made of, borrowed from the agent for one
 * answer. */
#ifndef SERVICE_VIEW_H
#define SERVICE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "mirror/limits.h"
#include "mirror/pauses.h"
#include "mirror/plan.h"
#include "mirror/worker.h"
#include "script/script.h"
#include "service/group_sync.h"
#include "service/http.h"
#include "service/survey.h"

struct oneshot;

/* One of the two clusters. */
struct view_side {
	char *brokers;
	int reachable; /* 1 answers, 0 does not, -1 was not asked yet */
	int64_t since; /* wall ms since when that is so */
	char *reason;  /* why it does not; NULL when it does */
};

enum reload_result { RELOAD_OK, RELOAD_REJECTED, RELOAD_ROLLED_BACK, RELOAD_RESULTS };

/* The script's generations. */
struct view_script {
	int64_t generation;	     /* 0: no script */
	int64_t before, newest;	     /* to go back to; the number given last */
	int64_t loaded;		     /* wall ms */
	bool has_record, had_record; /* had: the one before */
	int64_t last_time;	     /* wall ms of the last reload, 0: there was none */
	enum reload_result last_result;
	char *last_reason;
	uint64_t results[RELOAD_RESULTS];
};

struct view {
	const struct config *config;
	const struct plan *plan; /* NULL before the first */
	const struct survey *survey;
	struct script_world *world;
	const struct view_side *source, *target;
	const struct view_script *script;
	const struct group_sync_message *groups; /* the last pass; NULL: none yet */
	struct limits *limits;
	const struct pauses *pauses;
	struct worker *const *workers; /* members may be NULL */
	int worker_count;
	const struct http *http;
	const struct oneshot *oneshot; /* NULL: it is none, or has not begun */
	const char *state;	       /* "starting" "running" "reloading" "stopping" */
	int64_t started;	       /* wall ms */
	int64_t now, wall;	       /* clock_ms of the survey; clock_wall_ms */
};

struct agent;

/* As it is now. @borrows the agent until the main loop turns @thread main */
void view_take(const struct agent *agent, struct view *ret);

/* "ok" "rejected" "rolled_back" */
const char *reload_result_name(enum reload_result result);

#endif
