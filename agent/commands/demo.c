/* reflejo demo: mirrors between two embedded clusters, so that one can see it work. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "commands/commands.h"
#include "config/config.h"
#include "kafka/library.h"
#include "kafka/mock.h"
#include "service/agent.h"

#define DEMO_TOPIC "testtopic"
#define DEMO_RATE 1000

struct demo {
	struct mock *source, *target;
	char folder[32], *consumer_file, *producer_file;
	uint64_t last_written, last_mirrored, last_bytes;
	int64_t seconds, lines; /* to run (0: until Ctrl+C); printed, one a second */
};

static int
write_file(const char *path, const char *text, struct err *err)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0) {
		if (f)
			fclose(f);
		return err_set(err, "cannot write %s", path);
	}
	return fclose(f) ? err_set(err, "cannot write %s", path) : 0;
}

/* The page's two property files, with the embedded clusters' addresses. */
static int
write_files(struct demo *d, struct err *err)
{
	char *consumer, *producer;
	int rc;

	snprintf(d->folder, sizeof(d->folder), "/tmp/reflejo-demo-XXXXXX");
	if (!mkdtemp(d->folder))
		return err_set(err, "cannot make a folder below /tmp");
	d->consumer_file = mem_printf("%s/consumer.properties", d->folder);
	d->producer_file = mem_printf("%s/producer.properties", d->folder);
	consumer = mem_printf(
		"bootstrap.servers=%s\ngroup.id=mirrorgroup\nauto.offset.reset=earliest\n"
		"heartbeat.interval.ms=500\nfetch.max.wait.ms=20\n",
		mock_brokers(d->source));
	producer = mem_printf(
		"bootstrap.servers=%s\ncompression.type=none\n", mock_brokers(d->target));
	rc = write_file(d->consumer_file, consumer, err);
	if (rc == 0)
		rc = write_file(d->producer_file, producer, err);
	free(consumer);
	free(producer);
	return rc;
}

static void
remove_files(struct demo *d)
{
	if (d->consumer_file)
		unlink(d->consumer_file);
	if (d->producer_file)
		unlink(d->producer_file);
	if (d->consumer_file)
		rmdir(d->folder);
	free(d->consumer_file);
	free(d->producer_file);
}

static void
show(const struct counters *sum, void *arg)
{
	struct demo *d = arg;
	uint64_t written = mock_written(d->source), mirrored = counter_get(&sum->records_mirrored);
	uint64_t bytes = counter_get(&sum->bytes_mirrored);

	printf("source %s +%5" PRIu64 " records/s (%" PRIu64 ")  ->  target %s +%5" PRIu64
	       " records/s, %4" PRIu64 " KB/s (%" PRIu64 ")  to go: %" PRIu64 "\n",
		DEMO_TOPIC, written - d->last_written, written, DEMO_TOPIC,
		mirrored - d->last_mirrored, (bytes - d->last_bytes) / 1000, mirrored,
		written > mirrored ? written - mirrored : 0);
	fflush(stdout);
	d->last_written = written;
	d->last_mirrored = mirrored;
	d->last_bytes = bytes;
	/* The writer ends a little earlier, so that both sides hold the same at the end. */
	if (d->seconds && ++d->lines >= d->seconds - 2)
		mock_write_end(d->source);
}

/* The page's command line, with the files of the demo. */
static struct config *
load(struct demo *d, struct problems *problems)
{
	char *argv[] = {"--consumer.config", d->consumer_file, "--producer.config",
		d->producer_file, "--whitelist", DEMO_TOPIC, "--num.streams", "4",
		"--log.progress.interval", "0", NULL};
	int argc = (int)(sizeof(argv) / sizeof(argv[0])) - 1;

	printf("$ reflejo");
	for (int i = 0; i < 8; i++)
		printf(" %s", argv[i]);
	printf("\n");
	fflush(stdout);
	return config_load(argc, argv, library_knows_property, problems);
}

static int
mirror(struct demo *d, struct err *err)
{
	struct agent_options options = {
		.observer = show, .observer_arg = d, .run_ms = d->seconds * 1000};
	struct problems problems = {0};
	struct config *config;
	int status;

	if (write_files(d, err) < 0)
		return -1;
	config = load(d, &problems);
	if (!config) {
		problems_print(&problems, stderr);
		problems_fini(&problems);
		return err_set(err, "the demo's own configuration is not right");
	}
	status = agent_run(config, &options);
	mock_write_end(d->source);
	printf("source: %" PRIu64 " records written, target: %" PRId64 " records stand there\n",
		mock_written(d->source), mock_count(d->target));
	config_free(&config);
	problems_fini(&problems);
	return status;
}

static int
start_clusters(struct demo *d, struct err *err)
{
	d->source = mock_start(3, DEMO_TOPIC, 8, err);
	if (d->source)
		d->target = mock_start(2, DEMO_TOPIC, 8, err);
	if (!d->target)
		return -1;
	printf("two clusters in this process: source %s, target %s\n", mock_brokers(d->source),
		mock_brokers(d->target));
	return mock_write(d->source, DEMO_RATE, err);
}

int
command_demo(int argc, char **argv)
{
	struct demo d = {0};
	struct err err = {""};
	int status = -1;

	if (argc == 2 && !strcmp(argv[0], "--seconds")) {
		if (parse_int(argv[1], 1, 86400, &d.seconds, &err) < 0)
			return fprintf(stderr, "reflejo: --seconds: %s\n", err.text), 1;
	} else if (argc > 0) {
		return fprintf(stderr, "reflejo: demo takes only --seconds N\n"), 1;
	}
	if (start_clusters(&d, &err) == 0)
		status = mirror(&d, &err);
	if (status < 0)
		fprintf(stderr, "reflejo: %s\n", err.text);
	remove_files(&d);
	mock_stop(&d.source);
	mock_stop(&d.target);
	return status < 0 ? 1 : status;
}
