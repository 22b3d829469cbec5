/* The worker's side of exactly once: when transactions begin and end, which partitions are claimed,
   and what comes after a failure. All that waits for the target is done by two clerks.

   A transaction is open while the stream flows. When it is time (commit.interval.ms after its first
   record, or because half of the buffer is used) nothing more is read, what was read settles,
   positions are written behind it, and it is committed; then the next one begins. When anything of
   it fails it is taken back, and its records, which are still in the trackers, are sent again in
   order by the next one. When the transactional.id itself is lost (another stream has taken it
   over, say) the stream begins anew under a new one: it claims its partitions again, and learns
   where they are.

   PREPARING -> OPENING -> FLOWING -> DRAINING -> ENTERING -> COMMITTING -> FLOWING ...
		   ^          |  ^        |           |            |
		   |          |  |        +-----------+            |
		   |          +--|--------+-> ABORTING             |
		   |             |             |                   |
		   |             +------- TAKING_BACK              |
		   |                           |                   |
		RENEWING <---------------------+-------------------+

   Besides: what is drained and has nothing in it flows on; whatever fails to begin, or is shut out,
   is RENEWING; and all of them may end in FAILED. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mirror/clerk.h"
#include "mirror/silence.h"
#include "mirror/worker_state.h"

/* Before a stream begins anew; by chance between these, so that two that shut each other out do not
   meet again, and doubled while it happens again and again. */
#define RENEW_MS 100
#define RENEW_MAX_MS 5000
/* A transaction lasts no longer while some of its partitions are in trouble. */
#define TROUBLED_MS 500

struct exact {
	struct clerk *teller, *registrar; /* of transactions; of take-overs */
	struct mailbox *replies;
	enum exact_state state;
	char source[LEDGER_SOURCE], writer[LEDGER_WRITER];
	char *topic;	       /* the ledger */
	uint64_t run;	       /* by chance, for the writer's name */
	unsigned incarnation;  /* of the writer, likewise */
	unsigned request;      /* the number of the claims that are written next */
	bool is_taking_over;   /* the registrar is at work */
	bool is_careful;       /* each record alone */
	bool is_small;	       /* small batches: a larger one was too large, and no record */
	bool is_lost;	       /* a take-over has found the writer shut out */
	bool wants_commit;     /* somebody waits for the end of the transaction */
	bool is_advising;      /* the group is told positions; an answer will come */
	bool was_ill_advised;  /* it refused them the last time */
	bool ends_with_advice; /* somebody waits for that answer, too */
	bool is_failed;	       /* the worker ends */
	unsigned failures;     /* in a row */
	int64_t opened_at;     /* clock_ms: the transaction has something; 0: nothing */
	int64_t renew_at, next_advice;
	struct ledger_claim *fenced;			     /* to be taken out of the ledger */
	size_t fenced_count, fenced_capacity, entered_count; /* entered: in this transaction */
	char reason[400];				     /* for the writer that is made next */
};

/* A move that is none of the protocol's would commit or send what must not be: the program ends,
   and nothing more is committed. */
static void
set_state(struct worker *w, enum exact_state state)
{
	if (!exact_state_may_follow(w->exact->state, state)) {
		LOG(EVENT_broken_rule, F_INT("stream", w->stream),
			F_STR("from", exact_state_name(w->exact->state)),
			F_STR("to", exact_state_name(state)));
		abort();
	}
	w->exact->state = state;
	atomic_store_explicit(
		&w->counters.transaction_state, (uint64_t)state, memory_order_relaxed);
	pipeline_set_gate(w->pipeline, state == EXACT_FLOWING	 ? PIPELINE_FLOWS
				       : state == EXACT_DRAINING ? PIPELINE_DRAINS
								 : PIPELINE_STANDS);
}

int
exact_start(struct worker *w, struct err *err)
{
	struct exact *x = mem_zero(1, sizeof(*x));
	const struct config *config = w->plan->config;
	const char *brokers = w->plan->source_brokers;

	w->exact = x;
	x->replies = mailbox_new();
	x->topic = ledger_topic(config);
	if (getrandom(&x->run, sizeof(x->run), 0) != sizeof(x->run))
		return err_set(err, "the system gives no random numbers");
	x->teller = clerk_start(config, brokers, w->producer, x->replies, w->stream, err);
	if (x->teller)
		x->registrar =
			clerk_start(config, brokers, w->producer, x->replies, w->stream, err);
	if (!x->registrar)
		return -1;
	pipeline_set_exact(w->pipeline);
	set_state(w, EXACT_PREPARING);
	snprintf(x->reason, sizeof(x->reason), "the stream begins");
	clerk_ask(x->teller, clerk_task_new(CLERK_PREPARE, 0));
	return 0;
}

