/* The agent: the main thread, which starts the streams, watches over them and ends the process. */
#ifndef SERVICE_AGENT_H
#define SERVICE_AGENT_H

#include <stdint.h>

#include "config/config.h"
#include "mirror/counters.h"

/* Exit statuses, as MirrorMaker's but for 3. */
enum agent_status {
	AGENT_OK = 0,
	AGENT_BAD_START = 1,
	AGENT_INCOMPLETE = 3, /* a one shot (until.*) has left something out */
	AGENT_FAILED = 255
};

/* Called about once a second on the main thread while mirroring, for the demo; sum holds the
 * counters of all streams. */
typedef void agent_observer(const struct counters *sum, void *arg);

struct agent_options {
	agent_observer *observer; /* NULL: none */
	void *observer_arg;
	int64_t run_ms; /* stops by itself after so long; 0: runs until told */
	/* All streams have ended, with this status; NULL: none. What is to be said then is said
	   here: the process may end without a return where a cluster does not answer. */
	void (*ended)(int status);
	/* Reads the configuration anew, as it stands in its files now, for logins and certificates
	   that have changed; NULL after an error, which problems say. NULL: they are not looked
	   for. @gives the configuration */
	struct config *(*reread)(void *arg, struct problems *problems);
	void *reread_arg;
};

/* Mirrors until SIGTERM, SIGINT or a failure, and returns the exit status. Problems of the set-up
   that only show when things are opened are printed to stderr as one sentence. A second signal ends
   the process at once. @thread main @blocks
   @borrows config; options may be NULL */
int agent_run(const struct config *config, const struct agent_options *options);

#endif
