/* The hooks of a script, as the making of a plan asks them. */
#ifndef MIRROR_PLAN_SCRIPT_H
#define MIRROR_PLAN_SCRIPT_H

#include "mirror/plan.h"
#include "script/script.h"

/* The hooks that the script has, none for NULL; mirror.partitions answers by the plan under way.
   @borrows script while the hooks are used @thread the script's owner */
struct plan_hooks plan_script_hooks(struct script *script);

#endif