/* The first count of them. */
static void
forget_fenced(struct exact *x, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(x->fenced[i].topic);
		free(x->fenced[i].writer);
	}
	x->fenced_count -= count;
	if (count > 0)
		memmove(x->fenced, x->fenced + count, x->fenced_count * sizeof(*x->fenced));
}

void
exact_end(struct worker *w)
{
	struct exact *x = w->exact;
	struct message *m, *next;

	if (!x)
		return;
	clerk_end(&x->teller);
	clerk_end(&x->registrar);
	for (m = mailbox_take(x->replies); m; m = next) {
		next = m->next;
		clerk_task_free((struct clerk_task *)m);
	}
	mailbox_free(&x->replies);
	forget_fenced(x, x->fenced_count);
	free(x->fenced);
	free(x->topic);
	free(x);
	w->exact = NULL;
}

int
exact_fd(const struct worker *w)
{
	return mailbox_fd(w->exact->replies);
}

/* Somebody may wait for what was to be committed. */
static void
answer_commit(struct worker *w, bool is_done)
{
	w->exact->wants_commit = false;
	w->is_committing = false;
	w->is_commit_refused = !is_done;
	if (!is_done) {
		w->is_drained = false;
		w->next_commit = clock_ms() + COMMIT_AGAIN_MS;
	}
}

static void
fail(struct worker *w, const char *reason)
{
	w->exact->is_failed = true;
	set_state(w, EXACT_FAILED);
	answer_commit(w, false);
	worker_fail(w, w->exact->incarnation <= 1, reason);
}

static void
make_writer(struct worker *w)
{
	struct exact *x = w->exact;
	struct err err;

	snprintf(x->writer, sizeof(x->writer), "%.200s.reflejo.%016" PRIx64 ".%d.%u",
		w->plan->config->source.group_id, x->run, w->stream, ++x->incarnation);
	if (producer_renew(w->producer, x->writer,
		    x->is_careful ? PRODUCER_SINGLE
		    : x->is_small ? PRODUCER_SMALL
				  : PRODUCER_BULK,
		    &err) < 0) {
		fail(w, err.text);
		return;
	}
	x->is_lost = false;
	set_state(w, EXACT_OPENING);
	clerk_ask(x->teller, clerk_task_new(CLERK_OPEN, 0));
}

/* By chance from ms to twice that. */
static int64_t
about(int64_t ms)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = 0;
	return ms + (int64_t)(number % (uint32_t)ms);
}

static void
begin_renew(struct worker *w, const char *reason, bool is_failure)
{
	struct exact *x = w->exact;
	int64_t wait = RENEW_MS;

	for (unsigned i = 0; i < x->failures && wait < RENEW_MAX_MS; i++)
		wait *= 2;
	snprintf(x->reason, sizeof(x->reason), "%s", reason);
	x->renew_at = is_failure ? clock_ms() + about(wait) : 0;
	x->failures += is_failure;
	if (is_failure) {
		LOG(EVENT_transactions_broken, F_INT("stream", w->stream),
			F_STR("writer", x->writer), F_STR("reason", reason));
		counter_add(&w->counters.writers_lost, 1);
	}
	set_state(w, EXACT_RENEWING);
}

/* Once nothing of the old writer is on its way, and after a while. */
static void
renew(struct worker *w)
{
	if (producer_outstanding(w->producer) > 0) {
		producer_purge(w->producer);
		return;
	}
	if (clock_ms() < w->exact->renew_at)
		return;
	pipeline_took_back(w->pipeline, w->exact->failures > 1, true);
	answer_commit(w, false);
	make_writer(w);
}

static void
begin_transaction(struct worker *w)
{
	w->exact->opened_at = 0;
	if (producer_begin(w->producer) < 0) {
		begin_renew(w, producer_broken(w->producer), true);
		return;
	}
	set_state(w, EXACT_FLOWING);
}

static void
on_opened(struct worker *w, const struct clerk_task *t)
{
	struct exact *x = w->exact;

	if (t->outcome == OUTCOME_REFUSED) {
		fail(w, t->reason);
		return;
	}
	if (t->outcome != OUTCOME_DONE) {
		begin_renew(w, t->reason, true);
		return;
	}
	LOG(EVENT_transactions_ready, F_INT("stream", w->stream), F_STR("writer", x->writer),
		F_STR("why", x->reason));
	begin_transaction(w);
}

