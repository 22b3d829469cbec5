/* Leaders: partitions of mirrored topics that have none at the source, and so cannot be read. */
#ifndef SERVICE_LEADERS_H
#define SERVICE_LEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "kafka/admin.h"
#include "mirror/plan.h"

/* Says how many of the source's partitions have no leader, and which is the first, when there are
   such among the topics that the plan mirrors, but not before *next_say (clock_ms), which it moves
   say_ms on. Returns whether there are. */
bool leaders_check(const struct cluster_view *source, const struct plan *plan, int64_t say_ms,
	int64_t *next_say);

#endif
