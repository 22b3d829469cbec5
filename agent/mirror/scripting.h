/* Scripting: how the mirror's parts make the states of the user's script. */
#ifndef MIRROR_SCRIPTING_H
#define MIRROR_SCRIPTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "mirror/plan.h"
#include "script/script.h"

/* The state that answers for topics, routes and partitions, loaded and initialized; script.test,
   when there is one, has passed. NULL on error, or when the configuration names no script. @gives
   the script @blocks */
struct script *scripting_load(const struct config *config, struct script_world *world,
	enum script_reason reason, struct err *err);

/* The script of one stream. Zeroed when there is none. @thread worker, but for the start */
struct scripting {
	const struct config *config;
	struct script_world *world;
	const struct plan *const *plan; /* the owner's, asked for mirror.partitions */
	int stream;
	struct script *script, *next,
		*previous;  /* next: prepared, not decided; previous: to go back to; NULL: none */
	int64_t taken;	    /* scripts so far: the generation of the newest one */
	int64_t next_timer; /* clock_ms when a timer is due, 0: never */
};

/* Loads and initializes the stream's state, when the configuration names a script. @borrows config,
   world, plan until scripting_fini @blocks */
int scripting_start(struct scripting *scripting, const struct config *config,
	struct script_world *world, int stream, const struct plan *const *plan, struct err *err);
void scripting_fini(struct scripting *scripting);

/* Makes a successor from the file as it is now: what the script's close() gives is handed to its
   init(). The script goes on until scripting_decide. @blocks on reading */
int scripting_prepare(struct scripting *scripting, struct err *err);

/* Takes the successor, and keeps the script before it to go back to; the one before that is freed.
 * Or drops it. */
void scripting_decide(struct scripting *scripting, bool is_taken);

/* The script before becomes the one, which is kept in its place. false: there is none. */
bool scripting_roll_back(struct scripting *scripting);

/* Tells the script that the process ends. */
void scripting_close(struct scripting *scripting);

/* Runs the timers that are due. */
void scripting_run_timers(struct scripting *scripting, int64_t now);

#endif
