/* A pass over the consumer groups of the source: their offsets, translated, and written at the
 * target. */
#include "service/group_pass.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "mirror/topics.h"

#define CALL_MS 5000
/* Rows of the document; the others are counted. */
#define ROWS_MOST 20000

/* What became of one group's offset in one target partition. */
enum fate {
	FATE_UNKNOWN,	/* nothing could be said */
	FATE_ELSEWHERE, /* another agent of the mirror's group writes it */
	FATE_SAME,	/* it is there already */
	FATE_AHEAD,	/* the group is further at the target */
	FATE_DUE,	/* to be written */
	FATE_WRITTEN,
	FATE_MEMBERS, /* the group has members at the target */
	FATE_FAILED
};

static const char *const fate_names[] = {
	"unknown", "elsewhere", "same", "ahead", "due", "written", "members", "failed"};

struct outcome {
	struct offset_answer answer;
	int64_t there; /* at the target, -1: nothing */
	enum fate fate;
};

struct group {
	struct group *next;
	char *name;
	bool is_seen;		     /* in this pass */
	int64_t *committed, *before; /* by leaf: now, and when all was written last */
	size_t leaves;
	int64_t *written; /* by place: by us; -1: nothing */
	size_t places;
	struct outcome *outcomes; /* by place */
	char *error;		  /* NULL: none */
};

struct group_pass {
	const struct config *config;
	const atomic_bool *must_stop;
	struct topics *filter;
	struct group_names named; /* groups that the expression names one by one */
	bool is_listed;		  /* others may match as well */
	struct group *groups;
	int64_t *ends; /* of source partitions, by leaf; -1: not known */
	size_t leaves;
	int64_t at; /* clock_wall_ms of the last pass, 0: none */
	struct text rows;
	size_t row_count;
	unsigned qualities[OFFSET_UNKNOWN + 1]; /* of all rows */
};

/* Alternatives of plain names are groups by name; anything else asks for the list. */
static void
find_named(struct group_pass *p, const char *expression)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._-";
	const char *at = expression;

	while (*at) {
		size_t n = strcspn(at, "|");

		if (n == 0 || strspn(at, plain) < n) {
			p->is_listed = true;
		} else {
			p->named.items = mem_resize(
				p->named.items, p->named.count + 1, sizeof(*p->named.items));
			p->named.items[p->named.count++] = mem_strndup(at, n);
		}
		at += n + (at[n] == '|');
	}
}

struct group_pass *
group_pass_new(const struct config *config, const atomic_bool *must_stop, struct err *err)
{
	struct group_pass *p = mem_zero(1, sizeof(*p));

	p->config = config;
	p->must_stop = must_stop;
	p->filter = topics_new(config->groups.sync, false, false, err);
	if (!p->filter) {
		free(p);
		err_prefix(err, "groups.sync: ");
		return NULL;
	}
	find_named(p, topics_text(p->filter));
	return p;
}

static void
free_group(struct group *g)
{
	free(g->name);
	free(g->committed);
	free(g->before);
	free(g->written);
	free(g->outcomes);
	free(g->error);
	free(g);
}

void
group_pass_free(struct group_pass **pass)
{
	struct group_pass *p = *pass;

	if (!p)
		return;
	for (struct group *g = p->groups, *next; g; g = next) {
		next = g->next;
		free_group(g);
	}
	topics_free(&p->filter);
	group_names_free(&p->named);
	free(p->ends);
	text_fini(&p->rows);
	free(p);
	*pass = NULL;
}

static int64_t *
grow(int64_t *array, size_t from, size_t to)
{
	array = mem_resize(array, to + 1, sizeof(*array));
	for (size_t i = from; i < to; i++)
		array[i] = -1;
	return array;
}

static struct group *
get_group(struct group_pass *p, const char *name)
{
	struct group *g;

	for (g = p->groups; g; g = g->next)
		if (!strcmp(g->name, name))
			return g;
	g = mem_zero(1, sizeof(*g));
	g->name = mem_strdup(name);
	g->next = p->groups;
	p->groups = g;
	return g;
}

/* There may be more leaves and places than the last time. */
static void
fit(struct group *g, const struct atlas *atlas)
{
	size_t leaves = atlas_leaves(atlas), places = atlas_places(atlas);

	g->committed = grow(g->committed, g->leaves, leaves);
	g->before = grow(g->before, g->leaves, leaves);
	g->leaves = leaves;
	g->written = grow(g->written, g->places, places);
	g->outcomes = mem_resize(g->outcomes, places + 1, sizeof(*g->outcomes));
	g->places = places;
}

static void
set_error(struct group *g, const struct err *err)
{
	free(g->error);
	g->error = err ? mem_strdup(err->text) : NULL;
}

