/* Incarnations: which topics of the source were deleted and made anew, and what their logs are. */
#include "service/incarnations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/topic_ids.h"
#include "service/scout.h"
#include "service/scout_message.h"

/* One question may take this long. The scout has others to look after: that a side is away must be
   said within ten seconds. */
#define ASK_MS 2000
/* The ids are asked of the controller, which a cluster may lack: it is waited for shorter, and not
   asked again for a while. */
#define IDS_MS 1500
#define IDS_AGAIN_MS 60000
/* That a topic was away for a moment says something about what is there again for so long. */
#define ABSENCE_MS 600000

struct incarnation {
	char *name;
	struct topic_id id; /* none: not known */
	int64_t absent_at;  /* clock_ms when it was missing last; 0: never */
	bool is_mirrored;   /* as of this look */
};

struct incarnations {
	struct incarnation *items; /* sorted by name */
	size_t count, capacity;
	int64_t ids_from; /* clock_ms: ids are not asked for before */
};

struct incarnations *
incarnations_new(void)
{
	return mem_zero(1, sizeof(struct incarnations));
}

void
incarnations_free(struct incarnations **incarnations)
{
	struct incarnations *in = *incarnations;

	if (!in)
		return;
	for (size_t i = 0; i < in->count; i++)
		free(in->items[i].name);
	free(in->items);
	free(in);
	*incarnations = NULL;
}

static int
by_name(const void *a, const void *b)
{
	const struct incarnation *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static struct incarnation *
find(const struct incarnations *in, size_t count, const char *name)
{
	const struct incarnation wanted = {.name = (char *)(uintptr_t)name};

	if (count == 0)
		return NULL;
	return bsearch(&wanted, in->items, count, sizeof(*in->items), by_name);
}

/* Those that the plan does not mirror any more are forgotten: whoever reads them later begins with
   what the group has committed. */
static void
forget_others(struct incarnations *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->count; i++) {
		if (in->items[i].is_mirrored)
			in->items[n++] = in->items[i];
		else
			free(in->items[i].name);
	}
	in->count = n;
}

/* The mirrored topics, and which of them are not there just now. */
static void
take_plan(struct incarnations *in, const struct cluster_view *view, const struct plan *plan)
{
	size_t known = in->count;

	for (size_t i = 0; i < in->count; i++)
		in->items[i].is_mirrored = false;
	for (size_t i = 0; i < plan->count; i++) {
		struct incarnation *item = find(in, known, plan->topics[i].name);

		if (!plan->topics[i].target)
			continue;
		if (!item) {
			in->items =
				mem_grow(in->items, &in->capacity, in->count, sizeof(*in->items));
			item = &in->items[in->count++];
			*item = (struct incarnation){.name = mem_strdup(plan->topics[i].name)};
		}
		item->is_mirrored = true;
	}
	forget_others(in);
	qsort(in->items, in->count, sizeof(*in->items), by_name);
	for (size_t i = 0; i < view->topic_count; i++) {
		struct incarnation *item = view->topics[i].absent > 0
						   ? find(in, in->count, view->topics[i].name)
						   : NULL;

		if (item)
			item->absent_at = clock_ms();
	}
}

/* Tells which topics have another id now, and remembers all that have one. */
static void
take_ids(struct incarnations *in, const struct topic_id *ids, struct mailbox *notices)
{
	struct scout_message *m = scout_message_new(SCOUT_REMADE, 2 * in->count);

	for (size_t i = 0; i < in->count; i++) {
		struct incarnation *item = &in->items[i];

		/* A topic that is away keeps the id that it had, to be compared with. */
		if (!*ids[i].text)
			continue;
		if (*item->id.text && strcmp(item->id.text, ids[i].text) != 0) {
			m->names[m->name_count++] = mem_strdup(item->name);
			m->names[m->name_count++] = mem_strdup(ids[i].text);
		}
		item->id = ids[i];
	}
	if (m->name_count > 0)
		mailbox_post(notices, &m->message);
	else
		scout_message_free(m);
}

/* Asks for the ids of these names, which must not repeat. What cannot be asked is "". @gives an
   array */
static struct topic_id *
ask(struct incarnations *in, struct admin *source, const char **names, size_t count)
{
	struct topic_id *ids = mem_zero(count + 1, sizeof(*ids));
	struct err err;

	if (clock_ms() >= in->ids_from &&
		topic_ids_ask(source, IDS_MS, names, count, ids, &err) < 0) {
		in->ids_from = clock_ms() + IDS_AGAIN_MS;
		LOG(EVENT_library_debug, F_STR("facility", "TOPICIDS"), F_STR("text", err.text));
	}
	return ids;
}

