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
	(void)arg;
	fflush(stdout);
	fprintf(stderr, "reflejo: %s\n", where);
	quick_exit(1);
}

int
runaway_watch(struct err *err)
{
	return watchdog_start(NULL, 1, on_runaway, NULL, err);
}
