/* The offset map: for one source partition, which offsets its records got at the target. */
#include "mirror/offset_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A run does not grow past this. */
#define LENGTH_MOST UINT32_MAX

static const struct offset_span nothing = {-1, -1, -1, 0, false};

struct offset_map {
	struct offset_lane **lanes; /* in the order of their first record */
	size_t count, capacity;
	size_t *slots; /* by partition: index of the lane, plus one; open addressing */
	size_t slot_count;
	struct offset_lane *last; /* found last */
	size_t runs, most;
	struct offset_span span;
	bool is_repeat; /* the record last told of was sent before */
};

struct offset_map *
offset_map_new(size_t most_runs)
{
	struct offset_map *map = mem_zero(1, sizeof(*map));

	map->most = most_runs;
	map->span = nothing;
	return map;
}

static void
free_lanes(struct offset_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		free(map->lanes[i]->topic);
		free(map->lanes[i]->runs);
		free(map->lanes[i]);
	}
	map->count = map->runs = 0;
	map->last = NULL;
	memset(map->slots, 0, map->slot_count * sizeof(*map->slots));
}

void
offset_map_free(struct offset_map **map)
{
	if (!*map)
		return;
	if ((*map)->slots)
		free_lanes(*map);
	free((*map)->lanes);
	free((*map)->slots);
	free(*map);
	*map = NULL;
}

static bool
is_lane(const struct offset_lane *lane, const void *handle, const char *topic, int32_t partition)
{
	if (lane->partition != partition)
		return false;
	if (handle && lane->handle)
		return lane->handle == handle;
	return !strcmp(lane->topic, topic);
}

static size_t
slot_of(const struct offset_map *map, int32_t partition)
{
	return ((uint32_t)partition * 2654435769u) & (map->slot_count - 1);
}

static struct offset_lane *
find_lane(const struct offset_map *map, const void *handle, const char *topic, int32_t partition)
{
	if (map->last && is_lane(map->last, handle, topic, partition))
		return map->last;
	if (map->slot_count == 0)
		return NULL;
	for (size_t i = slot_of(map, partition); map->slots[i]; i = (i + 1) & (map->slot_count - 1))
		if (is_lane(map->lanes[map->slots[i] - 1], handle, topic, partition))
			return map->lanes[map->slots[i] - 1];
	return NULL;
}

static void
put_slot(struct offset_map *map, size_t index)
{
	size_t i = slot_of(map, map->lanes[index]->partition);

	while (map->slots[i])
		i = (i + 1) & (map->slot_count - 1);
	map->slots[i] = index + 1;
}

static void
grow_slots(struct offset_map *map)
{
	if (map->count * 2 < map->slot_count)
		return;
	free(map->slots);
	map->slot_count = map->slot_count ? map->slot_count * 2 : 16;
	map->slots = mem_zero(map->slot_count, sizeof(*map->slots));
	for (size_t i = 0; i < map->count; i++)
		put_slot(map, i);
}

static struct offset_lane *
add_lane(struct offset_map *map, const void *handle, const char *topic, int32_t partition)
{
	struct offset_lane *lane = mem_zero(1, sizeof(*lane));

	lane->topic = mem_strdup(topic);
	lane->handle = handle;
	lane->partition = partition;
	lane->from = map->span.known;
	lane->newest = -1;
	lane->is_hiding = true;
	grow_slots(map);
	map->lanes = mem_grow(map->lanes, &map->capacity, map->count, sizeof(struct offset_lane *));
	map->lanes[map->count++] = lane;
	put_slot(map, map->count - 1);
	return lane;
}

static struct offset_lane *
get_lane(struct offset_map *map, const void *handle, const char *topic, int32_t partition)
{
	struct offset_lane *lane = find_lane(map, handle, topic, partition);

	if (!lane)
		lane = add_lane(map, handle, topic, partition);
	map->last = lane;
	return lane;
}

