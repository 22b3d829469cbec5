/* reflejo check: says what became of every line of the configuration, and what the clusters answer.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/connect.h"
#include "commands/json.h"
#include "commands/runaway.h"
#include "config/config.h"
#include "config/options.h"
#include "config/verdicts.h"
#include "kafka/library.h"
#include "kafka/renewal.h"
#include "kafka/token.h"
#include "mirror/plan.h"
#include "mirror/scripting.h"
#include "mirror/starts.h"
#include "mirror/topics.h"
#include "script/watchdog.h"
#include "service/credentials.h"

/* What was asked for. */
struct request {
	bool is_json, connects;
	char **flags;
	int flag_count;
};

/* @gives r->flags, free it */
static void
read_arguments(int argc, char **argv, struct request *r)
{
	*r = (struct request){.flags = mem_zero((size_t)argc + 1, sizeof(*r->flags))};
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			r->is_json = true;
		else if (!strcmp(argv[i], "--connect"))
			r->connects = true;
		else
			r->flags[r->flag_count++] = argv[i];
	}
}

/* A topic expression that does not compile is an error too. */
static void
check_expression(const struct config *config, struct problems *problems)
{
	bool excludes;
	const char *expression = config_topic_expression(config, &excludes);
	struct topics *topics;
	struct err err;

	if (!expression)
		return;
	topics = topics_new(expression, excludes, config->source.exclude_internal_topics, &err);
	if (!topics)
		problems_error(problems, NULL, "%s", err.text);
	topics_free(&topics);
}

/* So is one of [limits]. */
static void
check_limits(const struct config *config, struct problems *problems)
{
	const struct config_extra *extra = &config->limits.extra;

	for (size_t i = 0; i < extra->count; i++) {
		struct err err;
		struct topics *topics = topics_new(extra->items[i].name, false, false, &err);

		if (!topics)
			problems_error(problems, extra->items[i].origin, "%s", err.text);
		topics_free(&topics);
	}
}

/* So is one of [start], and a file of offsets that cannot be read. */
static void
check_starts(const struct config *config, struct problems *problems)
{
	struct err err;
	struct starts *starts = starts_new(config, clock_wall_ms(), &err);

	if (!starts)
		problems_error(problems, NULL, "%s", err.text);
	starts_free(&starts);
}

/* So are the ones that leave out and rename. */
static void
check_rules(const struct config *config, struct problems *problems)
{
	struct err err;
	struct plan_rules *rules = plan_rules_new(config, &err);

	if (!rules)
		problems_error(problems, NULL, "%s", err.text);
	plan_rules_free(&rules);
}

/* So are the admin API's token and certificates. */
static void
check_admin(const struct config *config, struct problems *problems)
{
	struct credentials_files files = credentials_files(config);
	struct err err;

	if (credentials_check(&files, &err) < 0)
		problems_error(problems, NULL, "%s", err.text);
}

/* So is a token that brokers would refuse, or librdkafka. */
static void
check_token(const struct client_settings *settings, struct problems *problems)
{
	const struct client_token *at = &settings->token;
	struct token token = {0};
	struct err err;

	if (renewal_has_token(settings) && token_read(at->file, at->claim, &token, &err) < 0)
		problems_error(problems, at->origin, "%s", err.text);
	token_fini(&token);
}

/* And a script that would not be taken at the start. */
static void
check_script(const struct config *config, struct problems *problems)
{
	struct script_world *world = script_world_new();
	struct script *script = NULL;
	struct err err;

	if (runaway_watch(&err) == 0)
		script = scripting_load(config, world, SCRIPT_AT_CHECK, &err);
	if (!script)
		problems_error(problems, NULL, "%s", err.text);
	script_free(&script);
	watchdog_stop();
	script_world_free(&world);
}

static size_t
wider(size_t width, const char *s)
{
	size_t n = strlen(s);

	return n > width ? n : width;
}

