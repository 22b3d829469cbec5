/* The atlas: the offset maps of all source partitions, and what they say together about each target
 * partition. */
#include "mirror/atlas.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Runs that a map may always have, however many there are. */
#define RUNS_LEAST 64
#define RUNS_MOST 65536

/* Notes of what was read come within this time. */
#define NOTES_MS 5000

/* Things by topic and partition: leaves, or places. */
struct shelf {
	struct board {
		char *topic;
		void **items; /* by partition; members may be NULL */
		int32_t room;
		size_t number;
	} * boards;
	size_t count, capacity;
	size_t *slots, slot_count; /* by the hash of the name: index plus one; open addressing */
};

struct atlas {
	int64_t memory;
	const struct plan *plan;
	struct shelf sources, targets;
	struct leaf **leaves;
	size_t leaf_count, leaf_capacity;
	struct place **places;
	size_t place_count, place_capacity;
	unsigned tick;
	const int64_t *committed; /* of atlas_ask */
	bool *is_concerned;	  /* likewise, by the number of the topic */
	struct offset_feeder *feeders;
	size_t feeder_capacity;
};

static size_t
hash(const char *name)
{
	uint64_t h = 1469598103934665603u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return (size_t)(h ^ (h >> 32));
}

static struct board *
find_board(const struct shelf *shelf, const char *topic)
{
	if (shelf->slot_count == 0)
		return NULL;
	for (size_t i = hash(topic) & (shelf->slot_count - 1); shelf->slots[i];
		i = (i + 1) & (shelf->slot_count - 1))
		if (!strcmp(shelf->boards[shelf->slots[i] - 1].topic, topic))
			return &shelf->boards[shelf->slots[i] - 1];
	return NULL;
}

static void
put_slot(struct shelf *shelf, size_t index)
{
	size_t i = hash(shelf->boards[index].topic) & (shelf->slot_count - 1);

	while (shelf->slots[i])
		i = (i + 1) & (shelf->slot_count - 1);
	shelf->slots[i] = index + 1;
}

static struct board *
get_board(struct shelf *shelf, const char *topic)
{
	struct board *board = find_board(shelf, topic);

	if (board)
		return board;
	shelf->boards =
		mem_grow(shelf->boards, &shelf->capacity, shelf->count, sizeof(*shelf->boards));
	board = &shelf->boards[shelf->count];
	*board = (struct board){.topic = mem_strdup(topic), .number = shelf->count};
	shelf->count++;
	if (shelf->count * 2 <= shelf->slot_count) {
		put_slot(shelf, board->number);
		return board;
	}
	free(shelf->slots);
	shelf->slot_count = shelf->slot_count ? shelf->slot_count * 2 : 16;
	shelf->slots = mem_zero(shelf->slot_count, sizeof(*shelf->slots));
	for (size_t i = 0; i < shelf->count; i++)
		put_slot(shelf, i);
	return board;
}

/* Where the item of that partition is, or goes. */
static void **
get_item(struct board *board, int32_t partition)
{
	int32_t room = board->room;

	if (partition >= room) {
		while (room <= partition)
			room = room ? room * 2 : 8;
		board->items = mem_resize(board->items, (size_t)room, sizeof(*board->items));
		memset(board->items + board->room, 0,
			(size_t)(room - board->room) * sizeof(*board->items));
		board->room = room;
	}
	return &board->items[partition];
}

static void
shelf_fini(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++) {
		free(shelf->boards[i].topic);
		free(shelf->boards[i].items);
	}
	free(shelf->boards);
	free(shelf->slots);
}

struct atlas *
atlas_new(int64_t memory)
{
	struct atlas *a = mem_zero(1, sizeof(*a));

	a->memory = memory;
	return a;
}

void
atlas_free(struct atlas **atlas)
{
	struct atlas *a = *atlas;

	if (!a)
		return;
	for (size_t i = 0; i < a->leaf_count; i++) {
		offset_map_free(&a->leaves[i]->map);
		offset_map_free(&a->leaves[i]->pieces);
		free(a->leaves[i]);
	}
	for (size_t i = 0; i < a->place_count; i++) {
		free(a->places[i]->feeders);
		free(a->places[i]);
	}
	shelf_fini(&a->sources);
	shelf_fini(&a->targets);
	free(a->leaves);
	free(a->places);
	free(a->is_concerned);
	free(a->feeders);
	plan_release(&a->plan);
	free(a);
	*atlas = NULL;
}

