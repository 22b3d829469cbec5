/* The report of a one shot: what was mirrored, partition by partition, and what was left out. */
#include "service/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/draft.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "mirror/tally.h"
#include "service/agent_state.h"
#include "service/report_rows.h"
#include "service/report_text.h"

struct report {
	struct report_rows rows;
	struct report_left *left;
	size_t left_count, left_capacity;
};

struct report *
report_new(void)
{
	return mem_zero(1, sizeof(struct report));
}

void
report_free(struct report **report)
{
	struct report *r = *report;

	if (!r)
		return;
	report_rows_fini(&r->rows);
	for (size_t i = 0; i < r->left_count; i++) {
		free(r->left[i].topic);
		free(r->left[i].why);
	}
	free(r->left);
	free(r);
	*report = NULL;
}

void
report_add(struct report *r, const struct meters *meters)
{
	if (r)
		report_rows_add(&r->rows, meters);
}

int
report_check(const struct config *config, struct err *err)
{
	const char *path = config->mirror.report;
	struct stat there;
	struct err why;

	if (!path)
		return 0;
	/* The file takes the place of what stands there: that must not be a device, nor a folder.
	 */
	if (lstat(path, &there) == 0 && !S_ISREG(there.st_mode))
		return err_set(err,
			"the report cannot be written to %s: what stands there is no file; name "
			"one, or a new one (its text goes to stdout all the same)",
			path);
	if (draft_write(path, "", 0644, &why) < 0)
		return err_set(err,
			"the report cannot be written to %s: %s; name a file in a folder that can "
			"be written",
			path, why.text);
	draft_drop(path);
	return 0;
}

/* Something was left out: for the report, and for the log. */
static void
add_left(const char *topic, int32_t partition, const char *why, void *arg)
{
	struct report *r = arg;

	r->left = mem_grow(r->left, &r->left_capacity, r->left_count, sizeof(*r->left));
	r->left[r->left_count++] =
		(struct report_left){topic ? mem_strdup(topic) : NULL, mem_strdup(why), partition};
	LOG(EVENT_left_out, F_STR("topic", topic), F_INT("partition", partition),
		F_STR("reason", why));
}

/* What the rows say: records that failed, and counts that do not add up. */
static void
check_rows(struct report *r)
{
	for (size_t i = 0; i < r->rows.count; i++) {
		const struct report_row *row = &r->rows.items[i];
		struct text text = {0};

		if (row->settled[FATE_FAILED] > 0) {
			text_printf(&text,
				"%" PRIu64
				" records were dropped because the target refused them, or the "
				"script failed for them (send.on.error, script.on.error)",
				row->settled[FATE_FAILED]);
			add_left(row->topic, row->partition, text.s, r);
			text_fini(&text);
		}
		if (report_row_agrees(row))
			continue;
		text_printf(&text,
			"the counts do not agree: %" PRIu64 " records were read, %" PRIu64
			" mirrored, %" PRIu64 " dropped, %" PRIu64 " put aside, %" PRIu64
			" given up; compare both sides before you rely on them",
			row->read, row->settled[FATE_MIRRORED],
			row->settled[FATE_DROPPED] + row->settled[FATE_FAILED],
			row->settled[FATE_DEAD_LETTER], row->given_up);
		add_left(row->topic, row->partition, text.s, r);
		text_fini(&text);
	}
}

static void
add_drops(struct document *d, const struct report_row *r)
{
	document_open_named(d, "dropped", '{');
	for (size_t i = 0; i < r->drop_count; i++)
		document_add_uint(d, r->drops[i].reason, r->drops[i].count);
	document_close(d, '}');
}

/* Numbers that a partition, a topic and the whole have. */
static void
add_numbers(struct document *d, const struct report_row *r)
{
	double seconds = report_row_seconds(r);

	document_add_uint(d, "records_read", r->read);
	document_add_uint(d, "records_mirrored", r->settled[FATE_MIRRORED]);
	document_add_uint(d, "bytes_mirrored", r->bytes);
	document_add_uint(d, "records_dropped", r->settled[FATE_DROPPED] + r->settled[FATE_FAILED]);
	add_drops(d, r);
	document_add_uint(d, "records_failed", r->settled[FATE_FAILED]);
	document_add_uint(d, "records_dead_lettered", r->settled[FATE_DEAD_LETTER]);
	document_add_uint(d, "records_given_up", r->given_up);
	document_add_uint(d, "records_resent", r->resent);
	document_add_int(d, "offsets_not_read_again", r->not_read_again);
	document_add_real(d, "seconds", seconds);
	document_add_known_real(d, "records_per_second",
		seconds > 0 ? (double)r->settled[FATE_MIRRORED] / seconds : -1);
	document_add_known_real(
		d, "bytes_per_second", seconds > 0 ? (double)r->bytes / seconds : -1);
}

static void
add_partition(struct document *d, const struct report_row *r)
{
	document_open(d, '{');
	document_add_int(d, "partition", r->partition);
	document_add_known_int(d, "begin", r->is_known ? r->begin : -1);
	document_add_known_int(d, "start", r->is_known ? r->start : -1);
	document_add_known_int(d, "end", r->is_known ? r->end : -1);
	document_add_known_int(d, "committed", r->committed);
	document_add_known_int(d, "first_offset", r->first);
	document_add_known_int(d, "last_offset", r->last);
	add_numbers(d, r);
	document_close(d, '}');
}

