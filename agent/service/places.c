/* Places: the mirrored partitions, and where the group stands in each. */
#include "service/places.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct places
places_of(const struct cluster_topic *topics, size_t topic_count, struct starts *starts)
{
	struct places all = {0};
	size_t count = 0;

	for (size_t i = 0; i < topic_count; i++)
		count += (size_t)topics[i].partitions;
	all.items = mem_zero(count + 1, sizeof(*all.items));
	for (size_t i = 0; i < topic_count; i++) {
		const struct start *start = starts_find(starts, topics[i].name);

		for (int p = 0; p < topics[i].partitions; p++)
			all.items[all.count++] =
				(struct place){.at = {topics[i].name, p, -1}, .start = start};
	}
	return all;
}

void
places_fini(struct places *places)
{
	free(places->items);
	*places = (struct places){0};
}

/* A list for the calls of kafka/admin.h, and which places stand in it. */
struct selection {
	struct topic_partition *items;
	struct place **places;
	size_t count;
};

static struct selection
selection_new(const struct places *places)
{
	return (struct selection){.items = mem_zero(places->count + 1, sizeof(*places->items)),
		.places = mem_zero(places->count + 1, sizeof(struct place *))};
}

static void
selection_add(struct selection *s, struct place *place, int64_t offset)
{
	s->items[s->count] = (struct topic_partition){place->at.topic, place->at.partition, offset};
	s->places[s->count++] = place;
}

static void
selection_fini(struct selection *s)
{
	free(s->items);
	free(s->places);
}

int
places_look_up(struct places *places, struct admin *source, int timeout_ms, struct err *err)
{
	struct selection all = selection_new(places);
	int rc;

	for (size_t i = 0; i < places->count; i++)
		selection_add(&all, &places->items[i], -1);
	rc = all.count ? admin_committed(source, timeout_ms, all.items, all.count, err) : 0;
	for (size_t i = 0; rc == 0 && i < all.count; i++)
		all.places[i]->at.offset = all.items[i].offset;
	selection_fini(&all);
	return rc;
}

size_t
places_missing(const struct places *places)
{
	size_t count = 0;

	for (size_t i = 0; i < places->count; i++)
		count += places->items[i].at.offset < 0;
	return count;
}

bool
places_is_new_topic(const struct places *places, const struct place *place)
{
	const struct place *first = place - place->at.partition,
			   *end = places->items + places->count;

	for (const struct place *p = first; p < end && p->at.topic == place->at.topic; p++)
		if (p->at.offset >= 0)
			return false;
	return true;
}

/* The places that are due and have no offset in found, by their number, but are of a kind that a
   time tells; then those that only the end tells. */
static int
look_for_times(const struct places *places, struct admin *source, int timeout_ms, int64_t *found,
	struct err *err)
{
	struct selection times = selection_new(places);
	int rc = 0;

	for (size_t i = 0; i < places->count; i++) {
		struct place *p = &places->items[i];

		if (p->is_due && p->kind == STARTPOINT_EARLIEST)
			selection_add(&times, p, ADMIN_BEGINNING);
		else if (p->is_due && p->kind == STARTPOINT_TIMESTAMP)
			selection_add(&times, p, p->start->point.ms);
	}
	if (times.count)
		rc = admin_at_times(source, timeout_ms, times.items, times.count, err);
	for (size_t i = 0; rc == 0 && i < times.count; i++)
		found[times.places[i] - places->items] = times.items[i].offset;
	selection_fini(&times);
	return rc;
}

/* The end for every place that is due and has nothing else: latest, and times behind the last
   record. */
static int
look_for_ends(const struct places *places, struct admin *source, int timeout_ms, int64_t *found,
	struct err *err)
{
	struct selection ends = selection_new(places);
	int rc = 0;

	for (size_t i = 0; i < places->count; i++)
		if (places->items[i].is_due && found[i] < 0)
			selection_add(&ends, &places->items[i], -1);
	if (ends.count)
		rc = admin_ends(source, timeout_ms, ends.items, ends.count, err);
	for (size_t i = 0; rc == 0 && i < ends.count; i++)
		found[ends.places[i] - places->items] = ends.items[i].offset;
	selection_fini(&ends);
	return rc;
}

int
places_find_offsets(struct places *places, struct admin *source, int timeout_ms, struct err *err)
{
	int64_t *found = mem_zero(places->count + 1, sizeof(*found));
	int rc;

	for (size_t i = 0; i < places->count; i++) {
		const struct place *p = &places->items[i];

		found[i] = p->is_due && p->kind == STARTPOINT_OFFSETS
				   ? offsets_find(&p->start->offsets, p->at.topic, p->at.partition)
				   : -1;
	}
	rc = look_for_times(places, source, timeout_ms, found, err);
	if (rc == 0)
		rc = look_for_ends(places, source, timeout_ms, found, err);
	for (size_t i = 0; rc == 0 && i < places->count; i++)
		if (places->items[i].is_due)
			places->items[i].at.offset = found[i];
	free(found);
	return rc;
}

int
places_find_beginnings(struct places *places, struct admin *source, int timeout_ms, struct err *err)
{
	struct selection due = selection_new(places);
	int found = 0;

	for (size_t i = 0; i < places->count; i++) {
		struct place *p = &places->items[i];

		if (p->at.offset >= 0)
			continue;
		p->kind = STARTPOINT_EARLIEST;
		p->is_due = true;
		selection_add(&due, p, -1);
	}
	if (due.count && admin_known_begins(source, timeout_ms, due.items, due.count, err) < 0)
		found = -1;
	for (size_t i = 0; found >= 0 && i < due.count; i++) {
		due.places[i]->at.offset = due.items[i].offset;
		found += due.items[i].offset >= 0;
	}
	selection_fini(&due);
	return found;
}

int
places_commit(struct places *places, struct admin *source, int timeout_ms, bool *ret_has_members,
	struct err *err)
{
	struct selection due = selection_new(places);
	int rc = 0;

	*ret_has_members = false;
	for (size_t i = 0; i < places->count; i++)
		if (places->items[i].is_due && places->items[i].at.offset >= 0)
			selection_add(&due, &places->items[i], places->items[i].at.offset);
	if (due.count)
		rc = admin_commit(source, timeout_ms, due.items, due.count, ret_has_members, err);
	selection_fini(&due);
	return rc;
}

/* Is it given what its setting says? */
static bool
is_as_set(const struct place *place)
{
	return place->is_due && place->kind == place->start->point.kind;
}

void
places_say(const struct places *places, const struct starts *starts, enum log_event event,
	const char *group)
{
	const struct start *start;

	for (size_t i = 0; (start = starts_at(starts, i)); i++) {
		size_t count = 0;

		for (size_t n = 0; n < places->count; n++)
			count += places->items[n].start == start && is_as_set(&places->items[n]);
		if (count)
			LOG(event, F_STR("group", group), F_UINT("partitions", count),
				F_STR("from", start->text));
	}
}

size_t
places_due_otherwise(const struct places *places)
{
	size_t count = 0;

	for (size_t i = 0; i < places->count; i++)
		count += places->items[i].is_due && !is_as_set(&places->items[i]);
	return count;
}

void
places_settle(struct places *places)
{
	for (size_t i = 0; i < places->count; i++)
		places->items[i].is_due = false;
}
