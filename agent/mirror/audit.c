/* The audit: what must be at the target and what is there, compared in bounded memory: first by
   sums over ranges of keys, then record by record in the ranges whose sums differ. */
#include "mirror/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mirror/newer.h"

/* Ranges of keys in one row, at least and at most. */
#define SLOTS_LEAST 4
#define SLOTS_MOST 65536
/* Rows that lanes may need. */
#define ROWS_MOST 4096
/* Records that a range should hold. */
#define SLOT_RECORDS 8
/* Of the records found last, so many whose hashes end alike are remembered. */
#define RECENT_WAYS 8
/* More than one source partition feeds a range. */
#define FEEDER_MIXED UINT32_MAX

/* One side of a range of keys. All but chain are the same in whatever order records come. */
struct sums {
	uint64_t count, content[2], bare;
	uint64_t chain; /* of keyed records, in their order */
};

enum range_state { RANGE_WAITING, RANGE_CHOSEN, RANGE_LOOKED };

/* A range of keys: those whose hash ends alike, in one partition of the target or in all. */
struct range {
	struct sums expected, found; /* found: all that is there */
	struct sums once; /* of found, less what was there shortly before: it may be a repeat */
	uint64_t keyed;	  /* of the expected */
	uint32_t feeder;  /* the source partition that they come from, plus one; 0: none yet */
	uint8_t state;
};

/* What the sums of a range say. */
enum verdict {
	VERDICT_DIFFERENT,
	VERDICT_REPEATED, /* all is there, and records that were there shortly before, again */
	VERDICT_SAME
};

struct topic {
	char *name;
	size_t slots; /* ranges a row, a power of two */
	struct range **rows;
	uint32_t lanes, lane_size, row_lanes; /* a key's lane: its place modulo lanes, by lane_size;
						 so many a partition */
	size_t row_count; /* row 0: what may be in any partition; then lanes of them for each
			     partition. NULL: none yet */
	bool knows_keyed, knows_keyless, has_records;
	struct audit_sum sum;
	struct lineup_topic facts;
	uint64_t differences;	   /* of kinds that are not tolerated */
	size_t cursors[2];	   /* ranges before them were chosen, by enum verdict */
	struct sums chosen, given; /* of this look: what the first saw, and what came now */
	bool is_wanted;		   /* in this look */
};

struct audit {
	struct audit_options options;
	struct topic *topics;
	size_t count, capacity;
	uint32_t last; /* found last */
	struct newer *newer;
	uint64_t *recent;    /* what was found last, by the ends of their hashes */
	size_t recent_count; /* a power of two */
	uint64_t newer_count;
	struct lineup *lineup;
	size_t room; /* of the line-up, for what is chosen */
	int look;    /* from 0 */
	bool is_full;
	struct range *split; /* the only one of this look, of which a part is taken; NULL: none */
	uint64_t parts, part;
	lineup_fn *fn;
	void *arg;
};

struct audit *
audit_new(const struct audit_options *options)
{
	struct audit *a = mem_zero(1, sizeof(*a));

	a->options = *options;
	a->recent_count = 1024;
	while (a->recent_count * 2 * sizeof(*a->recent) <= (size_t)options->memory / 8)
		a->recent_count *= 2;
	a->recent = mem_zero(a->recent_count, sizeof(*a->recent));
	a->newer = newer_new((size_t)options->memory / 4);
	a->lineup = lineup_new((size_t)options->memory / 2 / sizeof(struct lineup_entry));
	a->room = lineup_capacity(a->lineup);
	return a;
}

void
audit_free(struct audit **audit)
{
	struct audit *a = *audit;

	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++) {
		for (size_t row = 0; row < a->topics[i].row_count; row++)
			free(a->topics[i].rows[row]);
		free(a->topics[i].rows);
		free(a->topics[i].name);
	}
	free(a->topics);
	free(a->recent);
	newer_free(&a->newer);
	lineup_free(&a->lineup);
	free(a);
	*audit = NULL;
}

/* How many ranges a row of a topic gets. */
static size_t
choose_slots(const struct audit *a, size_t rows, uint64_t records)
{
	size_t topics = a->options.topics > a->count ? a->options.topics : a->count + 1;
	size_t most = (size_t)a->options.memory / 4 / topics / rows / sizeof(struct range);
	uint64_t wanted = records / rows / SLOT_RECORDS;
	size_t slots = SLOTS_LEAST;

	while (slots < SLOTS_MOST && slots * 2 <= most && slots < wanted)
		slots *= 2;
	return slots;
}

