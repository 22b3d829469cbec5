/* Where a group that is new, or comes from an older mirror, starts to read. */
#ifndef SERVICE_POSITIONS_H
#define SERVICE_POSITIONS_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/admin.h"
#include "mirror/starts.h"

/* What positions are prepared with. */
struct positions_parts {
	const struct config *config;
	struct starts *starts;
	struct admin *source;
	const char *brokers;	      /* the source's bootstrap list */
	const atomic_bool *must_stop; /* ends long look-ups */
};

/* Puts the group's first positions in place, before anybody joins it. In this order:

   - start.force, unless a note says that it was obeyed: all partitions get what [start] says.
   - With exactly.once, partitions without a position get the ledger's.
   - Partitions without a position take over the old consumer's from ZooKeeper, or MirrorMaker 2's.
   - What still has none gets what [start] says, see starts_decide.
   - If the group had no position at all and auto.offset.reset is latest, the ends are committed for
     the rest: whatever has no position later on is new.

   What has no position then is read from its beginning. Does nothing when all partitions have
   positions. Returns 0; -1 on an error that may pass: it can be called again; 1 when the start must
   be given up. @blocks @thread scout */
int positions_prepare(const struct positions_parts *parts, const struct cluster_topic *topics,
	size_t topic_count, struct err *err);

#endif
