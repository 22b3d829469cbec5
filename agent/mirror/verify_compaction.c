/* Verifying: which topics lose records because they are compacted. */
#include <stdlib.h>

#include "base/mem.h"
#include "kafka/admin_topics.h"
#include "mirror/verify_state.h"

/* What comes later is not waited for: it only explains differences. */
#define LOOK_MS 2500

/* Topics of one side that are asked about, and the answers. */
struct question {
	const char **topics;
	bool *answers;
	size_t count;
};

static struct admin *
open_side(const struct verify *v, const struct verify_side *side, struct err *err)
{
	return side == &v->source
		       ? admin_open_source(v->options->config, v->options->source_brokers, err)
		       : admin_open_target(v->options->config, err);
}

/* Asks one side. false: it does not tell. */
static bool
ask(struct verify *v, const struct verify_side *side, struct question *q)
{
	struct admin *admin;
	struct err err;
	int rc;

	q->answers = mem_zero(q->count + 1, sizeof(*q->answers));
	if (q->count == 0)
		return true;
	admin = open_side(v, side, &err);
	rc = admin ? admin_compacted(admin, LOOK_MS, q->topics, q->count, q->answers, &err) : -1;
	admin_close(&admin);
	if (rc == 0)
		return true;
	verify_note(v,
		"It is not known which topics are compacted (the %s does not tell: %s): records "
		"that compaction has taken away count as missing or unexpected.",
		side == &v->source ? "source" : "target", err.text);
	return false;
}

static bool
ask_target(struct verify *v, struct lineup_topic *facts)
{
	size_t count = audit_topic_count(v->audit);
	struct question q = {.topics = mem_zero(count + 1, sizeof(*q.topics))};
	uint32_t *numbers = mem_zero(count + 1, sizeof(*numbers));
	bool is_known;

	for (uint32_t i = 0; i < count; i++) {
		const char *name = audit_topic_name(v->audit, i);

		if (!audit_wants_topic(v->audit, i) ||
			plan_target_partitions(v->options->plan, name) == 0)
			continue;
		numbers[q.count] = i;
		q.topics[q.count++] = name;
	}
	is_known = ask(v, &v->target, &q);
	for (size_t i = 0; is_known && i < q.count; i++)
		facts[numbers[i]].is_target_compacted = q.answers[i];
	free(q.topics);
	free(q.answers);
	free(numbers);
	return is_known;
}

/* A target topic to which a compacted topic of the source goes. */
static void
ask_source(struct verify *v, struct lineup_topic *facts)
{
	struct question q = {.topics = mem_zero(v->source_count + 1, sizeof(*q.topics))};

	for (size_t i = 0; i < v->source_count; i++)
		q.topics[q.count++] = v->sources[i].topic->name;
	if (ask(v, &v->source, &q))
		for (size_t i = 0; i < v->source_count; i++)
			for (size_t n = 0; q.answers[i] && n < v->sources[i].feeds.count; n++)
				facts[v->sources[i].feeds.items[n].target].is_source_compacted =
					true;
	free(q.topics);
	free(q.answers);
}

void
verify_learn_compaction(struct verify *v)
{
	size_t count = audit_topic_count(v->audit), differing = 0;
	struct lineup_topic *facts;

	/* A look that is for the order of keys only needs no explanation. */
	for (uint32_t i = 0; i < count; i++)
		differing += audit_sum(v->audit, i)->differing;
	if (differing == 0)
		return;
	facts = mem_zero(count + 1, sizeof(*facts));
	if (ask_target(v, facts))
		ask_source(v, facts);
	for (uint32_t i = 0; i < count; i++)
		audit_set_facts(v->audit, i, &facts[i]);
	free(facts);
}
