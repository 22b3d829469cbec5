/* Connecting, for reflejo check: both clusters looked at step by step, and what is told of it. */
#include "commands/connect.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "commands/json.h"
#include "commands/topology.h"
#include "kafka/tickets.h"
#include "kafka/zookeeper.h"

/* So long ZooKeeper is waited for. */
#define ZOOKEEPER_MS 9000

/* One side while it is looked at. */
struct side {
	struct probe_request request;
	struct findings *findings;
	struct probe *probe;
};

/* The addresses of the source's brokers, which ZooKeeper is asked for where the configuration does
   not name them. NULL: it was said why there are none. @gives a string */
static char *
find_source(const struct config *config, struct findings *findings)
{
	struct err err;
	char *brokers = topology_brokers(config, &err);

	if (!brokers)
		findings_add(findings, "", "zookeeper", FINDING_FAILED, "%s", err.text);
	else if (!config->source.bootstrap_servers)
		findings_add(findings, "", "zookeeper", FINDING_OK, "it names %s", brokers);
	return brokers;
}

/* The start reads the old consumer's positions where the group has none of its own, and does not go
 * on without them then. */
static void
look_for_positions(const struct config *config, struct findings *findings)
{
	struct zookeeper_position *old = NULL;
	size_t count = 0;
	struct err err;

	if (!config_imports_zookeeper(config))
		return;
	if (zookeeper_read_positions(config->source.zookeeper_connect, config->source.group_id,
		    ZOOKEEPER_MS, &old, &count, &err) < 0)
		findings_add(findings, "", "zookeeper", FINDING_WARNING,
			"the positions of the old consumer cannot be read, and where the group has "
			"none of its own the mirror does not begin without them: %s; correct "
			"zookeeper.connect, or write offsets.import=none if they are not to be "
			"taken over",
			err.text);
	else if (count == 0)
		findings_add(findings, "", "zookeeper", FINDING_OK,
			"it has no position of an old consumer in the group %s",
			config->source.group_id);
	else
		findings_add(findings, "", "zookeeper", FINDING_OK,
			"it has the old consumer's positions of %zu partition%s in the group %s",
			count, count == 1 ? "" : "s", config->source.group_id);
	zookeeper_positions_free(&old, count);
}

static void *
look_at(void *arg)
{
	struct side *side = arg;
	const struct config *config = side->request.config;
	char *brokers = NULL;

	if (side->request.is_source) {
		side->request.brokers = brokers = find_source(config, side->findings);
		if (brokers)
			look_for_positions(config, side->findings);
	} else {
		side->request.brokers = config->target.bootstrap_servers;
	}
	if (side->request.brokers)
		side->probe = probe_open(&side->request, side->findings);
	side->request.brokers = NULL;
	free(brokers);
	return NULL;
}

void
connect_look(const struct config *config, struct connect_report *ret)
{
	struct side source = {.request = {config, true, NULL}, .findings = &ret->source};
	struct side target = {.request = {config, false, NULL}, .findings = &ret->target};
	pthread_t thread;
	bool is_beside;

	*ret = (struct connect_report){0};
	signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to connections that have ended */
	tickets_prepare();
	is_beside = pthread_create(&thread, NULL, look_at, &target) == 0;
	if (!is_beside)
		look_at(&target);
	look_at(&source);
	if (is_beside)
		pthread_join(thread, NULL);
	connect_ask_rights(config, source.probe, target.probe, ret);
	probe_close(&source.probe);
	probe_close(&target.probe);
}

/* How wide the column of steps is. */
static size_t
step_width(const struct connect_report *report)
{
	const struct findings *sides[] = {&report->source, &report->target};
	size_t width = 0;

	for (size_t side = 0; side < 2; side++)
		for (size_t i = 0; i < sides[side]->count; i++)
			if (strlen(sides[side]->items[i].step) > width)
				width = strlen(sides[side]->items[i].step);
	return width;
}

static void
print_side(const char *name, const struct findings *findings, size_t width)
{
	const char *place = NULL;

	printf("\n%s\n", name);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->items[i];

		if (!place || strcmp(place, f->place) != 0)
			printf("  %s\n", *f->place ? f->place : "the cluster");
		place = f->place;
		printf("    %-*s  %-11s  %s\n", (int)width, f->step, finding_word(f->verdict),
			f->text);
	}
}

void
connect_print(const struct connect_report *report)
{
	size_t width = step_width(report);

	print_side("source", &report->source, width);
	print_side("target", &report->target, width);
	printf("\n%zu failed, %zu warnings, %zu skipped, %zu not checked\n",
		connect_failures(report),
		findings_count(&report->source, FINDING_WARNING) +
			findings_count(&report->target, FINDING_WARNING),
		findings_count(&report->source, FINDING_SKIPPED) +
			findings_count(&report->target, FINDING_SKIPPED),
		findings_count(&report->source, FINDING_UNCHECKED) +
			findings_count(&report->target, FINDING_UNCHECKED));
}

static void
print_json_side(const char *name, const struct findings *findings, const char *after)
{
	static const char *const results[FINDING_VERDICTS] = {
		[FINDING_OK] = "ok",
		[FINDING_WARNING] = "warning",
		[FINDING_FAILED] = "failed",
		[FINDING_SKIPPED] = "skipped",
		[FINDING_UNCHECKED] = "unchecked",
	};

	printf("\"%s\":[", name);
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->items[i];

		fputs(i ? ",\n{" : "\n{", stdout);
		json_print_field("at", *f->place ? f->place : NULL, ",");
		json_print_field("step", f->step, ",");
		json_print_field("result", results[f->verdict], ",");
		json_print_field("text", f->text, "}");
	}
	printf("]%s", after);
}

void
connect_print_json(const struct connect_report *report)
{
	fputs("\"connect\":{", stdout);
	print_json_side("source", &report->source, ",\n");
	print_json_side("target", &report->target, ",\n");
	printf("\"failed\":%zu}", connect_failures(report));
}

size_t
connect_failures(const struct connect_report *report)
{
	return findings_count(&report->source, FINDING_FAILED) +
	       findings_count(&report->target, FINDING_FAILED);
}

void
connect_report_fini(struct connect_report *report)
{
	findings_fini(&report->source);
	findings_fini(&report->target);
}