static size_t
runs_of_each(const struct atlas *a)
{
	size_t runs =
		(size_t)a->memory / sizeof(struct offset_run) / (a->leaf_count ? a->leaf_count : 1);

	return runs < RUNS_LEAST ? RUNS_LEAST : runs > RUNS_MOST ? RUNS_MOST : runs;
}

static void
forget_ticks(int64_t *ticks)
{
	for (int i = 0; i < ATLAS_TICKS; i++)
		ticks[i] = -1;
}

static struct leaf *
get_leaf(struct atlas *a, const char *topic, int32_t partition)
{
	struct board *board = get_board(&a->sources, topic);
	void **item = get_item(board, partition);
	struct leaf *leaf = *item;

	if (leaf)
		return leaf;
	*item = leaf = mem_zero(1, sizeof(*leaf));
	leaf->topic = board->topic;
	leaf->partition = partition;
	leaf->number = a->leaf_count;
	leaf->topic_number = board->number;
	leaf->plan = a->plan ? plan_find(a->plan, topic) : NULL;
	forget_ticks(leaf->begun);
	a->leaves = mem_grow(a->leaves, &a->leaf_capacity, a->leaf_count, sizeof(struct leaf *));
	a->leaves[a->leaf_count++] = leaf;
	leaf->map = offset_map_new(runs_of_each(a));
	return leaf;
}

static struct place *
get_place(struct atlas *a, const char *topic, int32_t partition)
{
	struct board *board = get_board(&a->targets, topic);
	void **item = get_item(board, partition);
	struct place *place = *item;

	if (place)
		return place;
	*item = place = mem_zero(1, sizeof(*place));
	place->topic = board->topic;
	place->partition = partition;
	place->number = a->place_count;
	forget_ticks(place->ends);
	a->places = mem_grow(a->places, &a->place_capacity, a->place_count, sizeof(struct place *));
	a->places[a->place_count++] = place;
	return place;
}

void
atlas_set_plan(struct atlas *a, const struct plan *plan)
{
	plan_release(&a->plan);
	a->plan = plan_take(plan);
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		for (int32_t p = 0; t->target && p < t->partitions; p++)
			get_leaf(a, t->name, p);
		for (int32_t p = 0; t->target && p < t->target_partitions; p++)
			get_place(a, t->target, p);
	}
	for (size_t i = 0; i < a->leaf_count; i++) {
		a->leaves[i]->plan = plan_find(plan, a->leaves[i]->topic);
		offset_map_limit(a->leaves[i]->map, runs_of_each(a));
	}
}

/* A target partition began anew: what maps say of it is of the one before. */
static void
forget_place(struct atlas *a, const char *topic, int32_t partition)
{
	struct place *place = get_place(a, topic, partition);

	for (size_t i = 0; i < a->leaf_count; i++)
		offset_map_forget(a->leaves[i]->map, topic, partition);
	place->end = 0;
	forget_ticks(place->ends);
}

static void
see_end(struct atlas *a, const struct offset_lane *lane)
{
	struct place *place = get_place(a, lane->topic, lane->partition);

	if (offset_lane_end(lane) > place->end)
		place->end = offset_lane_end(lane);
}

static void
merge(struct atlas *a, struct leaf *leaf, struct offset_map *more)
{
	const struct offset_lane *lane;

	while ((lane = offset_map_find_anew(leaf->map, more)))
		forget_place(a, lane->topic, lane->partition);
	for (size_t i = 0; (lane = offset_map_lane(more, i)); i++)
		see_end(a, lane);
	if (offset_map_span(more)->begin >= 0 ||
		offset_map_span(more)->position > offset_map_span(leaf->map)->position)
		leaf->is_changed = leaf->is_kept = true;
	offset_map_append(leaf->map, more);
}

static void
note_begun(struct leaf *leaf, int64_t begun)
{
	for (int i = 0; i < ATLAS_TICKS; i++)
		if (leaf->begun[i] < 0)
			leaf->begun[i] = begun;
}

