/* Where a group that is new, or comes from the old consumer, starts to read. */
#ifndef SERVICE_POSITIONS_H
#define SERVICE_POSITIONS_H

#include <stddef.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/admin.h"

/* Puts the group's first positions in place, before anybody joins it. Partitions without a
   committed position take the old consumer's from ZooKeeper when there is one. If the group has no
   position at all and auto.offset.reset is latest, the ends are committed at once: whatever has no
   position later on is new, and is read from its beginning. Does nothing when all partitions have
   positions. @blocks @thread scout */
int positions_prepare(const struct config *config, struct admin *source,
	const struct cluster_topic *topics, size_t topic_count, struct err *err);

#endif
