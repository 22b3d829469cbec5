/* Meters: what one stream has counted of each partition and topic, for whoever shows it. */
#include "mirror/meter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* From what an idle mirror needs (a linger, a fetch) to an hour of backlog. */
const int64_t meter_bounds[METER_BOUNDS] = {
	5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 15000, 60000, 300000, 3600000};

/* A meter with what its readers do not see. meter comes first: one is the other's address. */
struct cell {
	struct meter meter;
	struct meters *meters;
	char *reason;			      /* under the lock; NULL: none */
	struct meter_drop *drops, *last_drop; /* last_drop: of the record before */
	size_t drop_count;
	struct meter_gap gap; /* likewise */
};

/* One place of the index. */
struct slot {
	struct meter_topic *topic; /* NULL: free */
	struct meter *meter;	   /* NULL: the topic itself */
};

struct meters {
	int stream;
	_Atomic(struct meter *) first;
	_Atomic(struct meter *) *end; /* the worker's: where the next one is hung */
	_Atomic(struct meter_topic *) first_topic;
	_Atomic(struct meter_topic *) *topics_end;
	struct slot *slots; /* the worker's */
	size_t capacity, count;
	pthread_mutex_t lock; /* of the reasons and gaps */
};

struct meters *
meters_new(int stream)
{
	struct meters *m = mem_zero(1, sizeof(*m));

	m->stream = stream;
	m->end = &m->first;
	m->topics_end = &m->first_topic;
	m->capacity = 64;
	m->slots = mem_zero(m->capacity, sizeof(*m->slots));
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

static void
free_drops(struct cell *cell)
{
	struct meter_drop *next;

	for (struct meter_drop *d = cell->drops; d; d = next) {
		next = d->next;
		free(d);
	}
}

void
meters_free(struct meters **meters)
{
	struct meters *m = *meters;
	struct meter *meter, *next;
	struct meter_topic *topic, *next_topic;

	if (!m)
		return;
	for (meter = m->first; meter; meter = next) {
		next = meter->next;
		free(((struct cell *)meter)->reason);
		free_drops((struct cell *)meter);
		free(meter);
	}
	for (topic = m->first_topic; topic; topic = next_topic) {
		next_topic = topic->next;
		free(topic->name);
		free(topic);
	}
	pthread_mutex_destroy(&m->lock);
	free(m->slots);
	free(m);
	*meters = NULL;
}

/* Topics stand in the index as their partition -1. */
#define TOPIC_ITSELF (-1)

/* FNV-1a. */
static size_t
hash(const char *name, int32_t partition)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return (h ^ (uint32_t)partition) * 16777619u;
}

static int32_t
partition_of(const struct slot *slot)
{
	return slot->meter ? slot->meter->partition : TOPIC_ITSELF;
}

/* The place of a topic or partition: taken by it, or free. */
static struct slot *
find(const struct meters *m, const char *name, int32_t partition)
{
	size_t i = hash(name, partition);

	for (;; i++) {
		struct slot *s = &m->slots[i & (m->capacity - 1)];

		if (!s->topic || (partition_of(s) == partition && !strcmp(s->topic->name, name)))
			return s;
	}
}

/* Twice as many places. */
static void
grow(struct meters *m)
{
	struct slot *old = m->slots;
	size_t count = m->capacity;

	m->capacity *= 2;
	m->slots = mem_zero(m->capacity, sizeof(*m->slots));
	for (size_t i = 0; i < count; i++)
		if (old[i].topic)
			*find(m, old[i].topic->name, partition_of(&old[i])) = old[i];
	free(old);
}

static void
enter(struct meters *m, struct meter_topic *topic, struct meter *meter)
{
	if (++m->count * 2 > m->capacity)
		grow(m);
	*find(m, topic->name, meter ? meter->partition : TOPIC_ITSELF) =
		(struct slot){topic, meter};
}

static struct meter_topic *
get_topic(struct meters *m, const char *name)
{
	struct meter_topic *topic = find(m, name, TOPIC_ITSELF)->topic;

	if (topic)
		return topic;
	topic = mem_zero(1, sizeof(*topic));
	topic->name = mem_strdup(name);
	enter(m, topic, NULL);
	atomic_store_explicit(m->topics_end, topic, memory_order_release);
	m->topics_end = &topic->next;
	return topic;
}

struct meter *
meters_get(struct meters *m, const char *topic, int32_t partition)
{
	struct meter *meter = find(m, topic, partition)->meter;
	struct cell *cell;

	if (meter)
		return meter;
	cell = mem_zero(1, sizeof(*cell));
	cell->meters = m;
	meter = &cell->meter;
	meter->topic = get_topic(m, topic);
	meter->partition = partition;
	meter->stream = m->stream;
	meter->position = meter->committed = meter->end = meter->lag = meter->oldest_ms = -1;
	meter->first = meter->last = -1;
	enter(m, meter->topic, meter);
	/* Readers see it only now that it is whole. */
	atomic_store_explicit(m->end, meter, memory_order_release);
	m->end = &meter->next;
	return meter;
}

