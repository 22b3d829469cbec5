/* The agent: the main thread, which starts the streams, watches over them and ends the process. */
#include "service/agent.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "kafka/library.h"
#include "kafka/revival.h"
#include "kafka/tickets.h"
#include "mirror/scripting.h"
#include "mirror/topics.h"
#include "mirror/worker.h"
#include "script/script.h"
#include "script/watchdog.h"
#include "service/agent_state.h"
#include "service/bar.h"
#include "service/ends.h"
#include "service/loop.h"
#include "service/notify.h"
#include "service/scout.h"

/* Once the streams have ended, the scout may finish a look-up and the library its threads for so
 * long. */
#define LEAVE_MS 500
/* What is known of target offsets may be kept for so long then. */
#define GROUPS_LEAVE_MS 1500
/* Signals so close together are one request. */
#define SAME_SIGNAL_MS 200

/* The cells of struct counters that add up over streams. */
static const size_t summed[] = {
	offsetof(struct counters, records_read),
	offsetof(struct counters, bytes_read),
	offsetof(struct counters, records_mirrored),
	offsetof(struct counters, bytes_mirrored),
	offsetof(struct counters, records_dropped),
	offsetof(struct counters, records_dead_lettered),
	offsetof(struct counters, records_emitted),
	offsetof(struct counters, records_retried),
	offsetof(struct counters, script_errors),
	offsetof(struct counters, script_records),
	offsetof(struct counters, script_ns),
	offsetof(struct counters, script_heap),
	offsetof(struct counters, records_resent),
	offsetof(struct counters, send_failures),
	offsetof(struct counters, commits),
	offsetof(struct counters, commit_failures),
	offsetof(struct counters, rebalances),
	offsetof(struct counters, partitions),
	offsetof(struct counters, partitions_held),
	offsetof(struct counters, is_unassigned),
	offsetof(struct counters, transactions),
	offsetof(struct counters, transactions_aborted),
	offsetof(struct counters, writers_lost),
	offsetof(struct counters, writers_fenced),
	offsetof(struct counters, buffered_bytes),
	offsetof(struct counters, buffer_bound),
};

static _Atomic uint64_t *
cell_of(const struct counters *counters, size_t offset)
{
	return (_Atomic uint64_t *)((uintptr_t)counters + offset);
}

static void
add_counters(struct counters *sum, const struct counters *one)
{
	int64_t lag = atomic_load_explicit(&one->lag, memory_order_relaxed);

	for (size_t i = 0; i < sizeof(summed) / sizeof(summed[0]); i++)
		counter_add(cell_of(sum, summed[i]), counter_get(cell_of(one, summed[i])));
	if (lag < 0 || sum->lag < 0)
		sum->lag = -1;
	else
		sum->lag += lag;
}

static void
sum_counters(const struct agent *a, struct counters *sum)
{
	*sum = (struct counters){0};
	add_counters(sum, &a->sum);
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			add_counters(sum, worker_counters(a->workers[i]));
}

static void
say_progress(struct agent *a)
{
	int64_t now = clock_ms(), ms = now - a->last_progress;
	struct counters sum;
	uint64_t records, bytes;
	int64_t lag;

	sum_counters(a, &sum);
	/* While streams run, the survey knows the ends of what is not fetched as well. */
	lag = a->running > 0 && sum.lag >= 0 ? survey_sum(a->survey)->lag : sum.lag;
	records = counter_get(&sum.records_mirrored);
	bytes = counter_get(&sum.bytes_mirrored);
	LOG(EVENT_progress, F_UINT("records", records), F_UINT("bytes", bytes),
		F_REAL("records_per_second",
			ms > 0 ? (double)(records - a->last_records) * 1000 / (double)ms : 0),
		F_REAL("bytes_per_second",
			ms > 0 ? (double)(bytes - a->last_bytes) * 1000 / (double)ms : 0),
		F_INT("lag", lag), F_UINT("partitions", counter_get(&sum.partitions)),
		F_UINT("dropped", counter_get(&sum.records_dropped)),
		F_UINT("dead_lettered", counter_get(&sum.records_dead_lettered)),
		F_UINT("script_errors", counter_get(&sum.script_errors)),
		F_UINT("resent", counter_get(&sum.records_resent)),
		F_UINT("held", counter_get(&sum.partitions_held)));
	notify_progress(ms > 0 ? (records - a->last_records) * 1000 / (uint64_t)ms : 0, lag,
		counter_get(&sum.partitions));
	a->last_progress = now;
	a->last_records = records;
	a->last_bytes = bytes;
}