static uint8_t
worse(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

/* Every second run of the older half goes; what follows one that is gone is blind. */
static void
thin_lane(struct offset_map *map, struct offset_lane *lane)
{
	size_t half = lane->count / 2, kept = 1;

	for (size_t i = 1; i < lane->count; i++) {
		struct offset_run run = lane->runs[i];

		if (i % 2 == 1 && i <= half && i + 1 < lane->count) {
			lane->runs[i + 1].blind = worse(
				OFFSET_SEES_THINNED, worse(run.blind, lane->runs[i + 1].blind));
			continue;
		}
		lane->runs[kept++] = run;
	}
	map->runs -= lane->count - kept;
	lane->count = kept;
}

static void
thin(struct offset_map *map)
{
	while (map->runs > map->most) {
		struct offset_lane *longest = NULL;

		for (size_t i = 0; i < map->count; i++)
			if (!longest || map->lanes[i]->count > longest->count)
				longest = map->lanes[i];
		if (!longest || longest->count <= 2)
			return;
		thin_lane(map, longest);
	}
}

void
offset_map_limit(struct offset_map *map, size_t most_runs)
{
	map->most = most_runs;
	thin(map);
}

static void
add_run(struct offset_map *map, struct offset_lane *lane, const struct offset_run *run)
{
	lane->runs = mem_grow(lane->runs, &lane->capacity, lane->count, sizeof(*lane->runs));
	lane->runs[lane->count++] = *run;
	map->runs++;
}

/* What the lane holds from this source offset on goes. */
static void
cut_lane(struct offset_map *map, struct offset_lane *lane, int64_t source)
{
	struct offset_run *last;

	while (lane->count > 0 && lane->runs[lane->count - 1].source >= source) {
		lane->pending = lane->runs[--lane->count].blind;
		map->runs--;
	}
	last = lane->count > 0 ? &lane->runs[lane->count - 1] : NULL;
	if (last && last->source + last->length > source)
		last->length = (uint32_t)(source - last->source);
	if (lane->from > source)
		lane->from = source;
	if (lane->newest >= source)
		lane->newest = source - 1;
}

/* Records may have been sent before: the next run of each lane stands behind these. */
static void
expect_again(struct offset_map *map, int64_t source)
{
	for (size_t i = 0; i < map->count; i++)
		map->lanes[i]->is_hiding = true;
	map->span.exact_from = source;
	map->span.is_lost = false;
}

/* The source is read again from there. */
static void
go_back(struct offset_map *map, int64_t source)
{
	struct offset_span *span = &map->span;

	for (size_t i = 0; i < map->count; i++)
		cut_lane(map, map->lanes[i], source);
	expect_again(map, source);
	if (span->begin > source)
		span->begin = source;
	if (span->known > source)
		span->known = source;
	span->position = source;
}

/* Of what stands between the position and source nothing is known. */
static void
take_loss(struct offset_map *map, int64_t source)
{
	expect_again(map, source);
	if (source <= map->span.position)
		return;
	map->span.known = source;
	for (size_t i = 0; i < map->count; i++) {
		struct offset_lane *lane = map->lanes[i];

		if (lane->count > 0)
			lane->pending = OFFSET_SEES_LOST;
		else
			lane->from = source;
	}
}

/* The map's first record. */
static void
begin_first(struct offset_map *map, int64_t source)
{
	map->span.begin = map->span.known = map->span.position = source;
	map->span.is_lost = false;
	for (size_t i = 0; i < map->count; i++)
		map->lanes[i]->from = source;
}

/* The next record, or piece of map, begins at this source offset. */
static void
begin_at(struct offset_map *map, int64_t source)
{
	if (map->span.begin < 0)
		begin_first(map, source);
	else if (source < map->span.position)
		go_back(map, source);
	else if (map->span.is_lost)
		take_loss(map, source);
}

/* The target began anew. */
static void
forget_lane(struct offset_map *map, struct offset_lane *lane, int64_t source)
{
	map->runs -= lane->count;
	lane->count = 0;
	lane->from = source;
	lane->pending = OFFSET_SEES;
	lane->newest = -1;
	lane->hidden = 0;
}

/* Continues the lane with a run; joins it to the one before where they are one. */
static void
extend_lane(struct offset_map *map, struct offset_lane *lane, struct offset_run run)
{
	struct offset_run *last = lane->count > 0 ? &lane->runs[lane->count - 1] : NULL;

	if (run.target < offset_lane_end(lane)) {
		forget_lane(map, lane, run.source);
		last = NULL;
	}
	run.blind = worse(run.blind, lane->pending);
	lane->pending = OFFSET_SEES;
	if (lane->is_hiding)
		lane->hidden = run.target;
	lane->is_hiding = false;
	if (last && run.blind == OFFSET_SEES && run.source == last->source + last->length &&
		run.target == last->target + last->length &&
		run.length <= LENGTH_MOST - last->length)
		last->length += run.length;
	else
		add_run(map, lane, &run);
}

void
offset_map_record(struct offset_map *map, int64_t source)
{
	begin_at(map, source);
	map->span.position = source + 1;
	map->is_repeat = false;
}

/* What most records are: one more of the lane's last run. */
static bool
lengthen(const struct offset_map *map, struct offset_lane *lane, int64_t source, int64_t target)
{
	struct offset_run *last = lane->count > 0 ? &lane->runs[lane->count - 1] : NULL;

	if (!last || source != last->source + last->length ||
		target != last->target + last->length || last->length == LENGTH_MOST ||
		lane->pending || lane->is_hiding || map->is_repeat)
		return false;
	last->length++;
	lane->newest = source;
	return true;
}

void
offset_map_add(struct offset_map *map, const void *handle, const char *topic, int32_t partition,
	int64_t target)
{
	struct offset_lane *lane = get_lane(map, handle, topic, partition);
	int64_t source = map->span.position - 1;
	struct offset_run run = {source, target, 1, OFFSET_SEES, lane->newest == source};

	if (lengthen(map, lane, source, target))
		return;
	lane->newest = source;
	if (target < 0)
		lane->pending = OFFSET_SEES_LOST;
	if (target < 0 || map->is_repeat)
		lane->is_hiding = true;
	if (target < 0)
		return;
	extend_lane(map, lane, run);
	if (map->runs > map->most)
		thin(map);
}

void
offset_map_advance(struct offset_map *map, int64_t position)
{
	if (position > map->span.position)
		map->span.position = position;
}

void
offset_map_repeated(struct offset_map *map)
{
	map->is_repeat = true;
	map->span.exact_from = map->span.position - 1;
}

void
offset_map_lose(struct offset_map *map)
{
	map->span.is_lost = true;
}

void
offset_map_resume(struct offset_map *map, int64_t source)
{
	offset_map_lose(map);
	begin_at(map, source);
	if (source > map->span.position)
		map->span.position = source;
}

void
offset_map_forget(struct offset_map *map, const char *topic, int32_t partition)
{
	struct offset_lane *lane = find_lane(map, NULL, topic, partition);

	if (lane)
		forget_lane(map, lane, map->span.position);
}

const struct offset_lane *
offset_map_find_anew(const struct offset_map *map, const struct offset_map *more)
{
	for (size_t i = 0; i < more->count; i++) {
		const struct offset_lane *m = more->lanes[i];
		const struct offset_lane *lane = find_lane(map, NULL, m->topic, m->partition);

		if (lane && m->count > 0 && m->runs[0].target < offset_lane_end(lane))
			return m;
	}
	return NULL;
}

void
offset_map_hide(struct offset_map *map, const char *topic, int32_t partition, int64_t end)
{
	struct offset_lane *lane = get_lane(map, NULL, topic, partition);

	if (lane->hidden < end)
		lane->hidden = end;
	lane->is_hiding = false;
}

/* What is known of a lane goes on with what a later piece of map has of it. */
static void
append_lane(struct offset_map *map, const struct offset_lane *more)
{
	struct offset_lane *lane = get_lane(map, NULL, more->topic, more->partition);
	bool began_hiding = more->count > 0 && more->hidden == more->runs[0].target;

	for (size_t i = 0; i < more->count; i++)
		extend_lane(map, lane, more->runs[i]);
	/* A piece's lanes all begin so; what hides behind its first run is news. */
	if (more->count > 0 && !began_hiding && lane->hidden < more->hidden)
		lane->hidden = more->hidden;
	lane->is_hiding = lane->is_hiding || (more->count > 0 && more->is_hiding) ||
			  more->pending == OFFSET_SEES_LOST;
	lane->pending = worse(lane->pending, more->pending);
	lane->newest = more->newest;
}

void
offset_map_append(struct offset_map *map, struct offset_map *more)
{
	if (more->span.begin >= 0)
		begin_at(map, more->span.begin);
	for (size_t i = 0; i < more->count; i++)
		append_lane(map, more->lanes[i]);
	if (map->span.begin >= 0)
		offset_map_advance(map, more->span.position);
	if (more->span.exact_from > map->span.exact_from)
		map->span.exact_from = more->span.exact_from;
	map->span.is_lost = map->span.is_lost || more->span.is_lost;
	thin(map);
	if (more->slots)
		free_lanes(more);
	more->span = nothing;
}

/* A bound, or a number that is exact as long as nothing was repeated. */
static struct offset_answer
answer(enum offset_reason reason, int64_t next, int64_t after)
{
	return (struct offset_answer){
		reason == OFFSET_FINE ? OFFSET_EXACT : OFFSET_BOUND, reason, next, after, 0};
}

static struct offset_answer
unknown(enum offset_reason reason)
{
	return (struct offset_answer){OFFSET_UNKNOWN, reason, -1, 0, 0};
}

static enum offset_reason
blind_reason(uint8_t blind)
{
	return blind == OFFSET_SEES	      ? OFFSET_FINE
	       : blind == OFFSET_SEES_THINNED ? OFFSET_THINNED
					      : OFFSET_LOST;
}

/* The first run that begins at S or above; count: none does. */
static size_t
first_run(const struct offset_lane *lane, int64_t committed)
{
	size_t low = 0, high = lane->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lane->runs[middle].source < committed)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* S stands between two runs, before the first, or behind the last. before: NULL, none; run: NULL,
   none. */
static struct offset_answer
look_between(const struct offset_map *map, const struct offset_lane *lane,
	const struct offset_run *before, const struct offset_run *run, int64_t committed)
{
	int64_t end = before ? before->target + before->length : 0;
	uint8_t blind = run ? run->blind : lane->pending;

	if (run && run->source == committed && !run->is_more)
		return answer(OFFSET_FINE, run->target, blind ? run->target : end);
	/* Behind what was lost the lane has nothing yet. */
	if (!run && committed > lane->newest && committed >= map->span.known)
		blind = OFFSET_SEES;
	if (blind && !before)
		return unknown(blind_reason(blind));
	if (run)
		return answer(
			blind_reason(blind), blind ? end : run->target, blind ? run->target : end);
	if (blind)
		return answer(blind_reason(blind), end, end);
	if (committed > map->span.position)
		return answer(OFFSET_BEHIND, -1, end);
	return answer(OFFSET_FINE, -1, end);
}

static struct offset_answer
look_at(const struct offset_map *map, const struct offset_lane *lane, int64_t committed)
{
	size_t i = first_run(lane, committed);
	const struct offset_run *before = i > 0 ? &lane->runs[i - 1] : NULL;
	const struct offset_run *run = i < lane->count ? &lane->runs[i] : NULL;

	if (before && before->source + before->length > committed) {
		int64_t target = before->target + (committed - before->source);

		return answer(OFFSET_FINE, target, target);
	}
	return look_between(map, lane, before, run, committed);
}

/* Until the next record says where the source is read on from, nothing is exact. */
static struct offset_answer
doubt(struct offset_answer a)
{
	if (a.quality == OFFSET_UNKNOWN)
		return a;
	if (a.next >= 0 || a.after > 0)
		return answer(OFFSET_LOST, a.next >= 0 ? a.next : a.after, a.after);
	return unknown(OFFSET_LOST);
}

struct offset_answer
offset_map_look(
	const struct offset_map *map, const char *topic, int32_t partition, int64_t committed)
{
	const struct offset_lane *lane = find_lane(map, NULL, topic, partition);
	struct offset_answer a;

	if (map->span.begin < 0 || committed < (lane ? lane->from : map->span.known))
		return unknown(OFFSET_BEFORE);
	if (lane)
		a = look_at(map, lane, committed);
	else
		a = answer(committed > map->span.position ? OFFSET_BEHIND : OFFSET_FINE, -1, 0);
	if (map->span.is_lost)
		return doubt(a);
	if (a.quality == OFFSET_EXACT && committed < map->span.exact_from)
		a = answer(OFFSET_REPEATED, a.next, a.after);
	a.hidden = lane && !lane->is_hiding ? lane->hidden : INT64_MAX;
	return a;
}

/* What one feeder's records at or above its S are not below, in *ret. */
static struct offset_answer
feed(const struct offset_feeder *f, bool is_alone, const char *topic, int32_t partition,
	int64_t *ret)
{
	struct offset_answer a = f->map ? offset_map_look(f->map, topic, partition, f->committed)
					: unknown(OFFSET_UNSETTLED);

	*ret = a.next;
	if (a.quality == OFFSET_UNKNOWN || a.next >= 0)
		return a;
	*ret = f->floor > a.after ? f->floor : a.after;
	if (is_alone && a.quality == OFFSET_EXACT && a.hidden > *ret)
		return answer(OFFSET_LOST, -1, a.after);
	if (is_alone || f->floor >= 0)
		return a;
	/* Its next record may be anywhere behind its last one. */
	return a.after > 0 ? answer(OFFSET_UNSETTLED, -1, a.after) : unknown(OFFSET_UNSETTLED);
}

struct offset_answer
offset_translate(
	const struct offset_feeder *feeders, size_t count, const char *topic, int32_t partition)
{
	struct offset_answer all = {OFFSET_EXACT, OFFSET_FINE, -1, 0, 0};
	bool is_there = false;

	for (size_t i = 0; i < count; i++) {
		int64_t least;
		struct offset_answer a = feed(&feeders[i], count == 1, topic, partition, &least);

		if (a.quality == OFFSET_UNKNOWN)
			return a;
		if (a.quality > all.quality) {
			all.quality = a.quality;
			all.reason = a.reason;
		}
		if (all.next < 0 || least < all.next)
			all.next = least;
		if (a.after > all.after)
			all.after = a.after;
		if (a.hidden > all.hidden)
			all.hidden = a.hidden;
		is_there = is_there || least > 0 || a.next >= 0;
	}
	if (!is_there)
		return unknown(OFFSET_NOTHING);
	if (all.quality == OFFSET_EXACT && all.next < all.after)
		return answer(OFFSET_SHARED, all.next, all.after);
	/* Alone it stands behind all that is hidden. */
	if (all.quality == OFFSET_EXACT && count > 1 && all.next < all.hidden)
		return answer(OFFSET_HIDDEN, all.next, all.after);
	return all;
}

const struct offset_span *
offset_map_span(const struct offset_map *map)
{
	return &map->span;
}

const struct offset_lane *
offset_map_lane(const struct offset_map *map, size_t number)
{
	return number < map->count ? map->lanes[number] : NULL;
}

int64_t
offset_lane_end(const struct offset_lane *lane)
{
	const struct offset_run *last = lane->count > 0 ? &lane->runs[lane->count - 1] : NULL;

	return last ? last->target + last->length : 0;
}

size_t
offset_map_runs(const struct offset_map *map)
{
	return map->runs;
}

void
offset_map_restore(struct offset_map *map, const struct offset_span *span)
{
	map->span = *span;
}

struct offset_lane *
offset_map_restore_lane(struct offset_map *map, const struct offset_lane *like)
{
	struct offset_lane *lane = get_lane(map, NULL, like->topic, like->partition);

	lane->from = like->from;
	lane->pending = like->pending;
	lane->hidden = like->hidden;
	lane->is_hiding = like->is_hiding;
	return lane;
}

int
offset_map_restore_run(
	struct offset_map *map, struct offset_lane *lane, const struct offset_run *run)
{
	const struct offset_run *last = lane->count > 0 ? &lane->runs[lane->count - 1] : NULL;

	if (run->source < 0 || run->target < offset_lane_end(lane) || run->length == 0 ||
		run->source + run->length > map->span.position ||
		(last && run->source < last->source + last->length - run->is_more))
		return -1;
	lane->newest = run->source + run->length - 1;
	add_run(map, lane, run);
	return 0;
}

const char *
offset_quality_name(enum offset_quality quality)
{
	static const char *const names[] = {"exact", "bound", "unknown"};

	return names[quality];
}

const char *
offset_reason_text(enum offset_reason reason)
{
	static const char *const texts[] = {
		[OFFSET_FINE] = "",
		[OFFSET_BEFORE] = "it lies before what was noted",
		[OFFSET_THINNED] = "the notes are coarse there",
		[OFFSET_LOST] = "a crash has lost the notes there",
		[OFFSET_REPEATED] = "records behind it were sent more than once",
		[OFFSET_BEHIND] = "the mirror has not come there",
		[OFFSET_SHARED] = "records of other source partitions stand between",
		[OFFSET_HIDDEN] = "records from before the notes may stand between",
		[OFFSET_UNSETTLED] = "another source partition may have records on their way there",
		[OFFSET_NOTHING] = "no record is known to have gone there",
	};

	return texts[reason];
}
