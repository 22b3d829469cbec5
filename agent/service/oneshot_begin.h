/* What a one shot begins with: how far each partition is to be mirrored, by the source's word. */
#ifndef SERVICE_ONESHOT_BEGIN_H
#define SERVICE_ONESHOT_BEGIN_H

#include <stddef.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/admin.h"
#include "mirror/until.h"
#include "service/scout.h"

/* Why the one shot must not begin, because there would be nothing to mirror by mistake: the group
   is new, and would start at the very ends that it is to reach. NULL: it may, or it is none, or the
   source does not tell, which is found out soon enough. Call it before the group's first positions
   are in place. @gives a sentence @blocks @thread scout */
char *oneshot_why_not(const struct config *config, struct admin *source,
	const struct cluster_topic *topics, size_t topic_count);

/* Looks up where the group stands, and where all partitions of these topics begin and end, by
   until.end and until.timestamp. Call it once the group's first positions are in place. @gives
   *ret; until_free @blocks @thread scout */
int oneshot_begin(const struct config *config, struct admin *source,
	const struct cluster_topic *topics, size_t topic_count, struct until **ret,
	struct err *err);

/* Fills standings that were asked for. @blocks @thread scout */
void oneshot_look(struct admin *source, int timeout_ms, struct scout_ends *standings);

#endif
