/* What the scout tells the main thread. For service/scout.c. */
#ifndef SERVICE_SCOUT_MESSAGE_H
#define SERVICE_SCOUT_MESSAGE_H

#include "service/scout.h"

/* With room for so many names. @gives the message; scout_message_free, or a mailbox */
struct scout_message *scout_message_new(enum scout_notice kind, size_t names);

/* With a reference to the plan, and the names of the topics that it mirrors. @gives the message;
 * likewise */
struct scout_message *scout_message_of_plan(enum scout_notice kind, const struct plan *plan);

#endif
