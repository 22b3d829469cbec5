/* reflejo plan: says which topics would be mirrored, where to, and what stands against it. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "commands/commands.h"
#include "commands/json.h"
#include "config/config.h"
#include "config/options.h"
#include "kafka/admin.h"
#include "kafka/library.h"
#include "kafka/zookeeper.h"
#include "mirror/plan.h"
#include "mirror/plan_script.h"
#include "mirror/scripting.h"
#include "mirror/topics.h"

/* A cluster that does not answer for so long is said to be away. */
#define LOOK_MS 10000

/* What was asked for. */
struct request {
	bool is_json;
	const char *topics_file;
	char **flags;
	int flag_count;
};

/* Both sides' topics. */
struct topology {
	struct plan_partitions *sources, *targets; /* targets NULL: not known */
	size_t source_count, target_count;
};

static void
read_arguments(int argc, char **argv, struct request *r)
{
	r->flags = mem_zero((size_t)argc + 1, sizeof(*r->flags));
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			r->is_json = true;
		else if (!strcmp(argv[i], "--source-topics") && i + 1 < argc)
			r->topics_file = argv[++i];
		else
			r->flags[r->flag_count++] = argv[i];
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct plan_partitions *)a)->name,
		((const struct plan_partitions *)b)->name);
}

/* A list of {"name":, "partitions":}. -1: it is none. @gives *ret */
static int
take_list(const cJSON *list, struct plan_partitions **ret, size_t *ret_count)
{
	const cJSON *item;
	struct plan_partitions *topics;
	size_t n = 0;

	if (!cJSON_IsArray(list))
		return -1;
	topics = mem_zero((size_t)cJSON_GetArraySize(list) + 1, sizeof(*topics));
	cJSON_ArrayForEach(item, list)
	{
		const cJSON *name = cJSON_GetObjectItem(item, "name");
		const cJSON *partitions = cJSON_GetObjectItem(item, "partitions");

		topics[n].name = mem_strdup(cJSON_IsString(name) ? name->valuestring : "");
		topics[n++].partitions = cJSON_IsNumber(partitions) ? partitions->valueint : 1;
	}
	qsort(topics, n, sizeof(*topics), by_name);
	*ret = topics;
	*ret_count = n;
	return 0;
}

/* @gives a text */
static char *
read_whole(const char *file)
{
	FILE *f = fopen(file, "r");
	struct text text = {0};
	int c;

	if (!f)
		return NULL;
	while ((c = getc(f)) != EOF)
		text_putc(&text, (char)c);
	fclose(f);
	return text.s ? text_take(&text) : mem_strdup("");
}

/* Topics out of a file: an array of {name, partitions}, or {"source": such an array, "target":
 * another}. */
static int
read_topics(const char *file, struct topology *ret, struct err *err)
{
	char *text = read_whole(file);
	cJSON *json = text ? cJSON_Parse(text) : NULL;
	const cJSON *source = cJSON_IsArray(json) ? json : cJSON_GetObjectItem(json, "source");
	const cJSON *target = cJSON_IsArray(json) ? NULL : cJSON_GetObjectItem(json, "target");
	int rc = 0;

	if (!text)
		rc = err_set(err, "%s: cannot be read", file);
	else if (take_list(source, &ret->sources, &ret->source_count) < 0 ||
		 (target && take_list(target, &ret->targets, &ret->target_count) < 0))
		rc = err_set(err,
			"%s: must hold a JSON array of {\"name\": TOPIC, \"partitions\": N}, or an "
			"object with "
			"such arrays as \"source\" and \"target\"",
			file);
	cJSON_Delete(json);
	free(text);
	return rc;
}

/* One side's topics, as it lists them. @takes admin */
static int
list_topics(struct admin *admin, struct plan_partitions **ret, size_t *ret_count, struct err *err)
{
	struct cluster_view view;
	int rc;

	if (!admin)
		return -1;
	rc = admin_view(admin, LOOK_MS, &view, err);
	admin_close(&admin);
	if (rc < 0)
		return -1;
	*ret = mem_zero(view.topic_count + 1, sizeof(**ret));
	for (size_t i = 0; i < view.topic_count; i++)
		(*ret)[i] = (struct plan_partitions){
			mem_strdup(view.topics[i].name), view.topics[i].partitions};
	*ret_count = view.topic_count;
	cluster_view_fini(&view);
	return 0;
}

/* Asks both clusters. */
static int
ask_clusters(const struct config *config, struct topology *ret, struct err *err)
{
	const struct config_source *source = &config->source;
	char *brokers = NULL;
	int rc = 0;

	if (source->bootstrap_servers)
		brokers = mem_strdup(source->bootstrap_servers);
	else
		rc = zookeeper_find_brokers(source->zookeeper_connect, source->security_protocol,
			LOOK_MS, &brokers, err);
	if (rc == 0)
		rc = list_topics(admin_open_source(config, brokers, err), &ret->sources,
			&ret->source_count, err);
	if (rc == 0)
		rc = list_topics(
			admin_open_target(config, err), &ret->targets, &ret->target_count, err);
	free(brokers);
	return rc;
}

static void
free_list(struct plan_partitions *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)list[i].name);
	free(list);
}