static void
begin_abort(struct worker *w, const char *reason)
{
	LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_transaction_aborted, F_INT("stream", w->stream),
		F_STR("reason", reason));
	counter_add(&w->counters.transactions_aborted, 1);
	set_state(w, EXACT_ABORTING);
	clerk_ask(w->exact->teller, clerk_task_new(CLERK_ABORT, 0));
}

static void
on_aborted(struct worker *w, const struct clerk_task *t)
{
	if (t->outcome == OUTCOME_REFUSED)
		fail(w, t->reason);
	else if (t->outcome != OUTCOME_DONE)
		begin_renew(w, t->reason, true);
	else
		set_state(w, EXACT_TAKING_BACK);
}

/* Once its deliveries are all back. */
static void
take_back(struct worker *w)
{
	struct exact *x = w->exact;

	if (producer_outstanding(w->producer) > 0)
		return;
	pipeline_took_back(w->pipeline, x->failures > 0, false);
	x->failures++;
	answer_commit(w, false);
	if (pipeline_take_care(w->pipeline) && !x->is_careful) {
		x->is_careful = true;
		begin_renew(w, "the target refused a batch: each record is sent alone for a while",
			false);
		return;
	}
	begin_transaction(w);
}

static bool
put(struct worker *w, char *key, char *value)
{
	bool is_put = producer_put(w->producer, w->exact->topic, key, value) == 0;

	free(key);
	free(value);
	return is_put;
}

/* Where the records of this transaction end. Returns how many entries were written. */
static size_t
put_positions(struct worker *w)
{
	const struct topic_partition *positions;
	size_t n = pipeline_positions(w->pipeline, &positions), done = 0;

	for (size_t i = 0; i < n; i++)
		done += put(w,
			ledger_position_key(
				w->exact->source, positions[i].topic, positions[i].partition),
			ledger_position_value(positions[i].offset));
	return done;
}

static char *
claim_key(const struct worker *w, const struct partition *p)
{
	int32_t number;
	const char *topic = partition_topic(p, &number);

	return ledger_claim_key(w->exact->source, topic, number, w->exact->writer);
}

/* Claims of partitions that are new here; only one lot at a time is asked about. */
static size_t
put_claims(struct worker *w)
{
	struct exact *x = w->exact;
	struct partition *p = NULL;
	size_t done = 0;

	if (x->is_taking_over || w->is_stopping)
		return 0;
	x->request++;
	while ((p = pipeline_next_claim(w->pipeline, p, false))) {
		done += put(w, claim_key(w, p), mem_strdup("{}"));
		partition_write_claim(p, x->request);
	}
	return done;
}

/* Claims that are given back, once all of their partitions is settled. */
static size_t
take_out_claims(struct worker *w)
{
	struct exact *x = w->exact;
	struct partition *p = NULL;
	size_t done = 0;

	x->entered_count = x->fenced_count;
	for (size_t i = 0; i < x->fenced_count; i++)
		done += put(w,
			ledger_claim_key(x->source, x->fenced[i].topic, x->fenced[i].partition,
				x->fenced[i].writer),
			NULL);
	while (w->phase == PHASE_COMMIT && (p = pipeline_next_claim(w->pipeline, p, true))) {
		done += put(w, claim_key(w, p), NULL);
		partition_give_up_claim(p);
	}
	return done;
}

/* Tells the group what was committed, for whoever looks at its lag: now and then, and at the end,
   but not at once what it has refused. Returns true when an answer will come. */
static bool
advise(struct worker *w)
{
	struct exact *x = w->exact;
	const struct topic_partition *positions;
	int64_t interval = w->plan->config->mirror.offset_commit_interval_ms;
	size_t count;
	struct err err;

	if (x->is_advising ||
		((w->phase == PHASE_RUN || x->was_ill_advised) && clock_ms() < x->next_advice))
		return x->is_advising;
	x->next_advice = clock_ms() + (interval > 0 ? interval : 1);
	count = pipeline_advice(w->pipeline, &positions);
	x->is_advising = count > 0 && consumer_commit(w->consumer, positions,
					      pipeline_position_ids(w->pipeline), count, &err) == 0;
	return x->is_advising;
}

void
exact_advised(struct worker *w, const char *reason)
{
	struct exact *x = w->exact;

	x->is_advising = false;
	x->was_ill_advised = reason != NULL;
	if (reason) {
		counter_add(&w->counters.commit_failures, 1);
		LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_commit_failed, F_INT("stream", w->stream),
			F_STR("reason", reason));
	} else {
		pipeline_advised(w->pipeline);
		counter_add(&w->counters.commits, 1);
		LOG(EVENT_committed, F_INT("stream", w->stream));
	}
	if (x->ends_with_advice) {
		x->ends_with_advice = false;
		answer_commit(w, true);
	}
}

