/* reflejo redrive: sends what is in the dead-letter topic through the script and the configuration
   as they are now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "commands/commands.h"
#include "commands/planned.h"
#include "config/options.h"
#include "mirror/redrive.h"

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

/* An error is in err, which is "" before. */
static void
read_request(int argc, char **argv, struct request *r, struct err *err)
{
	int taken;

	r->flags = mem_zero((size_t)argc + 1, sizeof(*r->flags));
	for (int i = 0; i < argc; i += taken) {
		taken = read_value("--topic", argc - i, argv + i, &r->options.topic, err);
		if (taken == 0)
			taken = read_value("--reason", argc - i, argv + i, &r->options.reason, err);
		if (taken < 0)
			return;
		if (taken > 0)
			continue;
		taken = 1;
		if (!strcmp(argv[i], "--dry-run"))
			r->options.is_dry = true;
		else
			r->flags[r->flag_count++] = argv[i];
	}
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

static int
check(const struct config *config, struct err *err)
{
	return config->mirror.dead_letter_topic
		       ? 0
		       : err_set(err, "redrive: name the topic with --dead.letter.topic");
}

/* Returns the exit status, -1 on error. */
static int
run(void *arg, const struct config *config, const struct plan *plan, struct script *script,
	struct err *err)
{
	struct request *r = arg;
	struct redrive_report report;
	int rc;

	r->options.config = config;
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

int
command_redrive(int argc, char **argv)
{
	struct request request = {0};
	struct err err = {""};
	int status;

	if (options_has_flag(argc, argv, "help"))
		return command_help(1, (char *[]){"redrive"});
	read_request(argc, argv, &request, &err);
	status = planned_run(&(struct planned){.flags = request.flags,
				     .flag_count = request.flag_count,
				     .failed = NOT_DONE,
				     .check = check,
				     .run = run,
				     .arg = &request},
		&err);
	free(request.flags);
	return status;
}
