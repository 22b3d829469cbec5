/* The agent: the main thread, which starts the streams, watches over them and ends the process. */
#include "service/agent.h"

#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "kafka/library.h"
#include "mirror/scripting.h"
#include "mirror/topics.h"
#include "mirror/worker.h"
#include "script/script.h"
#include "script/watchdog.h"
#include "service/control.h"
#include "service/scout.h"

/* Once the streams have ended, the scout may finish a look-up and the library its threads for so
 * long. */
#define LEAVE_MS 500
/* Samples that one request may ask for; and bytes that may wait for somebody who does not read
 * them. */
#define TAP_MOST 100000
#define TAP_BACKLOG (1024 * 1024)
/* Signals so close together are one request. */
#define SAME_SIGNAL_MS 200

/* What tells that a file is another one, or has another content. */
struct file_stamp {
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct agent {
	const struct config *config;
	const struct agent_options *options;
	struct event_base *base;
	struct event *signals[5], *second, *notices_event;
	struct mailbox *notices;
	struct scout *scout;
	struct script_world *world;
	enum reload_step {
		RELOAD_NONE,
		RELOAD_TRYING,	 /* the scout plans with the new script */
		RELOAD_PREPARING /* the streams load it */
	} reload;
	char reload_failure[1024]; /* of the first stream that cannot */
	uint64_t reload_failures;
	bool is_reload_wanted;		 /* once more, when this one is over */
	int unprepared;			 /* streams that have not answered yet */
	struct control *control;	 /* NULL: there is no socket */
	struct scout_message *candidate; /* the plan of the new script, and what it changes */
	struct file_stamp stamp;	 /* of the script's file, as watched last */
	struct worker_plan plan;
	char *brokers; /* what plan.source_brokers points to */
	struct worker **workers;
	int worker_count, running, drained; /* made; not yet ended; ready to leave the group */
	bool is_stopping, is_drained;
	int status;
	int64_t started, stopped, last_progress,
		force_end;   /* clock_ms; force_end: the process ends then, come what may */
	struct counters sum; /* of streams that have ended */
	uint64_t last_records, last_bytes;
};

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
	offsetof(struct counters, records_resent),
	offsetof(struct counters, send_failures),
	offsetof(struct counters, commits),
	offsetof(struct counters, commit_failures),
	offsetof(struct counters, rebalances),
	offsetof(struct counters, partitions),
	offsetof(struct counters, partitions_held),
	offsetof(struct counters, buffered_bytes),
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

