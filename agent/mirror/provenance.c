/* Provenance: the header in which a mirrored record carries where it came from. */
#include "mirror/provenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "kafka/record.h"

#define TOPIC_MOST 249
/* "topic:partition@offset" with the longest numbers, 10 and 19 digits. */
#define PLACE_MOST (TOPIC_MOST + 1 + 10 + 1 + 19)
/* A hop with a sign on both sides. */
#define HOP_MOST (ORIGIN_NAME_MOST + 1 + PLACE_MOST + 1)

struct provenance {
	const char *header;
	bool marks, drops;
	size_t places_most;
	struct provenance_clusters clusters;
	char text[PROVENANCE_HOPS_MOST * HOP_MOST + 1];
};

/* Takes the user's name, or the id. Both ids are asked for, or none is. */
static int
name_cluster(char name[ORIGIN_NAME_MOST + 1], const char *given, const char *id, const char *side,
	const char *what_for, struct err *err)
{
	const char *chosen = given ? given : id;

	if (!chosen)
		return 0;
	if (!*chosen)
		return err_set(err,
			"%s needs a name for the %s cluster, whose brokers tell no id (they are "
			"older than 0.10.1): write provenance.%s=NAME, the same in all mirrors",
			what_for, side, side);
	if (!origin_is_name(chosen, strlen(chosen)))
		return err_set(err,
			"%s needs another name for the %s cluster than its id '%s', which is not 1 "
			"to %d letters, digits, dots, dashes and underscores: write "
			"provenance.%s=NAME, the same in all mirrors",
			what_for, side, chosen, ORIGIN_NAME_MOST, side);
	snprintf(name, ORIGIN_NAME_MOST + 1, "%s", chosen);
	return 0;
}

int
provenance_name_clusters(const struct config *config, const char *source_id, const char *target_id,
	struct provenance_clusters *ret, struct err *err)
{
	const struct config_mirror *m = &config->mirror;

	memset(ret, 0, sizeof(*ret));
	if (m->provenance && name_cluster(ret->source, m->provenance_source, source_id, "source",
				     "provenance=true", err) < 0)
		return -1;
	if (!m->loop_drop)
		return 0;
	/* Not needed for itself, but it tells records that have gone round. */
	if (!m->provenance && m->provenance_source)
		snprintf(ret->source, sizeof(ret->source), "%s", m->provenance_source);
	if (name_cluster(ret->target, m->provenance_target, target_id, "target", "loop.drop=true",
		    err) < 0)
		return -1;
	if (target_id && origin_is_name(target_id, strlen(target_id)))
		snprintf(ret->target_id, sizeof(ret->target_id), "%s", target_id);
	if (source_id && target_id && *source_id && !strcmp(source_id, target_id))
		return err_set(err,
			"loop.drop=true has nothing to tell apart: source and target are the same "
			"cluster, %s; check bootstrap.servers of both files, or leave it out",
			source_id);
	if (*ret->target && !strcmp(ret->source, ret->target))
		return err_set(err,
			"loop.drop=true has nothing to tell apart: source and target are both "
			"called %s; give each a name of its own with provenance.source and "
			"provenance.target",
			ret->source);
	return 0;
}

bool
provenance_needs_target(const struct config *config)
{
	return config->mirror.loop_drop && !config->mirror.provenance_target;
}

