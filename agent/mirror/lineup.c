/* The line-up: records that must be at the target beside those that are there, one by one, to find
   what differs. */
#include "mirror/lineup.h"

#include <stdlib.h>

#include "base/mem.h"

#define NO_MATE UINT32_MAX

struct lineup {
	struct lineup_entry *entries;
	size_t count, capacity;
};

/* The entries of one group, and what is made of them. */
struct group {
	struct lineup_entry *entries; /* of the whole line-up: mates are its indices */
	size_t from, to;
	struct lineup_topic facts;
	size_t differences;
	uint32_t last_range; /* see last_that_counts */
	int64_t last_offset;
	bool last_is_known, last_is_found;
	lineup_fn *fn;
	void *arg;
};

/* Indices of entries. */
struct list {
	uint32_t *items;
	size_t count, capacity;
};

static const char *const names[FINDING_KINDS] = {
	"missing", "duplicated", "different", "reordered", "misplaced", "unexpected", "compacted"};

const char *
finding_name(enum finding_kind kind)
{
	return names[kind];
}

struct lineup *
lineup_new(size_t capacity)
{
	struct lineup *l = mem_zero(1, sizeof(*l));

	l->capacity = capacity < NO_MATE ? capacity : NO_MATE - 1;
	return l;
}

void
lineup_free(struct lineup **lineup)
{
	if (!*lineup)
		return;
	free((*lineup)->entries);
	free(*lineup);
	*lineup = NULL;
}

size_t
lineup_count(const struct lineup *l)
{
	return l->count;
}

size_t
lineup_capacity(const struct lineup *l)
{
	return l->capacity;
}

bool
lineup_add(struct lineup *l, const struct lineup_entry *entry)
{
	if (l->count >= l->capacity)
		return false;
	/* Taken when it is first needed: most comparisons never come here. */
	if (!l->entries)
		l->entries = mem_alloc(l->capacity * sizeof(*l->entries));
	l->entries[l->count] = *entry;
	l->entries[l->count++].mate = NO_MATE;
	return true;
}

void
lineup_clear(struct lineup *l)
{
	l->count = 0;
}

