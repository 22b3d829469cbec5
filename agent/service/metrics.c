/* Metrics: what GET /metrics shows, in Prometheus' text format. */
#include "service/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "base/version.h"
#include "kafka/library.h"
#include "kafka/tickets.h"
#include "kafka/token.h"
#include "kafka/traffic.h"
#include "mirror/tally.h"
#include "script/script.h"
#include "script/world.h"
#include "service/process.h"
#include "service/status.h"

enum metric {
#define METRIC(id, name, type, scope, labels, help) METRIC_##id,
#include "service/metrics.def"
#undef METRIC
	METRICS
};

#define TYPE_COUNTER "counter"
#define TYPE_GAUGE "gauge"
#define TYPE_HISTOGRAM "histogram"

static const struct metric_info infos[METRICS] = {
#define METRIC(id, name, type, scope, labels, help) {name, TYPE_##type, labels, help},
#include "service/metrics.def"
#undef METRIC
};

/* One scrape. */
struct scrape {
	const struct view *view;
	struct text *text;
	struct survey_partition *const *partitions; /* those that are shown */
	struct survey_partition **chosen;	    /* room for them where that is not all */
	size_t partition_count, hidden;
	struct process_usage usage;
	enum metric metric; /* being written */
};

const struct metric_info *
metrics_at(size_t i)
{
	return i < METRICS ? &infos[i] : NULL;
}

/* A text of the user's own with what must be escaped: quote is escaped too, 0 for none. A byte that
   is no UTF-8 would spoil the whole scrape. */
static void
put_escaped(struct text *text, const char *s, char quote)
{
	for (size_t n; *s; s += n ? n : 1) {
		n = utf8_length(s, strnlen(s, 4));
		if (n == 0)
			text_printf(text, "\\\\x%02x", (unsigned char)*s);
		else if (*s == '\n')
			text_puts(text, "\\n");
		else if (*s == '\\' || *s == quote)
			text_putc(text, '\\'), text_putc(text, *s);
		else
			text_add(text, s, n);
	}
}

static void
put_head(struct text *text, const char *name, const char *help, const char *type)
{
	text_puts(text, "# HELP ");
	text_puts(text, name);
	text_putc(text, ' ');
	put_escaped(text, help, '\0');
	text_puts(text, "\n# TYPE ");
	text_puts(text, name);
	text_putc(text, ' ');
	text_puts(text, type);
	text_putc(text, '\n');
}

/* A scrape of thousands of partitions is mostly whole numbers: printed by hand. */
static void
put_number(struct text *text, double value)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t n;

	/* C's "-nan" is no number to Prometheus. */
	if (isnan(value)) {
		text_puts(text, "NaN");
		return;
	}
	if (!(value >= 0 && value < 9e15 && value == (double)(uint64_t)value)) {
		text_printf(text, "%.15g", value);
		return;
	}
	n = (uint64_t)value;
	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	text_add(text, at, (size_t)(digits + sizeof(digits) - at));
}

/* One line; labels without braces, "" for none. suffix stands behind the metric's name. */
static void
put_line(struct scrape *s, const char *suffix, const char *labels, double value)
{
	text_puts(s->text, infos[s->metric].name);
	text_puts(s->text, suffix);
	if (*labels) {
		text_putc(s->text, '{');
		text_puts(s->text, labels);
		text_putc(s->text, '}');
	}
	text_putc(s->text, ' ');
	put_number(s->text, value);
	text_putc(s->text, '\n');
}

/* NAME="VALUE" with what must be escaped. */
static void
put_label(struct text *labels, const char *name, const char *value)
{
	text_printf(labels, "%s%s=\"", labels->length ? "," : "", name);
	put_escaped(labels, value, '"');
	text_putc(labels, '"');
}

/* A line with up to three labels, named as the row has them. */
static void
put_named(struct scrape *s, const char *const *values, double value)
{
	const char *names = infos[s->metric].labels;
	struct text labels = {0};

	for (size_t i = 0; *names; i++) {
		size_t n = strcspn(names, ",");
		char *name = mem_strndup(names, n);

		put_label(&labels, name, values[i]);
		free(name);
		names += n + (names[n] == ',');
	}
	put_line(s, "", labels.s, value);
	text_fini(&labels);
}

static void
put_one(struct scrape *s, const char *label, double value)
{
	put_named(s, &label, value);
}

/* A partition's number; NAN: it is not known, or no stream has the partition. */
static double
known(const struct survey_partition *p, int64_t n)
{
	return p->state == METER_GONE || n < 0 ? NAN : (double)n;
}