static void
end_if_done(struct agent *a)
{
	if (a->is_stopping && a->running == 0)
		event_base_loopbreak(a->base);
}

void
agent_stop(struct agent *a, int status, const char *reason)
{
	if (a->is_stopping)
		return;
	a->is_stopping = true;
	a->status = status;
	a->stopped = clock_ms();
	if (!*a->why_stopped)
		snprintf(a->why_stopped, sizeof(a->why_stopped), "%s", reason);
	bar_end();
	oneshot_note_stop(a);
	a->force_end = a->stopped + a->config->mirror.shutdown_timeout_ms + LEAVE_MS;
	LOG(EVENT_stopping, F_STR("reason", reason));
	notify_stopping();
	notify_status("drains and commits");
	for (int i = 0; i < a->worker_count; i++)
		worker_stop(a->workers[i], a->config->mirror.shutdown_timeout_ms);
	end_if_done(a);
}

/* A failure: said in the log, and on its way out as one sentence a person sees last. */
static void
stop_failed(struct agent *a, int status, const char *reason)
{
	if (!a->is_stopping) {
		LOG(EVENT_failed, F_STR("reason", reason));
		snprintf(a->why_stopped, sizeof(a->why_stopped), "%s", reason);
	}
	agent_stop(a, status, "failure");
	notify_status("failed: %s", reason);
}

/* Where groups move too. Its plan must be there before the first notes. */
static int
start_groups(struct agent *a, const struct plan *plan, struct err *err)
{
	if (!a->config->groups.sync || a->config->mirror.dry_run)
		return 0;
	a->groups = group_sync_start(a->config, a->brokers, a->notices, err);
	if (!a->groups)
		return -1;
	group_sync_set_plan(a->groups, plan);
	return 0;
}

static void
start_workers(struct agent *a, const struct scout_message *m)
{
	struct err err;

	a->brokers = mem_strdup(m->brokers);
	if (start_groups(a, m->plan, &err) < 0) {
		stop_failed(a, AGENT_BAD_START, err.text);
		return;
	}
	a->plan = (struct worker_plan){.config = a->config,
		.source_brokers = a->brokers,
		.source_broker_count = m->broker_count,
		.partition_count = m->partition_count,
		.notices = a->notices,
		.world = a->world,
		.notes = a->groups ? group_sync_sink(a->groups) : NULL,
		.is_dry = a->config->mirror.dry_run,
		.until = a->oneshot ? oneshot_until(a->oneshot) : NULL,
		.limits = brakes_limits(a->brakes),
		.pauses = brakes_pauses(a->brakes)};
	a->workers = mem_zero((size_t)a->config->mirror.num_streams, sizeof(*a->workers));
	for (int i = 0; i < a->config->mirror.num_streams; i++) {
		a->workers[i] = worker_start(&a->plan, m->plan, i, &err);
		if (!a->workers[i]) {
			stop_failed(a, AGENT_BAD_START, err.text);
			return;
		}
		a->worker_count++;
		a->running++;
	}
	brakes_set_workers(a->brakes, a->workers, (size_t)a->worker_count);
}

void
agent_set_topics(struct agent *a, const struct scout_message *m)
{
	plan_release(&a->routes);
	a->routes = plan_take(m->plan);
	if (a->groups)
		group_sync_set_plan(a->groups, m->plan);
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_set_topics(a->workers[i], (const char *const *)m->names,
				m->name_count, m->plan);
}

static void
set_brokers(struct view_side *side, const char *brokers)
{
	free(side->brokers);
	side->brokers = mem_strdup(brokers);
}

static void
set_side(struct view_side *side, const struct scout_message *m)
{
	int reachable = m->reason == NULL;

	if (side->reachable != reachable)
		side->since = clock_wall_ms();
	side->reachable = reachable;
	free(side->reason);
	side->reason = m->reason ? mem_strdup(m->reason) : NULL;
	set_brokers(side, m->brokers);
}

/* The first one starts the streams. */
static void
on_plan(struct agent *a, struct scout_message *m)
{
	bool is_first = !a->workers && !a->is_stopping;

	if (m->until)
		a->oneshot = oneshot_new(m->until);
	m->until = NULL;
	if (is_first)
		start_workers(a, m);
	agent_set_topics(a, m);
	if (is_first)
		reload_on_start(a);
}