/* The plan of these topics. NULL on error. */
static const struct plan *
make_plan(const struct config *config, const struct topology *topology, struct err *err)
{
	bool excludes;
	const char *expression = config_topic_expression(config, &excludes);
	struct topics *filter =
		topics_new(expression, excludes, config->source.exclude_internal_topics, err);
	struct plan_rules *rules = filter ? plan_rules_new(config, err) : NULL;
	struct script_world *world = script_world_new();
	struct script *script = NULL;
	const struct plan *plan = NULL;

	if (rules && config->script.file)
		script = scripting_load(config, world, SCRIPT_AT_PLAN, err);
	if (rules && (script || !config->script.file)) {
		const struct plan_input input = {.config = config,
			.filter = filter,
			.hooks = plan_script_hooks(script),
			.sources = topology->sources,
			.source_count = topology->source_count,
			.targets = topology->targets,
			.target_count = topology->target_count};

		plan = plan_make(rules, &input, err);
	}
	script_free(&script);
	script_world_free(&world);
	plan_rules_free(&rules);
	topics_free(&filter);
	return plan;
}

static size_t
wider(size_t width, const char *s)
{
	return strlen(s) > width ? strlen(s) : width;
}

/* "12", "-" when it is not known or not there. */
static const char *
count_text(int32_t count, char *room, size_t size)
{
	snprintf(room, size, count > 0 ? "%d" : "-", (int)count);
	return room;
}

static void
print_table(const struct plan *plan)
{
	size_t name = strlen("TOPIC"), target = strlen("DESTINATION");
	char count[16];

	for (size_t i = 0; i < plan->count; i++) {
		name = wider(name, plan->topics[i].name);
		target = wider(target, plan->topics[i].target ? plan->topics[i].target : "-");
	}
	printf("%-*s  %10s  %-*s  %10s  %-11s  %s\n", (int)name, "TOPIC", "PARTITIONS", (int)target,
		"DESTINATION", "PARTITIONS", "RULE", "");
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		printf("%-*s  %10d  %-*s  %10s  %-11s  %s\n", (int)name, t->name,
			(int)t->partitions, (int)target, t->target ? t->target : "-",
			count_text(t->target_partitions, count, sizeof(count)),
			t->target ? plan_rule_name(t->rule) : "-",
			t->target ? (t->problem_count ? t->problems[0] : "") : t->why_not);
		for (size_t n = 1; n < t->problem_count; n++)
			printf("%*s%s\n", (int)(name + target + 41), "", t->problems[n]);
	}
}

static void
print_topic(const struct plan_topic *t)
{
	json_print_field("topic", t->name, ",");
	printf("\"partitions\":%d,\"mirrored\":%s,", (int)t->partitions,
		t->target ? "true" : "false");
	json_print_field("why_not", t->why_not, ",");
	json_print_field("destination", t->target, ",");
	json_print_field("rule", t->target ? plan_rule_name(t->rule) : NULL, ",");
	if (t->target_partitions >= 0)
		printf("\"destination_partitions\":%d,", (int)t->target_partitions);
	else
		printf("\"destination_partitions\":null,");
	printf("\"map\":");
	for (int32_t n = 0; t->map && n < t->partitions; n++)
		printf("%s%d", n ? "," : "[", (int)t->map[n]);
	printf("%s,\"problems\":[", t->map ? "]" : "null");
	for (size_t n = 0; n < t->problem_count; n++) {
		printf("%s", n ? "," : "");
		json_print_text(t->problems[n]);
	}
	printf("]}");
}

static size_t
count_problems(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->count; i++)
		n += plan->topics[i].problem_count;
	return n;
}

static void
print_json(const struct plan *plan)
{
	printf("{\"topics\":[");
	for (size_t i = 0; i < plan->count; i++) {
		printf("%s\n{", i ? "," : "");
		print_topic(&plan->topics[i]);
	}
	printf("],\n\"mirrored\":%zu,\"problems\":%zu}\n", plan->mirrored, count_problems(plan));
}

/* Prints the plan; returns the exit status. */
static int
show(const struct config *config, const struct request *request)
{
	struct topology topology = {0};
	const struct plan *plan = NULL;
	struct err err;
	size_t problems;

	if ((request->topics_file ? read_topics(request->topics_file, &topology, &err)
				  : ask_clusters(config, &topology, &err)) == 0)
		plan = make_plan(config, &topology, &err);
	free_list(topology.sources, topology.source_count);
	free_list(topology.targets, topology.target_count);
	if (!plan) {
		fprintf(stderr, "reflejo: %s\n", err.text);
		return 1;
	}
	problems = count_problems(plan);
	if (request->is_json) {
		print_json(plan);
	} else {
		print_table(plan);
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
	int status = 1;

	read_arguments(argc, argv, &request);
	if (options_has_flag(request.flag_count, request.flags, "help")) {
		free(request.flags);
		return command_help(1, (char *[]){"plan"});
	}
	config = config_load(request.flag_count, request.flags, library_knows_property, &problems);
	problems_print(&problems, stderr);
	if (config)
		status = show(config, &request);
	config_free(&config);
	problems_fini(&problems);
	free(request.flags);
	library_wait(1000);
	return status;
}