static int
order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
order_signed(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* By partition, and in it as they stand there. */
static int
by_place(const struct lineup_entry *x, const struct lineup_entry *y)
{
	int o = order_signed(x->partition, y->partition);

	o = o ? o : order(x->range, y->range);
	o = o ? o : order_signed(x->offset, y->offset);
	return o ? o : order(x->nth, y->nth);
}

static int
by_content(const void *a, const void *b)
{
	const struct lineup_entry *x = a, *y = b;
	int o = order(x->topic, y->topic);

	o = o ? o : order(x->group, y->group);
	o = o ? o : order(x->content, y->content);
	o = o ? o : order(x->side, y->side);
	return o ? o : by_place(x, y);
}

static void
say(struct group *g, enum finding_kind kind, const struct lineup_entry *expected,
	const struct lineup_entry *found, const struct lineup_entry *before)
{
	const struct finding f = {kind, expected, found, before};

	g->differences++;
	g->fn(&f, g->arg);
}

static void
pair(struct group *g, size_t expected, size_t found)
{
	g->entries[expected].mate = (uint32_t)found;
	g->entries[found].mate = (uint32_t)expected;
}

/* Pairs what is expected in a partition with what is found in that one. Both are sorted by place.
 */
static void
pair_in_place(struct group *g, size_t e, size_t e_end, size_t f, size_t f_end)
{
	while (e < e_end && f < f_end) {
		const struct lineup_entry *x = &g->entries[e], *y = &g->entries[f];

		if (x->mate != NO_MATE || x->partition < y->partition)
			e++;
		else if (y->mate != NO_MATE || x->partition > y->partition)
			f++;
		else
			pair(g, e++, f++);
	}
}

/* Pairs what is left, wherever it is; with only_any what is expected anywhere. */
static void
pair_anywhere(struct group *g, size_t e, size_t e_end, size_t f, size_t f_end, bool only_any)
{
	for (; e < e_end; e++) {
		if (g->entries[e].mate != NO_MATE || (only_any && g->entries[e].partition >= 0))
			continue;
		while (f < f_end && g->entries[f].mate != NO_MATE)
			f++;
		if (f == f_end)
			return;
		pair(g, e, f);
	}
}

/* The first entry of that side, or a higher one. */
static size_t
side_begin(const struct group *g, size_t from, size_t to, uint8_t side)
{
	while (from < to && g->entries[from].side < side)
		from++;
	return from;
}

/* Pairs entries of the same content, and says which are in the wrong partition, and which are
   repeated. */
static void
match_content(struct group *g, size_t from, size_t to)
{
	size_t newer = side_begin(g, from, to, LINEUP_NEWER),
	       found = side_begin(g, newer, to, LINEUP_FOUND);
	struct lineup_entry *e = g->entries;

	pair_in_place(g, from, newer, found, to);
	pair_in_place(g, newer, found, found, to);
	pair_anywhere(g, from, newer, found, to, true);
	pair_anywhere(g, from, newer, found, to, false);
	pair_anywhere(g, newer, found, found, to, false);
	for (size_t i = from; i < newer; i++)
		if (e[i].mate != NO_MATE && e[i].partition >= 0 &&
			e[e[i].mate].partition != e[i].partition)
			say(g, FINDING_MISPLACED, &e[i], &e[e[i].mate], NULL);
	for (size_t i = found; i < to && found > from; i++) {
		if (e[i].mate != NO_MATE)
			continue;
		say(g, FINDING_DUPLICATED, &e[from], &e[i], NULL);
		e[i].mate = (uint32_t)from;
	}
}

static void
list_add(struct list *list, size_t i)
{
	list->items = mem_grow(list->items, &list->capacity, list->count, sizeof(*list->items));
	list->items[list->count++] = (uint32_t)i;
}

/* qsort_r's: which entries. */
static int
list_by_time(const void *a, const void *b, void *entries)
{
	const struct lineup_entry *e = entries, *x = &e[*(const uint32_t *)a],
				  *y = &e[*(const uint32_t *)b];
	int o = order_signed(x->timestamp, y->timestamp);

	return o ? o : by_place(x, y);
}

static int
list_by_place(const void *a, const void *b, void *entries)
{
	const struct lineup_entry *e = entries;

	return by_place(&e[*(const uint32_t *)a], &e[*(const uint32_t *)b]);
}

static int
list_by_offset(const void *a, const void *b, void *entries)
{
	const struct lineup_entry *e = entries, *x = &e[*(const uint32_t *)a],
				  *y = &e[*(const uint32_t *)b];
	int o = order_signed(x->offset, y->offset);

	return o ? o : order(x->nth, y->nth);
}

static bool
can_be_the_same(const struct lineup_entry *expected, const struct lineup_entry *found)
{
	return expected->partition < 0 || expected->partition == found->partition;
}

/* Takes what has a mate now off the list. */
static void
list_clean(const struct group *g, struct list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		if (g->entries[list->items[i]].mate == NO_MATE)
			list->items[n++] = list->items[i];
	list->count = n;
}

static void
pair_different(struct group *g, uint32_t expected, uint32_t found)
{
	say(g, FINDING_DIFFERENT, &g->entries[expected], &g->entries[found], NULL);
	pair(g, expected, found);
}

/* A record that was changed most likely has its timestamp still; otherwise its place among those
   of its key is what it has. */
static void
match_different(struct group *g, struct list *missing, struct list *unexpected)
{
	struct lineup_entry *e = g->entries;

	qsort_r(missing->items, missing->count, sizeof(uint32_t), list_by_time, e);
	qsort_r(unexpected->items, unexpected->count, sizeof(uint32_t), list_by_time, e);
	for (size_t m = 0, u = 0; m < missing->count && u < unexpected->count;) {
		const struct lineup_entry *x = &e[missing->items[m]], *y = &e[unexpected->items[u]];
		int o = order_signed(x->timestamp, y->timestamp);

		if (o == 0 && can_be_the_same(x, y))
			pair_different(g, missing->items[m++], unexpected->items[u++]);
		else if (o < 0 || (o == 0 && x->partition < y->partition))
			m++;
		else
			u++;
	}
	list_clean(g, missing);
	list_clean(g, unexpected);
	if (missing->count == 0 || unexpected->count == 0 || !e[g->from].has_key)
		return;
	qsort_r(missing->items, missing->count, sizeof(uint32_t), list_by_place, e);
	qsort_r(unexpected->items, unexpected->count, sizeof(uint32_t), list_by_place, e);
	for (size_t m = 0, u = 0; m < missing->count && u < unexpected->count;) {
		const struct lineup_entry *x = &e[missing->items[m]], *y = &e[unexpected->items[u]];

		if (can_be_the_same(x, y))
			pair_different(g, missing->items[m++], unexpected->items[u++]);
		else if (x->partition < y->partition)
			m++;
		else
			u++;
	}
	list_clean(g, missing);
	list_clean(g, unexpected);
}

/* Of the records of x's side and partition that the other cluster has too, or that delete their
   key, the offset of the last. What is asked for comes partition by partition. */
static int64_t
last_that_counts(struct group *g, const struct lineup_entry *x)
{
	bool is_found = x->side == LINEUP_FOUND;

	if (g->last_is_known && g->last_range == x->range && g->last_is_found == is_found)
		return g->last_offset;
	g->last_is_known = true;
	g->last_range = x->range;
	g->last_is_found = is_found;
	g->last_offset = -1;
	for (size_t i = g->from; i < g->to; i++) {
		const struct lineup_entry *y = &g->entries[i];

		if ((y->side == LINEUP_FOUND) == is_found && y->range == x->range &&
			(y->mate != NO_MATE || y->value_size == 0) && y->offset > g->last_offset)
			g->last_offset = y->offset;
	}
	return g->last_offset;
}

/* Compaction keeps the last record of a key, and in the end no record of a key whose last one has
   no value. */
static bool
is_compacted(struct group *g, const struct lineup_entry *x)
{
	return x->has_key && (x->value_size == 0 || last_that_counts(g, x) > x->offset);
}

/* Says what has no counterpart. */
static void
match_rest(struct group *g)
{
	struct list missing = {0}, unexpected = {0};
	struct lineup_entry *e = g->entries;

	for (size_t i = g->from; i < g->to; i++) {
		if (e[i].mate != NO_MATE || e[i].side == LINEUP_NEWER)
			continue;
		list_add(e[i].side == LINEUP_FOUND ? &unexpected : &missing, i);
	}
	if (missing.count > 0 && unexpected.count > 0)
		match_different(g, &missing, &unexpected);
	for (size_t i = 0; i < missing.count; i++) {
		const struct lineup_entry *x = &e[missing.items[i]];
		bool is_gone = g->facts.is_target_compacted && is_compacted(g, x);

		say(g, is_gone ? FINDING_COMPACTED : FINDING_MISSING, x, NULL, NULL);
	}
	for (size_t i = 0; i < unexpected.count; i++) {
		const struct lineup_entry *x = &e[unexpected.items[i]];
		bool is_gone = g->facts.is_source_compacted && is_compacted(g, x);

		say(g, is_gone ? FINDING_COMPACTED : FINDING_UNEXPECTED, NULL, x, NULL);
	}
	free(missing.items);
	free(unexpected.items);
}

/* The one that an expected entry was found as stands where: by source partition, target partition,
   and place there. */
static int
list_by_found(const void *a, const void *b, void *entries)
{
	const struct lineup_entry *e = entries, *x = &e[*(const uint32_t *)a],
				  *y = &e[*(const uint32_t *)b];
	int o = order(x->range, y->range);

	return o ? o : by_place(&e[x->mate], &e[y->mate]);
}

static bool
is_before(const struct lineup_entry *x, const struct lineup_entry *y)
{
	return x->offset < y->offset || (x->offset == y->offset && x->nth < y->nth);
}

/* Expected entries that were found, and whose content is theirs alone. */
static void
list_unique(const struct group *g, struct list *list)
{
	const struct lineup_entry *e = g->entries;

	for (size_t i = g->from; i < g->to; i++) {
		bool is_like_before = i > g->from && e[i - 1].content == e[i].content &&
				      e[i - 1].side != LINEUP_FOUND;
		bool is_like_next = i + 1 < g->to && e[i + 1].content == e[i].content &&
				    e[i + 1].side != LINEUP_FOUND;

		if (e[i].side != LINEUP_FOUND && e[i].mate != NO_MATE && !is_like_before &&
			!is_like_next && e[e[i].mate].content == e[i].content)
			list_add(list, i);
	}
}

/* Says which of them stand behind a later one. */
static void
match_order(struct group *g)
{
	struct list list = {0};
	const struct lineup_entry *e = g->entries, *last = NULL;

	list_unique(g, &list);
	if (list.count > 0)
		qsort_r(list.items, list.count, sizeof(uint32_t), list_by_found, g->entries);
	for (size_t i = 0; i < list.count; i++) {
		const struct lineup_entry *x = &e[list.items[i]];

		if (!last || last->range != x->range ||
			e[last->mate].partition != e[x->mate].partition || is_before(last, x))
			last = x;
		else
			say(g, FINDING_REORDERED, x, &e[x->mate], last);
	}
	free(list.items);
}

/* Where nothing else differs, and all come from one partition and are in one, the contents must be
   the same one after the other, repeated ones too. */
static void
match_sequence(struct group *g)
{
	struct list expected = {0}, found = {0};
	struct lineup_entry *e = g->entries;
	uint32_t range = UINT32_MAX;
	bool is_single = true;

	for (size_t i = g->from; i < g->to; i++) {
		if (e[i].mate == NO_MATE)
			continue;
		list_add(e[i].side == LINEUP_FOUND ? &found : &expected, i);
		if (e[i].side == LINEUP_FOUND)
			is_single = is_single && e[i].partition == e[found.items[0]].partition;
		else
			is_single = is_single && (range == UINT32_MAX || range == e[i].range);
		range = e[i].side == LINEUP_FOUND ? range : e[i].range;
	}
	if (is_single && expected.count == found.count && found.count > 1) {
		qsort_r(expected.items, expected.count, sizeof(uint32_t), list_by_offset, e);
		qsort_r(found.items, found.count, sizeof(uint32_t), list_by_offset, e);
		for (size_t i = 0; i < found.count; i++) {
			const struct lineup_entry *x = &e[expected.items[i]],
						  *y = &e[found.items[i]];

			if (x->content == y->content)
				continue;
			say(g, FINDING_REORDERED, x, &e[x->mate], &e[y->mate]);
			break;
		}
	}
	free(expected.items);
	free(found.items);
}

static void
match_group(struct group *g)
{
	size_t from = g->from, to;

	for (; from < g->to; from = to) {
		for (to = from + 1;
			to < g->to && g->entries[to].content == g->entries[from].content;)
			to++;
		match_content(g, from, to);
	}
	match_rest(g);
	if (!g->entries[g->from].has_key)
		return;
	match_order(g);
	if (g->differences == 0)
		match_sequence(g);
}

void
lineup_match(struct lineup *l, const struct lineup_topic *topics, lineup_fn *fn, void *arg)
{
	struct lineup_entry *e = l->entries;
	size_t to;

	if (l->count > 0)
		qsort(e, l->count, sizeof(*e), by_content);
	for (size_t from = 0; from < l->count; from = to) {
		struct group g = {.entries = e,
			.from = from,
			.facts = topics[e[from].topic],
			.fn = fn,
			.arg = arg};

		for (to = from + 1; to < l->count && e[to].topic == e[from].topic &&
				    e[to].group == e[from].group;)
			to++;
		g.to = to;
		match_group(&g);
	}
	lineup_clear(l);
}
