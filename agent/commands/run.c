/* reflejo run: mirrors topics until it is told to stop. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "config/config.h"
#include "config/options.h"
#include "kafka/library.h"
#include "kafka/line.h"
#include "mirror/tally.h"
#include "service/agent.h"
#include "service/process.h"

/* How long the line to a cluster is must be known within this time, or is not known. */
#define LINE_MS 500
/* What each of the streams that it needs more than one adds to the default of buffer.memory: what
   is on its way there is on its way for longer. */
#define ADDED_STREAM (16 * 1024 * 1024)

/* Warnings of the configuration belong to the log once it is open. */
static void
log_warnings(const struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		LOG(EVENT_config_warning, F_STR("line", problems->items[i].origin),
			F_STR("text", problems->items[i].text));
}

static int
open_log(const struct config *config)
{
	struct err err;

	log_set_level((enum log_level)log_level_parse(config->log.level));
	log_set_format((enum log_format)log_format_parse(config->log.format));
	if (log_open(config->log.file, &err) == 0)
		return 0;
	fprintf(stderr, "reflejo: %s\n", err.text);
	return -1;
}

static void
print_count(const char *name, uint64_t count, void *arg)
{
	printf("  %12" PRIu64 "  %s%s\n", count, (const char *)arg,
		*name ? name : "without a reason");
}

/* What a dry run would have done. */
static void
print_tallies(int status)
{
	if (status != AGENT_OK)
		return;
	printf("a dry run: nothing was produced or committed; records would have gone\n");
	tally_each(TALLY_TARGET, print_count, (void *)(uintptr_t) "to ");
	tally_each(
		TALLY_DEAD_LETTER, print_count, (void *)(uintptr_t) "to the dead-letter topic: ");
	tally_each(TALLY_DROPPED, print_count, (void *)(uintptr_t) "nowhere: ");
	tally_each(TALLY_NOTE, print_count, (void *)(uintptr_t) "note: ");
	tally_each(TALLY_FAILED, print_count, (void *)(uintptr_t) "the script fails: ");
	fflush(stdout);
}

/* What the user typed. */
struct typed {
	int argc;
	char **argv;
};

static struct config *
read_again(void *arg, struct problems *problems)
{
	const struct typed *typed = arg;

	return config_load(typed->argc, typed->argv, library_knows_property, problems);
}

/* Of microseconds; -1 stays: it is not known. */
static int64_t
in_ms(int64_t us)
{
	return us < 0 ? -1 : us / 1000;
}

static void
measure_source(struct config *config)
{
	const char *brokers = config->source.bootstrap_servers;

	config->source_round_trip =
		brokers ? line_round_trip(brokers, "9092", LINE_MS)
			: line_round_trip(config->source.zookeeper_connect, "2181", LINE_MS);
}

/* A line that is long needs more than one connection to be filled, and a user should not have to
   know. Static members keep the names that they had, which tell how many there are. */
static void
choose_streams(struct config *config)
{
	int64_t source = config->source_round_trip, target = -1, wanted;

	if (!config->streams_given && !config->source.group_instance_id) {
		target = line_round_trip(config->target.bootstrap_servers, "9092", LINE_MS);
		wanted = line_connections(source > target ? source : target);
		if (!config->buffer_given)
			config->mirror.buffer_memory += (wanted - 1) * ADDED_STREAM;
		config->mirror.num_streams = wanted;
	}
	if (line_is_long(source) || line_is_long(target))
		LOG(EVENT_line_long, F_INT("streams", config->mirror.num_streams),
			F_INT("source_ms", in_ms(source)), F_INT("target_ms", in_ms(target)),
			F_INT("buffer_memory", config->mirror.buffer_memory));
}

int
command_run(int argc, char **argv)
{
	struct typed typed = {argc, argv};
	struct agent_options options = {.reread = read_again, .reread_arg = &typed};
	struct problems problems = {0};
	struct config *config;
	int status = AGENT_BAD_START;

	if (options_has_flag(argc, argv, "help"))
		return command_help(0, argv);
	if (options_has_flag(argc, argv, "version"))
		return command_version(0, argv);
	config = config_load(argc, argv, library_knows_property, &problems);
	if (!config) {
		/* The usage is long: what is wrong comes last, where it is seen. */
		if (problems.wants_usage)
			commands_usage(stderr);
		problems_print(&problems, stderr);
	} else if (open_log(config) == 0) {
		process_allow_dumps(config->mirror.core_dumps);
		log_warnings(&problems);
		measure_source(config);
		choose_streams(config);
		options.ended = config->mirror.dry_run ? print_tallies : NULL;
		status = agent_run(config, &options);
	}
	config_free(&config);
	problems_fini(&problems);
	return status;
}
