/* The redrive: what is in the dead-letter topic goes through the plan and the script as they are
   now, to where it belongs. */
#ifndef MIRROR_REDRIVE_H
#define MIRROR_REDRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "mirror/plan.h"
#include "script/script.h"

struct redrive_options {
	const struct config *config; /* with a dead.letter.topic */
	const struct plan *plan;
	struct script *script;	    /* NULL: none */
	const char *topic, *reason; /* only dead letters of this source topic; with this error, or
				       this in the reason. NULL: all */
	bool is_dry;		    /* nothing is produced or committed */
	/* One that failed again, as a sentence. */
	void (*failed)(const char *sentence, void *arg);
	void *arg;
};

struct redrive_report {
	uint64_t read;	  /* dead letters, */
	uint64_t sent;	  /* of them: are where they belong now */
	uint64_t dropped; /* the script has left out */
	uint64_t failed;  /* failed again, and stand at the end of the dead-letter topic */
	uint64_t left;	  /* were not meant, and likewise */
	uint64_t foreign; /* records that are no dead letters: were passed over */
};

/* The name of the group whose position at the target says up to where dead letters were redriven.
   @gives a string */
char *redrive_group(const struct config *config);

/* Reads the dead-letter topic from that position up to where it ends now. Each record is sent and
   acknowledged before the next one, and what cannot be sent is put at the end of the topic again
   (once a run, since the end is where it was at the beginning), before its position is committed.
   -1: it could not go on; what was committed is done. @blocks */
int redrive_run(
	const struct redrive_options *options, struct redrive_report *report, struct err *err);

#endif