/* All source partitions, for a call that fills offsets. @gives an array */
static struct topic_partition *
all_leaves(const struct atlas *atlas)
{
	size_t count = atlas_leaves(atlas);
	struct topic_partition *positions = mem_zero(count + 1, sizeof(*positions));

	for (size_t i = 0; i < count; i++) {
		const struct leaf *leaf = atlas_leaf(atlas, i);

		positions[i] = (struct topic_partition){leaf->topic, leaf->partition, -1};
	}
	return positions;
}

static void
read_group(struct group_pass *p, struct admin *source, const struct atlas *atlas, const char *name)
{
	struct topic_partition *positions = all_leaves(atlas);
	struct group *g = get_group(p, name);
	struct err err;

	fit(g, atlas);
	g->is_seen = true;
	if (group_offsets_read(source, name, CALL_MS, positions, g->leaves, &err) < 0)
		set_error(g, &err);
	else
		set_error(g, NULL);
	for (size_t i = 0; i < g->leaves; i++)
		g->committed[i] = g->error ? -1 : positions[i].offset;
	free(positions);
}

/* The mirror's own group goes its own way. */
static bool
is_wanted(struct group_pass *p, const char *name)
{
	return strcmp(name, p->config->source.group_id) != 0 &&
	       topics_match(p->filter, name, NULL) == 1;
}

static void
forget_unseen(struct group_pass *p)
{
	struct group **link = &p->groups, *g;

	while ((g = *link)) {
		if (g->is_seen) {
			link = &g->next;
			continue;
		}
		*link = g->next;
		free_group(g);
	}
}

int
group_pass_read(
	struct group_pass *p, struct admin *source, const struct atlas *atlas, struct err *err)
{
	struct group_names listed = {0};
	int rc = 0;

	if (atlas_leaves(atlas) == 0)
		return 0;
	if (p->is_listed)
		rc = group_offsets_list(source, CALL_MS, &listed, err);
	for (struct group *g = p->groups; g; g = g->next)
		g->is_seen = rc < 0;
	for (size_t i = 0; i < p->named.count && !atomic_load(p->must_stop); i++)
		if (is_wanted(p, p->named.items[i]))
			read_group(p, source, atlas, p->named.items[i]);
	for (size_t i = 0; i < listed.count && !atomic_load(p->must_stop); i++)
		if (is_wanted(p, listed.items[i]))
			read_group(p, source, atlas, listed.items[i]);
	group_names_free(&listed);
	forget_unseen(p);
	return rc;
}

static bool
has_offsets(const struct group *g)
{
	for (size_t i = 0; i < g->leaves; i++)
		if (g->committed[i] >= 0)
			return true;
	return false;
}

/* Is one of our streams among those that feed the place? Else another agent writes there. */
static bool
is_ours(const struct place *place)
{
	for (size_t i = 0; i < place->count; i++)
		if (place->feeders[i]->owner == LEAF_OURS)
			return true;
	return false;
}

/* Has somebody set the group back at the source? */
static bool
went_back(const struct group *g, const struct place *place)
{
	for (size_t i = 0; i < place->count; i++) {
		size_t n = place->feeders[i]->number;

		if (g->committed[n] >= 0 && g->committed[n] < g->before[n])
			return true;
	}
	return false;
}

static enum fate
judge(const struct group *g, const struct place *place, const struct outcome *o)
{
	if (o->answer.quality == OFFSET_UNKNOWN)
		return FATE_UNKNOWN;
	if (!is_ours(place))
		return FATE_ELSEWHERE;
	if (o->there == o->answer.next)
		return FATE_SAME;
	if (o->there < o->answer.next ||
		(went_back(g, place) && o->there == g->written[place->number]))
		return FATE_DUE;
	return FATE_AHEAD;
}

/* What the group has at the target. */
static int
read_there(struct group *g, struct admin *target, const struct atlas *atlas)
{
	struct topic_partition *positions = mem_zero(g->places + 1, sizeof(*positions));
	struct err err;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < g->places; i++)
		if (g->outcomes[i].answer.quality != OFFSET_UNKNOWN)
			positions[n++] = (struct topic_partition){
				atlas_place(atlas, i)->topic, atlas_place(atlas, i)->partition, -1};
	if (n > 0)
		rc = group_offsets_read(target, g->name, CALL_MS, positions, n, &err);
	n = 0;
	for (size_t i = 0; i < g->places; i++)
		if (g->outcomes[i].answer.quality != OFFSET_UNKNOWN)
			g->outcomes[i].there = positions[n++].offset;
	free(positions);
	if (rc < 0)
		set_error(g, &err);
	return rc;
}