static double
partition_value(enum metric metric, const struct survey_partition *p)
{
	switch (metric) {
	case METRIC_records_read: return (double)p->records_read;
	case METRIC_bytes_read: return (double)p->bytes_read;
	case METRIC_records_mirrored: return (double)p->mirrored.records;
	case METRIC_bytes_mirrored: return (double)p->mirrored.bytes;
	case METRIC_records_resent: return (double)p->records_resent;
	case METRIC_in_flight: return known(p, (int64_t)p->in_flight);
	case METRIC_position: return known(p, p->position);
	case METRIC_committed: return known(p, p->committed);
	case METRIC_end: return known(p, p->end);
	case METRIC_lag: return known(p, p->lag);
	case METRIC_lag_seconds: return known(p, p->lag_ms) / 1000;
	case METRIC_held: return known(p, p->state == METER_HELD);
	case METRIC_paused: return known(p, p->state == METER_PAUSED);
	default: return NAN;
	}
}

static void
put_partitions(struct scrape *s)
{
	for (size_t i = 0; i < s->partition_count; i++) {
		double value = partition_value(s->metric, s->partitions[i]);

		if (!isnan(value))
			put_line(s, "", s->partitions[i]->labels, value);
	}
}

/* One topic's histogram: cumulative buckets in seconds, the sum and the count. */
static void
put_histogram(struct scrape *s, const struct survey_topic *t)
{
	uint64_t sum = 0;
	char *labels;

	for (size_t i = 0; i <= METER_BOUNDS; i++) {
		sum += t->latency[i];
		if (i < METER_BOUNDS)
			labels = mem_printf(
				"%s,le=\"%g\"", t->labels, (double)meter_bounds[i] / 1000);
		else
			labels = mem_printf("%s,le=\"+Inf\"", t->labels);
		put_line(s, "_bucket", labels, (double)sum);
		free(labels);
	}
	put_line(s, "_sum", t->labels, (double)t->latency_ms / 1000);
	put_line(s, "_count", t->labels, (double)sum);
}

/* Topics of the partitions that are shown. */
static void
put_topics(struct scrape *s)
{
	const struct survey_topic *last = NULL;

	for (size_t i = 0; i < s->partition_count; i++) {
		if (s->partitions[i]->topic == last)
			continue;
		last = s->partitions[i]->topic;
		put_histogram(s, last);
	}
}

static double
stream_value(enum metric metric, const struct counters *c)
{
	switch (metric) {
	case METRIC_commits: return (double)counter_get(&c->commits);
	case METRIC_commit_failures: return (double)counter_get(&c->commit_failures);
	case METRIC_rebalances: return (double)counter_get(&c->rebalances);
	case METRIC_transactions: return (double)counter_get(&c->transactions);
	case METRIC_transactions_aborted: return (double)counter_get(&c->transactions_aborted);
	case METRIC_writers_lost: return (double)counter_get(&c->writers_lost);
	case METRIC_writers_fenced: return (double)counter_get(&c->writers_fenced);
	case METRIC_buffer: return (double)counter_get(&c->buffered_bytes);
	case METRIC_buffer_bound: return (double)counter_get(&c->buffer_bound);
	case METRIC_script_seconds: return (double)counter_get(&c->script_ns) / 1e9;
	case METRIC_script_records: return (double)counter_get(&c->script_records);
	case METRIC_script_errors: return (double)counter_get(&c->script_errors);
	case METRIC_script_heap: return (double)counter_get(&c->script_heap);
	default: return NAN;
	}
}

static void
put_streams(struct scrape *s)
{
	for (int i = 0; i < s->view->worker_count; i++) {
		char *labels;

		if (!s->view->workers[i])
			continue;
		labels = mem_printf("stream=\"%d\"", i);
		put_line(s, "", labels,
			stream_value(s->metric, worker_counters(s->view->workers[i])));
		free(labels);
	}
}

/* Topics that the target does not make. plan NULL: none. */
static double
count_refused(const struct plan *plan)
{
	size_t n = plan && plan->are_dead_letters_refused;

	for (size_t i = 0; plan && i < plan->count; i++)
		n += plan->topics[i].is_refused && plan->topics[i].leads;
	return (double)n;
}

static double
groups_value(enum metric metric, const struct view *v)
{
	const struct group_sync_message *m = v->groups;

	if (!m || m->time_ms == 0)
		return NAN;
	switch (metric) {
	case METRIC_groups_synced: return m->synced;
	case METRIC_groups_with_members: return m->with_members;
	case METRIC_groups_failed: return m->failed;
	default: return (double)(v->wall - m->time_ms) / 1000;
	}
}

