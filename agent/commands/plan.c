/* reflejo plan: says which topics would be mirrored, where to, and what stands against it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "commands/commands.h"
#include "commands/planning.h"
#include "commands/runaway.h"
#include "commands/topology.h"
#include "config/config.h"
#include "config/options.h"
#include "kafka/library.h"
#include "mirror/plan.h"
#include "mirror/plan_document.h"
#include "script/watchdog.h"

/* What was asked for. */
struct request {
	bool is_json;
	const char *topics_file;
	char **flags;
	int flag_count;
};

#define FILE_FLAG "--source-topics"

/* Sorts the arguments: -1 after a complaint. @gives r->flags, free it */
static int
read_arguments(int argc, char **argv, struct request *r)
{
	static const size_t length = sizeof(FILE_FLAG) - 1;

	r->flags = mem_zero((size_t)argc + 1, sizeof(*r->flags));
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			r->is_json = true;
		else if (!strcmp(argv[i], FILE_FLAG) && i + 1 < argc)
			r->topics_file = argv[++i];
		else if (!strncmp(argv[i], FILE_FLAG "=", length + 1))
			r->topics_file = argv[i] + length + 1;
		else if (!strcmp(argv[i], FILE_FLAG))
			r->topics_file = "";
		else
			r->flags[r->flag_count++] = argv[i];
	}
	if (!r->topics_file || *r->topics_file)
		return 0;
	fprintf(stderr, "reflejo: plan: " FILE_FLAG " needs the name of a JSON file\n");
	return -1;
}

static size_t
wider(size_t width, const char *s)
{
	return strlen(s) > width ? strlen(s) : width;
}

/* "12"; "missing" when the topic is not there, "?" when that is not known. */
static const char *
count_text(const struct plan_topic *t, char *room, size_t size)
{
	if (t->target_partitions == 0)
		return "missing";
	if (t->target_partitions < 0)
		return "?";
	snprintf(room, size, "%d", (int)t->target_partitions);
	return room;
}

/* What is done at the target for the topic. */
static void
print_care(const struct plan *plan, const struct plan_topic *t)
{
	char *recipe;

	if (!t->target || !t->leads)
		return;
	if (plan->makes_topics && t->target_partitions == 0) {
		recipe = recipe_text(&t->recipe);
		printf("    + %s is made with %s\n", t->target, recipe);
		free(recipe);
	}
	if (t->grow_to > 0)
		printf("    + %s gets %d more partitions, %d in all\n", t->target,
			(int)(t->grow_to - t->target_partitions), (int)t->grow_to);
}

static void
print_dead_letters(const struct config *config, const struct plan *plan)
{
	struct recipe recipe;
	char *text;

	if (!plan->dead_letters_await)
		return;
	recipe_dead_letters(config, plan, &recipe);
	text = recipe_text(&recipe);
	printf("+ %s, for dead letters, is made with %s\n", config->mirror.dead_letter_topic, text);
	free(text);
}

static void
print_table(const struct plan *plan)
{
	size_t name = strlen("TOPIC"), target = strlen("DESTINATION");
	char count[16];

	for (size_t i = 0; i < plan->count; i++) {
		name = wider(name, plan->topics[i].name);
		target = wider(target, plan->topics[i].target ? plan->topics[i].target : "");
	}
	printf("%-*s  %10s  %-*s  %10s  %s\n", (int)name, "TOPIC", "PARTITIONS", (int)target,
		"DESTINATION", "PARTITIONS", "RULE");
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		printf("%-*s  %10d  ", (int)name, t->name, (int)t->partitions);
		if (t->target)
			printf("%-*s  %10s  %s%s%s\n", (int)target, t->target,
				count_text(t, count, sizeof(count)), plan_rule_name(t->rule),
				t->limit ? ", limit " : "", t->limit ? t->limit : "");
		else
			printf("not mirrored: %s\n", t->why_not);
		print_care(plan, t);
		for (size_t n = 0; n < t->problem_count; n++)
			printf("    ! %s\n", t->problems[n]);
	}
}

/* What records get, and what is left out for its sake. */
static void
print_provenance(const struct config *config, const struct plan *plan)
{
	const struct config_mirror *m = &config->mirror;
	const struct provenance_clusters *c = &plan->clusters;

	if (m->provenance)
		printf("+ records get the header %s: %s/TOPIC:PARTITION@OFFSET\n",
			m->provenance_header, *c->source ? c->source : "ID");
	if (m->loop_drop)
		printf("- records that came from %s%s%s, by their header %s, are left out\n",
			*c->target ? c->target : "the target",
			*c->target_id && strcmp(c->target, c->target_id) != 0 ? ", or " : "",
			*c->target_id && strcmp(c->target, c->target_id) != 0 ? c->target_id : "",
			m->provenance_header);
}

static void
print_json(const struct plan *plan)
{
	char *text = plan_document(plan);

	puts(text);
	free(text);
}

/* Prints the plan; returns the exit status. */
static int
show(const struct config *config, const struct request *request)
{
	struct topology topology;
	const struct plan *plan = NULL;
	struct err err;
	size_t problems;

	if ((request->topics_file ? topology_read(request->topics_file, &topology, &err)
				  : topology_ask(config, &topology, &err)) == 0)
		plan = planning_make(config, &topology, &err);
	topology_fini(&topology);
	if (!plan) {
		fprintf(stderr, "reflejo: %s\n", err.text);
		return 1;
	}
	problems = plan_problem_count(plan);
	if (request->is_json) {
		print_json(plan);
	} else {
		print_table(plan);
		print_dead_letters(config, plan);
		print_provenance(config, plan);
		printf("%zu topics, %zu mirrored, %zu problems\n", plan->count, plan->mirrored,
			problems);
	}
	plan_release(&plan);
	return problems > 0;
}

int
command_plan(int argc, char **argv)
{
	struct request request = {0};
	struct problems problems = {0};
	struct config *config;
	struct err err;
	int status = 1;

	if (options_has_flag(argc, argv, "help"))
		return command_help(1, (char *[]){"plan"});
	if (read_arguments(argc, argv, &request) < 0) {
		free(request.flags);
		return 1;
	}
	config = config_load(request.flag_count, request.flags, library_knows_property, &problems);
	problems_print(&problems, stderr);
	if (config && runaway_watch(&err) < 0)
		fprintf(stderr, "reflejo: %s\n", err.text);
	else if (config)
		status = show(config, &request);
	watchdog_stop();
	config_free(&config);
	problems_fini(&problems);
	free(request.flags);
	library_wait(1000);
	return status;
}
