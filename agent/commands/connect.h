/* Connecting, for reflejo check: both clusters looked at step by step, up to the rights that this
   mirror needs. */
#ifndef COMMANDS_CONNECT_H
#define COMMANDS_CONNECT_H

#include "config/config.h"
#include "kafka/findings.h"
#include "kafka/probe.h"

struct connect_report {
	struct findings source, target;
};

/* Looks at both clusters, side by side; writes nothing there and joins no group. @blocks @gives
 *ret; connect_report_fini */
void connect_look(const struct config *config, struct connect_report *ret);

/* Asks for the rights that the mirror needs. A probe is NULL where the cluster did not let us in.
   @blocks */
void connect_ask_rights(const struct config *config, struct probe *source, struct probe *target,
	struct connect_report *report);

/* Prints it on stdout: for people, or as a member of a JSON object. */
void connect_print(const struct connect_report *report);
void connect_print_json(const struct connect_report *report);

/* How many steps failed? */
size_t connect_failures(const struct connect_report *report);

/* Frees what it holds. */
void connect_report_fini(struct connect_report *report);

#endif
