/* The reload: a new script for the scout and all streams, or for none. agent/README.md tells its
   steps.
   @thread main */
#ifndef SERVICE_RELOAD_H
#define SERVICE_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "service/stamp.h"

struct agent;
struct scout_message;
struct worker_message;

/* Zero-initialised: none is under way. */
struct reload {
	enum reload_step {
		RELOAD_NONE,
		RELOAD_TRYING,	 /* the scout plans with the new script */
		RELOAD_PREPARING /* the streams load it */
	} step;
	bool is_wanted;			  /* once more, when this one is over */
	bool is_stale;			  /* the file changed while this one was under way */
	bool is_rolling_back;		  /* the scout was asked to */
	uint64_t begun, refused;	  /* how many so far */
	int unprepared;			  /* streams that have not answered yet */
	char failure[1024];		  /* of the first stream that cannot */
	struct scout_message *candidate;  /* the plan of the new script, and what it changes */
	struct file_stamp watched, taken; /* of the script's file: as it was looked at last; before
					     it was read last */
};

/* Takes the script's file anew; what fails leaves everything as it is. Before the streams are there
   it waits for them. Returns which one it will be, counted from 1: while one is under way, that is
   the next, for this one may have read the file before it changed. 0: the agent is stopping. */
uint64_t reload_begin(struct agent *agent);

/* Goes back to the script before the last reload. false: it cannot be asked for now, because a
   reload or another going back is under way. */
bool reload_roll_back(struct agent *agent);

/* The answers. reload_on_tried @takes message; reload_on_rolled_back borrows it. */
void reload_on_tried(struct agent *agent, struct scout_message *message);
void reload_on_prepared(struct agent *agent, const struct worker_message *message);
void reload_on_rolled_back(struct agent *agent, const struct scout_message *message);

/* The script's file is about to be read for the start. */
void reload_note_file(struct agent *agent);

/* The streams are there: reloads what was asked for, or what has changed, before they were. */
void reload_on_start(struct agent *agent);

/* Has the script's file changed since the last call? One that is not there, as while an editor
   writes it anew, has not. */
bool reload_file_changed(struct agent *agent);

/* A script is in force that was not before: at the start, and at a reload. */
void reload_remember_script(struct agent *agent, bool has_record);

/* Gives back what one that is under way holds. */
void reload_fini(struct reload *reload);

#endif
