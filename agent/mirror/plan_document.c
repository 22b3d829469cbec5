/* The plan as a JSON document, for reflejo plan --json and GET /plan. */
#include "mirror/plan_document.h"

#include "base/document.h"

size_t
plan_problem_count(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->count; i++)
		n += plan->topics[i].problem_count;
	return n;
}

/* null: by key; "waits": nowhere. */
static void
add_map(struct document *d, const struct plan_topic *t)
{
	document_name(d, "map");
	if (!t->map) {
		document_null(d);
		return;
	}
	document_open(d, '[');
	for (int32_t i = 0; i < t->partitions; i++) {
		if (t->map[i] == PLAN_MAP_BY_KEY)
			document_null(d);
		else if (t->map[i] == PLAN_MAP_NOWHERE)
			document_string(d, "waits");
		else
			document_int(d, t->map[i]);
	}
	document_close(d, ']');
}

/* What is done at the target for it. */
static void
add_care(struct document *d, const struct plan *plan, const struct plan_topic *t)
{
	document_name(d, "create");
	if (t->target && plan->makes_topics && t->target_partitions == 0) {
		document_open(d, '{');
		document_add_int(d, "partitions", t->recipe.partitions);
		document_add_known_int(d, "replication_factor", t->recipe.replication);
		document_add_string(d, "configs", t->recipe.configs);
		document_close(d, '}');
	} else {
		document_null(d);
	}
	document_add_known_int(d, "grow_to", t->grow_to > 0 ? t->grow_to : -1);
	document_add_string(d, "awaits", t->target ? t->awaits : NULL);
}

static void
add_topic(struct document *d, const struct plan *plan, const struct plan_topic *t)
{
	document_open(d, '{');
	document_add_string(d, "topic", t->name);
	document_add_int(d, "partitions", t->partitions);
	document_add_bool(d, "mirrored", t->target != NULL);
	document_add_string(d, "why_not", t->why_not);
	document_add_string(d, "destination", t->target);
	document_add_string(d, "rule", t->target ? plan_rule_name(t->rule) : NULL);
	document_add_known_int(d, "destination_partitions", t->target ? t->target_partitions : -1);
	add_map(d, t);
	add_care(d, plan, t);
	document_add_string(d, "limit", t->target ? t->limit : NULL);
	document_open_named(d, "problems", '[');
	for (size_t n = 0; n < t->problem_count; n++)
		document_string(d, t->problems[n]);
	document_close(d, ']');
	document_close(d, '}');
}

char *
plan_document(const struct plan *plan)
{
	struct document d = {0};

	document_open(&d, '{');
	document_open_named(&d, "topics", '[');
	for (size_t i = 0; i < plan->count; i++) {
		add_topic(&d, plan, &plan->topics[i]);
		text_putc(&d.text, '\n');
	}
	document_close(&d, ']');
	document_add_uint(&d, "mirrored", plan->mirrored);
	document_add_uint(&d, "problems", plan_problem_count(plan));
	document_close(&d, '}');
	return document_take(&d);
}