uint32_t
audit_find_topic(const struct audit *a, const char *name)
{
	if (a->last < a->count && !strcmp(a->topics[a->last].name, name))
		return a->last;
	for (size_t i = 0; i < a->count; i++)
		if (!strcmp(a->topics[i].name, name))
			return (uint32_t)i;
	return UINT32_MAX;
}

static uint32_t
common_divisor(uint32_t a, uint32_t b)
{
	uint32_t rest;

	for (; b > 0; b = rest) {
		rest = a % b;
		a = b;
	}
	return a;
}

/* Room for the rows of a topic that has no records yet. */
static void
lay_out(struct audit *a, struct topic *t, int32_t partitions, int32_t lanes, uint64_t records)
{
	uint32_t count = partitions > 0 ? (uint32_t)partitions : 0;

	t->lanes = t->lane_size = t->row_lanes = 1;
	if (count > 0 && lanes > 1) {
		/* The partition tells the lane already, up to the common divisor of both counts. */
		uint32_t size = common_divisor(count, (uint32_t)lanes);

		if ((uint64_t)count * ((uint32_t)lanes / size) <= ROWS_MOST) {
			t->lanes = (uint32_t)lanes;
			t->lane_size = size;
			t->row_lanes = t->lanes / size;
		}
	}
	free(t->rows);
	t->row_count = (size_t)count * t->row_lanes + 1;
	t->rows = mem_zero(t->row_count, sizeof(*t->rows));
	t->slots = choose_slots(a, t->row_count, records);
}

uint32_t
audit_topic(struct audit *a, const char *name, int32_t partitions, int32_t lanes, uint64_t records,
	bool knows_keyed, bool knows_keyless)
{
	uint32_t i = audit_find_topic(a, name);
	struct topic *t;

	if (i == UINT32_MAX) {
		i = (uint32_t)a->count;
		a->topics = mem_grow(a->topics, &a->capacity, a->count, sizeof(*a->topics));
		a->topics[a->count] = (struct topic){.name = mem_strdup(name),
			.knows_keyed = !a->options.ignores_partitions,
			.knows_keyless = !a->options.ignores_partitions};
		lay_out(a, &a->topics[i], partitions, lanes, records);
		a->count++;
	} else if (a->topics[i].row_lanes > 1 && !a->topics[i].has_records) {
		/* Another topic goes there too: its keys may be those of any lane. */
		lay_out(a, &a->topics[i], partitions, 1, records);
	}
	t = &a->topics[i];
	t->knows_keyed = t->knows_keyed && knows_keyed;
	t->knows_keyless = t->knows_keyless && knows_keyless;
	a->last = i;
	return i;
}

size_t
audit_topic_count(const struct audit *a)
{
	return a->count;
}

const char *
audit_topic_name(const struct audit *a, uint32_t topic)
{
	return a->topics[topic].name;
}

void
audit_set_facts(struct audit *a, uint32_t topic, const struct lineup_topic *facts)
{
	a->topics[topic].facts = *facts;
}

/* The range of keys that a record belongs to, made when it is the first of its row. partition: -1
   any. */
static struct range *
range_of(struct topic *t, const struct fingerprint *fp, int32_t partition)
{
	bool is_known = fp->has_key ? t->knows_keyed : t->knows_keyless;
	size_t row = 0, had = t->row_count;

	t->has_records = true;
	if (is_known && partition >= 0)
		row = (size_t)partition * t->row_lanes + fp->place % t->lanes / t->lane_size + 1;
	if (row >= had) {
		t->row_count = row + 1;
		t->rows = mem_resize(t->rows, t->row_count, sizeof(*t->rows));
		memset(t->rows + had, 0, (t->row_count - had) * sizeof(*t->rows));
	}
	if (!t->rows[row])
		t->rows[row] = mem_zero(t->slots, sizeof(struct range));
	return &t->rows[row][(fp->has_key ? fp->key : fp->bare) & (t->slots - 1)];
}

static void
sums_add(struct sums *s, const struct fingerprint *fp)
{
	uint64_t before = s->content[0];

	s->count++;
	s->content[0] += fp->content[0];
	s->content[1] += fp->content[1] + (s->content[0] < before);
	s->bare += fp->bare;
	if (fp->has_key)
		s->chain = s->chain * 0x9e3779b97f4a7c15u + fingerprint_mix(fp->bare);
}

static bool
compares_timestamps(const struct audit *a, const struct topic *t)
{
	return !a->options.ignores_timestamps && !t->sum.is_append;
}

