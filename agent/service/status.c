/* The status: the JSON document of GET /status, and the answer of GET /readyz. */
#include "service/status.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/document.h"
#include "base/log.h"
#include "base/version.h"
#include "kafka/library.h"
#include "kafka/tickets.h"
#include "kafka/token.h"
#include "script/world.h"
#include "service/oneshot.h"

/* Partitions in trouble that are listed, and reasons why the mirror is not ready. */
#define TROUBLED_MOST 100
#define REASONS_MOST 20

const char *
reload_result_name(enum reload_result result)
{
	static const char *const names[RELOAD_RESULTS] = {"ok", "rejected", "rolled_back"};

	return names[result];
}

/* Reasons, counted; only the first ones are written. */
struct reasons {
	struct document *document; /* NULL: counting is enough */
	size_t count;
};

/* @takes text */
static void
add_reason(struct reasons *r, char *text)
{
	if (r->document && r->count < REASONS_MOST)
		document_string(r->document, text);
	r->count++;
	free(text);
}

/* A cluster that has been away for too long: what it holds is not known. */
static void
check_side(const struct view *v, const struct view_side *side, const char *name, struct reasons *r)
{
	int64_t away = v->wall - side->since;

	if (side->reachable == 0 && away > v->config->admin.stall_ms)
		add_reason(r, mem_printf("the %s has not been reachable for %lld s: %s", name,
				      (long long)(away / 1000), side->reason));
}

static void
collect_reasons(const struct view *v, struct reasons *r)
{
	struct survey_partition *const *partitions;
	const struct counters *counters = &survey_sum(v->survey)->counters;
	uint64_t unassigned = counter_get(&counters->is_unassigned);
	size_t count;
	char *why;

	if (!strcmp(v->state, "starting"))
		add_reason(r, mem_strdup("mirroring has not begun: the source is being looked at"));
	else if (!strcmp(v->state, "stopping"))
		add_reason(r, mem_strdup("the agent is stopping"));
	else if (counter_get(&counters->rebalances) == 0 && v->plan && v->plan->mirrored > 0)
		add_reason(r, mem_strdup("the group has not given out its partitions yet"));
	else if (unassigned > 0)
		add_reason(r, mem_printf("the group has taken the partitions of %llu of %d streams "
					 "and gives out none",
				      (unsigned long long)unassigned, v->worker_count));
	check_side(v, v->source, "source", r);
	check_side(v, v->target, "target", r);
	partitions = survey_partitions(v->survey, &count);
	for (size_t i = 0; i < count; i++)
		if (!survey_is_moving(partitions[i], v->now, v->config->admin.stall_ms, &why))
			add_reason(r, why);
}

static void
add_reasons(struct document *d, const struct view *v, size_t *ret_count)
{
	struct reasons r = {.document = d};

	document_open_named(d, "reasons", '[');
	collect_reasons(v, &r);
	if (r.count > REASONS_MOST) {
		char *more = mem_printf("and %zu more", r.count - REASONS_MOST);

		document_string(d, more);
		free(more);
	}
	document_close(d, ']');
	*ret_count = r.count;
}

bool
status_is_ready(const struct view *v)
{
	struct reasons r = {.document = NULL};

	collect_reasons(v, &r);
	return r.count == 0;
}

char *
status_ready(const struct view *v, bool *ret_is_ready)
{
	struct document d = {0};
	size_t count;

	document_open(&d, '{');
	add_reasons(&d, v, &count);
	document_add_bool(&d, "ready", count == 0);
	document_close(&d, '}');
	*ret_is_ready = count == 0;
	return document_take(&d);
}

/* A side's Kerberos ticket; null: it logs in otherwise. */
static void
add_ticket(struct document *d, enum client_side side)
{
	struct ticket_state state;

	document_name(d, "ticket");
	if (!ticket_state(side, &state)) {
		document_null(d);
		return;
	}
	document_open(d, '{');
	document_add_string(d, "principal", state.principal);
	document_add_time(d, "expires", state.end * 1000);
	document_add_time(d, "renewed", state.renewed * 1000);
	document_add_string(d, "error", *state.error ? state.error : NULL);
	document_close(d, '}');
}

