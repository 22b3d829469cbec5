/* The view: what the documents of the admin API are made of, borrowed from the agent for one
 * answer. */
#include "service/view.h"

#include "base/clock.h"
#include "service/agent_state.h"

static const char *
state_of(const struct agent *a)
{
	if (a->is_stopping)
		return "stopping";
	if (!a->workers)
		return "starting";
	return a->reload.step != RELOAD_NONE ? "reloading" : "running";
}

void
view_take(const struct agent *a, struct view *ret)
{
	*ret = (struct view){.config = a->config,
		.plan = a->routes,
		.survey = a->survey,
		.world = a->world,
		.source = &a->source,
		.target = &a->target,
		.script = &a->generations,
		.groups = a->groups_seen,
		.limits = a->brakes ? brakes_limits(a->brakes) : NULL,
		.pauses = a->brakes ? brakes_pauses(a->brakes) : NULL,
		.workers = a->workers,
		.worker_count = a->worker_count,
		.http = a->admin.http,
		.oneshot = a->oneshot,
		.state = state_of(a),
		.started = a->started_wall,
		.now = survey_time(a->survey),
		.wall = clock_wall_ms()};
}
