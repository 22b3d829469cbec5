/* Planning: the plan as commands make it that do not mirror. */
#ifndef COMMANDS_PLANNING_H
#define COMMANDS_PLANNING_H

#include "base/err.h"
#include "commands/topology.h"
#include "config/config.h"
#include "mirror/plan.h"

/* The plan of these topics, by the configuration and its script. NULL on error, and where source
   and target are one cluster and copies would be copied without end. @blocks @gives the plan;
   plan_release */
const struct plan *planning_make(
	const struct config *config, const struct topology *topology, struct err *err);

#endif