void
incarnations_look(struct incarnations *in, const struct side *source,
	const struct cluster_view *view, const struct plan *plan)
{
	const char **names;
	struct topic_id *ids;

	take_plan(in, view, plan);
	if (!topic_ids_are_known() || in->count == 0)
		return;
	names = mem_zero(in->count, sizeof(*names));
	for (size_t i = 0; i < in->count; i++)
		names[i] = in->items[i].name;
	ids = ask(in, source->admin, names, in->count);
	take_ids(in, ids, source->notices);
	free(ids);
	free(names);
}

static int
by_topic(const void *a, const void *b)
{
	const struct range *const *left = a, *const *right = b;

	return strcmp((*left)->topic, (*right)->topic);
}

/* Each topic is asked for once, however many partitions of it are. */
static void
fill_ids(struct incarnations *in, struct admin *source, struct ranges *ranges)
{
	struct range **sorted = mem_zero(ranges->count, sizeof(*sorted));
	const char **names = mem_zero(ranges->count, sizeof(*names));
	size_t count = 0;
	struct topic_id *ids;

	for (size_t i = 0; i < ranges->count; i++)
		sorted[i] = &ranges->items[i];
	qsort(sorted, ranges->count, sizeof(*sorted), by_topic);
	for (size_t i = 0; i < ranges->count; i++)
		if (count == 0 || strcmp(names[count - 1], sorted[i]->topic) != 0)
			names[count++] = sorted[i]->topic;
	ids = ask(in, source, names, count);
	for (size_t i = 0, topic = 0; i < ranges->count; i++) {
		if (strcmp(names[topic], sorted[i]->topic) != 0)
			topic++;
		snprintf(sorted[i]->id, sizeof(sorted[i]->id), "%s", ids[topic].text);
	}
	free(ids);
	free(names);
	free(sorted);
}

/* Where the partitions end (is_end), or begin. Those that are not told stay as they are, at -1.
   Returns whether any was. */
static bool
fill_offsets(struct admin *source, struct ranges *ranges, bool is_end)
{
	size_t count = ranges->count, known = 0;
	struct topic_partition *items = mem_zero(count, sizeof(*items));
	struct err err;

	for (size_t i = 0; i < count; i++)
		items[i] = (struct topic_partition){
			ranges->items[i].topic, ranges->items[i].partition, -1};
	if (is_end)
		admin_ends(source, ASK_MS, items, count, &err);
	else
		admin_begins(source, ASK_MS, items, count, &err);
	for (size_t i = 0; i < count; i++) {
		struct range *r = &ranges->items[i];

		*(is_end ? &r->high : &r->low) = items[i].offset;
		known += items[i].offset >= 0;
	}
	free(items);
	return known > 0;
}

/* Of which topics the positions are that the group has committed. Returns whether the source told.
 */
static bool
fill_committed(struct admin *source, struct ranges *ranges)
{
	size_t count = ranges->count;
	struct topic_partition *items = mem_zero(count, sizeof(*items));
	struct topic_id *ids = mem_zero(count, sizeof(*ids));
	struct err err;
	int rc;

	for (size_t i = 0; i < count; i++)
		items[i] = (struct topic_partition){
			ranges->items[i].topic, ranges->items[i].partition, -1};
	rc = topic_ids_committed(source, ASK_MS, items, count, ids, &err);
	for (size_t i = 0; i < count; i++) {
		struct range *r = &ranges->items[i];

		r->committed = items[i].offset;
		snprintf(r->committed_id, sizeof(r->committed_id), "%s", ids[i].text);
	}
	free(ids);
	free(items);
	return rc == 0;
}

static void
fill(struct incarnations *in, struct admin *source, struct ranges *ranges)
{
	int64_t now = clock_ms();

	/* A source that does not answer one of these will not answer the rest, and is not waited
	   for: without a beginning all of it is asked for again. */
	if (!fill_offsets(source, ranges, true))
		return;
	if (topic_ids_are_known()) {
		fill_ids(in, source, ranges);
		if (!fill_committed(source, ranges))
			return;
	}
	/* The beginning last: it only grows, and must not be older than what it is compared with,
	   nor be of the topic before. */
	fill_offsets(source, ranges, false);
	for (size_t i = 0; i < ranges->count; i++) {
		const struct incarnation *item = find(in, in->count, ranges->items[i].topic);

		ranges->items[i].was_absent =
			item && item->absent_at > 0 && now - item->absent_at < ABSENCE_MS;
	}
}

void
incarnations_tell(struct incarnations *in, const struct side *source, struct ranges *ranges)
{
	if (source->admin && !source->is_down)
		fill(in, source->admin, ranges);
	ranges->message.kind = SCOUT_RANGES;
	mailbox_post(source->notices, &ranges->message);
}