static void
add_side(struct document *d, const char *name, const struct view_side *side, enum client_side id)
{
	document_open_named(d, name, '{');
	document_add_string(d, "brokers", side->brokers ? side->brokers : "");
	document_name(d, "reachable");
	if (side->reachable < 0)
		document_null(d);
	else
		document_bool(d, side->reachable > 0);
	document_add_time(d, "since", side->since);
	document_add_string(d, "reason", side->reason);
	add_ticket(d, id);
	document_add_time(d, "token_expires", token_expiry(id));
	document_close(d, '}');
}

static void
add_totals(struct document *d, const struct counters *c)
{
	const struct {
		const char *name;
		const _Atomic uint64_t *cell;
	} rows[] = {
		{"records_read", &c->records_read},
		{"bytes_read", &c->bytes_read},
		{"records_mirrored", &c->records_mirrored},
		{"bytes_mirrored", &c->bytes_mirrored},
		{"records_dropped", &c->records_dropped},
		{"records_dead_lettered", &c->records_dead_lettered},
		{"records_resent", &c->records_resent},
		{"send_failures", &c->send_failures},
		{"script_errors", &c->script_errors},
	};

	document_open_named(d, "totals", '{');
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		document_add_uint(d, rows[i].name, counter_get(rows[i].cell));
	document_close(d, '}');
}

/* Milliseconds as seconds; negative stays unknown. */
static double
seconds(int64_t ms)
{
	return ms < 0 ? -1 : (double)ms / 1000;
}

static void
add_latency(struct document *d, const struct survey_sum *sum)
{
	document_name(d, "latency");
	if (sum->p50 < 0) {
		document_null(d);
		return;
	}
	document_open(d, '{');
	document_add_real(d, "p50_seconds", sum->p50);
	document_add_real(d, "p99_seconds", sum->p99);
	document_close(d, '}');
}

static void
add_flow(struct document *d, const struct view *v)
{
	const struct survey_sum *sum = survey_sum(v->survey);

	add_totals(d, &sum->counters);
	document_open_named(d, "rates", '{');
	document_add_real(d, "records_per_second", sum->mirrored.records_per_second);
	document_add_real(d, "bytes_per_second", sum->mirrored.bytes_per_second);
	document_close(d, '}');
	document_add_known_int(d, "lag_records", sum->lag);
	document_add_known_real(d, "lag_seconds", seconds(sum->lag_ms));
	add_latency(d, sum);
	document_open_named(d, "buffer", '{');
	document_add_uint(d, "bytes", counter_get(&sum->counters.buffered_bytes));
	document_add_uint(d, "bound_bytes", counter_get(&sum->counters.buffer_bound));
	document_close(d, '}');
	document_open_named(d, "partitions", '{');
	document_add_uint(d, "assigned", sum->assigned);
	for (int i = METER_GONE + 1; i < METER_STATES; i++)
		document_add_uint(d, meter_state_name(i), sum->states[i]);
	document_close(d, '}');
}

/* What a stream's transactions are at; null: it mirrors at least once. */
static void
add_transactions(struct document *d, const struct counters *c)
{
	enum exact_state state = (enum exact_state)counter_get(&c->transaction_state);

	if (state == EXACT_OFF) {
		document_name(d, "transactions");
		document_null(d);
		return;
	}
	document_open_named(d, "transactions", '{');
	document_add_string(d, "state", exact_state_name(state));
	document_add_uint(d, "committed", counter_get(&c->transactions));
	document_add_uint(d, "aborted", counter_get(&c->transactions_aborted));
	document_add_uint(d, "writers_lost", counter_get(&c->writers_lost));
	document_add_uint(d, "writers_fenced", counter_get(&c->writers_fenced));
	document_close(d, '}');
}

static void
add_streams(struct document *d, const struct view *v)
{
	document_open_named(d, "streams", '[');
	for (int i = 0; i < v->worker_count; i++) {
		const struct counters *c;

		if (!v->workers[i])
			continue;
		c = worker_counters(v->workers[i]);
		document_open(d, '{');
		document_add_int(d, "stream", i);
		document_add_uint(d, "partitions", counter_get(&c->partitions));
		document_add_uint(d, "records_mirrored", counter_get(&c->records_mirrored));
		document_add_uint(d, "buffer_bytes", counter_get(&c->buffered_bytes));
		add_transactions(d, c);
		document_close(d, '}');
	}
	document_close(d, ']');
}