static void
print_table(const struct config_verdicts *verdicts)
{
	size_t line = strlen("LINE"), key = strlen("KEY"), became = strlen("translated");

	for (size_t i = 0; i < verdicts->count; i++) {
		line = wider(line, verdicts->items[i].origin);
		key = wider(key, verdicts->items[i].key);
	}
	printf("%-*s  %-*s  %-*s  %s\n", (int)line, "LINE", (int)key, "KEY", (int)became, "BECAME",
		"DETAIL");
	for (size_t i = 0; i < verdicts->count; i++) {
		const struct config_verdict *v = &verdicts->items[i];

		printf("%-*s  %-*s  ", (int)line, v->origin, (int)key, v->key);
		if (*v->detail)
			printf("%-*s  %s\n", (int)became, verdict_name(v->verdict), v->detail);
		else
			printf("%s\n", verdict_name(v->verdict));
	}
}

/* report NULL: the clusters were not asked. */
static void
print_json(const struct config_verdicts *verdicts, const struct problems *problems,
	const struct connect_report *report)
{
	fputs("{\"lines\":[", stdout);
	for (size_t i = 0; i < verdicts->count; i++) {
		const struct config_verdict *v = &verdicts->items[i];

		fputs(i ? ",\n{" : "\n{", stdout);
		json_print_field("line", v->origin, ",");
		json_print_field("section", v->section, ",");
		json_print_field("key", v->key, ",");
		json_print_field("value", v->shown, ",");
		json_print_field("became", verdict_name(v->verdict), ",");
		json_print_field("detail", v->detail, "}");
	}
	fputs("],\n\"problems\":[", stdout);
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *p = &problems->items[i];

		fputs(i ? ",\n{" : "\n{", stdout);
		json_print_field("line", p->origin, ",");
		json_print_field("kind", p->is_error ? "error" : "warning", ",");
		json_print_field("text", p->text, "}");
	}
	printf("],\n\"errors\":%zu,\"warnings\":%zu", problems->errors,
		problems->count - problems->errors);
	if (report) {
		fputs(",\n", stdout);
		connect_print_json(report);
	}
	puts("}");
}

static void
print_text(const struct config *config, const struct problems *problems)
{
	print_table(config->verdicts);
	fflush(stdout);
	problems_print(problems, stderr);
	printf("%zu lines, %zu errors, %zu warnings\n", config->verdicts->count, problems->errors,
		problems->count - problems->errors);
	fflush(stdout);
}

/* All that needs no cluster. */
static void
check_configuration(const struct config *config, struct problems *problems)
{
	check_expression(config, problems);
	check_limits(config, problems);
	if (config->source.group_id)
		check_starts(config, problems);
	check_rules(config, problems);
	check_admin(config, problems);
	check_token(&config->consumer, problems);
	check_token(&config->producer, problems);
	if (config->script.file)
		check_script(config, problems);
}

/* Prints all, and asks the clusters unless the configuration is wrong. Returns the exit status. */
static int
show(const struct config *config, const struct problems *problems, const struct request *r)
{
	bool connects = r->connects && !problems->errors;
	struct connect_report report = {0};
	int status;

	if (!r->is_json)
		print_text(config, problems);
	if (connects)
		connect_look(config, &report);
	if (r->is_json)
		print_json(config->verdicts, problems, connects ? &report : NULL);
	else if (connects)
		connect_print(&report);
	else if (r->connects)
		fputs("reflejo: the clusters are not asked before the errors are gone\n", stderr);
	status = problems->errors || connect_failures(&report) ? 1 : 0;
	connect_report_fini(&report);
	return status;
}

int
command_check(int argc, char **argv)
{
	struct problems problems = {0};
	struct config *config;
	struct request request;
	int status;

	read_arguments(argc, argv, &request);
	if (options_has_flag(request.flag_count, request.flags, "help")) {
		printf("usage: reflejo check [--connect] [--json] [the flags of run]\n");
		options_usage(stdout);
		free(request.flags);
		return 0;
	}
	config = config_check(request.flag_count, request.flags, library_knows_property, &problems);
	check_configuration(config, &problems);
	status = show(config, &problems, &request);
	config_free(&config);
	problems_fini(&problems);
	free(request.flags);
	library_wait(1000);
	return status;
}