static void
on_scout(struct agent *a, struct scout_message *m)
{
	switch ((enum scout_notice)m->message.kind) {
	case SCOUT_PLAN: on_plan(a, m); break;
	case SCOUT_REMADE:
		for (int i = 0; i < a->worker_count; i++)
			if (a->workers[i])
				worker_tell_remade(a->workers[i], (const char *const *)m->names,
					m->name_count);
		break;
	case SCOUT_RANGES:
	case SCOUT_STANDINGS:
	case SCOUT_ENDS: break; /* taken before */
	case SCOUT_SIDE: set_side(m->number ? &a->source : &a->target, m); break;
	case SCOUT_ROLLED_BACK: reload_on_rolled_back(a, m); break;
	case SCOUT_TRIED: reload_on_tried(a, m); return;
	case SCOUT_FAILED: stop_failed(a, AGENT_BAD_START, m->reason); break;
	case SCOUT_BROKERS:
		set_brokers(&a->source, m->names[0]);
		for (int i = 0; i < a->worker_count; i++)
			if (a->workers[i])
				worker_add_brokers(a->workers[i], m->names[0]);
		if (a->groups)
			group_sync_add_brokers(a->groups, m->names[0]);
		break;
	case SCOUT_LIMIT:
		for (int i = 0; i < a->worker_count; i++)
			if (a->workers[i])
				worker_limit_topic(
					a->workers[i], m->names[0], m->number, m->no_headers);
		break;
	}
	scout_message_free(m);
}

/* When the last stream is done, all leave the group together. */
static void
on_drained(struct agent *a)
{
	if (++a->drained < a->worker_count)
		return;
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_leave(a->workers[i]);
}

static void
on_ended(struct agent *a, const struct worker_message *m)
{
	struct worker **w = &a->workers[m->stream];

	add_counters(&a->sum, worker_counters(*w));
	survey_forget(a->survey, worker_meters(*w));
	oneshot_note_meters(a->oneshot, worker_meters(*w));
	report_add(a->report, worker_meters(*w));
	if (!m->is_drained)
		a->is_drained = false;
	worker_join(w);
	admin_api_on_held(a, m->stream, NULL);
	a->running--;
	end_if_done(a);
}

static void
on_worker(struct agent *a, struct worker_message *m)
{
	switch ((enum worker_notice)m->message.kind) {
	case WORKER_TROUBLE:
		if (a->scout)
			scout_look(a->scout, m->is_source);
		break;
	case WORKER_MISSED:
		if (a->scout)
			scout_list_soon(a->scout);
		break;
	case WORKER_FAILED:
		stop_failed(a, m->is_start ? AGENT_BAD_START : AGENT_FAILED, m->reason);
		break;
	case WORKER_PREPARED: reload_on_prepared(a, m); break;
	case WORKER_SAMPLED: admin_api_on_sampled(a, m->topic, m->sample); break;
	case WORKER_HELD: admin_api_on_held(a, m->stream, m->held); break;
	case WORKER_RANGES: break; /* taken before */
	case WORKER_DRAINED: on_drained(a); break;
	case WORKER_ENDED: on_ended(a, m); break;
	}
	worker_message_free(m);
}

/* What a worker asks the scout, and the scout answers. */
static void
pass_ranges(struct agent *a, struct ranges *ranges)
{
	if (ranges->message.kind == WORKER_RANGES && a->scout)
		scout_ask_ranges(a->scout, ranges);
	else if (ranges->message.kind == SCOUT_RANGES && a->workers[ranges->stream])
		worker_tell_ranges(a->workers[ranges->stream], ranges);
	else
		free(ranges);
}

static void
on_groups(struct agent *a, struct group_sync_message *m)
{
	struct group_sync_message *before = a->groups_seen;

	/* What a pass that failed did not find out is as old as it was. */
	if (m->time_ms == 0 && before) {
		m->time_ms = before->time_ms;
		m->synced = before->synced;
		m->with_members = before->with_members;
		m->failed = before->failed;
		memcpy(m->qualities, before->qualities, sizeof(m->qualities));
	}
	if (before)
		group_sync_message_free(before);
	a->groups_seen = m;
	if (m->is_asked && a->oneshot)
		oneshot_on_groups(a->oneshot);
}