static void
add_history(struct document *d, const struct survey *survey)
{
	struct survey_moment moments[SURVEY_HISTORY];
	size_t count = survey_history(survey, moments);

	document_open_named(d, "history", '{');
	document_open_named(d, "records_per_second", '[');
	for (size_t i = 0; i < count; i++)
		document_real(d, moments[i].records_per_second);
	document_close(d, ']');
	document_open_named(d, "bytes_per_second", '[');
	for (size_t i = 0; i < count; i++)
		document_real(d, moments[i].bytes_per_second);
	document_close(d, ']');
	document_open_named(d, "lag_records", '[');
	for (size_t i = 0; i < count; i++) {
		if (moments[i].lag < 0)
			document_null(d);
		else
			document_int(d, moments[i].lag);
	}
	document_close(d, ']');
	document_close(d, '}');
}

static void
add_script_metric(void *arg, const struct script_metric *m)
{
	struct document *d = arg;

	document_open(d, '{');
	document_add_string(d, "name", m->name);
	document_open_named(d, "labels", '{');
	for (size_t i = 0; i < m->labels; i++)
		document_add_string(d, m->label_names[i], m->label_values[i]);
	document_close(d, '}');
	document_add_real(d, "value", m->value);
	document_close(d, '}');
}

static void
add_last_reload(struct document *d, const struct view_script *s)
{
	document_name(d, "last_reload");
	if (!s->last_time) {
		document_null(d);
		return;
	}
	document_open(d, '{');
	document_add_time(d, "time", s->last_time);
	document_add_string(d, "result", reload_result_name(s->last_result));
	document_add_string(d, "reason", s->last_reason ? s->last_reason : "");
	document_close(d, '}');
}

static void
add_script(struct document *d, const struct view *v)
{
	const struct counters *c = &survey_sum(v->survey)->counters;

	document_name(d, "script");
	if (!v->script->generation) {
		document_null(d);
		return;
	}
	document_open(d, '{');
	document_add_string(d, "file", v->config->script.file);
	document_add_int(d, "generation", v->script->generation);
	document_add_time(d, "loaded", v->script->loaded);
	document_add_bool(d, "record_hook", v->script->has_record);
	add_last_reload(d, v->script);
	document_open_named(d, "reloads", '{');
	for (int i = 0; i < RELOAD_RESULTS; i++)
		document_add_uint(d, reload_result_name(i), v->script->results[i]);
	document_close(d, '}');
	document_add_real(d, "seconds", (double)counter_get(&c->script_ns) / 1e9);
	document_add_uint(d, "heap_bytes", counter_get(&c->script_heap));
	document_add_uint(d, "errors", counter_get(&c->script_errors));
	document_open_named(d, "counters", '[');
	script_world_each_metric(v->world, add_script_metric, d);
	document_close(d, ']');
	document_close(d, '}');
}

static void
add_limit(const struct limit_info *info, void *arg)
{
	static const char *const origins[] = {[LIMIT_OF_CONFIGURATION] = "configuration",
		[LIMIT_OF_SCRIPT] = "script",
		[LIMIT_LIVE] = "live"};
	struct document *d = arg;

	document_open(d, '{');
	document_add_string(d, "topics", info->pattern);
	document_add_string(d, "text", info->text);
	document_add_string(d, "origin", origins[info->origin]);
	document_add_known_int(d, "bytes_per_second", info->bytes_per_second);
	document_add_known_int(d, "records_per_second", info->records_per_second);
	document_close(d, '}');
}

static void
add_pauses(struct document *d, const struct pauses *pauses)
{
	document_open_named(d, "pauses", '[');
	for (size_t i = 0; pauses && i < pauses->count; i++) {
		const struct pause *p = &pauses->items[i];

		document_open(d, '{');
		document_add_string(d, "topic", p->topic);
		document_add_known_int(d, "partition", p->partition);
		document_add_string(d, "by", p->by);
		document_add_time(d, "since", p->since_ms);
		document_add_bool(d, "keep", p->keep);
		document_close(d, '}');
	}
	document_close(d, ']');
}

