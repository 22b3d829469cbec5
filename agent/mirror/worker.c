/* The worker: one mirroring thread with a consumer, a producer and a pipeline of its own. */
#include "mirror/worker.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "mirror/silence.h"
#include "mirror/worker_state.h"

/* The commit before a hand-over or the end may take this long. */
#define COMMIT_MS 3000
/* Leaving the group may take this long; after it the group finds out by itself. */
#define CLOSE_MS 1500
/* What is given up comes back within this time, or its memory is left to the end of the process. */
#define ABANDON_MS 500

void
worker_notify(struct worker *w, enum worker_notice kind, const struct worker_message *like,
	const char *reason)
{
	struct worker_message *m = mem_zero(1, sizeof(*m));

	if (like)
		*m = *like;
	m->message.kind = kind;
	m->stream = w->stream;
	if (reason)
		snprintf(m->reason, sizeof(m->reason), "%s", reason);
	mailbox_post(w->plan->notices, &m->message);
}

void
worker_fail(struct worker *w, bool is_start, const char *reason)
{
	struct worker_message like = {.is_start = is_start};

	if (w->has_failed)
		return;
	w->has_failed = true;
	worker_notify(w, WORKER_FAILED, &like, reason);
}

void
worker_set_phase(struct worker *w, enum phase phase, int64_t within_ms)
{
	int64_t until = clock_ms() + within_ms;

	w->phase = phase;
	w->phase_until = w->is_stopping && until > w->stop_until ? w->stop_until : until;
}

static void
begin_stop(struct worker *w, int64_t timeout_ms)
{
	if (w->is_stopping)
		return;
	w->is_stopping = true;
	w->is_drained = false;
	w->stop_until = clock_ms() + timeout_ms;
	pipeline_quiesce(w->pipeline, NULL);
	worker_set_phase(w, PHASE_DRAIN, timeout_ms - COMMIT_MS - CLOSE_MS);
}

/* Routes that the pipeline and the script go by from now on. */
static void
set_routes(struct worker *w, const struct plan *routes)
{
	pipeline_set_plan(w->pipeline, routes);
	plan_release(&w->routes);
	w->routes = plan_take(routes);
}

/* The successor is made, and told what the one that runs hands over; that one goes on if this
 * fails. */
static void
prepare(struct worker *w)
{
	struct worker_message like = {0};
	struct err err = {0};

	like.is_ready = scripting_prepare(&w->scripting, &err) == 0;
	pipeline_pause(w->pipeline, true);
	worker_notify(w, WORKER_PREPARED, &like, err.text);
}

static void
decide(struct worker *w, const struct plan *routes)
{
	scripting_decide(&w->scripting, routes != NULL);
	pipeline_pause(w->pipeline, false);
	if (!routes)
		return;
	set_routes(w, routes);
	pipeline_set_script(w->pipeline, w->scripting.script);
}

static void
roll_back(struct worker *w, const struct plan *routes)
{
	if (!scripting_roll_back(&w->scripting))
		return;
	set_routes(w, routes);
	pipeline_set_script(w->pipeline, w->scripting.script);
}

static void
on_sampled(const char *topic, char *sample, void *arg)
{
	struct worker_message like = {.topic = mem_strdup(topic), .sample = sample};

	worker_notify(arg, WORKER_SAMPLED, &like, NULL);
}

static void
answer_held(struct worker *w, const struct held_question *question)
{
	struct worker_message like = {.held = pipeline_ask_held(w->pipeline, question)};

	worker_notify(w, WORKER_HELD, &like, NULL);
}

/* Topics to subscribe to. The same ones again would make the whole group share out anew. */
static void
subscribe(struct worker *w, struct order *o)
{
	struct err err;

	if (w->is_stopping)
		return;
	set_routes(w, o->routes);
	if (w->topics && order_has_names(w->topics, o))
		return;
	order_take_names(&w->topics, o);
	o = w->topics;
	if (!pipeline_next(w->pipeline, NULL))
		w->unassigned_since = clock_ms();
	if (consumer_subscribe(w->consumer, (const char *const *)o->names, o->count, &err) < 0)
		worker_fail(w, false, err.text);
}

static void
take_ranges(struct worker *w, const struct ranges *ranges)
{
	for (size_t i = 0; i < ranges->count; i++)
		pipeline_answer(w->pipeline, &ranges->items[i]);
}