static void
on_notices(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	struct message *m = mailbox_take(a->notices), *next;

	(void)fd, (void)what;
	for (; m; m = next) {
		next = m->next;
		if (m->kind == SCOUT_ENDS)
			ends_take(a, m);
		else if (m->kind == SCOUT_STANDINGS)
			oneshot_take(a, m);
		else if (m->kind == WORKER_RANGES || m->kind == SCOUT_RANGES)
			pass_ranges(a, (struct ranges *)m);
		else if (m->kind == GROUP_SYNC_PASSED)
			on_groups(a, (struct group_sync_message *)m);
		else if (m->kind >= SCOUT_PLAN)
			on_scout(a, (struct scout_message *)m);
		else
			on_worker(a, (struct worker_message *)m);
	}
}

/* The last line, and out, where threads may still be stuck in a call that does not come back. They
   are left behind on purpose: nothing is cleaned up, and no sanitizer looks for leaks. */
static void
leave_now(int status)
{
	LOG(EVENT_stop, F_INT("status", status), F_STR("drained", "no"));
	quick_exit(status);
}

/* Has a dry run read what is there? A held partition reads no more. */
static bool
has_caught_up(struct agent *a)
{
	struct counters sum;

	if (!a->workers)
		return false;
	sum_counters(a, &sum);
	return counter_get(&sum.rebalances) >= (uint64_t)a->worker_count &&
	       (sum.lag == 0 ||
		       (counter_get(&sum.partitions_held) > 0 &&
			       counter_get(&sum.partitions_held) == counter_get(&sum.partitions)));
}

/* What the streams do, for those who ask. */
static void
take_survey(struct agent *a)
{
	const struct meters *meters[256];
	struct counters sum;
	size_t count = 0;

	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			meters[count++] = worker_meters(a->workers[i]);
	sum_counters(a, &sum);
	survey_take(a->survey, meters, count, &sum, clock_ms(), clock_wall_ms());
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	int64_t now = clock_ms(), interval = a->config->log.progress_interval;
	struct counters sum;

	(void)fd, (void)what;
	log_tick(false);
	take_survey(a);
	revival_look_after_clients();
	if (a->is_stopping) {
		if (now >= a->force_end)
			leave_now(
				a->oneshot && a->status == AGENT_OK ? AGENT_INCOMPLETE : a->status);
		return;
	}
	brakes_every_second(a->brakes);
	rotation_every_second(a);
	ends_every_second(a);
	oneshot_every_second(a);
	bar_draw(a->oneshot);
	if (a->config->script.watch && a->scout && reload_file_changed(a))
		reload_begin(a);
	if (interval > 0 && a->workers && now - a->last_progress >= interval - 100)
		say_progress(a);
	if (a->options && a->options->observer && a->workers) {
		sum_counters(a, &sum);
		a->options->observer(&sum, a->options->observer_arg);
	}
	if (a->config->mirror.dry_run && has_caught_up(a))
		agent_stop(a, AGENT_OK, "everything that is there was read");
	if (a->options && a->options->run_ms && now - a->started >= a->options->run_ms)
		agent_stop(a, AGENT_OK, "its time is over");
}

static void
on_end_signal(evutil_socket_t number, short what, void *arg)
{
	struct agent *a = arg;
	char reason[40];

	(void)what;
	/* The second one means it: what is on its way is read again at the next start. But one
	   request may arrive twice, from a terminal and a wrapper, say. */
	if (a->is_stopping && clock_ms() - a->stopped >= SAME_SIGNAL_MS)
		leave_now(128 + (int)number);
	snprintf(reason, sizeof(reason), "signal %s", number == SIGTERM ? "TERM" : "INT");
	agent_stop(a, AGENT_OK, reason);
}

/* Secrets at once; the script, where there is one, step by step. */
static void
reload_all(struct agent *a)
{
	bool has_script = a->config->script.file != NULL, is_renewed;

	if (!has_script)
		notify_reloading();
	is_renewed = admin_api_read_credentials(a);
	/* Who asks is told again what is wrong. */
	a->rotation.refusal[0] = '\0';
	is_renewed |= rotation_look(a, NULL) != ROTATION_NOTHING;
	if (has_script) {
		reload_begin(a);
		return;
	}
	if (!is_renewed)
		LOG(EVENT_reload_unavailable,
			F_STR("advice", "settings other than secrets are read at a restart"));
	notify_reloaded();
}