/* The rows from i on that are of one topic. Returns the next one's. */
static size_t
add_topic(struct document *d, const struct agent *a, size_t i)
{
	const struct report_rows *rows = &a->report->rows;
	const char *name = rows->items[i].topic;
	const struct plan_topic *t = a->routes ? plan_find(a->routes, name) : NULL;
	struct report_row sum = {.first_ms = INT64_MAX};

	document_open(d, '{');
	document_add_string(d, "topic", name);
	document_add_string(d, "destination", t ? t->target : NULL);
	document_open_named(d, "partitions", '[');
	for (; i < rows->count && !strcmp(rows->items[i].topic, name); i++) {
		add_partition(d, &rows->items[i]);
		report_row_sum(&sum, &rows->items[i]);
	}
	document_close(d, ']');
	add_numbers(d, &sum);
	document_close(d, '}');
	report_row_fini(&sum);
	return i;
}

static void
add_reason(const char *name, uint64_t count, void *arg)
{
	document_add_uint(arg, name, count);
}

static void
add_left_out(struct document *d, const struct report *r)
{
	document_open_named(d, "left_out", '[');
	for (size_t i = 0; i < r->left_count; i++) {
		document_open(d, '{');
		document_add_string(d, "topic", r->left[i].topic);
		document_add_known_int(d, "partition", r->left[i].partition);
		document_add_string(d, "reason", r->left[i].why);
		document_close(d, '}');
	}
	document_close(d, ']');
}

static void
add_until(struct document *d, const struct config_mirror *mirror)
{
	document_open_named(d, "until", '{');
	document_add_bool(d, "end", mirror->until_end);
	document_add_string(d, "timestamp", mirror->until_timestamp);
	document_add_known_real(d, "idle_seconds",
		mirror->until_idle_ms > 0 ? (double)mirror->until_idle_ms / 1000 : -1);
	document_close(d, '}');
}

/* @gives the document */
static char *
make_document(const struct agent *a, const struct report_row *sum)
{
	struct document d = {0};

	document_open(&d, '{');
	document_add_string(&d, "version", REFLEJO_VERSION);
	document_add_string(&d, "group", a->config->source.group_id);
	document_add_string(&d, "source", a->source.brokers);
	document_add_string(&d, "target", a->config->target.bootstrap_servers);
	add_until(&d, &a->config->mirror);
	document_add_time(&d, "started", a->started_wall);
	document_add_time(&d, "ended", clock_wall_ms());
	document_add_int(&d, "status", a->status);
	document_add_string(&d, "ended_because", a->why_stopped);
	document_add_bool(&d, "complete", a->status == AGENT_OK);
	add_left_out(&d, a->report);
	document_open_named(&d, "totals", '{');
	document_add_uint(&d, "partitions", sum->partitions);
	add_numbers(&d, sum);
	document_open_named(&d, "dead_letters", '{');
	tally_each(TALLY_DEAD_LETTER, add_reason, &d);
	document_close(&d, '}');
	document_close(&d, '}');
	document_open_named(&d, "topics", '[');
	for (size_t i = 0; i < a->report->rows.count;)
		i = add_topic(&d, a, i);
	document_close(&d, ']');
	document_name(&d, "groups");
	document_raw(&d, a->groups_seen ? a->groups_seen->document : "null");
	document_close(&d, '}');
	return document_take(&d);
}

static int
write_file(const char *path, const char *document)
{
	char *line = mem_printf("%s\n", document);
	struct err why;
	int rc = draft_write(path, line, 0644, &why) < 0 || draft_keep(path, &why) < 0 ? -1 : 0;

	if (rc < 0)
		LOG(EVENT_report_failed, F_STR("file", path), F_STR("reason", why.text));
	free(line);
	return rc;
}

/* Whoever waits for the file must not take the one of an earlier run for it. */
static void
write_document(struct agent *a, const struct report_row *sum)
{
	const char *path = a->config->mirror.report;
	char *document, *why;

	if (!path)
		return;
	document = make_document(a, sum);
	if (write_file(path, document) < 0) {
		why = mem_printf("the report could not be written to %s: see report_failed in the "
				 "log; what stands there is of an earlier run",
			path);
		add_left(NULL, -1, why, a->report);
		free(why);
		if (a->status == AGENT_OK)
			a->status = AGENT_INCOMPLETE;
	}
	free(document);
}

static void
print(const struct agent *a, const struct report_row *sum)
{
	struct report_summary summary = {.rows = &a->report->rows,
		.sum = sum,
		.left = a->report->left,
		.left_count = a->report->left_count,
		.status = a->status,
		.groups = a->groups_seen,
		.why = a->why_stopped,
		.file = a->config->mirror.report};
	struct text text = {0};

	report_text_put(&text, &summary);
	fputs(text.s, stdout);
	fflush(stdout);
	text_fini(&text);
}

/* All that is known of the partitions, and what was left out of them. */
static void
finish_rows(struct agent *a)
{
	struct report *r = a->report;

	report_rows_join(&r->rows, oneshot_until(a->oneshot));
	oneshot_each_left(a, add_left, r);
	check_rows(r);
	for (size_t i = 0; i < r->rows.count; i++) {
		struct report_row *row = &r->rows.items[i];
		const struct until_partition *u =
			until_find(oneshot_until(a->oneshot), row->topic, row->partition);

		if (u && oneshot_committed(a->oneshot, u) > row->committed)
			row->committed = oneshot_committed(a->oneshot, u);
	}
}

void
report_finish(struct agent *a)
{
	struct report *r = a->report;
	struct report_row sum = {.first_ms = INT64_MAX};

	if (!r)
		return;
	if (a->oneshot)
		finish_rows(a);
	else
		add_left(NULL, -1, "the mirror ended before it had begun", r);
	if (r->left_count > 0 && a->status == AGENT_OK)
		a->status = AGENT_INCOMPLETE;
	for (size_t i = 0; i < r->rows.count; i++)
		report_row_sum(&sum, &r->rows.items[i]);
	write_document(a, &sum);
	print(a, &sum);
	report_row_fini(&sum);
}
