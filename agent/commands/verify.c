/* reflejo verify: compares the target with what the configuration makes of the source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/progress.h"
#include "commands/commands.h"
#include "commands/planned.h"
#include "commands/topology.h"
#include "commands/verify_request.h"
#include "commands/verify_view.h"
#include "config/options.h"

/* Exit status. */
enum { SAME, DIFFERENT, NOT_COMPARED };

/* Wider than any table, where nothing cuts it. */
#define WIDE 100000

/* Draws the progress over itself. */
static void
on_progress(uint64_t done, uint64_t total, void *arg)
{
	const int64_t *began = arg;
	double seconds = (double)(clock_ms() - *began) / 1000;
	double rate = seconds > 0 ? (double)done / seconds : 0;
	struct progress progress = {
		.done = done, .total = total, .per_second = rate, .eta_ms = -1, .last = "compares"};
	struct text line = {0};

	if (rate > 0 && done < total)
		progress.eta_ms = (int64_t)((double)(total - done) * 1000 / rate);
	text_puts(&line, PROGRESS_CLEAR);
	progress_put(&line, &progress, progress_columns(STDERR_FILENO, 0));
	fputs(line.s, stderr);
	fflush(stderr);
	text_fini(&line);
}

static void
show(const struct verify_request *request, const struct verify_report *report)
{
	struct text text = {0};

	if (request->is_json)
		verify_view_json(report, &text);
	else
		verify_view_text(report, progress_columns(STDOUT_FILENO, WIDE), &text);
	fputs(text.s, stdout);
	text_fini(&text);
}

/* Returns the exit status, -1 on error. */
static int
run(void *arg, const struct config *config, const struct plan *plan, struct script *script,
	struct err *err)
{
	struct verify_request *request = arg;
	struct verify_options *options = &request->options;
	struct verify_report report;
	int64_t began = clock_ms();
	bool is_terminal = isatty(STDERR_FILENO);
	int status = -1;
	char *brokers;

	if (plan->mirrored == 0)
		return err_set(err,
			"there is nothing to compare: none of the source's %zu topics is "
			"mirrored; reflejo plan says why",
			plan->count);
	brokers = topology_brokers(config, err);
	if (!brokers)
		return -1;
	options->config = config;
	options->plan = plan;
	options->script = script;
	options->source_brokers = brokers;
	if (is_terminal) {
		options->progress = on_progress;
		options->progress_arg = &began;
	}
	if (verify_run(options, &report, err) == 0) {
		if (is_terminal)
			fputs(PROGRESS_CLEAR, stderr);
		show(request, &report);
		status = report.differences == 0 && report.is_whole ? SAME : DIFFERENT;
		verify_report_fini(&report);
	} else if (is_terminal) {
		fputs(PROGRESS_CLEAR, stderr);
	}
	free(brokers);
	return status;
}

int
command_verify(int argc, char **argv)
{
	struct verify_request request;
	struct err err = {""};
	int status;

	if (options_has_flag(argc, argv, "help"))
		return command_help(1, (char *[]){"verify"});
	if (verify_request_read(argc, argv, &request, &err) < 0)
		err_prefix(&err, "verify: ");
	status = planned_run(&(struct planned){.flags = request.flags,
				     .flag_count = request.flag_count,
				     .failed = NOT_COMPARED,
				     .run = run,
				     .arg = &request},
		&err);
	free(request.flags);
	return status;
}