/* Is this record looked at in this look? */
static bool
is_chosen(const struct audit *a, const struct range *range, uint64_t content)
{
	return range->state == RANGE_CHOSEN &&
	       (range != a->split || (content >> 32) % a->parts == a->part);
}

/* A record for the line-up, if its range was chosen. */
static void
line_up(struct audit *a, uint32_t topic, const struct fingerprint *fp, struct lineup_entry *entry)
{
	struct topic *t = &a->topics[topic];
	bool has_time = compares_timestamps(a, t);
	uint64_t content = has_time ? fp->content[0] : fp->bare;

	if (!is_chosen(a, range_of(t, fp, entry->partition), content))
		return;
	/* Records without a key that have the same timestamp may be one that was changed. */
	entry->group = fp->has_key ? fp->key
		       : !has_time ? fp->bare
				   : fingerprint_mix((uint64_t)fp->timestamp + 1);
	entry->content = content;
	entry->timestamp = has_time ? fp->timestamp : 0;
	entry->topic = topic;
	entry->key_size = fp->key_size;
	entry->value_size = fp->value_size;
	entry->has_key = fp->has_key;
	if (a->options.ignores_partitions && entry->side != LINEUP_FOUND)
		entry->partition = EXPECT_ANY;
	if (!lineup_add(a->lineup, entry))
		a->is_full = true;
	if (entry->side == LINEUP_REQUIRED)
		sums_add(&t->given, fp);
}

void
audit_expected(
	struct audit *a, uint32_t topic, const struct expected *x, uint32_t feeder, bool is_newer)
{
	struct topic *t = &a->topics[topic];
	struct lineup_entry entry = {.offset = x->offset,
		.range = feeder,
		.partition = x->partition,
		.nth = (uint16_t)x->nth,
		.side = is_newer ? LINEUP_NEWER : LINEUP_REQUIRED};
	struct range *range;

	if (a->look > 0) {
		line_up(a, topic, &x->fingerprint, &entry);
		return;
	}
	if (is_newer) {
		t->sum.newer++;
		a->newer_count++;
		if (!newer_add(a->newer, x->fingerprint.bare ^ fingerprint_mix(topic + 1)))
			t->sum.untold++;
		return;
	}
	range = range_of(t, &x->fingerprint, x->partition);
	sums_add(&range->expected, &x->fingerprint);
	range->keyed += x->fingerprint.has_key;
	if (range->feeder != feeder + 1)
		range->feeder = range->feeder == 0 ? feeder + 1 : FEEDER_MIXED;
	t->sum.expected++;
	t->sum.unplaced += x->fingerprint.has_key && (x->partition < 0 || !t->knows_keyed);
}

/* Was a record with this content in this topic and partition there shortly before? What is sent
   again after a stop was. */
static bool
is_repeat(struct audit *a, uint32_t topic, const struct fingerprint *fp, int32_t partition)
{
	uint64_t place = fingerprint_mix((uint64_t)topic << 32 | (uint32_t)partition);
	uint64_t hash =
		(compares_timestamps(a, &a->topics[topic]) ? fp->content[1] : fp->bare) ^ place;
	uint64_t *set = &a->recent[hash & (a->recent_count - 1) & ~(uint64_t)(RECENT_WAYS - 1)];
	bool is_there = false;

	for (int i = 0; i < RECENT_WAYS; i++)
		is_there = is_there || set[i] == hash;
	if (!is_there) {
		memmove(set + 1, set, (RECENT_WAYS - 1) * sizeof(*set));
		set[0] = hash;
	}
	return is_there;
}

void
audit_found(struct audit *a, uint32_t topic, const struct fingerprint *fp, int32_t partition,
	uint32_t from, int64_t offset, bool is_append)
{
	struct topic *t = &a->topics[topic];
	struct lineup_entry entry = {
		.offset = offset, .range = from, .partition = partition, .side = LINEUP_FOUND};
	struct range *range;

	if (a->look > 0) {
		line_up(a, topic, fp, &entry);
		return;
	}
	t->sum.is_append = t->sum.is_append || is_append;
	if (newer_take(a->newer, fp->bare ^ fingerprint_mix(topic + 1)))
		return;
	t->sum.found++;
	range = range_of(t, fp, partition);
	sums_add(&range->found, fp);
	if (!is_repeat(a, topic, fp, partition))
		sums_add(&range->once, fp);
}