static double
process_value(const struct scrape *s)
{
	const struct view *v = s->view;
	const struct survey_sum *sum = survey_sum(v->survey);
	struct http_counts http;

	http_counts(v->http, &http);
	switch (s->metric) {
	case METRIC_ready: return status_is_ready(v);
	case METRIC_up_source: return v->source->reachable < 0 ? NAN : v->source->reachable;
	case METRIC_up_target: return v->target->reachable < 0 ? NAN : v->target->reachable;
	case METRIC_partitions_hidden: return (double)s->hidden;
	case METRIC_all_records_mirrored: return (double)sum->mirrored.records;
	case METRIC_all_bytes_mirrored: return (double)sum->mirrored.bytes;
	case METRIC_all_lag: return sum->lag < 0 ? NAN : (double)sum->lag;
	case METRIC_topics_created: return (double)log_count(EVENT_topic_created);
	case METRIC_topics_grown: return (double)log_count(EVENT_topic_grown);
	case METRIC_topics_refused: return count_refused(v->plan);
	case METRIC_emitted: return (double)counter_get(&sum->counters.records_emitted);
	case METRIC_retried: return (double)counter_get(&sum->counters.records_retried);
	case METRIC_send_failures: return (double)counter_get(&sum->counters.send_failures);
	case METRIC_script_generation: return (double)v->script->generation;
	case METRIC_groups_synced:
	case METRIC_groups_with_members:
	case METRIC_groups_failed:
	case METRIC_groups_age: return groups_value(s->metric, v);
	case METRIC_http_requests: return (double)http.requests;
	case METRIC_http_refused: return (double)http.refused;
	case METRIC_http_connections: return (double)http.connections;
	case METRIC_cpu: return s->usage.cpu_seconds;
	case METRIC_rss: return (double)s->usage.resident_bytes;
	case METRIC_fds: return (double)s->usage.open_fds;
	case METRIC_max_fds: return (double)s->usage.max_fds;
	case METRIC_start_time: return (double)v->started / 1000;
	default: return NAN;
	}
}

static void
put_process(struct scrape *s)
{
	double value = process_value(s);

	if (!isnan(value))
		put_line(s, "", "", value);
}

static void
put_tally_row(const char *name, uint64_t count, void *arg)
{
	put_one(arg, name, (double)count);
}

static void
put_events(struct scrape *s)
{
	for (int i = 0; i < LOG_EVENT_COUNT; i++) {
		const struct log_event_info *info = log_event_info(i);
		uint64_t count = log_count(i);

		if (count > 0)
			put_named(s, (const char *const[]){info->name, log_level_name(info->level)},
				(double)count);
	}
}

static void
put_states(struct scrape *s)
{
	const struct survey_sum *sum = survey_sum(s->view->survey);

	for (int i = METER_GONE + 1; i < METER_STATES; i++)
		put_one(s, meter_state_name(i), (double)sum->states[i]);
}

static void
put_sides(struct scrape *s)
{
	struct client_traffic source, target;

	client_traffic(CLIENT_SOURCE, &source);
	client_traffic(CLIENT_TARGET, &target);
	if (s->metric == METRIC_connects) {
		put_one(s, "source", (double)source.connects);
		put_one(s, "target", (double)target.connects);
	} else {
		put_one(s, "source", (double)source.throttle_ms / 1000);
		put_one(s, "target", (double)target.throttle_ms / 1000);
	}
}

static void
put_tickets(struct scrape *s)
{
	static const char *const names[CLIENT_SIDES] = {"source", "target"};
	struct ticket_state state;

	for (int side = 0; side < CLIENT_SIDES; side++)
		if (ticket_state((enum client_side)side, &state))
			put_one(s, names[side],
				s->metric == METRIC_ticket_expiry ? (double)state.end
								  : (double)state.failures);
}

static void
put_tokens(struct scrape *s)
{
	if (token_expiry(CLIENT_SOURCE))
		put_one(s, "source", (double)token_expiry(CLIENT_SOURCE) / 1000);
	if (token_expiry(CLIENT_TARGET))
		put_one(s, "target", (double)token_expiry(CLIENT_TARGET) / 1000);
}

static void
put_reloads(struct scrape *s)
{
	for (int i = 0; i < RELOAD_RESULTS; i++)
		put_one(s, reload_result_name(i), (double)s->view->script->results[i]);
}

/* The limits that were met: of the same name only the first one counts, and none is shown twice. */
struct limit_scrape {
	struct scrape *scrape;
	char **met; /* names; copies, for a limit of a script may go meanwhile */
	size_t count, capacity;
};

static void
put_limit(const struct limit_info *info, void *arg)
{
	struct limit_scrape *l = arg;
	const char *topics = info->pattern ? info->pattern : "";
	int64_t value = l->scrape->metric == METRIC_limit_bytes ? info->bytes_per_second
								: info->records_per_second;

	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->met[i], topics))
			return;
	l->met = mem_grow(l->met, &l->capacity, l->count, sizeof(*l->met));
	l->met[l->count++] = mem_strdup(topics);
	if (value >= 0)
		put_one(l->scrape, topics, (double)value);
}