/* Partitions stand at a gap: the scout is asked, over the main thread, what the source has. */
static void
ask_ranges(struct worker *w)
{
	struct ranges *ranges = pipeline_ask_ranges(w->pipeline);

	if (!ranges)
		return;
	ranges->message.kind = WORKER_RANGES;
	ranges->stream = w->stream;
	mailbox_post(w->plan->notices, &ranges->message);
}

static void
take_orders(struct worker *w)
{
	struct message *m = mailbox_take(w->orders), *next;

	for (; m; m = next) {
		struct order *o = (struct order *)m;

		next = m->next;
		switch ((enum order_kind)m->kind) {
		case ORDER_TOPICS: subscribe(w, o); break;
		case ORDER_BROKERS: consumer_add_brokers(w->consumer, o->names[0]); break;
		case ORDER_LIMITS: pipeline_set_limits(w->pipeline, o->limits); break;
		case ORDER_PAUSES: pipeline_set_pauses(w->pipeline, o->pauses); break;
		case ORDER_LIMIT:
			pipeline_limit_topic(w->pipeline, o->names[0], o->number, o->no_headers);
			break;
		case ORDER_PREPARE: prepare(w); break;
		case ORDER_DECIDE: decide(w, o->routes); break;
		case ORDER_ROLLBACK: roll_back(w, o->routes); break;
		case ORDER_TAP:
			pipeline_tap(w->pipeline, o->names[0], o->number, on_sampled, w);
			break;
		case ORDER_RETRY:
			pipeline_retry(
				w->pipeline, o->count ? o->names[0] : NULL, (int32_t)o->number);
			break;
		case ORDER_HELD: answer_held(w, o->held); break;
		case ORDER_REMADE:
			for (size_t i = 0; i + 1 < o->count; i += 2)
				pipeline_remade(w->pipeline, o->names[i], o->names[i + 1]);
			break;
		case ORDER_RANGES: take_ranges(w, o->ranges); break;
		case ORDER_STOP: begin_stop(w, o->number); break;
		case ORDER_LEAVE: w->may_leave = true; break;
		}
		order_free(o);
	}
}

/* Everything of this worker, or what was revoked, is settled. */
static bool
drain_is_over(struct worker *w)
{
	bool is_over = w->is_stopping ? pipeline_is_drained(w->pipeline, NULL)
				      : worker_revoked_is_drained(w);

	if (is_over)
		w->is_drained = true;
	return is_over || clock_ms() >= w->phase_until;
}

/* What is seen from outside, as it is now. */
static void
survey(struct worker *w)
{
	int64_t lag;

	consumer_look(w->consumer);
	lag = pipeline_survey(w->pipeline);

	/* Before the group has given anything, how far behind we are is not known. */
	if (counter_get(&w->counters.rebalances) > 0)
		atomic_store_explicit(&w->counters.lag, lag, memory_order_relaxed);
	if (w->scripting.script)
		atomic_store_explicit(&w->counters.script_heap, script_memory(w->scripting.script),
			memory_order_relaxed);
}

/* What the last lines of the log say about this stream. */
static void
note_end(struct worker *w)
{
	survey(w);
	if (counter_get(&w->counters.partitions_held) > 0 || pipeline_waits_for_topic(w->pipeline))
		w->is_drained = false;
}

static void
after_commit(struct worker *w)
{
	if (w->is_stopping)
		note_end(w);
	if (w->is_answer_due)
		worker_finish_revoke(w, EVENT_revoked, w->is_drained);
	if (!w->is_stopping) {
		worker_set_phase(w, PHASE_RUN, 0);
		return;
	}
	worker_notify(w, WORKER_DRAINED, NULL, NULL);
	worker_set_phase(w, PHASE_READY, w->stop_until - CLOSE_MS - clock_ms());
}

/* The commit before a hand-over has been answered, or never will be in time. A refused one is tried
   again only at the end: in a rebalance the group waits for us, and the refusal would last as long.
 */
static bool
commit_is_over(struct worker *w)
{
	if (clock_ms() >= w->phase_until ||
		(!w->is_committing && w->is_commit_refused && !w->is_stopping)) {
		w->is_drained = false;
		return true;
	}
	if (w->is_committing || (w->is_commit_refused && clock_ms() < w->next_commit))
		return false;
	return !worker_commit(w);
}