/* Are the sums of one side those of the other? */
static bool
is_same(const struct audit *a, const struct topic *t, size_t row, const struct range *r,
	const struct sums *there)
{
	const struct sums *x = &r->expected;

	if (x->count != there->count || x->bare != there->bare)
		return false;
	if (compares_timestamps(a, t) &&
		(x->content[0] != there->content[0] || x->content[1] != there->content[1]))
		return false;
	return row == 0 || r->feeder == FEEDER_MIXED || x->chain == there->chain;
}

/* Records that are alike at the source are repeats for the target as well: so what is there counts
   as a whole first. */
static enum verdict
judge(const struct audit *a, const struct topic *t, size_t row, const struct range *r)
{
	return is_same(a, t, row, r, &r->found)	 ? VERDICT_SAME
	       : is_same(a, t, row, r, &r->once) ? VERDICT_REPEATED
						 : VERDICT_DIFFERENT;
}

/* Sums do not tell whether its keys' order was kept: several partitions come together here, or it
   is spread over several. */
static bool
is_unordered(size_t row, const struct range *r)
{
	return r->keyed > 1 && (row == 0 || r->feeder == FEEDER_MIXED);
}

/* The i-th range of a topic: the same keys of all partitions come one after the other, so that
   what is in the wrong one is found. NULL: its row is empty. */
static struct range *
range_at(const struct topic *t, size_t i, size_t *ret_row)
{
	*ret_row = i % t->row_count;
	return t->rows[*ret_row] ? &t->rows[*ret_row][i / t->row_count] : NULL;
}

static size_t
range_count(const struct topic *t)
{
	return t->slots * t->row_count;
}

static void
choose(struct audit *a, struct topic *t, struct range *r)
{
	r->state = RANGE_CHOSEN;
	t->is_wanted = true;
	for (int i = 0; i < 2; i++)
		t->chosen.content[i] += r->expected.content[i];
	t->chosen.content[1] += t->chosen.content[0] < r->expected.content[0];
	t->chosen.count += r->expected.count;
	a->split = NULL;
}

/* The next range of a topic with this verdict that was not looked into, and is not larger than
   room. NULL: none, or the next one is larger, which *ret_larger gets. */
static struct range *
next_range(struct audit *a, struct topic *t, enum verdict verdict, uint64_t room,
	struct range **ret_larger)
{
	size_t *cursor = &t->cursors[verdict], row;

	*ret_larger = NULL;
	for (; *cursor < range_count(t); ++*cursor) {
		struct range *r = range_at(t, *cursor, &row);

		if (!r || r->state != RANGE_WAITING || judge(a, t, row, r) != verdict)
			continue;
		if (r->expected.count + r->found.count > room) {
			*ret_larger = r;
			return NULL;
		}
		++*cursor;
		return r;
	}
	return NULL;
}

/* A range that is too large to be looked at as a whole: its records are taken by the ends of their
   hashes, one part a look. */
static void
choose_part(struct audit *a, struct topic *t, struct range *r)
{
	uint64_t room = a->room * 2 / 3 + 1;

	choose(a, t, r);
	a->split = r;
	a->part = 0;
	a->parts = (r->expected.count + r->found.count) / room + 2;
}

/* Takes one range after the other from each topic in turn, while there is room. */
static uint64_t
choose_by_verdict(struct audit *a, enum verdict verdict, uint64_t room)
{
	struct range *larger = NULL, *range;
	struct topic *larger_of = NULL;
	uint64_t taken = 0;
	bool is_taken = true;

	while (is_taken) {
		is_taken = false;
		for (size_t i = 0; i < a->count; i++) {
			struct topic *t = &a->topics[i];

			if (t->differences >= a->options.limit)
				continue;
			range = next_range(a, t, verdict, room - taken, &larger);
			if (range) {
				taken += range->expected.count + range->found.count;
				choose(a, t, range);
				is_taken = true;
			} else if (larger) {
				larger_of = t;
			}
		}
	}
	if (taken > 0 || !larger_of || verdict != VERDICT_DIFFERENT)
		return taken;
	next_range(a, larger_of, verdict, room, &larger);
	choose_part(a, larger_of, larger);
	return room;
}

/* The room that is left goes to ranges whose order the sums do not tell. */
static uint64_t
choose_unordered(struct audit *a, uint64_t room)
{
	uint64_t taken = 0;
	size_t row;

	for (size_t i = 0; i < a->count; i++) {
		struct topic *t = &a->topics[i];

		for (size_t n = 0; n < range_count(t); n++) {
			struct range *r = range_at(t, n, &row);
			uint64_t size = r ? r->expected.count + r->found.count : 0;

			if (!r || r->state != RANGE_WAITING || !is_unordered(row, r) ||
				judge(a, t, row, r) != VERDICT_SAME || size > room - taken)
				continue;
			choose(a, t, r);
			taken += size;
		}
	}
	return taken;
}

