/* Runaway scripts in commands that end by themselves: nothing is to be drained, so the process
 * ends.
 */
#ifndef COMMANDS_RUNAWAY_H
#define COMMANDS_RUNAWAY_H

#include "base/err.h"

/* From now on a script that never ends is named on stderr, and the process ends with status 1; call
   watchdog_stop at the end. -1: the watchdog cannot be started. @thread main */
int runaway_watch(struct err *err);

/* The same, but the process ends with that status. @thread main */
int runaway_watch_as(int status, struct err *err);

#endif
