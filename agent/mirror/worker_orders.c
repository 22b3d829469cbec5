/* The worker's mail: what the main thread asks of it, put into its mailbox, and what comes back. */
#include "mirror/worker.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mirror/order.h"

void
worker_message_free(struct worker_message *m)
{
	free(m->topic);
	free(m->sample);
	held_answer_free(&m->held);
	free(m);
}

void
worker_set_topics(
	struct worker *w, const char *const *topics, size_t count, const struct plan *routes)
{
	struct order *o = order_new(ORDER_TOPICS, topics, count);

	o->routes = plan_take(routes);
	order_post(o, worker_mailbox(w));
}

void
worker_prepare(struct worker *w)
{
	order_post(order_new(ORDER_PREPARE, NULL, 0), worker_mailbox(w));
}

void
worker_decide(struct worker *w, const struct plan *routes)
{
	struct order *o = order_new(ORDER_DECIDE, NULL, 0);

	o->routes = routes ? plan_take(routes) : NULL;
	order_post(o, worker_mailbox(w));
}

void
worker_rollback(struct worker *w, const struct plan *routes)
{
	struct order *o = order_new(ORDER_ROLLBACK, NULL, 0);

	o->routes = plan_take(routes);
	order_post(o, worker_mailbox(w));
}

void
worker_tap(struct worker *w, const char *source_topic, int64_t count)
{
	struct order *o = order_new(ORDER_TAP, &source_topic, 1);

	o->number = count;
	order_post(o, worker_mailbox(w));
}

void
worker_set_pauses(struct worker *w, const struct pauses *pauses)
{
	struct order *o = order_new(ORDER_PAUSES, NULL, 0);

	o->pauses = pauses_take(pauses);
	order_post(o, worker_mailbox(w));
}

void
worker_set_limits(struct worker *w, struct limits *limits)
{
	struct order *o = order_new(ORDER_LIMITS, NULL, 0);

	o->limits = limits_take(limits);
	order_post(o, worker_mailbox(w));
}

void
worker_add_brokers(struct worker *w, const char *brokers)
{
	order_post(order_new(ORDER_BROKERS, &brokers, 1), worker_mailbox(w));
}

void
worker_limit_topic(struct worker *w, const char *target_topic, int64_t max_bytes, bool no_headers)
{
	struct order *o = order_new(ORDER_LIMIT, &target_topic, 1);

	o->number = max_bytes;
	o->no_headers = no_headers;
	order_post(o, worker_mailbox(w));
}

void
worker_retry(struct worker *w, const char *source_topic, int32_t partition)
{
	struct order *o = order_new(ORDER_RETRY, &source_topic, source_topic ? 1 : 0);

	o->number = partition;
	order_post(o, worker_mailbox(w));
}

void
worker_ask_held(struct worker *w, const struct held_question *question)
{
	struct order *o = order_new(ORDER_HELD, NULL, 0);

	o->held = mem_alloc(sizeof(*o->held));
	*o->held = *question;
	order_post(o, worker_mailbox(w));
}

void
worker_tell_remade(struct worker *w, const char *const *pairs, size_t count)
{
	order_post(order_new(ORDER_REMADE, pairs, count), worker_mailbox(w));
}

void
worker_tell_ranges(struct worker *w, struct ranges *ranges)
{
	struct order *o = order_new(ORDER_RANGES, NULL, 0);

	o->ranges = ranges;
	order_post(o, worker_mailbox(w));
}

void
worker_stop(struct worker *w, int64_t timeout_ms)
{
	struct order *o = order_new(ORDER_STOP, NULL, 0);

	o->number = timeout_ms;
	order_post(o, worker_mailbox(w));
}

void
worker_leave(struct worker *w)
{
	order_post(order_new(ORDER_LEAVE, NULL, 0), worker_mailbox(w));
}