/* The transaction is committed, or there was none to be. */
static void
finish_commit(struct worker *w)
{
	struct exact *x = w->exact;

	pipeline_committed(w->pipeline);
	x->failures = 0;
	if (advise(w) && w->phase == PHASE_COMMIT && w->is_committing)
		x->ends_with_advice = true;
	else
		answer_commit(w, true);
}

static void
begin_commit(struct worker *w)
{
	size_t entries = put_positions(w) + put_claims(w) + take_out_claims(w);
	const char *broken = pipeline_broken(w->pipeline);

	if (broken) {
		begin_abort(w, broken);
		return;
	}
	if (entries == 0 && !pipeline_has_sent(w->pipeline)) {
		w->exact->opened_at = 0;
		set_state(w, EXACT_FLOWING);
		finish_commit(w);
		return;
	}
	set_state(w, EXACT_ENTERING);
}

/* Once all entries are in the ledger: librdkafka 2.0.2 does not survive one that fails while it
   commits. */
static void
commit_entered(struct worker *w)
{
	const char *broken = pipeline_broken(w->pipeline);

	if (broken) {
		begin_abort(w, broken);
		return;
	}
	if (producer_outstanding(w->producer) > 0)
		return;
	set_state(w, EXACT_COMMITTING);
	clerk_ask(w->exact->teller, clerk_task_new(CLERK_COMMIT, 0));
}

/* Asks who had the partitions that were just claimed. */
static void
begin_take_over(struct worker *w)
{
	struct exact *x = w->exact;
	size_t count = pipeline_ask_claims(w->pipeline, x->request);
	struct clerk_task *t;
	struct partition *p = NULL;
	size_t n = 0;

	if (count == 0)
		return;
	t = clerk_task_new(CLERK_TAKE_OVER, x->request);
	snprintf(t->source, sizeof(t->source), "%s", x->source);
	snprintf(t->writer, sizeof(t->writer), "%s", x->writer);
	t->takeover.places = mem_zero(count, sizeof(*t->takeover.places));
	while ((p = pipeline_next_asked(w->pipeline, p, x->request))) {
		struct ledger_place *place = &t->takeover.places[n++];

		place->topic = mem_strdup(partition_topic(p, &place->partition));
		place->next = -1;
	}
	t->takeover.count = n;
	x->is_taking_over = true;
	clerk_ask(x->registrar, t);
}

static void
on_committed(struct worker *w, const struct clerk_task *t)
{
	struct exact *x = w->exact;

	if (t->outcome == OUTCOME_REFUSED) {
		fail(w, t->reason);
		return;
	}
	/* Never taken back: a request that had no answer may reach the coordinator later, and would
	   end the next transaction of the same writer half way. */
	if (t->outcome != OUTCOME_DONE) {
		begin_renew(w, t->reason, true);
		return;
	}
	counter_add(&w->counters.transactions, 1);
	forget_fenced(x, x->entered_count);
	finish_commit(w);
	begin_take_over(w);
	if (!x->is_careful || pipeline_is_troubled(w->pipeline) || w->phase != PHASE_RUN) {
		begin_transaction(w);
		return;
	}
	x->is_careful = false;
	x->is_small |= pipeline_take_suspicion(w->pipeline);
	begin_renew(w, "records are sent in batches again", false);
}

static void
on_taken_over(struct worker *w, struct clerk_task *t)
{
	struct exact *x = w->exact;
	struct ledger_takeover *o = &t->takeover;

	x->is_taking_over = false;
	if (t->outcome == OUTCOME_LOST) {
		x->is_lost = t->number == x->request;
		return;
	}
	if (t->outcome != OUTCOME_DONE) {
		fail(w, t->reason);
		return;
	}
	LOG(EVENT_partitions_taken_over, F_INT("stream", w->stream), F_UINT("partitions", o->count),
		F_UINT("fenced", o->writers));
	for (size_t i = 0; i < o->count; i++)
		pipeline_claimed(w->pipeline, o->places[i].topic, o->places[i].partition, t->number,
			o->places[i].next);
	/* What is on its way already may hold the same ones: to take a claim out twice does no
	   harm. */
	for (size_t i = 0; i < o->fenced_count; i++) {
		x->fenced = mem_grow(
			x->fenced, &x->fenced_capacity, x->fenced_count, sizeof(*x->fenced));
		x->fenced[x->fenced_count++] = o->fenced[i];
	}
	o->fenced_count = 0;
	counter_add(&w->counters.writers_fenced, o->writers);
}

