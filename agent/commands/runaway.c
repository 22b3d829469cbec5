/* Runaway scripts in commands that end by themselves: nothing is to be drained, so the process
 * ends.
 */
#include "commands/runaway.h"

#include <stdio.h>
#include <stdlib.h>

#include "script/watchdog.h"

/* @thread watchdog */
static void
on_runaway(const char *where, void *arg)
{
	const int *status = arg;

	fflush(stdout);
	fprintf(stderr, "reflejo: %s\n", where);
	quick_exit(*status);
}

int
runaway_watch_as(int status, struct err *err)
{
	static int kept;

	kept = status;
	return watchdog_start(NULL, 1, on_runaway, &kept, err);
}

int
runaway_watch(struct err *err)
{
	return runaway_watch_as(1, err);
}
