/* A command that works with what a mirror would have, configuration, plan and script, and ends by
 * itself. */
#include "commands/planned.h"

#include <stdio.h>

#include "commands/planning.h"
#include "commands/runaway.h"
#include "commands/topology.h"
#include "config/options.h"
#include "kafka/library.h"
#include "mirror/scripting.h"
#include "script/watchdog.h"

/* With a configuration. Returns the exit status, -1 on error. */
static int
run(const struct planned *p, const struct config *config, struct err *err)
{
	struct topology topology;
	struct script_world *world;
	struct scripting scripting = {0};
	const struct plan *plan = NULL;
	int status = -1;

	if (p->check && p->check(config, err) < 0)
		return -1;
	world = script_world_new();
	if (topology_ask(config, &topology, err) == 0)
		plan = planning_make(config, &topology, err);
	topology_fini(&topology);
	if (plan && scripting_start(&scripting, config, world, 0, &plan, err) == 0)
		status = p->run(p->arg, config, plan, scripting.script, err);
	scripting_fini(&scripting);
	script_world_free(&world);
	plan_release(&plan);
	return status;
}

int
planned_run(const struct planned *p, struct err *err)
{
	struct problems problems = {0};
	struct config *config = NULL;
	int rc = -1;

	if (!err->text[0]) {
		config = config_load(p->flag_count, p->flags, library_knows_property, &problems);
		problems_print(&problems, stderr);
	}
	if (config && runaway_watch_as(p->failed, err) == 0)
		rc = run(p, config, err);
	if (rc < 0 && err->text[0])
		fprintf(stderr, "reflejo: %s\n", err->text);
	watchdog_stop();
	config_free(&config);
	problems_fini(&problems);
	library_wait(1000);
	return rc < 0 ? p->failed : rc;
}
