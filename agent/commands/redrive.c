/* reflejo redrive: sends what is in the dead-letter topic through the script and the configuration
   as they are now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "commands/commands.h"
#include "commands/planning.h"
#include "commands/runaway.h"
#include "commands/topology.h"
#include "config/options.h"
#include "kafka/library.h"
#include "mirror/redrive.h"
#include "mirror/scripting.h"
#include "script/watchdog.h"

/* Exit status. */
enum { NOTHING_LEFT, SOME_LEFT, NOT_DONE };

/* So many failures are said one by one. */
#define FAILURES 20

struct request {
	struct redrive_options options;
	char **flags; /* the others, which are those of run */
	int flag_count;
	int failures;
};

/* A flag with a value, which follows it or stands behind a =. Returns how many arguments it takes,
   0: it is another one, -1: it has no value. */
static int
read_value(const char *name, int argc, char **argv, const char **ret, struct err *err)
{
	size_t n = strlen(name);
	bool is_joined = argv[0][n] == '=';

	if (strncmp(argv[0], name, n) != 0 || (argv[0][n] && !is_joined))
		return 0;
	if (is_joined)
		*ret = argv[0] + n + 1;
	else if (argc > 1)
		*ret = argv[1];
	if (!*ret || !**ret)
		return err_set(err, "redrive: %s needs a value", name);
	return is_joined ? 1 : 2;
}

static int
read_request(int argc, char **argv, struct request *r, struct err *err)
{
	int taken;

	r->flags = mem_zero((size_t)argc + 1, sizeof(*r->flags));
	for (int i = 0; i < argc; i += taken) {
		taken = read_value("--topic", argc - i, argv + i, &r->options.topic, err);
		if (taken == 0)
			taken = read_value("--reason", argc - i, argv + i, &r->options.reason, err);
		if (taken < 0)
			return -1;
		if (taken > 0)
			continue;
		taken = 1;
		if (!strcmp(argv[i], "--dry-run"))
			r->options.is_dry = true;
		else
			r->flags[r->flag_count++] = argv[i];
	}
	return 0;
}

static void
on_failed(const char *sentence, void *arg)
{
	struct request *r = arg;

	if (r->failures++ < FAILURES)
		fprintf(stderr, "reflejo: %s\n", sentence);
	else if (r->failures == FAILURES + 1)
		fprintf(stderr, "reflejo: and more, which are not said one by one\n");
}

static void
show(const struct request *r, const struct redrive_report *report)
{
	const struct redrive_options *o = &r->options;
	const char *letters = o->config->mirror.dead_letter_topic;
	const char *would = o->is_dry ? "would be " : "";

	printf("%llu dead letters in %s%s\n", (unsigned long long)report->read, letters,
		o->is_dry ? "; nothing was sent" : "");
	printf("  %llu %ssent to where they belong\n", (unsigned long long)report->sent, would);
	printf("  %llu %sleft out by the script, or by loop.drop\n",
		(unsigned long long)report->dropped, would);
	printf("  %llu failed again%s\n", (unsigned long long)report->failed,
		o->is_dry ? "" : ", and stand at its end");
	if (o->topic || o->reason)
		printf("  %llu not meant%s\n", (unsigned long long)report->left,
			o->is_dry ? "" : ", and stand at its end");
	if (report->foreign > 0)
		printf("%llu records are no dead letters, and were passed over\n",
			(unsigned long long)report->foreign);
}

/* Runs it with a plan. Returns the exit status, -1 on error. */
static int
redrive(struct request *r, const struct plan *plan, struct script *script, struct err *err)
{
	struct redrive_report report;
	int rc;

	r->options.plan = plan;
	r->options.script = script && script_has(script, SCRIPT_RECORD) ? script : NULL;
	r->options.failed = on_failed;
	r->options.arg = r;
	rc = redrive_run(&r->options, &report, err);
	if (rc == 0 || report.read > 0)
		show(r, &report);
	if (rc < 0)
		return -1;
	return report.failed + report.left > 0 ? SOME_LEFT : NOTHING_LEFT;
}

/* The same from the beginning. */
static int
run(struct request *r, const struct config *config, struct err *err)
{
	struct topology topology;
	struct script_world *world;
	struct scripting scripting = {0};
	const struct plan *plan = NULL;
	int status = -1;

	if (!config->mirror.dead_letter_topic)
		return err_set(err, "redrive: name the topic with --dead.letter.topic");
	world = script_world_new();
	r->options.config = config;
	if (topology_ask(config, &topology, err) == 0)
		plan = planning_make(config, &topology, err);
	topology_fini(&topology);
	if (plan && scripting_start(&scripting, config, world, 0, &plan, err) == 0)
		status = redrive(r, plan, scripting.script, err);
	scripting_fini(&scripting);
	script_world_free(&world);
	plan_release(&plan);
	return status;
}

int
command_redrive(int argc, char **argv)
{
	struct request request = {0};
	struct problems problems = {0};
	struct config *config = NULL;
	struct err err = {""};
	int rc = -1;

	if (options_has_flag(argc, argv, "help"))
		return command_help(1, (char *[]){"redrive"});
	if (read_request(argc, argv, &request, &err) == 0) {
		config = config_load(
			request.flag_count, request.flags, library_knows_property, &problems);
		problems_print(&problems, stderr);
		if (config && runaway_watch_as(NOT_DONE, &err) == 0)
			rc = run(&request, config, &err);
	}
	if (rc < 0 && err.text[0])
		fprintf(stderr, "reflejo: %s\n", err.text);
	watchdog_stop();
	config_free(&config);
	problems_fini(&problems);
	free(request.flags);
	library_wait(1000);
	return rc < 0 ? NOT_DONE : rc;
}