/* All that is due became this. */
static void
set_fates(struct group *g, enum fate fate)
{
	for (size_t i = 0; i < g->places; i++) {
		struct outcome *o = &g->outcomes[i];

		if (o->fate != FATE_DUE)
			continue;
		o->fate = fate;
		if (fate == FATE_WRITTEN)
			g->written[i] = o->there = o->answer.next;
	}
}

static void
write_due(struct group *g, struct admin *target, const struct atlas *atlas)
{
	struct topic_partition *positions = mem_zero(g->places + 1, sizeof(*positions));
	bool has_members = false;
	struct err err;
	size_t n = 0;

	for (size_t i = 0; i < g->places; i++)
		if (g->outcomes[i].fate == FATE_DUE)
			positions[n++] = (struct topic_partition){atlas_place(atlas, i)->topic,
				atlas_place(atlas, i)->partition, g->outcomes[i].answer.next};
	if (n > 0 && group_offsets_write(
			     target, g->name, CALL_MS, positions, n, &has_members, &err) < 0) {
		set_fates(g, has_members ? FATE_MEMBERS : FATE_FAILED);
		if (!has_members)
			set_error(g, &err);
	} else if (n > 0) {
		set_fates(g, FATE_WRITTEN);
		LOG(EVENT_group_synced, F_STR("group", g->name), F_UINT("partitions", n));
	}
	free(positions);
}

static void
sync_group(struct group *g, struct admin *target, struct atlas *atlas)
{
	const struct place *place;

	fit(g, atlas);
	atlas_ask(atlas, g->committed);
	for (size_t i = 0; (place = atlas_place(atlas, i)); i++)
		g->outcomes[i] = (struct outcome){atlas_translate(atlas, place), -1, FATE_UNKNOWN};
	if (read_there(g, target, atlas) < 0)
		return;
	for (size_t i = 0; (place = atlas_place(atlas, i)); i++)
		g->outcomes[i].fate = judge(g, place, &g->outcomes[i]);
	write_due(g, target, atlas);
}

static bool
has_fate(const struct group *g, enum fate fate)
{
	for (size_t i = 0; i < g->places; i++)
		if (g->outcomes[i].fate == fate)
			return true;
	return false;
}

static void
count_group(struct group *g, struct group_counts *counts)
{
	bool has_members = has_fate(g, FATE_MEMBERS);

	counts->groups++;
	counts->failed += g->error != NULL;
	counts->with_members += has_members;
	if (g->error || has_members)
		return;
	counts->synced++;
	memcpy(g->before, g->committed, g->leaves * sizeof(*g->before));
}

static void
read_ends(struct group_pass *p, struct admin *source, const struct atlas *atlas)
{
	struct topic_partition *positions = all_leaves(atlas);
	struct err err;

	p->leaves = atlas_leaves(atlas);
	p->ends = mem_resize(p->ends, p->leaves + 1, sizeof(*p->ends));
	admin_known_ends(source, CALL_MS, positions, p->leaves, &err);
	for (size_t i = 0; i < p->leaves; i++)
		p->ends[i] = positions[i].offset;
	free(positions);
}

/* A number, or null. */
static void
put_number(struct text *out, const char *name, bool is_known, int64_t number)
{
	if (is_known)
		text_printf(out, "\"%s\":%" PRId64 ",", name, number);
	else
		text_printf(out, "\"%s\":null,", name);
}

/* NULL both: nowhere known. */
static void
put_place(struct text *out, const struct place *place, const struct outcome *o)
{
	bool is_known = o && o->answer.quality != OFFSET_UNKNOWN;

	json_put_field(out, "destination", place ? place->topic : NULL, ",");
	/* Clients of version 1 ask for this name. */
	json_put_field(out, "target_topic", place ? place->topic : NULL, ",");
	put_number(out, "target_partition", place != NULL, place ? place->partition : 0);
	put_number(out, "target_offset", is_known, is_known ? o->answer.next : 0);
	put_number(out, "target_committed", is_known && o->there >= 0, o ? o->there : 0);
}

