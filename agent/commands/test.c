/* reflejo test: runs test files of scripts, or a script over records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "commands/commands.h"
#include "commands/runaway.h"
#include "config/config.h"
#include "kafka/library.h"
#include "script/tester.h"
#include "script/watchdog.h"

/* What was asked for. */
struct request {
	bool is_junit;
	const char *records;
	const char **files;
	size_t file_count;
	char **flags; /* for the configuration */
	int flag_count;
};

/* What came out. */
struct results {
	const char *file, *mode;
	bool is_junit;
	size_t count, failed;
};

/* A configuration is needed for script's limits; what else a mirror needs is made up. */
static const char *const made_up[] = {"--consumer.bootstrap.servers", "127.0.0.1:1",
	"--consumer.group.id", "test", "--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist",
	".*"};

enum { MADE_UP = sizeof(made_up) / sizeof(made_up[0]) };

/* Sorts the arguments: -1 after a complaint. */
static int
read_arguments(int argc, char **argv, struct request *r)
{
	r->files = mem_zero((size_t)argc + 1, sizeof(*r->files));
	r->flags = mem_zero((size_t)argc + MADE_UP + 1, sizeof(*r->flags));
	for (int i = 0; i < MADE_UP; i++)
		r->flags[r->flag_count++] = (char *)(uintptr_t)made_up[i];
	for (int i = 0; i < argc; i++) {
		bool has_next = i + 1 < argc;

		if (!strcmp(argv[i], "--junit")) {
			r->is_junit = true;
		} else if (!strcmp(argv[i], "--records") && has_next) {
			r->records = argv[++i];
		} else if (!strcmp(argv[i], "--script") && has_next) {
			r->flags[r->flag_count++] = "--script.file";
			r->flags[r->flag_count++] = argv[++i];
		} else if (!strncmp(argv[i], "--script.", 9)) {
			r->flags[r->flag_count++] = argv[i];
			if (!strchr(argv[i], '=') && has_next)
				r->flags[r->flag_count++] = argv[++i];
		} else if (argv[i][0] == '-') {
			fprintf(stderr, "reflejo: test: %s is no flag of it, or needs a value\n",
				argv[i]);
			return -1;
		} else {
			r->files[r->file_count++] = argv[i];
		}
	}
	if (r->file_count > 0 || r->records)
		return 0;
	fprintf(stderr, "usage: reflejo test [--junit] FILE...\n"
			"       reflejo test --script FILE --records FILE\n");
	return -1;
}

/* Text inside XML. */
static void
print_xml(const char *s)
{
	for (; *s; s++) {
		const char *entity = *s == '<'	 ? "&lt;"
				     : *s == '>' ? "&gt;"
				     : *s == '&' ? "&amp;"
				     : *s == '"' ? "&quot;"
						 : NULL;

		if (entity)
			fputs(entity, stdout);
		else if ((unsigned char)*s >= ' ' || *s == '\n' || *s == '\t')
			putchar(*s);
	}
}

static void
report_junit(const struct results *r, const char *name, const char *why)
{
	printf("<testcase classname=\"");
	print_xml(r->file);
	printf(" (%s)\" name=\"", r->mode);
	print_xml(name);
	if (!why) {
		printf("\"/>\n");
		return;
	}
	printf("\"><failure>");
	print_xml(why);
	printf("</failure></testcase>\n");
}

static void
report(const char *name, const char *why, void *arg)
{
	struct results *r = arg;

	r->count++;
	r->failed += why != NULL;
	if (r->is_junit) {
		report_junit(r, name, why);
		return;
	}
	printf("%sok %zu - %s: %s (%s)\n", why ? "not " : "", r->count, r->file, name, r->mode);
	for (const char *line = why; line && *line;) {
		size_t n = strcspn(line, "\n");

		printf("#   %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

/* Each file runs twice: what the compiler makes of a script must do what the interpreter does. */
static void
run_files(struct config *config, const struct request *request, struct results *r)
{
	static const char *const modes[] = {"jit on", "jit off"};
	struct err err;

	for (size_t i = 0; i < request->file_count; i++) {
		for (int mode = 0; mode < 2; mode++) {
			r->file = request->files[i];
			r->mode = modes[mode];
			free(config->script.jit);
			config->script.jit = mem_strdup(mode == 0 ? "on" : "off");
			if (tester_run(config, r->file, report, r, &err) < 0)
				report("the file runs", err.text, r);
		}
	}
}

static int
run_all(struct config *config, const struct request *request)
{
	struct results r = {.is_junit = request->is_junit};

	if (r.is_junit)
		printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite "
		       "name=\"reflejo\">\n");
	run_files(config, request, &r);
	if (r.is_junit)
		printf("</testsuite>\n");
	else
		printf("1..%zu\n", r.count);
	return r.failed ? 1 : 0;
}

static int
run_records(const struct config *config, const struct request *request)
{
	struct err err;
	char *text;

	if (!config->script.file) {
		fprintf(stderr, "reflejo: test: --records needs --script FILE\n");
		return 1;
	}
	if (tester_run_records(config, request->records, &text, &err) < 0) {
		fprintf(stderr, "reflejo: %s\n", err.text);
		return 1;
	}
	printf("%s\n", text);
	free(text);
	return 0;
}

int
command_test(int argc, char **argv)
{
	struct request request = {0};
	struct problems problems = {0};
	struct config *config = NULL;
	struct err err;
	int status = 1;

	if (read_arguments(argc, argv, &request) == 0) {
		config = config_load(
			request.flag_count, request.flags, library_knows_property, &problems);
		if (!config)
			problems_print(&problems, stderr);
		else if (runaway_watch(&err) < 0)
			fprintf(stderr, "reflejo: %s\n", err.text);
		else
			status = request.records ? run_records(config, &request)
						 : run_all(config, &request);
	}
	watchdog_stop();
	config_free(&config);
	problems_fini(&problems);
	free(request.files);
	free(request.flags);
	return status;
}
