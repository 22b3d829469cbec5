/* A command that works with what a mirror would have, configuration, plan and script, and ends by
   itself. */
#ifndef COMMANDS_PLANNED_H
#define COMMANDS_PLANNED_H

#include "base/err.h"
#include "config/config.h"
#include "mirror/plan.h"
#include "script/script.h"

struct planned {
	char **flags; /* those of run */
	int flag_count;
	int failed; /* the exit status when it could not be done */
	/* Is the configuration one for it? NULL: any is. Else 0, or -1 with the error. */
	int (*check)(const struct config *config, struct err *err);
	/* The command itself; script NULL: there is none. Its exit status, -1 with the error. */
	int (*run)(void *arg, const struct config *config, const struct plan *plan,
		struct script *script, struct err *err);
	void *arg;
};

/* Makes all of that, asking both clusters, runs the command, and says on stderr what went wrong.
   err holds an error that was met before, with which nothing is begun, or "". Returns the exit
   status. @blocks @thread main */
int planned_run(const struct planned *planned, struct err *err);

#endif