static void
on_other_signal(evutil_socket_t number, short what, void *arg)
{
	struct agent *a = arg;
	struct err err;

	(void)what;
	if (number == SIGHUP) {
		reload_all(a);
		return;
	}
	if (log_reopen(&err) < 0)
		LOG(EVENT_log_trouble, F_STR("reason", err.text));
	else
		LOG(EVENT_log_reopened, F_STR("signal", "USR1"));
}

static void
add_signal(struct agent *a, size_t i, int number, event_callback_fn callback)
{
	a->signals[i] = evsignal_new(a->base, number, callback, a);
	event_add(a->signals[i], NULL);
}

static void
add_events(struct agent *a)
{
	static const struct timeval second = {1, 0};

	add_signal(a, 0, SIGTERM, on_end_signal);
	add_signal(a, 1, SIGINT, on_end_signal);
	add_signal(a, 2, SIGHUP, on_other_signal);
	add_signal(a, 3, SIGUSR1, on_other_signal);
	a->notices_event =
		event_new(a->base, mailbox_fd(a->notices), EV_READ | EV_PERSIST, on_notices, a);
	event_add(a->notices_event, NULL);
	a->second = event_new(a->base, -1, EV_PERSIST, on_second, a);
	event_add(a->second, &second);
}

static struct topics *
make_filter(const struct config *config, struct err *err)
{
	bool excludes;
	const char *expression = config_topic_expression(config, &excludes);

	return topics_new(expression, excludes, config->source.exclude_internal_topics, err);
}

static void
say_start(const struct config *config)
{
	const char *warning = library_warning();
	bool excludes;

	LOG(EVENT_start, F_STR("version", REFLEJO_VERSION), F_STR("librdkafka", library_version()),
		F_STR("group", config->source.group_id),
		F_INT("streams", config->mirror.num_streams),
		F_STR("expression", config_topic_expression(config, &excludes)),
		F_INT("buffer_memory", config->mirror.buffer_memory));
	if (warning)
		LOG(EVENT_library_warning, F_STR("advice", warning));
}

static void
free_side(struct view_side *side)
{
	free(side->brokers);
	free(side->reason);
}

/* What nobody has taken. */
static void
free_notices(struct agent *a)
{
	struct message *m = mailbox_take(a->notices), *next;

	for (; m; m = next) {
		next = m->next;
		if (m->kind == SCOUT_ENDS || m->kind == SCOUT_STANDINGS ||
			m->kind == WORKER_RANGES || m->kind == SCOUT_RANGES)
			free(m);
		else if (m->kind == GROUP_SYNC_PASSED)
			group_sync_message_free((struct group_sync_message *)m);
		else if (m->kind >= SCOUT_PLAN)
			scout_message_free((struct scout_message *)m);
		else
			worker_message_free((struct worker_message *)m);
	}
	mailbox_free(&a->notices);
}

static void
free_agent(struct agent *a)
{
	for (size_t i = 0; i < sizeof(a->signals) / sizeof(a->signals[0]); i++)
		if (a->signals[i])
			event_free(a->signals[i]);
	if (a->second)
		event_free(a->second);
	if (a->notices_event)
		event_free(a->notices_event);
	events_stop(&a->events);
	admin_api_stop(a);
	notify_stop();
	free_notices(a);
	if (a->groups_seen)
		group_sync_message_free(a->groups_seen);
	brakes_free(&a->brakes);
	if (a->base)
		event_base_free(a->base);
	survey_free(&a->survey);
	report_free(&a->report);
	oneshot_free(&a->oneshot);
	plan_release(&a->routes);
	free_side(&a->source);
	free_side(&a->target);
	free(a->generations.last_reason);
	free(a->workers);
	free(a->brokers);
	rotation_fini(&a->rotation);
	watchdog_stop();
	script_world_free(&a->world);
}

/* All streams have ended: the rest of the process, or the end of it where a thread is stuck. */
static int
leave(struct agent *a)
{
	bool is_over;

	say_progress(a);
	log_tick(true);
	report_finish(a);
	LOG(EVENT_stop, F_INT("status", a->status), F_STR("drained", a->is_drained ? "yes" : "no"));
	events_stop(&a->events);
	admin_api_stop(a);
	if (a->options && a->options->ended)
		a->options->ended(a->status);
	is_over = group_sync_stop(&a->groups, GROUPS_LEAVE_MS);
	is_over = scout_stop(&a->scout, LEAVE_MS) && is_over && library_wait(LEAVE_MS) &&
		  tickets_stop(LEAVE_MS);
	if (!is_over)
		quick_exit(a->status);
	reload_fini(&a->reload);
	return a->status;
}