static void
put_limits(struct scrape *s)
{
	struct limit_scrape l = {.scrape = s};

	if (s->view->limits)
		limits_each(s->view->limits, put_limit, &l);
	for (size_t i = 0; i < l.count; i++)
		free(l.met[i]);
	free(l.met);
}

static void
put_build(struct scrape *s)
{
	put_named(s,
		(const char *const[]){REFLEJO_VERSION, library_version(), script_engine_version()},
		1);
}

static void
put_names(struct scrape *s)
{
	switch (s->metric) {
	case METRIC_build_info: put_build(s); break;
	case METRIC_partitions: put_states(s); break;
	case METRIC_dropped: tally_each(TALLY_DROPPED, put_tally_row, s); break;
	case METRIC_dead_lettered: tally_each(TALLY_DEAD_LETTER, put_tally_row, s); break;
	case METRIC_gaps: tally_each(TALLY_GAP, put_tally_row, s); break;
	case METRIC_gap_records: tally_each(TALLY_MISSING, put_tally_row, s); break;
	case METRIC_send_errors: tally_each(TALLY_SEND_ERROR, put_tally_row, s); break;
	case METRIC_log_events: put_events(s); break;
	case METRIC_connects:
	case METRIC_throttle: put_sides(s); break;
	case METRIC_ticket_expiry:
	case METRIC_ticket_failures: put_tickets(s); break;
	case METRIC_token_expiry: put_tokens(s); break;
	case METRIC_reloads: put_reloads(s); break;
	case METRIC_limit_bytes:
	case METRIC_limit_records: put_limits(s); break;
	default: break;
	}
}

static const struct {
	void (*put)(struct scrape *s);
} scopes[METRICS] = {
#define SCOPE_PROCESS put_process
#define SCOPE_STREAM put_streams
#define SCOPE_TOPIC put_topics
#define SCOPE_PARTITION put_partitions
#define SCOPE_NAMED put_names
#define METRIC(id, name, type, scope, labels, help) {SCOPE_##scope},
#include "service/metrics.def"
#undef METRIC
};

/* What the script counts; those of one name come after each other. */
struct script_scrape {
	struct text *text;
	char *last; /* the name before */
};

static void
put_script_metric(void *arg, const struct script_metric *m)
{
	struct script_scrape *s = arg;
	struct text labels = {0};

	if (!s->last || strcmp(s->last, m->name) != 0) {
		put_head(s->text, m->name, m->help, m->is_counter ? "counter" : "gauge");
		free(s->last);
		s->last = mem_strdup(m->name);
	}
	for (size_t i = 0; i < m->labels; i++)
		put_label(&labels, m->label_names[i], m->label_values[i]);
	text_puts(s->text, m->name);
	if (labels.s)
		text_printf(s->text, "{%s}", labels.s);
	text_putc(s->text, ' ');
	put_number(s->text, m->value);
	text_putc(s->text, '\n');
	text_fini(&labels);
}

/* Not all can be shown: those that a stream has, and no others. */
static void
choose_assigned(struct scrape *s, size_t count, size_t most)
{
	struct survey_partition *const *all = s->partitions;
	size_t n = 0;

	s->chosen = mem_zero(most + 1, sizeof(*s->chosen));
	for (size_t i = 0; i < count && n < most; i++)
		if (all[i]->state != METER_GONE)
			s->chosen[n++] = all[i];
	s->partitions = s->chosen;
	s->partition_count = n;
	s->hidden = count - n;
}

/* The partitions that fit into the bound, topics whole first come first served. */
static void
choose_partitions(struct scrape *s)
{
	size_t count, most = (size_t)s->view->config->metrics.partitions;

	s->partitions = survey_partitions(s->view->survey, &count);
	s->partition_count = count < most ? count : most;
	s->hidden = count - s->partition_count;
	if (s->hidden > 0)
		choose_assigned(s, count, most);
}

void
metrics_print(const struct view *view, struct text *text)
{
	struct scrape s = {.view = view, .text = text};
	struct script_scrape script = {.text = text};

	choose_partitions(&s);
	process_usage(&s.usage);
	for (s.metric = 0; s.metric < METRICS; s.metric++) {
		put_head(text, infos[s.metric].name, infos[s.metric].help, infos[s.metric].type);
		scopes[s.metric].put(&s);
	}
	script_world_each_metric(view->world, put_script_metric, &script);
	free(script.last);
	free(s.chosen);
}
