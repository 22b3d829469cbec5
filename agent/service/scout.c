/* The scout: a thread that looks at both clusters, so that nobody else has to wait for an answer.
 */
#include "service/scout.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/scout_message.h"
#include "service/scout_state.h"

enum scout_order {
	SCOUT_LOOK_SOURCE,
	SCOUT_LOOK_TARGET,
	SCOUT_LIST_TARGET,
	SCOUT_TRY,
	SCOUT_ADOPT,
	SCOUT_DROP,
	SCOUT_ROLLBACK,
	SCOUT_ASK_ENDS,
	SCOUT_ASK_RANGES
};

void
scout_fail(struct scout *s, const char *reason)
{
	struct scout_message *m = scout_message_new(SCOUT_FAILED, 0);

	m->reason = mem_strdup(reason);
	mailbox_post(s->notices, &m->message);
	atomic_store(&s->must_stop, true);
}

static void
take_orders(struct scout *s)
{
	struct message *m = mailbox_take(s->orders), *next;

	for (; m; m = next) {
		next = m->next;
		if (m->kind >= KEEPER_CHANGED) {
			scout_on_keeper(s, (struct keeper_message *)m);
			continue;
		}
		switch ((enum scout_order)m->kind) {
		case SCOUT_LOOK_SOURCE: side_look_soon(&s->source); break;
		case SCOUT_LOOK_TARGET: side_look_soon(&s->target); break;
		case SCOUT_LIST_TARGET: scout_doubt_targets(s); break;
		case SCOUT_TRY: scout_try_script(s); break;
		case SCOUT_ADOPT: scout_take_script(s); break;
		case SCOUT_DROP: scout_drop_script(s); break;
		case SCOUT_ROLLBACK: scout_change_back(s); break;
		case SCOUT_ASK_ENDS: scout_tell_ends(s, (struct scout_ends *)m); continue;
		case SCOUT_ASK_RANGES:
			incarnations_tell(s->incarnations, &s->source, (struct ranges *)m);
			continue;
		}
		free(m);
	}
}

static void *
run(void *arg)
{
	struct scout *s = arg;
	struct pollfd fd = {.fd = mailbox_fd(s->orders), .events = POLLIN};

	while (!atomic_load(&s->must_stop)) {
		int64_t now = clock_ms(), next;

		if (now >= s->source.due)
			scout_look_at_source(s);
		if (!atomic_load(&s->must_stop) && now >= s->target.due)
			scout_look_at_target(s);
		next = s->source.due < s->target.due ? s->source.due : s->target.due;
		now = clock_ms();
		if (!atomic_load(&s->must_stop) && next > now)
			poll(&fd, 1, (int)(next - now));
		take_orders(s);
	}
	cluster_view_fini(&s->topics);
	cluster_view_fini(&s->targets);
	plan_release(&s->plan);
	script_free(&s->candidate);
	script_free(&s->previous);
	script_free(&s->script);
	admin_close(&s->source.admin);
	admin_close(&s->target.admin);
	return NULL;
}

/* Orders that nobody took. */
static void
free_orders(struct scout *s)
{
	struct message *m = mailbox_take(s->orders), *next;

	for (; m; m = next) {
		next = m->next;
		if (m->kind >= KEEPER_CHANGED)
			keeper_message_free((struct keeper_message *)m);
		else
			free(m);
	}
	mailbox_free(&s->orders);
}

static void
free_scout(struct scout *s)
{
	scout_forget_refusals(s);
	topics_free(&s->filter);
	plan_rules_free(&s->rules);
	starts_free(&s->starts);
	free_orders(s);
	incarnations_free(&s->incarnations);
	side_fini(&s->source);
	side_fini(&s->target);
	until_free(&s->until);
	free(s);
}

struct scout *
scout_start(const struct scout_parts *parts, struct mailbox *notices)
{
	struct scout *s = mem_zero(1, sizeof(*s));

	s->config = parts->config;
	s->filter = parts->filter;
	s->rules = parts->rules;
	s->starts = parts->starts;
	s->script = parts->script;
	s->world = parts->world;
	s->is_dry = parts->is_dry;
	s->notices = notices;
	side_init(&s->source, true, NULL, notices);
	side_init(&s->target, false, parts->config->target.bootstrap_servers, notices);
	s->orders = mailbox_new();
	s->incarnations = incarnations_new();
	s->started = clock_ms();
	s->can_create = -1;
	if (!s->is_dry)
		s->keeper = keeper_start(s->config, s->orders);
	if (pthread_create(&s->thread, NULL, run, s)) {
		keeper_stop(&s->keeper, 0);
		script_free(&s->script);
		free_scout(s);
		return NULL;
	}
	return s;
}

static void
post_order(struct scout *s, enum scout_order order)
{
	struct message *m = mem_zero(1, sizeof(*m));

	m->kind = (int)order;
	mailbox_post(s->orders, m);
}

void
scout_look(struct scout *s, bool is_source)
{
	post_order(s, is_source ? SCOUT_LOOK_SOURCE : SCOUT_LOOK_TARGET);
}

void
scout_list_soon(struct scout *s)
{
	post_order(s, SCOUT_LIST_TARGET);
}

void
scout_try(struct scout *s)
{
	post_order(s, SCOUT_TRY);
}

void
scout_ask_ends(struct scout *s, struct scout_ends *ends)
{
	ends->message.kind = SCOUT_ASK_ENDS;
	mailbox_post(s->orders, &ends->message);
}

void
scout_ask_ranges(struct scout *s, struct ranges *ranges)
{
	ranges->message.kind = SCOUT_ASK_RANGES;
	mailbox_post(s->orders, &ranges->message);
}

void
scout_roll_back(struct scout *s)
{
	post_order(s, SCOUT_ROLLBACK);
}

void
scout_adopt(struct scout *s, bool is_taken)
{
	post_order(s, is_taken ? SCOUT_ADOPT : SCOUT_DROP);
}

bool
scout_stop(struct scout **scout, int timeout_ms)
{
	struct scout *s = *scout;
	struct timespec until;

	if (!s)
		return true;
	*scout = NULL;
	atomic_store(&s->must_stop, true);
	scout_look(s, true);
	clock_deadline(timeout_ms, &until);
	if (pthread_timedjoin_np(s->thread, NULL, &until) == ETIMEDOUT) {
		pthread_detach(s->thread);
		return false;
	}
	/* What it tells goes to the orders, which must live as long as it does. */
	if (!keeper_stop(&s->keeper, timeout_ms))
		return false;
	free_scout(s);
	return true;
}