/* A number from 0 to most without zeros in front, at *at; moves it behind. */
static bool
skip_number(const char **at, const char *end, uint64_t most)
{
	const char *s = *at;
	uint64_t number = 0;

	while (s < end && *s >= '0' && *s <= '9') {
		unsigned digit = (unsigned)(*s++ - '0');

		if (number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (s == *at || (**at == '0' && s > *at + 1))
		return false;
	*at = s;
	return true;
}

/* "topic:partition@offset" */
static bool
is_place(const char *place, size_t size)
{
	const char *end = place + size, *at = memchr(place, ':', size);
	char topic[TOPIC_MOST + 1];

	if (!at || at - place > TOPIC_MOST)
		return false;
	memcpy(topic, place, (size_t)(at - place));
	topic[at - place] = '\0';
	/* A NUL would end the name early. */
	if (strlen(topic) != (size_t)(at - place) || !parse_is_topic_name(topic))
		return false;
	at++;
	if (!skip_number(&at, end, INT32_MAX) || at == end || *at++ != '@')
		return false;
	return skip_number(&at, end, INT64_MAX) && at == end;
}

static bool
parse_hop(const char *text, size_t size, struct provenance_hop *ret)
{
	const char *slash = size ? memchr(text, '/', size) : NULL;
	size_t name = slash ? (size_t)(slash - text) : size;

	if (!origin_is_name(text, name) || size > HOP_MOST)
		return false;
	*ret = (struct provenance_hop){.cluster = text, .cluster_size = (uint16_t)name};
	if (!slash)
		return true;
	ret->place = slash + 1;
	ret->place_size = (uint16_t)(size - name - 1);
	return is_place(ret->place, ret->place_size);
}

bool
provenance_parse(const void *value, size_t size, struct provenance_hops *ret)
{
	const char *at = value, *end, *comma;

	ret->text = value;
	ret->size = size;
	ret->count = ret->places = 0;
	if (!value)
		return false;
	for (end = at + size;; at = comma + 1) {
		struct provenance_hop *hop = &ret->items[ret->count];

		if (ret->count == PROVENANCE_HOPS_MOST)
			return false;
		comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
		if (!parse_hop(at, (size_t)((comma ? comma : end) - at), hop))
			return false;
		ret->count++;
		ret->places += hop->place != NULL;
		/* A single word may be anybody's. */
		if (ret->places == 0)
			return false;
		if (!comma)
			return true;
	}
}

static bool
is_cluster(const struct provenance_hop *hop, const char *cluster, size_t size)
{
	return hop->cluster_size == size && !memcmp(hop->cluster, cluster, size);
}

bool
provenance_has(const struct provenance_hops *hops, const char *cluster)
{
	size_t size = strlen(cluster);

	for (size_t i = 0; i < hops->count; i++)
		if (is_cluster(&hops->items[i], cluster, size))
			return true;
	return false;
}

struct provenance *
provenance_new(const struct config *config, const struct provenance_clusters *clusters)
{
	const struct config_mirror *m = &config->mirror;
	struct provenance *p;

	if (!m->provenance && !m->loop_drop)
		return NULL;
	p = mem_zero(1, sizeof(*p));
	p->header = m->provenance_header;
	/* A plan that was made without asking a cluster has no names. */
	p->marks = m->provenance && *clusters->source;
	p->drops = m->loop_drop;
	p->places_most = (size_t)m->provenance_hops;
	p->clusters = *clusters;
	return p;
}

void
provenance_free(struct provenance **provenance)
{
	free(*provenance);
	*provenance = NULL;
}

const char *
provenance_header(const struct provenance *p)
{
	return p->marks ? p->header : NULL;
}

bool
provenance_drops(const struct provenance *p)
{
	return p->drops;
}

bool
provenance_read(const struct provenance *p, void *message, struct provenance_hops *ret)
{
	const void *value, *good = NULL;
	size_t size, good_size = 0;
	const char *name;
	bool is_last_good = false;

	for (size_t i = 0; record_header(message, i, &name, &value, &size); i++) {
		if (strcmp(name, p->header) != 0)
			continue;
		is_last_good = provenance_parse(value, size, ret);
		if (!is_last_good)
			continue;
		good = value;
		good_size = size;
	}
	return is_last_good || (good && provenance_parse(good, good_size, ret));
}

bool
provenance_is_loop(const struct provenance *p, const struct provenance_hops *hops)
{
	return provenance_has(hops, p->clusters.target) ||
	       provenance_has(hops, p->clusters.target_id);
}

bool
provenance_is_back(const struct provenance *p, const struct provenance_hops *hops)
{
	return provenance_has(hops, p->clusters.source);
}

bool
provenance_is_from_source(const struct provenance *p, const struct provenance_hops *hops)
{
	return is_cluster(
		&hops->items[hops->count - 1], p->clusters.source, strlen(p->clusters.source));
}

bool
provenance_ends_with(const struct provenance_hops *hops, const char *place, int64_t offset)
{
	const struct provenance_hop *hop = &hops->items[hops->count - 1];
	const char *end = hop->place ? hop->place + hop->place_size : hop->cluster;
	char *wanted = mem_printf("%s%lld", place, (long long)offset);
	bool is_same = (size_t)(end - hop->cluster) == strlen(wanted) &&
		       !memcmp(hop->cluster, wanted, strlen(wanted));

	free(wanted);
	return is_same;
}

char *
provenance_place(const struct provenance *p, const char *topic, int32_t partition)
{
	return mem_printf("%s/%s:%d@", p->clusters.source, topic, (int)partition);
}

/* Is the cluster of hop i named by another one, or by the source's own? */
static bool
is_named_twice(const struct provenance *p, const struct provenance_hops *hops, size_t i)
{
	const struct provenance_hop *hop = &hops->items[i];

	for (size_t n = 0; n < hops->count; n++)
		if (n != i && is_cluster(&hops->items[n], hop->cluster, hop->cluster_size))
			return true;
	return is_cluster(hop, p->clusters.source, strlen(p->clusters.source));
}

/* The oldest hop behind the first that has a place (or has none); 0: there is none. */
static size_t
oldest(const struct provenance_hops *hops, bool has_place)
{
	for (size_t i = 1; i < hops->count; i++)
		if ((hops->items[i].place != NULL) == has_place)
			return i;
	return 0;
}

static void
remove_hop(struct provenance_hops *hops, size_t i)
{
	hops->count--;
	memmove(&hops->items[i], &hops->items[i + 1], (hops->count - i) * sizeof(hops->items[0]));
}

/* Makes room for one more hop with a place. */
static void
shorten(const struct provenance *p, struct provenance_hops *hops)
{
	size_t i;

	while (hops->places + 1 > p->places_most && (i = oldest(hops, true)) > 0) {
		hops->places--;
		if (is_named_twice(p, hops, i))
			remove_hop(hops, i);
		else
			hops->items[i].place = NULL;
	}
	while (hops->count + 1 > PROVENANCE_HOPS_MOST && (i = oldest(hops, false)) > 0)
		remove_hop(hops, i);
}

static char *
put(char *to, const char *bytes, size_t size)
{
	memcpy(to, bytes, size);
	return to + size;
}

/* Hops with a comma behind each. */
static char *
put_hops(char *to, const struct provenance_hops *hops)
{
	for (size_t i = 0; i < hops->count; i++) {
		const struct provenance_hop *hop = &hops->items[i];

		to = put(to, hop->cluster, hop->cluster_size);
		if (hop->place) {
			*to++ = '/';
			to = put(to, hop->place, hop->place_size);
		}
		*to++ = ',';
	}
	return to;
}

static char *
put_number(char *to, int64_t number)
{
	char digits[20];
	size_t n = sizeof(digits);
	uint64_t rest = number > 0 ? (uint64_t)number : 0;

	do {
		digits[--n] = (char)('0' + rest % 10);
	} while (rest /= 10);
	return put(to, digits + n, sizeof(digits) - n);
}

const char *
provenance_write(struct provenance *p, const struct provenance_hops *hops, const char *place,
	int64_t offset, size_t *ret_size)
{
	struct provenance_hops shorter;
	char *to = p->text;

	if (hops && hops->places < p->places_most && hops->count < PROVENANCE_HOPS_MOST) {
		to = put(to, hops->text, hops->size);
		*to++ = ',';
	} else if (hops) {
		shorter = *hops;
		shorten(p, &shorter);
		to = put_hops(to, &shorter);
	}
	to = put(to, place, strlen(place));
	to = put_number(to, offset);
	*ret_size = (size_t)(to - p->text);
	return p->text;
}
