/* What reflejo ctl shows of the agent's documents. */
#include "commands/ctl_view.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/amount.h"
#include "commands/ctl.h"
#include "commands/table.h"

static const cJSON *
get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* NULL when it is no text. */
static const char *
text_of(const cJSON *object, const char *name)
{
	const cJSON *value = get(object, name);

	return cJSON_IsString(value) ? value->valuestring : NULL;
}

/* Not a number when it is none. */
static double
number_of(const cJSON *object, const char *name)
{
	const cJSON *value = get(object, name);

	return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

/* An offset or another number that is looked up as it is; "-" when it is none. */
static void
put_number(struct text *out, double n)
{
	if (isfinite(n))
		text_printf(out, "%.0f", n);
	else
		text_putc(out, '-');
}

static size_t
count_of(const cJSON *object, const char *name)
{
	return (size_t)cJSON_GetArraySize(get(object, name));
}

static void
put_text(struct text *out, const cJSON *object, const char *name)
{
	const char *value = text_of(object, name);

	ctl_add_clean(out, value ? value : "-");
}

/* A line that was begun at start is not longer than width: cut at its end. */
static void
end_line(struct text *out, size_t start, size_t width)
{
	static const struct table_column column = {"", TABLE_LEFT, TABLE_CUT_END};
	struct table *t = table_new(&column, 1);
	struct text line = {0};
	const char *body;

	table_add(t, out->s ? out->s + start : "");
	table_put(&t, width, &line);
	/* Its title is an empty line. */
	body = strchr(line.s, '\n') + 1;
	out->length = start;
	text_puts(out, body);
	text_fini(&line);
}

static void
put_side(struct text *out, const cJSON *status, const char *name, size_t width)
{
	const cJSON *side = get(status, name), *reachable = get(side, "reachable");
	size_t start = out->length;

	text_printf(out, "%s  ", name);
	if (cJSON_IsFalse(reachable)) {
		text_puts(out, "AWAY since ");
		put_text(out, side, "since");
		text_puts(out, ": ");
		put_text(out, side, "reason");
		text_puts(out, "  ");
	}
	put_text(out, side, "brokers");
	if (!cJSON_IsBool(reachable))
		text_puts(out, "  not asked yet");
	end_line(out, start, width);
}

/* "3 flowing, 1 held" */
static void
put_states(struct text *out, const cJSON *states)
{
	const cJSON *state;
	bool is_first = true;

	cJSON_ArrayForEach(state, states)
	{
		if (!cJSON_IsNumber(state) || state->valuedouble <= 0)
			continue;
		text_printf(out, "%s%.0f ", is_first ? "" : ", ", state->valuedouble);
		ctl_add_clean(out, state->string);
		is_first = false;
	}
	if (is_first)
		text_puts(out, "none");
}

static void
put_flow(struct text *out, const cJSON *status, size_t width)
{
	const cJSON *rates = get(status, "rates"), *latency = get(status, "latency");
	const cJSON *buffer = get(status, "buffer");
	size_t start = out->length;

	text_puts(out, "flow    ");
	amount_put_count(out, number_of(rates, "records_per_second"));
	text_puts(out, " records/s, ");
	amount_put_bytes(out, number_of(rates, "bytes_per_second"));
	text_puts(out, "/s   lag ");
	amount_put_count(out, number_of(status, "lag_records"));
	text_puts(out, " records, ");
	amount_put_span(out, number_of(status, "lag_seconds"));
	end_line(out, start, width);
	start = out->length;
	text_puts(out, "latency ");
	amount_put_span(out, number_of(latency, "p50_seconds"));
	text_puts(out, " (half), ");
	amount_put_span(out, number_of(latency, "p99_seconds"));
	text_puts(out, " (99%)   buffer ");
	amount_put_bytes(out, number_of(buffer, "bytes"));
	text_puts(out, " of ");
	amount_put_bytes(out, number_of(buffer, "bound_bytes"));
	end_line(out, start, width);
	start = out->length;
	text_puts(out, "parts   ");
	put_states(out, get(status, "partitions"));
	end_line(out, start, width);
}

static void
put_until(struct text *out, const cJSON *status, size_t width)
{
	const cJSON *until = get(status, "until");
	double percent = number_of(until, "percent");
	size_t start = out->length;

	if (!cJSON_IsObject(until))
		return;
	text_puts(out, "until   ");
	if (percent >= 0) {
		text_printf(out, "%.1f %% of ", percent);
		amount_put_count(out, number_of(until, "records"));
		text_puts(out, " records, ");
		amount_put_count(out, number_of(until, "partitions_done"));
		text_putc(out, '/');
		amount_put_count(out, number_of(until, "partitions"));
		text_puts(out, " parts done");
	}
	if (number_of(until, "eta_seconds") >= 0) {
		text_puts(out, ", ");
		amount_put_span(out, number_of(until, "eta_seconds"));
		text_puts(out, " left");
	}
	if (number_of(until, "idle_seconds") >= 0) {
		text_puts(out, percent >= 0 ? "; or idle for " : "idle for ");
		amount_put_span(out, number_of(until, "idle_seconds"));
	}
	end_line(out, start, width);
}

static void
put_script(struct text *out, const cJSON *status, size_t width)
{
	const cJSON *script = get(status, "script"), *last = get(script, "last_reload");
	size_t start = out->length;

	if (!cJSON_IsObject(script))
		return;
	text_puts(out, "script  ");
	put_text(out, script, "file");
	text_puts(out, ", generation ");
	put_number(out, number_of(script, "generation"));
	end_line(out, start, width);
	if (!cJSON_IsObject(last))
		return;
	start = out->length;
	text_puts(out, "reload  ");
	put_text(out, last, "result");
	text_puts(out, " at ");
	put_text(out, last, "time");
	text_puts(out, ": ");
	put_text(out, last, "reason");
	end_line(out, start, width);
}

static void
put_reasons(struct text *out, const cJSON *status, size_t width)
{
	const cJSON *reason;
	size_t start;

	if (!cJSON_IsFalse(get(status, "ready")))
		return;
	cJSON_ArrayForEach(reason, get(status, "reasons"))
	{
		start = out->length;
		text_puts(out, "not ready: ");
		ctl_add_clean(out, cJSON_IsString(reason) ? reason->valuestring : "-");
		end_line(out, start, width);
	}
}

static void
put_head(struct text *out, const cJSON *status, size_t width)
{
	size_t start = out->length;

	put_text(out, status, "state");
	if (cJSON_IsTrue(get(status, "dry_run")))
		text_puts(out, " (dry run)");
	text_puts(out, " for ");
	amount_put_span(out, number_of(status, "uptime_seconds"));
	text_puts(out, "   group ");
	put_text(out, status, "group");
	text_puts(out, "   reflejo ");
	put_text(out, status, "version");
	text_puts(out, ", pid ");
	put_number(out, number_of(status, "pid"));
	end_line(out, start, width);
	put_side(out, status, "source", width);
	put_side(out, status, "target", width);
	put_flow(out, status, width);
	put_until(out, status, width);
	put_script(out, status, width);
	put_reasons(out, status, width);
}

/* A cell made by one of the above. */
static void
add_cell(struct table *t, struct text *cell)
{
	table_add(t, cell->s ? cell->s : "");
	text_fini(cell);
}

static void
add_text(struct table *t, const cJSON *object, const char *name)
{
	struct text cell = {0};

	put_text(&cell, object, name);
	add_cell(t, &cell);
}

static void
add_amount(struct table *t, const cJSON *object, const char *name,
	void (*put)(struct text *out, double n))
{
	struct text cell = {0};

	put(&cell, number_of(object, name));
	add_cell(t, &cell);
}

/* "3/12": of the partitions at the source, how many are here */
static void
add_share(struct table *t, const cJSON *topic)
{
	struct text cell = {0};

	amount_put_count(&cell, number_of(topic, "assigned"));
	text_putc(&cell, '/');
	amount_put_count(&cell, number_of(topic, "partitions"));
	add_cell(t, &cell);
}

/* Does any topic have another name at the target? */
static bool
is_renamed(const cJSON *status)
{
	const cJSON *topic;

	cJSON_ArrayForEach(topic, get(status, "topics"))
	{
		const char *source = text_of(topic, "topic"),
			   *target = text_of(topic, "destination");

		if (source && target && strcmp(source, target) != 0)
			return true;
	}
	return false;
}

static void
put_topics(struct text *out, const cJSON *status, size_t width)
{
	struct table_column columns[] = {{"TOPIC", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"DESTINATION", TABLE_LEFT, TABLE_CUT_MIDDLE}, {"STATE", TABLE_LEFT, TABLE_WHOLE},
		{"PART", TABLE_RIGHT, TABLE_WHOLE}, {"REC/S", TABLE_RIGHT, TABLE_WHOLE},
		{"BYTES/S", TABLE_RIGHT, TABLE_WHOLE}, {"LAG", TABLE_RIGHT, TABLE_WHOLE},
		{"BEHIND", TABLE_RIGHT, TABLE_WHOLE}};
	size_t count = sizeof(columns) / sizeof(columns[0]);
	bool renames = is_renamed(status);
	struct table *t;
	const cJSON *topic;

	/* Where all names are kept, the second column says nothing. */
	if (!renames)
		memmove(columns + 1, columns + 2, (--count - 1) * sizeof(columns[0]));
	t = table_new(columns, count);
	cJSON_ArrayForEach(topic, get(status, "topics"))
	{
		add_text(t, topic, "topic");
		if (renames)
			add_text(t, topic, "destination");
		add_text(t, topic, "state");
		add_share(t, topic);
		add_amount(t, topic, "records_per_second", amount_put_count);
		add_amount(t, topic, "bytes_per_second", amount_put_bytes);
		add_amount(t, topic, "lag_records", amount_put_count);
		add_amount(t, topic, "lag_seconds", amount_put_span);
	}
	text_putc(out, '\n');
	if (count_of(status, "topics") == 0)
		text_puts(out, "no topic is mirrored\n");
	table_put(&t, width, out);
}

static void
add_partition(struct table *t, const cJSON *partition)
{
	struct text cell = {0};

	put_text(&cell, partition, "topic");
	text_printf(&cell, ":%.0f", number_of(partition, "partition"));
	add_cell(t, &cell);
}

static void
put_troubled(struct text *out, const cJSON *status, size_t width)
{
	static const struct table_column columns[] = {{"IN TROUBLE", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"STATE", TABLE_LEFT, TABLE_WHOLE}, {"AT", TABLE_RIGHT, TABLE_WHOLE},
		{"REASON", TABLE_LEFT, TABLE_CUT_END}};
	struct table *t;
	const cJSON *partition;

	if (count_of(status, "troubled") == 0)
		return;
	t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	cJSON_ArrayForEach(partition, get(status, "troubled"))
	{
		add_partition(t, partition);
		add_text(t, partition, "state");
		add_amount(t, partition, "position", put_number);
		add_text(t, partition, "reason");
	}
	text_putc(out, '\n');
	table_put(&t, width, out);
}

static void
put_detail(struct text *out, const cJSON *status, size_t width)
{
	static const struct table_column columns[] = {{"PARTITION", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"STATE", TABLE_LEFT, TABLE_WHOLE}, {"REC/S", TABLE_RIGHT, TABLE_WHOLE},
		{"POSITION", TABLE_RIGHT, TABLE_WHOLE}, {"LAG", TABLE_RIGHT, TABLE_WHOLE},
		{"BEHIND", TABLE_RIGHT, TABLE_WHOLE}, {"IN FLIGHT", TABLE_RIGHT, TABLE_WHOLE}};
	struct table *t;
	const cJSON *partition;

	if (!cJSON_IsArray(get(status, "detail")))
		return;
	if (count_of(status, "detail") == 0) {
		text_puts(out, "\nthis agent has no partition of that topic\n");
		return;
	}
	t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	cJSON_ArrayForEach(partition, get(status, "detail"))
	{
		add_partition(t, partition);
		add_text(t, partition, "state");
		add_amount(t, partition, "records_per_second", amount_put_count);
		add_amount(t, partition, "position", put_number);
		add_amount(t, partition, "lag_records", amount_put_count);
		add_amount(t, partition, "lag_seconds", amount_put_span);
		add_amount(t, partition, "in_flight", amount_put_count);
	}
	text_putc(out, '\n');
	table_put(&t, width, out);
}

/* What an operator has said, and what counts: pauses and limits. */
static void
put_orders(struct text *out, const cJSON *status, size_t width)
{
	const cJSON *item;
	size_t start;

	cJSON_ArrayForEach(item, get(status, "pauses"))
	{
		start = out->length;
		text_puts(out, "paused: ");
		ctl_add_clean(out, text_of(item, "topic") ? text_of(item, "topic") : "everything");
		if (cJSON_IsNumber(get(item, "partition")))
			text_printf(out, ":%.0f", number_of(item, "partition"));
		text_puts(out, " by ");
		put_text(out, item, "by");
		text_puts(out, " since ");
		put_text(out, item, "since");
		text_puts(out, cJSON_IsTrue(get(item, "keep")) ? ", kept over a restart" : "");
		end_line(out, start, width);
	}
	cJSON_ArrayForEach(item, get(status, "limits"))
	{
		start = out->length;
		text_puts(out, "limit: ");
		put_text(out, item, "text");
		text_puts(out, text_of(item, "topics") ? " for " : " over all topics");
		ctl_add_clean(out, text_of(item, "topics") ? text_of(item, "topics") : "");
		text_puts(out, " (");
		put_text(out, item, "origin");
		text_putc(out, ')');
		end_line(out, start, width);
	}
}

void
ctl_view_status(const char *document, size_t width, struct text *out)
{
	cJSON *status = cJSON_Parse(document);

	if (cJSON_IsObject(status)) {
		put_head(out, status, width);
		if (count_of(status, "pauses") + count_of(status, "limits") > 0)
			text_putc(out, '\n');
		put_orders(out, status, width);
		put_topics(out, status, width);
		put_troubled(out, status, width);
		put_detail(out, status, width);
	} else {
		text_puts(out, "the agent's answer is no status\n");
	}
	cJSON_Delete(status);
}

static void
put_problems(struct text *out, const cJSON *plan)
{
	const cJSON *topic, *problem;

	cJSON_ArrayForEach(topic, get(plan, "topics"))
	{
		cJSON_ArrayForEach(problem, get(topic, "problems"))
		{
			put_text(out, topic, "topic");
			text_puts(out, ": ");
			ctl_add_clean(out, cJSON_IsString(problem) ? problem->valuestring : "-");
			text_putc(out, '\n');
		}
	}
}

void
ctl_view_plan(const char *document, size_t width, struct text *out)
{
	static const struct table_column columns[] = {{"TOPIC", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"PARTITIONS", TABLE_RIGHT, TABLE_WHOLE},
		{"DESTINATION", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"PARTITIONS", TABLE_RIGHT, TABLE_WHOLE}, {"RULE", TABLE_LEFT, TABLE_CUT_END}};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	cJSON *plan = cJSON_Parse(document);
	const cJSON *topic;

	cJSON_ArrayForEach(topic, get(plan, "topics"))
	{
		bool is_mirrored = cJSON_IsTrue(get(topic, "mirrored"));

		add_text(t, topic, "topic");
		add_amount(t, topic, "partitions", amount_put_count);
		add_text(t, topic, "destination");
		add_amount(t, topic, "destination_partitions", amount_put_count);
		add_text(t, topic, is_mirrored ? "rule" : "why_not");
	}
	table_put(&t, width, out);
	text_printf(out, "%zu topics, %.0f mirrored\n", count_of(plan, "topics"),
		number_of(plan, "mirrored"));
	put_problems(out, plan);
	cJSON_Delete(plan);
}

static void
add_offset(struct table *t, const cJSON *row, const char *name)
{
	add_amount(t, row, name, put_number);
}

/* "exact", or "bound: why" */
static void
add_quality(struct table *t, const cJSON *row)
{
	const char *reason = text_of(row, "reason");
	struct text cell = {0};

	put_text(&cell, row, "quality");
	if (reason && *reason) {
		text_puts(&cell, ": ");
		ctl_add_clean(&cell, reason);
	}
	add_cell(t, &cell);
}

void
ctl_view_groups(const char *document, size_t width, struct text *out)
{
	static const struct table_column columns[] = {{"GROUP", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"TOPIC", TABLE_LEFT, TABLE_CUT_MIDDLE}, {"PARTITION", TABLE_RIGHT, TABLE_WHOLE},
		{"OFFSET", TABLE_RIGHT, TABLE_WHOLE}, {"LAG", TABLE_RIGHT, TABLE_WHOLE},
		{"DESTINATION", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"PARTITION", TABLE_RIGHT, TABLE_WHOLE}, {"OFFSET", TABLE_RIGHT, TABLE_WHOLE},
		{"STATE", TABLE_LEFT, TABLE_WHOLE}, {"QUALITY", TABLE_LEFT, TABLE_CUT_END}};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	cJSON *groups = cJSON_Parse(document);
	const cJSON *row;

	cJSON_ArrayForEach(row, get(groups, "offsets"))
	{
		add_text(t, row, "group");
		add_text(t, row, "topic");
		add_offset(t, row, "partition");
		add_offset(t, row, "offset");
		add_offset(t, row, "lag");
		add_text(t, row, "destination");
		add_offset(t, row, "target_partition");
		add_offset(t, row, "target_offset");
		add_text(t, row, "state");
		add_quality(t, row);
	}
	table_put(&t, width, out);
	if (count_of(groups, "offsets") == 0)
		text_puts(out, "no group has offsets in topics that are mirrored\n");
	if (number_of(groups, "left_out") > 0)
		text_printf(out, "%.0f more\n", number_of(groups, "left_out"));
	cJSON_ArrayForEach(row, get(groups, "errors"))
	{
		put_text(out, row, "error");
		text_putc(out, '\n');
	}
	if (text_of(groups, "reason")) {
		put_text(out, groups, "reason");
		text_putc(out, '\n');
	}
	cJSON_Delete(groups);
}
