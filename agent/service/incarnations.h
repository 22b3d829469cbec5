/* Incarnations: which topics of the source were deleted and made anew, and what their logs are. */
#ifndef SERVICE_INCARNATIONS_H
#define SERVICE_INCARNATIONS_H

#include "kafka/admin.h"
#include "mirror/plan.h"
#include "mirror/ranges.h"
#include "service/side.h"

/* Remembers the ids of the mirrored topics. All calls: @thread scout */
struct incarnations;

/* @gives the incarnations; incarnations_free */
struct incarnations *incarnations_new(void);
/* Frees and clears. NULL is accepted. */
void incarnations_free(struct incarnations **incarnations);

/* After the source's topics were listed: asks which ones the mirrored topics are, in one request.
   Those that are others than the last time are told as SCOUT_REMADE, all in one message. Does
   nothing where library or brokers know no ids. A look that fails is made good by the next one.
   @blocks */
void incarnations_look(struct incarnations *incarnations, const struct side *source,
	const struct cluster_view *view, const struct plan *plan);

/* Fills in what is asked for: where the logs begin and end, which topics they are of, what the
   group has committed; -1 and "" where the source does not tell. The same ranges are told as
   SCOUT_RANGES. @blocks @takes ranges */
void incarnations_tell(
	struct incarnations *incarnations, const struct side *source, struct ranges *ranges);

#endif