/* One source partition of a group, and where it goes on; o NULL: nowhere known. */
static void
put_row(struct group_pass *p, const struct group *g, const struct leaf *leaf,
	const struct place *place, enum offset_reason reason)
{
	const struct outcome *o = place ? &g->outcomes[place->number] : NULL;
	int64_t committed = g->committed[leaf->number];
	int64_t end = leaf->number < p->leaves ? p->ends[leaf->number] : -1;

	p->qualities[o ? o->answer.quality : OFFSET_UNKNOWN]++;
	if (p->row_count++ >= ROWS_MOST)
		return;
	text_puts(&p->rows, p->row_count > 1 ? ",{" : "{");
	json_put_field(&p->rows, "group", g->name, ",");
	json_put_field(&p->rows, "topic", leaf->topic, ",");
	text_printf(&p->rows, "\"partition\":%d,\"offset\":%" PRId64 ",", (int)leaf->partition,
		committed);
	if (end >= 0)
		text_printf(
			&p->rows, "\"lag\":%" PRId64 ",", end > committed ? end - committed : 0);
	else
		text_puts(&p->rows, "\"lag\":null,");
	put_place(&p->rows, place, o);
	json_put_field(&p->rows, "quality",
		offset_quality_name(o ? o->answer.quality : OFFSET_UNKNOWN), ",");
	json_put_field(&p->rows, "reason", offset_reason_text(o ? o->answer.reason : reason), ",");
	json_put_field(&p->rows, "state", fate_names[o ? o->fate : FATE_UNKNOWN], "}");
}

/* The places where records of the leaf are known to have gone; or those where none is, and the
   group goes on all the same. Returns whether there is one. */
static bool
put_places_of(struct group_pass *p, const struct group *g, const struct atlas *atlas,
	const struct leaf *leaf, bool has_records)
{
	const struct offset_lane *lane;
	bool has_one = false;

	for (size_t i = 0; (lane = offset_map_lane(leaf->map, i)); i++) {
		const struct place *place = atlas_find_place(atlas, lane->topic, lane->partition);

		if ((lane->count > 0) != has_records ||
			(!has_records && (!place || g->outcomes[place->number].answer.quality ==
							    OFFSET_UNKNOWN)))
			continue;
		put_row(p, g, leaf, place, OFFSET_NOTHING);
		has_one = true;
	}
	return has_one;
}

static void
put_rows_of(struct group_pass *p, const struct group *g, const struct atlas *atlas,
	const struct leaf *leaf)
{
	if (!put_places_of(p, g, atlas, leaf, true) && !put_places_of(p, g, atlas, leaf, false))
		put_row(p, g, leaf, NULL,
			offset_map_span(leaf->map)->begin < 0 ||
					g->committed[leaf->number] <
						offset_map_span(leaf->map)->known
				? OFFSET_BEFORE
				: OFFSET_NOTHING);
}

/* An offset beyond the source's end is of a log that is no more: there the group has read nothing
   of the new one. */
static void
forget_old_logs(const struct group_pass *p, struct group *g)
{
	for (size_t i = 0; i < g->leaves && i < p->leaves; i++)
		if (p->ends[i] >= 0 && g->committed[i] > p->ends[i])
			g->committed[i] = -1;
}

void
group_pass_write(struct group_pass *p, struct admin *source, struct admin *target,
	struct atlas *atlas, struct group_counts *ret)
{
	struct group_counts counts = {0};

	atlas_link(atlas);
	read_ends(p, source, atlas);
	text_fini(&p->rows);
	p->row_count = 0;
	memset(p->qualities, 0, sizeof(p->qualities));
	for (struct group *g = p->groups; g && !atomic_load(p->must_stop); g = g->next) {
		forget_old_logs(p, g);
		if (!has_offsets(g) && !g->error)
			continue;
		if (!g->error)
			sync_group(g, target, atlas);
		count_group(g, &counts);
		for (size_t i = 0; i < g->leaves; i++)
			if (g->committed[i] >= 0)
				put_rows_of(p, g, atlas, atlas_leaf(atlas, i));
	}
	p->at = clock_wall_ms();
	memcpy(counts.qualities, p->qualities, sizeof(counts.qualities));
	*ret = counts;
}

/* What failed for a group. */
static void
put_errors(const struct group_pass *p, struct text *out)
{
	bool has_one = false;

	for (const struct group *g = p->groups; g; g = g->next) {
		if (!g->error)
			continue;
		text_puts(out, has_one ? ",{" : "{");
		json_put_field(out, "group", g->name, ",");
		json_put_field(out, "error", g->error, "}");
		has_one = true;
	}
}

char *
group_pass_document(const struct group_pass *p, const char *reason)
{
	struct text out = {0};

	text_puts(&out, "{");
	json_put_field(&out, "expression", topics_text(p->filter), ",");
	if (p->at > 0)
		text_printf(&out, "\"time_ms\":%" PRId64 ",", p->at);
	else
		text_puts(&out, "\"time_ms\":null,");
	json_put_field(&out, "reason", reason, ",");
	text_printf(&out, "\"left_out\":%zu,\"errors\":[",
		p->row_count > ROWS_MOST ? p->row_count - ROWS_MOST : 0);
	put_errors(p, &out);
	text_puts(&out, "],\"offsets\":[");
	if (p->rows.s)
		text_add(&out, p->rows.s, p->rows.length);
	text_puts(&out, "]}");
	return text_take(&out);
}
