/* Loops: a mirror within one cluster that copies its own copies. */
#ifndef MIRROR_PLAN_LOOP_H
#define MIRROR_PLAN_LOOP_H

#include "mirror/plan.h"

/* Where the source and the target are the same cluster: why the plan, which these rules made of
   this input, must not be followed; NULL: it may, for its copies come to an end. @gives a sentence
 */
char *plan_endless(
	const struct plan_rules *rules, const struct plan_input *input, const struct plan *plan);

#endif