static void
add_gap(struct document *d, const struct meter_gap *last)
{
	document_name(d, "last_gap");
	if (last->gap.kind == GAP_NONE) {
		document_null(d);
		return;
	}
	document_open(d, '{');
	document_add_time(d, "time", last->wall_ms);
	document_add_string(d, "kind", gap_kind_name(last->gap.kind));
	document_add_int(d, "first", last->gap.first);
	document_add_int(d, "last", last->gap.last);
	document_add_int(d, "missing", gap_size(&last->gap));
	document_add_int(d, "goes_on_at", last->gap.go_on);
	document_add_string(d, "action", gap_policy_name(last->policy));
	document_close(d, '}');
}

static void
add_partition(struct document *d, const struct survey_partition *p)
{
	char reason[METER_REASON] = "";
	struct meter_gap gap = {.gap = {.kind = GAP_NONE}};

	if (p->meter) {
		meter_reason(p->meter, reason);
		meter_gap(p->meter, &gap);
	}
	document_open(d, '{');
	document_add_string(d, "topic", p->topic->name);
	document_add_int(d, "partition", p->partition);
	document_add_int(d, "stream", p->stream);
	document_add_string(d, "state", meter_state_name(p->state));
	document_add_string(d, "reason", *reason ? reason : NULL);
	document_add_known_int(d, "position", p->position);
	document_add_known_int(d, "committed", p->committed);
	document_add_known_int(d, "end", p->end);
	document_add_known_int(d, "lag_records", p->lag);
	document_add_known_real(d, "lag_seconds", seconds(p->lag_ms));
	document_add_uint(d, "in_flight", p->in_flight);
	document_add_uint(d, "records_mirrored", p->mirrored.records);
	document_add_uint(d, "bytes_mirrored", p->mirrored.bytes);
	document_add_real(d, "records_per_second", p->mirrored.records_per_second);
	add_gap(d, &gap);
	document_close(d, '}');
}

/* Does an operator want to see it first? */
static bool
is_troubled(const struct view *v, const struct survey_partition *p)
{
	char *why = NULL;
	bool is_stalled = !survey_is_moving(p, v->now, v->config->admin.stall_ms, &why);

	free(why);
	return is_stalled || p->state == METER_HELD || p->state == METER_WAITING ||
	       p->state == METER_RETRYING;
}

static void
add_troubled(struct document *d, const struct view *v)
{
	size_t count, written = 0;
	struct survey_partition *const *partitions = survey_partitions(v->survey, &count);

	document_open_named(d, "troubled", '[');
	for (size_t i = 0; i < count && written < TROUBLED_MOST; i++) {
		if (!is_troubled(v, partitions[i]))
			continue;
		add_partition(d, partitions[i]);
		written++;
	}
	document_close(d, ']');
}

/* What the streams do with a topic; s is NULL when none has a partition of it. */
static void
add_topic_flow(struct document *d, const struct survey_topic *s)
{
	static const struct survey_topic none = {.lag = -1, .lag_ms = -1, .p50 = -1, .p99 = -1};
	char reason[METER_REASON] = "";

	if (!s)
		s = &none;
	if (s->worst && s->worst->meter)
		meter_reason(s->worst->meter, reason);
	document_add_string(
		d, "state", s->state == METER_GONE ? "elsewhere" : meter_state_name(s->state));
	document_add_string(d, "reason", *reason ? reason : NULL);
	document_add_uint(d, "assigned", s->assigned);
	document_add_uint(d, "records_mirrored", s->mirrored.records);
	document_add_uint(d, "bytes_mirrored", s->mirrored.bytes);
	document_add_real(d, "records_per_second", s->mirrored.records_per_second);
	document_add_real(d, "bytes_per_second", s->mirrored.bytes_per_second);
	document_add_known_int(d, "lag_records", s->lag);
	document_add_known_real(d, "lag_seconds", seconds(s->lag_ms));
	document_add_known_real(d, "latency_p50_seconds", s->p50);
	document_add_known_real(d, "latency_p99_seconds", s->p99);
	document_add_uint(d, "in_flight", s->in_flight);
}