/* The end waits for the other streams, and until the group knows this one well enough to let it go.
 */
static bool
may_close(const struct worker *w)
{
	if (clock_ms() >= w->phase_until)
		return true;
	return w->may_leave && !consumer_is_joining(w->consumer);
}

/* Takes the steps of a revoke or of the end as far as they can go now. */
static void
step(struct worker *w)
{
	if (w->phase == PHASE_DRAIN && drain_is_over(w)) {
		/* A commit that is under way may not hold all of it: its answer first, then one
		 * more. */
		worker_set_phase(w, PHASE_COMMIT, COMMIT_MS);
		w->is_commit_refused = false;
		if (!w->is_committing)
			worker_commit(w);
	}
	if (w->phase == PHASE_COMMIT && commit_is_over(w))
		after_commit(w);
	if (w->phase == PHASE_READY && may_close(w)) {
		consumer_close(w->consumer);
		worker_set_phase(w, PHASE_CLOSE, CLOSE_MS);
	}
	if (w->phase == PHASE_READY || w->phase == PHASE_CLOSE) {
		if (w->is_answer_due)
			worker_finish_revoke(w, EVENT_revoked, w->is_drained);
	}
	if (w->phase == PHASE_CLOSE &&
		(consumer_is_closed(w->consumer) || clock_ms() >= w->phase_until))
		worker_set_phase(w, PHASE_END, 0);
}

/* Has the group still to say what this stream shall read? */
static bool
is_waiting_for_group(const struct worker *w)
{
	return w->unassigned_since > 0 && w->phase == PHASE_RUN && w->topics &&
	       w->topics->count > 0 && !pipeline_next(w->pipeline, NULL);
}

static void
every_second(struct worker *w)
{
	struct worker_message like = {.is_source = false};
	const struct config *config = w->plan->config;
	bool is_waiting = is_waiting_for_group(w);

	survey(w);
	/* Others of the group may wait for it. */
	if (pipeline_is_over_uncommitted(w->pipeline)) {
		w->next_commit = 0;
		if (w->is_exact)
			exact_hurry(w);
	}
	if (producer_take_trouble(w->producer))
		worker_notify(w, WORKER_TROUBLE, &like, "the target's brokers cannot be reached");
	if (pipeline_take_missed(w->pipeline))
		worker_notify(w, WORKER_MISSED, NULL, NULL);
	silence_say_standstill(w->pipeline, w->stream);
	silence_say_unread(w->pipeline, w->stream);
	pipeline_send_notes(w->pipeline);
	atomic_store_explicit(&w->counters.is_unassigned,
		is_waiting && clock_ms() - w->unassigned_since > config->admin.stall_ms,
		memory_order_relaxed);
	if (is_waiting)
		silence_say_unassigned(w->unassigned_since, config->source.group_id, w->stream);
	w->next_second = clock_ms() + 1000;
}

static void
check_health(struct worker *w)
{
	const char *reason = pipeline_failure(w->pipeline);
	enum consumer_event_kind kind;

	if (reason)
		worker_fail(w, false, reason);
	kind = pipeline_take_source_error(w->pipeline, &reason);
	if (kind != CONSUMER_NOTHING)
		worker_on_trouble(w, kind, false, reason);
}

static void
set_tick(struct worker *w, bool is_nudge_due)
{
	int64_t limited = pipeline_wait_ms(w->pipeline);
	bool is_soon = w->phase != PHASE_RUN || pipeline_wants_time(w->pipeline);
	int64_t wait = is_nudge_due ? CONSUMER_NUDGE_MS : is_soon ? 50 : 1000;
	int64_t commit_in = w->is_exact ? exact_wait_ms(w) : w->next_commit - clock_ms();
	struct timeval tv;

	if (w->scripting.next_timer > 0 && w->scripting.next_timer - clock_ms() < commit_in)
		commit_in = w->scripting.next_timer - clock_ms();
	if (limited >= 0 && limited < wait)
		wait = limited;
	if (commit_in < wait)
		wait = commit_in > 1 ? commit_in : 1;
	tv = (struct timeval){wait / 1000, wait % 1000 * 1000};
	event_add(w->tick, &tv);
}

