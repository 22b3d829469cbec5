/* Incarnations: what the source's logs are now, against what was read of them before. */
#ifndef SERVICE_INCARNATIONS_H
#define SERVICE_INCARNATIONS_H

#include "kafka/admin.h"
#include "mirror/ranges.h"

/* Fills in where the logs begin and end, -1 where the source does not tell. @blocks @thread scout
 */
void incarnations_fill(struct admin *source, int timeout_ms, struct ranges *ranges);

#endif