	sum_counters(a, &sum);
	records = counter_get(&sum.records_mirrored);
	bytes = counter_get(&sum.bytes_mirrored);
	LOG(EVENT_progress, F_UINT("records", records), F_UINT("bytes", bytes),
		F_REAL("records_per_second",
			ms > 0 ? (double)(records - a->last_records) * 1000 / (double)ms : 0),
		F_REAL("bytes_per_second",
			ms > 0 ? (double)(bytes - a->last_bytes) * 1000 / (double)ms : 0),
		F_INT("lag", sum.lag), F_UINT("partitions", counter_get(&sum.partitions)),
		F_UINT("dropped", counter_get(&sum.records_dropped)),
		F_UINT("dead_lettered", counter_get(&sum.records_dead_lettered)),
		F_UINT("script_errors", counter_get(&sum.script_errors)),
		F_UINT("resent", counter_get(&sum.records_resent)),
		F_UINT("held", counter_get(&sum.partitions_held)));
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

/* Begins the end of the process. The first reason decides the status. */
static void
stop(struct agent *a, int status, const char *reason)
{
	if (a->is_stopping)
		return;
	a->is_stopping = true;
	a->status = status;
	a->stopped = clock_ms();
	a->force_end = a->stopped + a->config->mirror.shutdown_timeout_ms + LEAVE_MS;
	LOG(EVENT_stopping, F_STR("reason", reason));
	for (int i = 0; i < a->worker_count; i++)
		worker_stop(a->workers[i], a->config->mirror.shutdown_timeout_ms);
	end_if_done(a);
}

/* A failure: said in the log, and on its way out as one sentence a person sees last. */
static void
stop_failed(struct agent *a, int status, const char *reason)
{
	if (!a->is_stopping)
		LOG(EVENT_failed, F_STR("reason", reason));
	stop(a, status, "failure");
}

static void
start_workers(struct agent *a, const struct scout_message *m)
{
	struct err err;

	a->brokers = mem_strdup(m->brokers);
	a->plan = (struct worker_plan){.config = a->config,
		.source_brokers = a->brokers,
		.source_broker_count = m->broker_count,
		.partition_count = m->partition_count,
		.notices = a->notices,
		.world = a->world,
		.is_dry = a->config->mirror.dry_run};
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
}

/* Whoever waits for this gets a last line. */
static void
answer(struct agent *a, enum control_wish wish, const char *word, const char *text)
{
	char *line = mem_printf("%s: %s", word, text);

	for (struct control_peer *p = NULL; (p = control_next(a->control, p));) {
		if (p->wish != wish)
			continue;
		control_say(p, line);
		control_end(p);
	}
	free(line);
}

/* Takes the script's file anew; what fails leaves everything as it is. */
static void
begin_reload(struct agent *a)
{
	if (a->is_stopping)
		return;
	a->is_reload_wanted = a->reload != RELOAD_NONE;
	if (a->is_reload_wanted)
		return;
	a->reload = RELOAD_TRYING;
	a->reload_failure[0] = '\0';
	scout_try(a->scout);
}

/* The reload is over: every stream and the scout take the new script, or none does. */
static void
end_reload(struct agent *a, const char *failure)
{
	struct scout_message *m = a->candidate;

	for (int i = 0; m && i < a->worker_count; i++)
		if (a->workers[i])
			worker_decide(a->workers[i], failure ? NULL : m->plan);
	if (m)
		scout_adopt(a->scout, !failure);
	if (failure) {
		a->reload_failures++;
		LOG(EVENT_reload_rejected, F_STR("script", a->config->script.file),
			F_STR("reason", failure), F_UINT("rejected", a->reload_failures));
		answer(a, CONTROL_RELOAD, "rejected", failure);
	} else {
		watchdog_clear();
		LOG(EVENT_reloaded, F_STR("script", a->config->script.file),
			F_STR("changes", m->reason ? m->reason : "no topic goes elsewhere"));
		answer(a, CONTROL_RELOAD, "ok", m->reason ? m->reason : "no topic goes elsewhere");
	}
	if (m)
		scout_message_free(m);
	a->candidate = NULL;
	a->reload = RELOAD_NONE;
	if (a->is_reload_wanted)
		begin_reload(a);
}

/* The scout has planned with the new script: the streams load it as well. */
static void
on_tried(struct agent *a, struct scout_message *m)
{
	char *reason = m->reason;

	if (!m->plan) {
		end_reload(a, reason);
		scout_message_free(m);
		return;
	}
	a->candidate = m;
	a->reload = RELOAD_PREPARING;
	a->unprepared = a->running;
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_prepare(a->workers[i]);
}

static void
on_prepared(struct agent *a, const struct worker_message *m)
{
	if (!m->is_ready && !a->reload_failure[0])
		snprintf(a->reload_failure, sizeof(a->reload_failure), "%s", m->reason);
	if (--a->unprepared > 0)
		return;
	end_reload(a, a->reload_failure[0] ? a->reload_failure : NULL);
}

static void
set_topics(struct agent *a, const struct scout_message *m)
{
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_set_topics(a->workers[i], (const char *const *)m->names,
				m->name_count, m->plan);
}

static void
on_rolled_back(struct agent *a, struct scout_message *m)
{
	if (!m->plan) {
		answer(a, CONTROL_ROLLBACK, "rejected", "there is no script to go back to");
		return;
	}
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_rollback(a->workers[i], m->plan);
	set_topics(a, m);
	LOG(EVENT_rolled_back, F_STR("script", a->config->script.file));
	answer(a, CONTROL_ROLLBACK, "ok", "the script before is back");
}

/* A sample goes to all who asked for the topic; whoever does not read gets no more. */
static void
on_sampled(struct agent *a, struct worker_message *m)
{
	for (struct control_peer *p = NULL; (p = control_next(a->control, p));) {
		if (p->wish != CONTROL_TAP || p->left == 0 || strcmp(p->topic, m->topic) != 0 ||
			control_backlog(p) > TAP_BACKLOG)
			continue;
		control_say(p, m->sample);
		if (--p->left == 0)
			control_end(p);
	}
}

static void
on_scout(struct agent *a, struct scout_message *m)
{
	switch ((enum scout_notice)m->message.kind) {
	case SCOUT_PLAN:
		if (!a->workers && !a->is_stopping)
			start_workers(a, m);
		set_topics(a, m);
		break;
	case SCOUT_ROLLED_BACK: on_rolled_back(a, m); break;
	case SCOUT_TRIED: on_tried(a, m); return;
	case SCOUT_FAILED: stop_failed(a, AGENT_BAD_START, m->reason); break;
	case SCOUT_BROKERS:
		for (int i = 0; i < a->worker_count; i++)
			if (a->workers[i])
				worker_add_brokers(a->workers[i], m->names[0]);
		break;
	case SCOUT_LIMIT:
		for (int i = 0; i < a->worker_count; i++)
			if (a->workers[i])
				worker_limit_batch(a->workers[i], m->names[0], m->number);
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
	if (!m->is_drained)
		a->is_drained = false;
	worker_join(w);
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
	case WORKER_FAILED:
		stop_failed(a, m->is_start ? AGENT_BAD_START : AGENT_FAILED, m->reason);
		break;
	case WORKER_PREPARED: on_prepared(a, m); break;
	case WORKER_SAMPLED: on_sampled(a, m); break;
	case WORKER_DRAINED: on_drained(a); break;
	case WORKER_ENDED: on_ended(a, m); break;
	}
	worker_message_free(m);
}

static void
on_notices(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	struct message *m = mailbox_take(a->notices), *next;

	(void)fd, (void)what;
	for (; m; m = next) {
		next = m->next;
		if (m->kind >= SCOUT_PLAN)
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

/* Has the file changed since the last call? One that is not there, as while an editor writes it
 * anew, has not. */
static bool
stamp_changed(struct file_stamp *stamp, const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0 || (st.st_mtim.tv_sec == stamp->changed.tv_sec &&
					   st.st_mtim.tv_nsec == stamp->changed.tv_nsec &&
					   st.st_size == stamp->size && st.st_ino == stamp->inode))
		return false;
	*stamp = (struct file_stamp){st.st_mtim, st.st_size, st.st_ino};
	return true;
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

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	int64_t now = clock_ms(), interval = a->config->log.progress_interval;
	struct counters sum;

	(void)fd, (void)what;
	if (a->is_stopping) {
		if (now >= a->force_end)
			leave_now(a->status);
		return;
	}
	if (a->config->script.watch && a->scout && stamp_changed(&a->stamp, a->config->script.file))
		begin_reload(a);
	if (interval > 0 && a->workers && now - a->last_progress >= interval - 100)
		say_progress(a);
	if (a->options && a->options->observer && a->workers) {
		sum_counters(a, &sum);
		a->options->observer(&sum, a->options->observer_arg);
	}
	if (a->config->mirror.dry_run && has_caught_up(a))
		stop(a, AGENT_OK, "everything that is there was read");
	if (a->options && a->options->run_ms && now - a->started >= a->options->run_ms)
		stop(a, AGENT_OK, "its time is over");
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
	stop(a, AGENT_OK, reason);
}

static void
on_other_signal(evutil_socket_t number, short what, void *arg)
{
	struct agent *a = arg;
	struct err err;

	(void)what;
	if (number == SIGHUP && a->config->script.file) {
		begin_reload(a);
		return;
	}
	if (number == SIGHUP) {
		LOG(EVENT_reload_unavailable, F_STR("advice", "restart to read changed files"));
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

	signal(SIGPIPE, SIG_IGN);
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

static void
begin_tap(struct agent *a, struct control_peer *peer, const char *topic, int count)
{
	peer->wish = CONTROL_TAP;
	free(peer->topic);
	peer->topic = mem_strdup(topic);
	peer->left = count;
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_tap(a->workers[i], topic, count);
}

/* reload | rollback | tap COUNT TOPIC */
static void
on_request(struct control_peer *peer, const char *line, void *arg)
{
	struct agent *a = arg;
	char topic[256];
	int count;

	if (!strcmp(line, "reload") && a->config->script.file) {
		peer->wish = CONTROL_RELOAD;
		begin_reload(a);
	} else if (!strcmp(line, "rollback") && a->config->script.file &&
		   a->reload == RELOAD_NONE) {
		peer->wish = CONTROL_ROLLBACK;
		scout_roll_back(a->scout);
	} else if (sscanf(line, "tap %d %255s", &count, topic) == 2 && count > 0 &&
		   count <= TAP_MOST) {
		begin_tap(a, peer, topic, count);
	} else {
		control_say(peer,
			"rejected: there is no such request, or nothing that it could do now");
		control_end(peer);
	}
}

/* The control socket, when the configuration wants one. */
static int
open_control(struct agent *a, struct err *err)
{
	const char *listen = a->config->admin.listen;

	if (!listen || !strcmp(listen, "none"))
		return 0;
	if (strncmp(listen, "unix:", 5) != 0)
		return err_set(err, "admin.listen: '%s' is neither none nor unix:PATH", listen);
	a->control = control_start(a->base, listen + 5, on_request, a, err);
	return a->control ? 0 : -1;
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
free_agent(struct agent *a)
{
	for (size_t i = 0; i < sizeof(a->signals) / sizeof(a->signals[0]); i++)
		if (a->signals[i])
			event_free(a->signals[i]);
	if (a->second)
		event_free(a->second);
	if (a->notices_event)
		event_free(a->notices_event);
	control_stop(&a->control);
	if (a->base)
		event_base_free(a->base);
	free(a->workers);
	free(a->brokers);
	watchdog_stop();
	script_world_free(&a->world);
}

/* All streams have ended: the rest of the process, or the end of it where a thread is stuck. */
static int
leave(struct agent *a)
{
	bool is_over;
	struct message *m, *next;

	control_stop(&a->control);
	say_progress(a);
	LOG(EVENT_stop, F_INT("status", a->status), F_STR("drained", a->is_drained ? "yes" : "no"));
	is_over = scout_stop(&a->scout, LEAVE_MS) && library_wait(LEAVE_MS);
	if (!is_over)
		quick_exit(a->status);
	if (a->candidate)
		scout_message_free(a->candidate);
	for (m = mailbox_take(a->notices); m; m = next) {
		next = m->next;
		if (m->kind >= SCOUT_PLAN)
			scout_message_free((struct scout_message *)m);
		else
			worker_message_free((struct worker_message *)m);
	}
	mailbox_free(&a->notices);
	return a->status;
}

/* @thread any */
static void
on_libevent_log(int severity, const char *text)
{
	(void)severity;
	LOG(EVENT_loop_trouble, F_STR("text", text));
}

/* libevent cannot go on, which happens when the process has no descriptors left. @thread any */
static void
on_libevent_fatal(int code)
{
	(void)code;
	LOG(EVENT_failed, F_STR("reason", "the event loop cannot be made: raise the limit of open "
					  "files (ulimit -n)"));
	leave_now(AGENT_BAD_START);
}

/* Each stream has connections to all brokers of both sides: takes all the descriptors that the
 * system grants. */
static void
raise_limits(void)
{
	struct rlimit limit;

	event_set_log_callback(on_libevent_log);
	event_set_fatal_callback(on_libevent_fatal);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
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
	stamp_changed(&a->stamp, config->script.file);
	*ret = scripting_load(config, a->world, SCRIPT_AT_START, err);
	if (*ret) {
		watchdog_forget_others(*ret);
		LOG(EVENT_script, F_STR("file", config->script.file),
			F_STR("record", script_has(*ret, SCRIPT_RECORD) ? "yes" : "no"),
			F_STR("on_error", config->script.on_error));
	}
	return *ret ? 0 : -1;
}

static void
free_parts(struct scout_parts *parts)
{
	topics_free(&parts->filter);
	plan_rules_free(&parts->rules);
	script_free(&parts->script);
}

/* Everything that can be wrong before a cluster is asked. */
static int
make_parts(struct agent *a, struct scout_parts *parts, struct err *err)
{
	*parts = (struct scout_parts){.config = a->config, .is_dry = a->config->mirror.dry_run};
	parts->filter = make_filter(a->config, err);
	if (parts->filter)
		parts->rules = plan_rules_new(a->config, err);
	if (parts->rules && make_script(a, &parts->script, err) == 0) {
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

	raise_limits();
	say_start(config);
	a.base = event_base_new();
	if (open_control(&a, &err) < 0 || make_parts(&a, &parts, &err) < 0) {
		fprintf(stderr, "reflejo: %s\n", err.text);
	} else {
		a.started = a.last_progress = clock_ms();
		a.notices = mailbox_new();
		add_events(&a);
		a.scout = scout_start(&parts, a.notices);
		event_base_loop(a.base, EVLOOP_NO_EXIT_ON_EMPTY);
		status = leave(&a);
	}
	free_agent(&a);
	return status;
}
