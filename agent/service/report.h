/* The report of a one shot: what was mirrored, partition by partition, and what was left out. */
#ifndef SERVICE_REPORT_H
#define SERVICE_REPORT_H

#include "base/document.h"
#include "base/err.h"
#include "config/config.h"
#include "mirror/meter.h"

struct agent;

/* @thread main for all calls */
struct report;

/* Can the file that the configuration names be written? An error says why not. Nothing is left
   behind. */
int report_check(const struct config *config, struct err *err);

/* @gives the report; report_free */
struct report *report_new(void);
/* Frees and clears. NULL is accepted. */
void report_free(struct report **report);

/* A stream has ended: takes over what its meters say. report may be NULL. */
void report_add(struct report *report, const struct meters *meters);

/* All streams have ended: finds out what was left out, which makes status 0 of the agent 3, logs
   it, prints the report to stdout and writes the file. Where the one shot had not begun yet, that
   is what was left out. Does nothing without report_new. */
void report_finish(struct agent *agent);

#endif