/* Chooses for the next look. Newer records may come as well, and be there. */
static bool
choose_ranges(struct audit *a)
{
	uint64_t newer = a->newer_count * 2, room = a->room;
	uint64_t taken;

	a->split = NULL;
	room -= newer < room / 2 ? newer : room / 2;
	taken = choose_by_verdict(a, VERDICT_DIFFERENT, room);
	/* Repeats are counted already: what is looked into is where some of them stand. */
	if (!a->split && taken < room && !a->options.tolerates[FINDING_DUPLICATED])
		taken += choose_by_verdict(a, VERDICT_REPEATED, room - taken);
	if (a->look == 0 && !a->split)
		taken += choose_unordered(a, room - taken);
	return taken > 0;
}

static void
on_finding(const struct finding *f, void *arg)
{
	struct audit *a = arg;
	struct topic *t = &a->topics[f->expected ? f->expected->topic : f->found->topic];

	t->sum.kinds[f->kind]++;
	t->differences += !a->options.tolerates[f->kind];
	a->fn(f, a->arg);
}

/* Chosen ranges become others. */
static void
release(struct audit *a, enum range_state state)
{
	size_t row;

	for (size_t i = 0; i < a->count; i++) {
		struct topic *t = &a->topics[i];

		for (size_t n = 0; t->is_wanted && n < range_count(t); n++) {
			struct range *r = range_at(t, n, &row);

			if (r && r->state == RANGE_CHOSEN)
				r->state = (uint8_t)state;
		}
		if (t->is_wanted && state == RANGE_WAITING)
			memset(t->cursors, 0, sizeof(t->cursors));
		t->is_wanted = false;
		t->chosen = t->given = (struct sums){0};
	}
}

/* A topic's script, or its log, does not give the same a second time. */
static void
check_given(struct audit *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct topic *t = &a->topics[i];

		if (t->is_wanted && !a->split &&
			(t->given.count != t->chosen.count ||
				t->given.content[0] != t->chosen.content[0]))
			t->sum.is_changing = true;
	}
}

/* Compares what a second look collected. Returns true when the same ranges go on with another part.
 */
static bool
compare(struct audit *a)
{
	struct lineup_topic *facts = mem_zero(a->count, sizeof(*facts));

	for (size_t i = 0; i < a->count; i++)
		facts[i] = a->topics[i].facts;
	check_given(a);
	lineup_match(a->lineup, facts, on_finding, a);
	free(facts);
	return a->split && ++a->part < a->parts;
}

bool
audit_next_look(struct audit *a, lineup_fn *fn, void *arg)
{
	a->fn = fn;
	a->arg = arg;
	if (a->is_full) {
		/* More came than the first look saw: less is chosen the next time. */
		lineup_clear(a->lineup);
		a->is_full = false;
		a->room /= 2;
		release(a, RANGE_WAITING);
	} else if (a->look > 0) {
		if (compare(a))
			return true;
		release(a, RANGE_LOOKED);
	}
	if (!choose_ranges(a))
		return false;
	a->look++;
	return true;
}

bool
audit_wants_topic(const struct audit *a, uint32_t topic)
{
	return a->look == 0 || a->topics[topic].is_wanted;
}

const struct audit_sum *
audit_sum(struct audit *a, uint32_t topic)
{
	struct topic *t = &a->topics[topic];
	size_t row;

	t->sum.ranges = t->sum.differing = t->sum.looked = 0;
	t->sum.unordered = t->sum.repeated = 0;
	for (size_t n = 0; n < range_count(t); n++) {
		const struct range *r = range_at(t, n, &row);
		enum verdict verdict = r ? judge(a, t, row, r) : VERDICT_SAME;
		bool is_different = verdict == VERDICT_DIFFERENT;

		if (!r || r->expected.count + r->found.count == 0)
			continue;
		if (verdict == VERDICT_REPEATED && r->state != RANGE_LOOKED)
			t->sum.repeated += r->found.count - r->once.count;
		t->sum.ranges++;
		t->sum.differing += is_different;
		t->sum.looked += is_different && r->state == RANGE_LOOKED;
		if (r->state != RANGE_LOOKED && is_unordered(row, r))
			t->sum.unordered += r->keyed;
	}
	return &t->sum;
}
