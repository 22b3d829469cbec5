/* The world: what all states of the process share: metrics, dictionaries, look-up files, sites that
   log. Made and freed by script.h. */
#ifndef SCRIPT_WORLD_H
#define SCRIPT_WORLD_H

#include <stdint.h>

#include "script/lookup.h"
#include "script/metric.h"
#include "script/script.h"
#include "script/seat.h"
#include "script/shared.h"
#include "script/site.h"

/* A state comes and goes. The seat is the state's thread's own; stream as in struct script_options.
   script: as the log names it. place: gets the seat; NULL: nobody takes over with it. @gives the
   seat; world_rise. @thread any */
struct script_seat *world_sit(
	struct script_world *world, int32_t stream, const char *script, struct script_place *place);
void world_rise(struct script_seat *seat);

/* The state of this place is in force now, or as soon as it sits: gauges of its stream are what it
   says. @thread the state's */
void world_promote(struct script_place *place);

/* What the world holds; lives as long as the world. */
struct metrics *world_metrics(struct script_world *world);
struct shared_set *world_shared(struct script_world *world);
struct lookups *world_lookups(struct script_world *world);
struct sites *world_sites(struct script_world *world);

/* Calls fn for every counter and gauge that scripts have made, those of one name after each other;
   see metrics_each. The metric lives until fn returned. @thread any */
void script_world_each_metric(struct script_world *world,
	void (*fn)(void *arg, const struct script_metric *metric), void *arg);

#endif