/* Does everything that can be done now, within bounds. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct source_partition *source;
	int64_t now, interval = w->plan->config->mirror.offset_commit_interval_ms;
	bool more, is_nudge_due;

	(void)fd, (void)what;
	take_orders(w);
	more = worker_take_events(w);
	while ((source = consumer_next_ready(w->consumer)))
		pipeline_wake(w->pipeline, source);
	more |= pipeline_turn(w->pipeline);
	if (w->is_exact)
		more |= exact_turn(w);
	ask_ranges(w);
	consumer_stock_up(w->consumer);
	is_nudge_due = consumer_nudge(w->consumer);
	check_health(w);
	now = clock_ms();
	if (!w->is_exact && w->phase == PHASE_RUN && now >= w->next_commit) {
		worker_commit(w);
		w->next_commit = now + (interval > 0 ? interval : 1);
	}
	if (now >= w->next_second)
		every_second(w);
	scripting_run_timers(&w->scripting, now);
	if (w->phase != PHASE_RUN)
		step(w);
	if (w->phase == PHASE_END) {
		event_base_loopbreak(w->base);
		return;
	}
	if (more)
		event_active(w->turn, EV_TIMEOUT, 0);
	else
		set_tick(w, is_nudge_due);
}

static void
add_fd(struct worker *w, size_t i, int fd)
{
	w->events[i] = event_new(w->base, fd, EV_READ | EV_PERSIST, on_turn, w);
	event_add(w->events[i], NULL);
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	struct worker_message like;

	event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
	like = (struct worker_message){.is_drained = w->is_drained};
	for (struct partition *p; (p = pipeline_next(w->pipeline, NULL));)
		pipeline_remove(w->pipeline, p);
	/* librdkafka 2.0.2 must not be told to purge while a transaction is being ended. */
	exact_end(w);
	pipeline_abandon(w->pipeline, ABANDON_MS);
	scripting_close(&w->scripting);
	LOG(EVENT_stream_end, F_INT("stream", w->stream),
		F_STR("drained", w->is_drained ? "yes" : "no"));
	worker_notify(w, WORKER_ENDED, &like, NULL);
	return NULL;
}

/* What a request for one partition at the target should be able to hold, as there is one for each
   (librdkafka sends no more in one). Keys may scatter what comes from one partition over all, and
   batches of some records cost three times the processor: with 500 partitions and 16 KiB for each,
   7.2 us a record instead of 2.4 (tests/bench, row scattered). */
#define LANE_BYTES (128 * 1024)
#define MOST_LANES (128 * 1024 * 1024) /* of all streams */

/* Shares of mirror.buffer.memory for one stream: what is on its way to the target is held twice for
   a moment (in the source's response and in the request), what waits at the consumer once. */
static void
share_memory(
	const struct worker_plan *plan, struct consumer_limits *ret_consumer, int64_t *ret_pipeline)
{
	int64_t streams = plan->config->mirror.num_streams;
	int64_t share = plan->config->mirror.buffer_memory / streams;
	int partitions = plan->partition_count / (int)streams + 1;
	int64_t lanes = (int64_t)partitions * LANE_BYTES;

	*ret_consumer = (struct consumer_limits){.bytes = share / 2,
		.partitions = partitions,
		.brokers = plan->source_broker_count,
		.round_trip = plan->config->source_round_trip};
	if (lanes > MOST_LANES / streams)
		lanes = MOST_LANES / streams;
	*ret_pipeline = share / 4 > lanes ? share / 4 : lanes;
}

/* The static member's name of a stream, NULL for a dynamic one. Two members must not have the same.
 * @gives a string */
static char *
instance_of(const struct config *config, int stream)
{
	const char *id = config->source.group_instance_id;

	if (!id)
		return NULL;
	return config->mirror.num_streams == 1 ? mem_strdup(id) : mem_printf("%s-%d", id, stream);
}

