/* What the log says of plans. */
#ifndef MIRROR_PLAN_LOG_H
#define MIRROR_PLAN_LOG_H

#include <stdbool.h>

#include "config/config.h"
#include "mirror/plan.h"

/* Says which topics came and went. Returns whether there were any. @thread any, as all here */
bool plan_say_changes(const struct plan *old, const struct plan *now);

/* Says what the clusters are called where records came from, when records are marked with it, or
   left out by it. */
void plan_say_provenance(const struct config *config, const struct plan *plan);

/* Says what is mirrored, or that nothing is; expression: what the topics are chosen by. */
void plan_say_topics(const struct plan *plan, const char *expression);

/* Says what goes elsewhere now. */
void plan_say_difference(const struct plan *old, const struct plan *now);

/* Says which topics have more partitions at the source than in old, and why their copies do not get
   more. */
void plan_say_growth(const struct config *config, const struct plan *old, const struct plan *now);

/* Says the problems that old did not have (NULL: no plan). What a missing topic needs is said when
   its first record meets it. */
void plan_say_problems(const struct plan *old, const struct plan *now);

#endif