/* How its map goes on was not found out before it went again: what was noted stands for itself. */
static void
leave_undecided(struct atlas *a, struct leaf *leaf, bool is_clean)
{
	bool was_idle = offset_map_span(leaf->pieces)->begin < 0;

	if (!was_idle) {
		offset_map_lose(leaf->map);
		merge(a, leaf, leaf->pieces);
	}
	if (!is_clean)
		offset_map_lose(leaf->map);
	if (!is_clean || !was_idle) {
		leaf->is_clean = is_clean;
		leaf->is_changed = true;
	}
	offset_map_free(&leaf->pieces);
}

static void
leave(struct atlas *a, struct leaf *leaf, bool is_clean)
{
	if (leaf->owner == LEAF_ARRIVING) {
		leave_undecided(a, leaf, is_clean);
	} else {
		leaf->is_clean = is_clean;
		leaf->is_changed = true;
		if (!is_clean)
			offset_map_lose(leaf->map);
	}
	leaf->owner = LEAF_ELSEWHERE;
}

static void
arrive(struct atlas *a, struct leaf *leaf, int64_t now)
{
	leaf->owner = LEAF_ARRIVING;
	leaf->arrived = now;
	leaf->is_noted = false;
	forget_ticks(leaf->begun);
	offset_map_free(&leaf->pieces);
	leaf->pieces = offset_map_new(runs_of_each(a));
}

bool
atlas_take_note(struct atlas *a, struct offset_note *note, int64_t now)
{
	struct leaf *leaf = get_leaf(a, note->topic, note->partition);

	if (note->is_first)
		arrive(a, leaf, now);
	if (note->map && leaf->owner == LEAF_ARRIVING) {
		offset_map_append(leaf->pieces, note->map);
		leaf->is_noted = true;
	} else if (note->map && leaf->owner == LEAF_OURS) {
		merge(a, leaf, note->map);
		note_begun(leaf, note->begun);
	}
	if (note->is_last && leaf->owner != LEAF_ELSEWHERE)
		leave(a, leaf, note->is_clean);
	return note->is_last;
}

void
atlas_take_kept(struct atlas *a, const char *topic, int32_t partition, struct offset_map *map,
	bool is_clean)
{
	struct leaf *leaf = get_leaf(a, topic, partition);
	const struct offset_lane *lane;

	if (leaf->owner == LEAF_OURS) {
		/* Somebody who had it before was late: ours goes over it. */
		leaf->is_changed = true;
		offset_map_free(&map);
		return;
	}
	while ((lane = offset_map_find_anew(leaf->map, map)))
		forget_place(a, lane->topic, lane->partition);
	for (size_t i = 0; (lane = offset_map_lane(map, i)); i++)
		see_end(a, lane);
	offset_map_free(&leaf->map);
	leaf->map = map;
	offset_map_limit(map, runs_of_each(a));
	leaf->is_kept = true;
	leaf->is_clean = is_clean;
	leaf->is_changed = false;
}

bool
leaf_may_settle(const struct leaf *leaf, int64_t committed, int64_t now)
{
	if (!leaf->is_noted)
		return false;
	return committed <= 0 || committed <= offset_map_span(leaf->map)->position ||
	       offset_map_span(leaf->pieces)->begin >= 0 || now - leaf->arrived >= NOTES_MS;
}

bool
atlas_settle(struct atlas *a, struct leaf *leaf, int64_t committed, bool is_empty)
{
	const struct offset_span *span = offset_map_span(leaf->map);
	int64_t first = offset_map_span(leaf->pieces)->begin;
	int64_t start = committed >= 0 ? committed : is_empty ? 0 : -1;
	bool goes_on = span->begin >= 0 && leaf->is_clean &&
		       (start == span->position || first == span->position);

	/* By now the stream may have read on, and committed more. */
	if (first >= 0 && start > first)
		start = -1;
	if (!goes_on && start >= 0)
		offset_map_resume(leaf->map, start);
	else if (!goes_on)
		offset_map_lose(leaf->map);
	leaf->owner = LEAF_OURS;
	leaf->is_clean = false;
	leaf->is_changed = leaf->is_kept = true;
	merge(a, leaf, leaf->pieces);
	offset_map_free(&leaf->pieces);
	return !goes_on;
}

void
atlas_hide(struct leaf *leaf, const struct place *place, int64_t end)
{
	offset_map_hide(leaf->map, place->topic, place->partition, end);
}

void
atlas_see_end(struct place *place, int64_t end)
{
	if (end > place->end)
		place->end = end;
}

