/* Ends: where partitions of the source end that do not flow, for their fetching tells nothing then.
 */
#ifndef SERVICE_ENDS_H
#define SERVICE_ENDS_H

#include "base/mailbox.h"

struct agent;

/* Asks for them every few seconds, when there are any. @thread main */
void ends_every_second(struct agent *agent);

/* The scout's answer, for the survey. @takes message @thread main */
void ends_take(struct agent *agent, struct message *message);

#endif
