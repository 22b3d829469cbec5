/* The clerk: a thread that makes a stream's calls which wait for the target. */
#include "mirror/clerk.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka/producer.h"

/* One call; then it is looked whether the clerk shall end. */
#define CALL_MS 400
/* What could not be done is tried again after this pause, and said so often at most (seconds). */
#define AGAIN_MS 500
#define SAY_AGAIN 10

struct clerk {
	const struct config *config;
	const char *source_brokers;
	struct producer *producer;
	struct mailbox *tasks, *replies;
	int stream;
	atomic_bool must_stop;
	pthread_t thread;
};

struct clerk_task *
clerk_task_new(enum clerk_kind kind, unsigned number)
{
	struct clerk_task *t = mem_zero(1, sizeof(*t));

	t->message.kind = kind;
	t->number = number;
	return t;
}

void
clerk_task_free(struct clerk_task *t)
{
	ledger_takeover_fini(&t->takeover);
	free(t);
}

static enum outcome
take_over(struct clerk *c, struct clerk_task *t, struct err *err)
{
	t->takeover.source = t->source;
	t->takeover.writer = t->writer;
	return ledger_take_over(c->config, &t->takeover, &c->must_stop, err);
}

/* Makes the call once. */
static enum outcome
call(struct clerk *c, struct clerk_task *t, struct err *err)
{
	err->text[0] = '\0';
	switch ((enum clerk_kind)t->message.kind) {
	case CLERK_PREPARE:
		return ledger_prepare(c->config, c->source_brokers, t->source, &c->must_stop, err);
	case CLERK_OPEN:
		return producer_open_transactions(
			c->producer, CALL_MS, err->text, sizeof(err->text));
	case CLERK_COMMIT:
		return producer_commit_transaction(
			c->producer, CALL_MS, err->text, sizeof(err->text));
	case CLERK_ABORT:
		return producer_abort_transaction(
			c->producer, CALL_MS, err->text, sizeof(err->text));
	default: return take_over(c, t, err);
	}
}

/* What could not be done yet; the library's calls wait by themselves, and a time-out is no news
   before it lasts. */
static void
say_again(const struct clerk *c, const struct clerk_task *t, const struct err *err)
{
	static const char *const names[] = {[CLERK_PREPARE] = "prepare",
		[CLERK_OPEN] = "open",
		[CLERK_COMMIT] = "commit",
		[CLERK_ABORT] = "abort",
		[CLERK_TAKE_OVER] = "take over"};

	LOG_LIMITED(SAY_AGAIN, EVENT_transactions_wait, F_INT("stream", c->stream),
		F_STR("call", names[t->message.kind]), F_STR("reason", err->text));
}

/* Waits for time to pass, or until the clerk shall end: which comes as a task. */
static void
pause_between(const struct clerk *c)
{
	struct pollfd fd = {.fd = mailbox_fd(c->tasks), .events = POLLIN};

	if (!atomic_load(&c->must_stop))
		poll(&fd, 1, AGAIN_MS);
}

static void
carry_out(struct clerk *c, struct clerk_task *t)
{
	struct err err = {0};
	int calls = 0;

	while (!atomic_load(&c->must_stop)) {
		t->outcome = call(c, t, &err);
		if (t->outcome != OUTCOME_AGAIN)
			break;
		if (++calls > 5)
			say_again(c, t, &err);
		if (t->message.kind == CLERK_PREPARE || t->message.kind == CLERK_TAKE_OVER)
			pause_between(c);
	}
	snprintf(t->reason, sizeof(t->reason), "%s", err.text);
	if (atomic_load(&c->must_stop))
		clerk_task_free(t);
	else
		mailbox_post(c->replies, &t->message);
}

static void *
run(void *arg)
{
	struct clerk *c = arg;
	struct pollfd fd = {.fd = mailbox_fd(c->tasks), .events = POLLIN};
	struct message *m, *next;

	while (!atomic_load(&c->must_stop)) {
		poll(&fd, 1, -1);
		for (m = mailbox_take(c->tasks); m; m = next) {
			next = m->next;
			carry_out(c, (struct clerk_task *)m);
		}
	}
	return NULL;
}

struct clerk *
clerk_start(const struct config *config, const char *source_brokers, struct producer *producer,
	struct mailbox *replies, int stream, struct err *err)
{
	struct clerk *c = mem_zero(1, sizeof(*c));

	c->config = config;
	c->source_brokers = source_brokers;
	c->producer = producer;
	c->replies = replies;
	c->stream = stream;
	c->tasks = mailbox_new();
	if (pthread_create(&c->thread, NULL, run, c) == 0)
		return c;
	err_set(err, "a thread for a stream's transactions cannot be started: lower num.streams, "
		     "or raise "
		     "the limit of threads (ulimit -u, TasksMax)");
	mailbox_free(&c->tasks);
	free(c);
	return NULL;
}

void
clerk_ask(struct clerk *c, struct clerk_task *t)
{
	mailbox_post(c->tasks, &t->message);
}

void
clerk_end(struct clerk **clerk)
{
	struct clerk *c = *clerk;

	if (!c)
		return;
	atomic_store(&c->must_stop, true);
	/* Wakes it. */
	clerk_ask(c, clerk_task_new(CLERK_PREPARE, 0));
	pthread_join(c->thread, NULL);
	for (struct message *m = mailbox_take(c->tasks), *next; m; m = next) {
		next = m->next;
		clerk_task_free((struct clerk_task *)m);
	}
	mailbox_free(&c->tasks);
	free(c);
	*clerk = NULL;
}