static void
on_prepared(struct worker *w, const struct clerk_task *t)
{
	if (t->outcome != OUTCOME_DONE) {
		fail(w, t->reason);
		return;
	}
	snprintf(w->exact->source, sizeof(w->exact->source), "%s", t->source);
	make_writer(w);
}

static void
take_reply(struct worker *w, struct clerk_task *t)
{
	if (w->exact->is_failed)
		return;
	switch ((enum clerk_kind)t->message.kind) {
	case CLERK_PREPARE: on_prepared(w, t); break;
	case CLERK_OPEN: on_opened(w, t); break;
	case CLERK_COMMIT: on_committed(w, t); break;
	case CLERK_ABORT: on_aborted(w, t); break;
	case CLERK_TAKE_OVER: on_taken_over(w, t); break;
	}
}

/* How long a transaction lasts. While partitions wait for something, and try again now and then,
   others' records are committed in between. */
static int64_t
interval_of(const struct worker *w)
{
	int64_t interval = w->plan->config->mirror.commit_interval_ms;

	return pipeline_is_troubled(w->pipeline) && interval > TROUBLED_MS ? TROUBLED_MS : interval;
}

/* Should the transaction end? */
static bool
is_due(struct worker *w)
{
	struct exact *x = w->exact;
	int64_t now = clock_ms();

	if (pipeline_has_content(w->pipeline) && x->opened_at == 0)
		x->opened_at = now;
	return x->wants_commit || pipeline_is_filled(w->pipeline) ||
	       (x->opened_at && now - x->opened_at >= interval_of(w)) ||
	       (!x->is_taking_over && !w->is_stopping &&
		       pipeline_next_claim(w->pipeline, NULL, false));
}

bool
exact_turn(struct worker *w)
{
	enum exact_state before = w->exact->state;
	struct exact *x = w->exact;
	struct message *m = mailbox_take(x->replies), *next;
	bool was_told = m != NULL;

	for (; m; m = next) {
		next = m->next;
		take_reply(w, (struct clerk_task *)m);
		clerk_task_free((struct clerk_task *)m);
	}
	if ((x->state == EXACT_FLOWING || x->state == EXACT_DRAINING) && x->is_lost)
		begin_renew(w, "its claim was taken out of exactly.once.topic", true);
	if (x->state == EXACT_FLOWING && is_due(w))
		set_state(w, EXACT_DRAINING);
	if (x->state == EXACT_FLOWING || x->state == EXACT_DRAINING) {
		const char *broken = pipeline_broken(w->pipeline);

		if (broken)
			begin_abort(w, broken);
		else if (x->state == EXACT_DRAINING && pipeline_is_settled(w->pipeline))
			begin_commit(w);
	}
	if (x->state == EXACT_ENTERING)
		commit_entered(w);
	if (x->state == EXACT_TAKING_BACK)
		take_back(w);
	if (x->state == EXACT_RENEWING)
		renew(w);
	if (x->state == EXACT_FLOWING && w->phase == PHASE_RUN)
		advise(w);
	/* Partitions that were taken over are read from the next turn on. */
	return x->state == EXACT_FLOWING && (before != EXACT_FLOWING || was_told);
}

bool
exact_commit(struct worker *w)
{
	bool gives_up = w->phase == PHASE_COMMIT && pipeline_next_claim(w->pipeline, NULL, true);

	if (w->exact->is_failed)
		return false;
	if (pipeline_has_content(w->pipeline) || gives_up)
		w->exact->wants_commit = true;
	else if (w->phase == PHASE_COMMIT && advise(w))
		w->exact->ends_with_advice = true;
	else
		return false;
	w->is_committing = true;
	return true;
}

void
exact_hurry(struct worker *w)
{
	w->exact->next_advice = 0;
	w->exact->wants_commit = true;
}

int64_t
exact_wait_ms(const struct worker *w)
{
	const struct exact *x = w->exact;
	int64_t interval = interval_of(w);
	int64_t in = x->opened_at ? x->opened_at + interval - clock_ms() : interval;

	if (x->state == EXACT_RENEWING || x->state == EXACT_TAKING_BACK)
		return 20;
	if (x->state != EXACT_FLOWING)
		return 1000;
	return in < 1 ? 1 : in > 1000 ? 1000 : in;
}