/* @thread any */
static void
on_loop_fatal(const char *reason)
{
	LOG(EVENT_failed, F_STR("reason", reason));
	leave_now(AGENT_BAD_START);
}

/* A script that never ends: the process must, and says in which record. @thread watchdog */
static void
on_runaway(const char *where, void *arg)
{
	(void)arg;
	LOG(EVENT_failed, F_STR("reason", where));
	leave_now(AGENT_FAILED);
}

/* The script's own state for topics and routes, and the thread that watches over all states. */
static int
make_script(struct agent *a, struct script **ret, struct err *err)
{
	const struct config *config = a->config;
	char *state_file;
	int rc;

	a->world = script_world_new();
	if (!config->script.file)
		return 0;
	state_file = config_state_file(config, config->script.state_file, "state");
	rc = watchdog_start(state_file, (int)config->mirror.num_streams, on_runaway, a, err);
	free(state_file);
	if (rc < 0)
		return -1;
	reload_note_file(a);
	*ret = scripting_load(config, a->world, SCRIPT_AT_START, err);
	if (*ret) {
		script_take_over(*ret);
		watchdog_forget_others(*ret);
		LOG(EVENT_script, F_STR("file", config->script.file),
			F_STR("record", script_has(*ret, SCRIPT_RECORD) ? "yes" : "no"),
			F_STR("on_error", config->script.on_error));
		reload_remember_script(a, script_has(*ret, SCRIPT_RECORD));
	}
	return *ret ? 0 : -1;
}

static void
free_parts(struct scout_parts *parts)
{
	topics_free(&parts->filter);
	plan_rules_free(&parts->rules);
	starts_free(&parts->starts);
	script_free(&parts->script);
}

static int
check_groups(const struct config *config, struct err *err)
{
	struct topics *groups =
		config->groups.sync ? topics_new(config->groups.sync, false, false, err) : NULL;
	bool is_wrong = config->groups.sync && !groups;

	topics_free(&groups);
	return is_wrong ? err_prefix(err, "groups.sync: ") : 0;
}

/* Everything that can be wrong before a cluster is asked. */
static int
make_parts(struct agent *a, struct scout_parts *parts, struct err *err)
{
	*parts = (struct scout_parts){.config = a->config, .is_dry = a->config->mirror.dry_run};
	if (check_groups(a->config, err) < 0)
		return -1;
	parts->filter = make_filter(a->config, err);
	if (parts->filter)
		parts->rules = plan_rules_new(a->config, err);
	if (parts->rules)
		parts->starts = starts_new(a->config, clock_wall_ms(), err);
	if (parts->starts)
		a->brakes = brakes_new(a->config, err);
	if (a->brakes && make_script(a, &parts->script, err) == 0) {
		parts->world = a->world;
		return 0;
	}
	free_parts(parts);
	return -1;
}

int
agent_run(const struct config *config, const struct agent_options *options)
{
	struct agent a = {.config = config, .options = options, .is_drained = true};
	struct scout_parts parts;
	struct err err;
	int status = AGENT_BAD_START;

	loop_prepare(on_loop_fatal);
	a.base = event_base_new();
	a.notices = mailbox_new();
	a.events = events_start(a.base);
	a.survey = survey_new();
	a.report = config_is_one_shot(config) ? report_new() : NULL;
	a.source.reachable = a.target.reachable = -1;
	say_start(config);
	add_events(&a);
	notify_start(a.base);
	notify_status("waits for the source's topics");
	if (report_check(config, &err) < 0 || tickets_start(config, &err) < 0 ||
		admin_api_start(&a, &err) < 0 || make_parts(&a, &parts, &err) < 0) {
		fprintf(stderr, "reflejo: %s\n", err.text);
		notify_status("failed: %s", err.text);
	} else {
		a.started = a.last_progress = clock_ms();
		a.started_wall = clock_wall_ms();
		rotation_begin(&a);
		a.scout = scout_start(&parts, a.notices);
		/* A source that is away must not hold up a boot: whether records flow says
		   /readyz. */
		notify_ready();
		event_base_loop(a.base, EVLOOP_NO_EXIT_ON_EMPTY);
		status = leave(&a);
	}
	free_agent(&a);
	return status;
}