static int
make_clients(struct worker *w, struct err *err)
{
	const struct config *config = w->plan->config;
	struct consumer_limits limits;
	int64_t buffer;
	char *producer_id = mem_printf("%s-producer", w->client_id);
	char *instance_id = instance_of(config, w->stream);

	share_memory(w->plan, &limits, &buffer);
	w->consumer = consumer_new(
		config, w->client_id, instance_id, w->plan->source_brokers, &limits, err);
	if (w->consumer)
		w->producer = producer_new(config, producer_id, w->is_exact, err);
	free(producer_id);
	free(instance_id);
	if (!w->producer)
		return -1;
	w->pipeline = pipeline_new(config, w->producer, &w->counters, buffer);
	if (w->plan->is_dry)
		pipeline_set_dry(w->pipeline);
	pipeline_set_until(w->pipeline, w->plan->until);
	if (w->plan->notes)
		pipeline_set_notes(w->pipeline, w->plan->notes);
	return w->is_exact ? exact_start(w, err) : 0;
}

static void
worker_free(struct worker *w)
{
	struct message *m, *next;

	worker_forget_revoked(w);
	for (m = mailbox_take(w->orders); m; m = next) {
		next = m->next;
		order_free((struct order *)m);
	}
	for (size_t i = 0; i < sizeof(w->events) / sizeof(w->events[0]); i++)
		if (w->events[i])
			event_free(w->events[i]);
	if (w->turn)
		event_free(w->turn);
	if (w->tick)
		event_free(w->tick);
	if (w->base)
		event_base_free(w->base);
	exact_end(w);
	pipeline_free(&w->pipeline);
	meters_free(&w->meters);
	scripting_fini(&w->scripting);
	if (w->topics)
		order_free(w->topics);
	plan_release(&w->routes);
	producer_free(&w->producer);
	consumer_free(&w->consumer);
	mailbox_free(&w->orders);
	free(w->client_id);
	free(w);
}

struct worker *
worker_start(const struct worker_plan *plan, const struct plan *routes, int stream, struct err *err)
{
	struct worker *w = mem_zero(1, sizeof(*w));

	w->plan = plan;
	w->stream = stream;
	w->is_exact = plan->config->mirror.exactly_once && !plan->is_dry;
	w->client_id = mem_printf("%s-%d", plan->config->source.group_id, stream);
	w->orders = mailbox_new();
	w->meters = meters_new(stream);
	w->counters.lag = -1;
	w->next_commit = clock_ms() + plan->config->mirror.offset_commit_interval_ms;
	if (make_clients(w, err) < 0)
		goto fail;
	set_routes(w, routes);
	if (plan->limits)
		pipeline_set_limits(w->pipeline, plan->limits);
	if (plan->pauses)
		pipeline_set_pauses(w->pipeline, plan->pauses);
	if (scripting_start(&w->scripting, plan->config, plan->world, stream, &w->routes, err) < 0)
		goto fail;
	pipeline_set_script(w->pipeline, w->scripting.script);
	w->base = event_base_new();
	if (!w->base) {
		err_set(err,
			"a stream cannot be started: no event loop; raise the limit of open files");
		goto fail;
	}
	add_fd(w, 0, mailbox_fd(w->orders));
	add_fd(w, 1, consumer_event_fd(w->consumer));
	add_fd(w, 2, consumer_ready_fd(w->consumer));
	add_fd(w, 3, producer_fd(w->producer));
	if (w->is_exact)
		add_fd(w, 4, exact_fd(w));
	w->turn = event_new(w->base, -1, 0, on_turn, w);
	w->tick = event_new(w->base, -1, 0, on_turn, w);
	set_tick(w, false);
	LOG(EVENT_stream_start, F_INT("stream", stream), F_STR("client_id", w->client_id),
		F_STR("group", plan->config->source.group_id),
		F_STR("source", plan->source_brokers),
		F_STR("security_protocol", plan->config->source.security_protocol),
		F_STR("target", plan->config->target.bootstrap_servers));
	if (pthread_create(&w->thread, NULL, run, w) == 0)
		return w;
	err_set(err, "a stream's thread cannot be started");
fail:
	worker_free(w);
	return NULL;
}

void
worker_join(struct worker **worker)
{
	if (!*worker)
		return;
	pthread_join((*worker)->thread, NULL);
	worker_free(*worker);
	*worker = NULL;
}

struct mailbox *
worker_mailbox(struct worker *w)
{
	return w->orders;
}

const struct counters *
worker_counters(const struct worker *w)
{
	return &w->counters;
}

const struct meters *
worker_meters(const struct worker *w)
{
	return w->meters;
}
