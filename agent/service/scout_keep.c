/* What the scout knows of the keeper's work: whether topics can be made at the target, and what it
 * refuses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/scout_state.h"

bool
scout_manages(const struct scout *s)
{
	return s->keeper && s->can_create != 0;
}

/* Is a topic missing that would be made if the target could be asked? */
static bool
misses(const struct scout *s)
{
	if (!strcmp(s->config->topics.create, "never"))
		return false;
	for (size_t i = 0; i < s->plan->count; i++)
		if (s->plan->topics[i].target && s->plan->topics[i].target_partitions == 0)
			return true;
	return false;
}

static void
say_unable(struct scout *s, const char *reason)
{
	if (s->is_unable_said)
		return;
	s->is_unable_said = true;
	LOG(EVENT_topics_unmanaged, F_STR("reason", reason),
		F_STR("advice", "create the topics that are missing, or let the target's brokers "
				"create them"));
}

void
scout_say_unable(struct scout *s)
{
	if (s->keeper && s->can_create == 0 && misses(s))
		say_unable(s, "the target names no broker that makes topics");
}

static void
free_refusal(struct plan_refusal *r)
{
	free((char *)(uintptr_t)r->target);
	free((char *)(uintptr_t)r->reason);
}

void
scout_forget_refusals(struct scout *s)
{
	for (size_t i = 0; i < s->refusal_count; i++)
		free_refusal(&s->refusals[i]);
	free(s->refusals);
	s->refusals = NULL;
	s->refusal_count = 0;
}

/* reason NULL: it is not refused any more. */
static void
note_refusal(struct scout *s, const char *topic, const char *reason)
{
	size_t i = 0;

	while (i < s->refusal_count && strcmp(s->refusals[i].target, topic) != 0)
		i++;
	if (i < s->refusal_count) {
		free_refusal(&s->refusals[i]);
		s->refusals[i] = s->refusals[--s->refusal_count];
	}
	if (!reason)
		return;
	s->refusals = mem_resize(s->refusals, s->refusal_count + 1, sizeof(*s->refusals));
	s->refusals[s->refusal_count++] =
		(struct plan_refusal){mem_strdup(topic), mem_strdup(reason)};
}

/* Does the plan still want of a topic what may have been refused? */
static bool
is_wanted(const struct scout *s, const char *target)
{
	const char *dead = s->config->mirror.dead_letter_topic;

	for (size_t i = 0; i < s->plan->count; i++) {
		const struct plan_topic *t = &s->plan->topics[i];

		if (t->target && !strcmp(t->target, target))
			return t->target_partitions <= 0 || t->grow_to > 0;
	}
	return dead && !strcmp(dead, target);
}

void
scout_prune_refusals(struct scout *s)
{
	for (size_t i = 0; i < s->refusal_count;) {
		if (is_wanted(s, s->refusals[i].target)) {
			i++;
			continue;
		}
		free_refusal(&s->refusals[i]);
		s->refusals[i] = s->refusals[--s->refusal_count];
	}
}

void
scout_on_keeper(struct scout *s, struct keeper_message *m)
{
	switch ((enum keeper_notice)m->message.kind) {
	case KEEPER_CHANGED: scout_want_targets(s); break;
	case KEEPER_REFUSED: note_refusal(s, m->topic, m->reason); break;
	case KEEPER_SETTLED:
		if (s->plan)
			scout_next_plan(s);
		break;
	case KEEPER_UNABLE:
		say_unable(s, m->reason);
		s->can_create = 0;
		if (s->plan)
			scout_next_plan(s);
		break;
	}
	keeper_message_free(m);
}