static void
add_topic(struct document *d, const struct view *v, const struct plan_topic *t)
{
	struct limit *limit = v->limits ? limits_of(v->limits, t->name, t->limit) : NULL;

	document_open(d, '{');
	document_add_string(d, "topic", t->name);
	document_add_string(d, "destination", t->target);
	document_add_string(d, "rule", plan_rule_name(t->rule));
	document_add_int(d, "partitions", t->partitions);
	add_topic_flow(d, survey_find(v->survey, t->name));
	document_add_string(d, "limit", limit ? limit_text(limit) : NULL);
	limit_release(&limit);
	document_open_named(d, "problems", '[');
	for (size_t i = 0; i < t->problem_count; i++)
		document_string(d, t->problems[i]);
	document_close(d, ']');
	document_close(d, '}');
}

/* The topics that are mirrored. */
static void
add_topics(struct document *d, const struct view *v)
{
	document_open_named(d, "topics", '[');
	for (size_t i = 0; v->plan && i < v->plan->count; i++)
		if (v->plan->topics[i].target)
			add_topic(d, v, &v->plan->topics[i]);
	document_close(d, ']');
}

static void
add_detail(struct document *d, const struct view *v, const char *topic)
{
	const struct survey_topic *t = survey_find(v->survey, topic);

	document_open_named(d, "detail", '[');
	for (size_t i = 0; t && i < t->count; i++)
		if (t->partitions[i]->state != METER_GONE)
			add_partition(d, t->partitions[i]);
	document_close(d, ']');
}

/* How far a one shot is. */
static void
add_until(struct document *d, const struct view *v)
{
	const struct config_mirror *mirror = &v->config->mirror;
	struct oneshot_progress p;

	document_name(d, "until");
	if (!v->oneshot) {
		document_null(d);
		return;
	}
	oneshot_progress(v->oneshot, &p);
	document_open(d, '{');
	document_add_bool(d, "end", mirror->until_end);
	document_add_string(d, "timestamp", mirror->until_timestamp);
	document_add_known_real(
		d, "idle_seconds", mirror->until_idle_ms > 0 ? seconds(mirror->until_idle_ms) : -1);
	document_add_known_int(d, "records", p.has_ends ? p.to_read : -1);
	document_add_known_int(d, "records_left", p.has_ends ? p.left : -1);
	document_add_known_real(d, "percent",
		!p.has_ends	? -1
		: p.to_read > 0 ? (double)(p.to_read - p.left) * 100 / (double)p.to_read
				: 100);
	document_add_known_real(d, "records_per_second", p.has_ends ? p.per_second : -1);
	document_add_known_real(d, "eta_seconds", p.has_ends ? seconds(p.eta_ms) : -1);
	document_add_known_int(d, "partitions", p.has_ends ? (int64_t)p.partitions : -1);
	document_add_known_int(d, "partitions_done", p.has_ends ? (int64_t)p.done : -1);
	document_close(d, '}');
}

static void
add_process(struct document *d, const struct view *v)
{
	bool excludes;
	size_t reasons;

	document_add_string(d, "version", REFLEJO_VERSION);
	document_add_string(d, "librdkafka", library_version());
	document_add_int(d, "pid", getpid());
	document_add_time(d, "started", v->started);
	document_add_time(d, "now", v->wall);
	document_add_real(d, "uptime_seconds", (double)(v->wall - v->started) / 1000);
	document_add_string(d, "state", v->state);
	document_add_bool(d, "dry_run", v->config->mirror.dry_run);
	document_add_string(d, "group", v->config->source.group_id);
	document_add_string(d, "expression", config_topic_expression(v->config, &excludes));
	document_add_string(d, "log_level", log_level_name(log_get_level()));
	add_reasons(d, v, &reasons);
	document_add_bool(d, "ready", reasons == 0);
	add_side(d, "source", v->source, CLIENT_SOURCE);
	add_side(d, "target", v->target, CLIENT_TARGET);
}

char *
status_document(const struct view *v, const char *topic)
{
	struct document d = {0};

	document_open(&d, '{');
	add_process(&d, v);
	add_until(&d, v);
	add_flow(&d, v);
	add_streams(&d, v);
	add_history(&d, v->survey);
	add_script(&d, v);
	document_open_named(&d, "limits", '[');
	if (v->limits)
		limits_each(v->limits, add_limit, &d);
	document_close(&d, ']');
	add_pauses(&d, v->pauses);
	add_topics(&d, v);
	add_troubled(&d, v);
	if (topic)
		add_detail(&d, v, topic);
	document_close(&d, '}');
	return document_take(&d);
}