void
atlas_tick(struct atlas *a)
{
	unsigned now = ++a->tick % ATLAS_TICKS;

	for (size_t i = 0; i < a->place_count; i++)
		a->places[i]->ends[now] = a->places[i]->end;
	for (size_t i = 0; i < a->leaf_count; i++)
		a->leaves[i]->begun[now] = -1;
}

bool
leaf_may_feed(const struct leaf *leaf, const struct place *place)
{
	const struct plan_topic *t = leaf->plan;

	if (!t || !t->target || strcmp(t->target, place->topic) != 0)
		return false;
	if (t->rule == PLAN_PRESERVE)
		return leaf->partition == place->partition;
	if (t->rule == PLAN_MAP && t->map && leaf->partition < t->partitions &&
		t->map[leaf->partition] != PLAN_MAP_BY_KEY)
		return t->map[leaf->partition] == place->partition;
	return true;
}

static void
link_leaf(struct leaf *leaf, struct place *place)
{
	if (place->count > 0 && place->feeders[place->count - 1] == leaf)
		return;
	place->feeders =
		mem_grow(place->feeders, &place->capacity, place->count, sizeof(struct leaf *));
	place->feeders[place->count++] = leaf;
}

/* One after the other, so that a leaf that is linked already is the place's last. */
static void
link_all_of(struct atlas *a, struct leaf *leaf)
{
	const struct board *board = leaf->plan && leaf->plan->target
					    ? find_board(&a->targets, leaf->plan->target)
					    : NULL;
	const struct offset_lane *lane;

	for (int32_t p = 0; board && p < board->room; p++)
		if (board->items[p] && leaf_may_feed(leaf, board->items[p]))
			link_leaf(leaf, board->items[p]);
	for (size_t i = 0; (lane = offset_map_lane(leaf->map, i)); i++)
		link_leaf(leaf, get_place(a, lane->topic, lane->partition));
}

void
atlas_link(struct atlas *a)
{
	for (size_t i = 0; i < a->place_count; i++)
		a->places[i]->count = 0;
	for (size_t i = 0; i < a->leaf_count; i++)
		link_all_of(a, a->leaves[i]);
}

/* See the head of atlas.h. */
static int64_t
floor_of(const struct leaf *leaf, const struct place *place)
{
	int64_t position = offset_map_span(leaf->map)->position, floor = -1;

	if (leaf->owner != LEAF_OURS)
		return -1;
	for (int i = 0; i < ATLAS_TICKS; i++)
		if (leaf->begun[i] >= 0 && leaf->begun[i] <= position && place->ends[i] > floor)
			floor = place->ends[i];
	return floor;
}

void
atlas_ask(struct atlas *a, const int64_t *committed)
{
	a->committed = committed;
	a->is_concerned = mem_resize(a->is_concerned, a->sources.count + 1, sizeof(bool));
	memset(a->is_concerned, 0, a->sources.count * sizeof(bool));
	for (size_t i = 0; i < a->leaf_count; i++)
		if (committed[i] >= 0)
			a->is_concerned[a->leaves[i]->topic_number] = true;
}

struct offset_answer
atlas_translate(struct atlas *a, const struct place *place)
{
	size_t count = 0;

	for (size_t i = 0; i < place->count; i++) {
		const struct leaf *leaf = place->feeders[i];
		int64_t at = a->committed[leaf->number];

		if (!a->is_concerned[leaf->topic_number])
			continue;
		a->feeders = mem_grow(a->feeders, &a->feeder_capacity, count, sizeof(*a->feeders));
		a->feeders[count++] =
			(struct offset_feeder){leaf->map, at >= 0 ? at : 0, floor_of(leaf, place)};
	}
	return offset_translate(a->feeders, count, place->topic, place->partition);
}

struct leaf *
atlas_leaf(const struct atlas *a, size_t number)
{
	return number < a->leaf_count ? a->leaves[number] : NULL;
}

struct place *
atlas_place(const struct atlas *a, size_t number)
{
	return number < a->place_count ? a->places[number] : NULL;
}

size_t
atlas_leaves(const struct atlas *a)
{
	return a->leaf_count;
}

size_t
atlas_places(const struct atlas *a)
{
	return a->place_count;
}

struct place *
atlas_find_place(const struct atlas *a, const char *topic, int32_t partition)
{
	const struct board *board = find_board(&a->targets, topic);

	return board && partition >= 0 && partition < board->room ? board->items[partition] : NULL;
}