/* How much of a text stays when it may be so long; UTF-8 is not cut within a character. */
static size_t
cut_length(const char *text, size_t most)
{
	size_t size = strnlen(text, most + 1);

	if (size > most)
		for (size = most; size > 0 && (text[size] & 0xc0) == 0x80;)
			size--;
	return size;
}

static bool
is_drop(const struct meter_drop *d, const char *name, size_t size)
{
	return !strncmp(d->name, name, size) && !d->name[size];
}

/* The entry of a reason, made when there is none. */
static struct meter_drop *
get_drop(struct cell *cell, const char *name, size_t size)
{
	struct meter_drop **link = &cell->drops;

	while (*link && !is_drop(*link, name, size))
		link = &(*link)->next;
	if (*link)
		return *link;
	if (cell->drop_count == METER_DROPS)
		return get_drop(cell, "(others)", strlen("(others)"));
	/* Were it one of those, the others would have no place. */
	if (++cell->drop_count == METER_DROPS) {
		name = "(others)";
		size = strlen(name);
	}
	*link = mem_zero(1, sizeof(**link) + size + 1);
	memcpy((*link)->name, name, size);
	return *link;
}

void
meter_drop(struct meter *meter, const char *reason)
{
	struct cell *cell = (struct cell *)meter;
	size_t size = cut_length(reason, METER_DROP_NAME);

	if (!cell->last_drop || !is_drop(cell->last_drop, reason, size))
		cell->last_drop = get_drop(cell, reason, size);
	cell->last_drop->count++;
}

const struct meter_drop *
meter_drops(const struct meter *meter)
{
	return ((const struct cell *)meter)->drops;
}

void
meter_set_reason(struct meter *meter, const char *reason)
{
	struct cell *cell = (struct cell *)meter;
	char *text = reason[0] ? mem_strndup(reason, cut_length(reason, METER_REASON - 1)) : NULL;
	char *old;

	pthread_mutex_lock(&cell->meters->lock);
	old = cell->reason;
	cell->reason = text;
	pthread_mutex_unlock(&cell->meters->lock);
	free(old);
}

void
meter_reason(const struct meter *meter, char out[METER_REASON])
{
	const struct cell *cell = (const struct cell *)meter;

	out[0] = '\0';
	pthread_mutex_lock(&cell->meters->lock);
	if (cell->reason)
		memcpy(out, cell->reason, strlen(cell->reason) + 1);
	pthread_mutex_unlock(&cell->meters->lock);
}

void
meter_set_gap(struct meter *meter, const struct meter_gap *gap)
{
	struct cell *cell = (struct cell *)meter;
	const struct meter_gap before = cell->gap;

	pthread_mutex_lock(&cell->meters->lock);
	cell->gap = *gap;
	cell->gap.gaps = before.gaps + 1;
	cell->gap.missing = before.missing + (uint64_t)gap_size(&gap->gap);
	pthread_mutex_unlock(&cell->meters->lock);
}

void
meter_gap(const struct meter *meter, struct meter_gap *ret)
{
	const struct cell *cell = (const struct cell *)meter;

	pthread_mutex_lock(&cell->meters->lock);
	*ret = cell->gap;
	pthread_mutex_unlock(&cell->meters->lock);
}

/* One writer: a plain load and store, no locked instruction. */
static void
add(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_store_explicit(
		cell, atomic_load_explicit(cell, memory_order_relaxed) + n, memory_order_relaxed);
}

/* How many bounds lie below: halving, for every record comes this way, and a backlog's are in the
   last buckets. */
static size_t
bucket_of(int64_t ms)
{
	size_t first = 0, count = METER_BOUNDS;

	while (count > 0) {
		size_t half = count / 2;

		if (ms > meter_bounds[first + half]) {
			first += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return first;
}

void
meter_latency(struct meter_topic *topic, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	add(&topic->latency[bucket_of(ms)], 1);
	add(&topic->latency_ms, (uint64_t)ms);
}

struct meter *
meters_next(const struct meters *m, const struct meter *meter)
{
	return atomic_load_explicit(meter ? &meter->next : &m->first, memory_order_acquire);
}

struct meter_topic *
meters_next_topic(const struct meters *m, const struct meter_topic *topic)
{
	return atomic_load_explicit(topic ? &topic->next : &m->first_topic, memory_order_acquire);
}

const char *
meter_state_name(enum meter_state state)
{
	static const char *const names[METER_STATES] = {
		[METER_GONE] = "gone",
		[METER_HELD] = "held",
		[METER_PAUSED] = "paused",
		[METER_WAITING] = "waiting",
		[METER_RETRYING] = "retrying",
		[METER_LIMITED] = "limited",
		[METER_FLOWING] = "flowing",
		[METER_CAUGHT_UP] = "caught up",
	};

	return names[state];
}
