/* The tester: runs test files of scripts, in states made by the same code as production's. */
#ifndef SCRIPT_TESTER_H
#define SCRIPT_TESTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/config.h"

/* One case ended; why is what was expected and what came, several lines, NULL when it passed. */
typedef void tester_report(const char *name, const char *why, void *arg);

/* Runs a test file (lua/README.md, chapter "Tests") and reports each case. config's [script]
   section gives limits and libs; the file names the script. -1: the file itself cannot be run, or
   has no case. @blocks */
int tester_run(const struct config *config, const char *file, tester_report *report, void *arg,
	struct err *err);

/* Runs config's script over records, a JSON object each line, and gives what became of each as text
   for people. -1: the script or a line is wrong. @gives *ret @blocks */
int tester_run_records(
	const struct config *config, const char *records_file, char **ret, struct err *err);

#endif
