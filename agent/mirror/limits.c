/* Limits: how many bytes and records a second may be mirrored, over all topics and by topic. */
#include "mirror/limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rates.h"
#include "mirror/topics.h"

#define SECOND_NS INT64_C(1000000000)
/* One turn, and how far ahead of its time it may be: together a tenth of a second. */
#define TURN_NS (SECOND_NS / 100)
#define AHEAD_NS (SECOND_NS / 10 - TURN_NS)

/* Bytes, or records. The cursor is the moment up to which the rate is given away (the theoretical
   arrival time of the generic cell rate algorithm). */
struct measure {
	_Atomic int64_t rate;	   /* a second; RATES_NONE */
	_Atomic int64_t cursor_ns; /* of clock_us's clock */
};

struct limit {
	_Atomic int references;
	char *pattern, *text;
	enum limit_origin origin;
	struct rates rates;
	struct measure bytes, records;
	atomic_uint era; /* grows when a rate changes */
};

/* What all limits that were made of one another have in common. */
struct book {
	_Atomic int references;
	pthread_mutex_t lock;  /* of the expressions, which one thread may ask at a time, and of
				  routes */
	struct limit *overall; /* of the configuration; NULL: none */
	struct chapter {
		struct topics *expression;
		struct limit *limit;
	} * chapters; /* of the configuration, in the order in which they are asked */
	size_t chapter_count;
	struct limit **routes; /* of scripts, by topic and text; those that nobody has go */
	size_t route_count, route_capacity;
};

struct limits {
	_Atomic int references;
	struct book *book;
	struct limit *overall, **live; /* live ones; overall NULL: the configuration's counts */
	size_t live_count;
};

/* How long so much takes, held at a year. */
static int64_t
span_ns(int64_t amount, int64_t rate)
{
	__int128 ns = (__int128)amount * SECOND_NS / rate;
	const int64_t most = INT64_C(365) * 86400 * SECOND_NS;

	return ns > most ? most : ns < -most ? -most : (int64_t)ns;
}

/* Returns whether the rate is another one now. Who has waited long for a small one does not wait on
   for a large one: the cursor begins anew, with nothing to use ahead. */
static bool
measure_set(struct measure *m, int64_t rate)
{
	if (atomic_load_explicit(&m->rate, memory_order_relaxed) == rate)
		return false;
	atomic_store_explicit(&m->rate, rate, memory_order_relaxed);
	atomic_store_explicit(&m->cursor_ns, clock_us() * 1000 + AHEAD_NS, memory_order_relaxed);
	return true;
}

static void
limit_set_time(struct limit *l, int minute)
{
	const struct rates_rule *rule = rates_at(&l->rates, minute);
	bool is_new = measure_set(&l->bytes, rule ? rule->bytes : RATES_NONE);

	is_new |= measure_set(&l->records, rule ? rule->records : RATES_NONE);
	if (is_new)
		atomic_fetch_add_explicit(&l->era, 1, memory_order_relaxed);
}

/* NULL on error. @gives one reference */
static struct limit *
limit_new(const char *pattern, const char *text, enum limit_origin origin, struct err *err)
{
	struct rates rates;
	struct limit *l;

	if (rates_parse(text, &rates, err) < 0)
		return NULL;
	l = mem_zero(1, sizeof(*l));
	l->references = 1;
	l->pattern = pattern ? mem_strdup(pattern) : NULL;
	l->text = mem_strdup(text);
	l->origin = origin;
	l->rates = rates;
	l->bytes.rate = l->records.rate = RATES_NONE;
	limit_set_time(l, rates_minute(clock_wall_ms()));
	/* It has not been used yet: a tenth of a second may be. */
	l->bytes.cursor_ns = l->records.cursor_ns = 0;
	return l;
}

static struct limit *
limit_take(struct limit *l)
{
	if (l)
		atomic_fetch_add(&l->references, 1);
	return l;
}

void
limit_release(struct limit **limit)
{
	struct limit *l = *limit;

	*limit = NULL;
	if (!l || atomic_fetch_sub(&l->references, 1) > 1)
		return;
	rates_fini(&l->rates);
	free(l->pattern);
	free(l->text);
	free(l);
}

static void
book_release(struct book *b)
{
	if (atomic_fetch_sub(&b->references, 1) > 1)
		return;
	limit_release(&b->overall);
	for (size_t i = 0; i < b->chapter_count; i++) {
		topics_free(&b->chapters[i].expression);
		limit_release(&b->chapters[i].limit);
	}
	for (size_t i = 0; i < b->route_count; i++)
		limit_release(&b->routes[i]);
	free(b->chapters);
	free(b->routes);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static int
add_chapter(struct book *b, const struct config_pair *pair, struct err *err)
{
	struct chapter c = {0};

	c.expression = topics_new(pair->name, false, false, err);
	if (c.expression)
		c.limit = limit_new(pair->name, pair->value, LIMIT_OF_CONFIGURATION, err);
	if (!c.limit) {
		topics_free(&c.expression);
		return err_prefix(err, "%s: ", pair->origin);
	}
	b->chapters = mem_resize(b->chapters, b->chapter_count + 1, sizeof(*b->chapters));
	b->chapters[b->chapter_count++] = c;
	return 0;
}

/* Flags win over files: the expressions of flags are asked first. */
static int
add_chapters(struct book *b, const struct config_extra *extra, bool of_flags, struct err *err)
{
	for (size_t i = 0; i < extra->count; i++) {
		bool is_flag = !strncmp(extra->items[i].origin, "--", 2);

		if (is_flag == of_flags && add_chapter(b, &extra->items[i], err) < 0)
			return -1;
	}
	return 0;
}

struct limits *
limits_new(const struct config *config, struct err *err)
{
	struct limits *l = mem_zero(1, sizeof(*l));
	struct book *b = mem_zero(1, sizeof(*b));
	const char *text = config->mirror.limit;

	l->references = b->references = 1;
	l->book = b;
	pthread_mutex_init(&b->lock, NULL);
	if (text) {
		b->overall = limit_new(NULL, text, LIMIT_OF_CONFIGURATION, err);
		if (!b->overall) {
			err_prefix(err, "limit: ");
			goto fail;
		}
	}
	if (add_chapters(b, &config->limits.extra, true, err) == 0 &&
		add_chapters(b, &config->limits.extra, false, err) == 0)
		return l;
fail:
	limits_release(&l);
	return NULL;
}

static bool
is_same_topic(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Adds the live limit, which goes over to it. */
static void
add_live(struct limits *l, struct limit *live)
{
	if (!live->pattern) {
		l->overall = live;
		return;
	}
	l->live = mem_resize(l->live, l->live_count + 1, sizeof(*l->live));
	l->live[l->live_count++] = live;
}

struct limits *
limits_with(struct limits *limits, const char *topic, const char *text, struct err *err)
{
	struct limits *l;
	struct limit *live = NULL;

	if (strcmp(text, "default") != 0) {
		live = limit_new(topic, text, LIMIT_LIVE, err);
		if (!live)
			return NULL;
	}
	l = mem_zero(1, sizeof(*l));
	l->references = 1;
	l->book = limits->book;
	atomic_fetch_add(&l->book->references, 1);
	if (limits->overall && topic)
		add_live(l, limit_take(limits->overall));
	for (size_t i = 0; i < limits->live_count; i++)
		if (!is_same_topic(limits->live[i]->pattern, topic))
			add_live(l, limit_take(limits->live[i]));
	if (live)
		add_live(l, live);
	return l;
}

struct limits *
limits_take(struct limits *l)
{
	atomic_fetch_add(&l->references, 1);
	return l;
}

void
limits_release(struct limits **limits)
{
	struct limits *l = *limits;

	*limits = NULL;
	if (!l || atomic_fetch_sub(&l->references, 1) > 1)
		return;
	limit_release(&l->overall);
	for (size_t i = 0; i < l->live_count; i++)
		limit_release(&l->live[i]);
	free(l->live);
	book_release(l->book);
	free(l);
}

/* Calls fn for each limit there is, those that others hide included. */
static void
each(struct limits *l, void (*fn)(struct limit *limit, void *arg), void *arg)
{
	struct book *b = l->book;

	if (l->overall)
		fn(l->overall, arg);
	else if (b->overall)
		fn(b->overall, arg);
	for (size_t i = 0; i < l->live_count; i++)
		fn(l->live[i], arg);
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < b->route_count; i++)
		if (atomic_load(&b->routes[i]->references) > 1)
			fn(b->routes[i], arg);
	pthread_mutex_unlock(&b->lock);
	for (size_t i = 0; i < b->chapter_count; i++)
		fn(b->chapters[i].limit, arg);
}

static void
set_time(struct limit *l, void *arg)
{
	const int *minute = arg;

	limit_set_time(l, *minute);
}

void
limits_at(struct limits *l, int64_t wall_ms)
{
	int minute = rates_minute(wall_ms);

	each(l, set_time, &minute);
}

struct teller {
	void (*fn)(const struct limit_info *info, void *arg);
	void *arg;
};

static void
tell(struct limit *l, void *arg)
{
	const struct teller *teller = arg;
	const struct limit_info info = {.pattern = l->pattern,
		.text = l->text,
		.origin = l->origin,
		.bytes_per_second = l->bytes.rate,
		.records_per_second = l->records.rate};

	teller->fn(&info, teller->arg);
}

void
limits_each(struct limits *l, void (*fn)(const struct limit_info *info, void *arg), void *arg)
{
	struct teller teller = {fn, arg};

	each(l, tell, &teller);
}

/* One more reference, or NULL when it never limits anything. */
static struct limit *
take_if_any(struct limit *l)
{
	return l && !rates_are_none(&l->rates) ? limit_take(l) : NULL;
}

/* Limits of scripts that no stream has any more go. Under the lock, by which alone they are found
   again. */
static void
sweep_routes(struct book *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->route_count; i++)
		if (atomic_load(&b->routes[i]->references) > 1)
			b->routes[kept++] = b->routes[i];
		else
			limit_release(&b->routes[i]);
	b->route_count = kept;
}

/* The limit of a script's route. A text that is none was refused when the plan was made. */
static struct limit *
of_route(struct book *b, const char *topic, const char *text)
{
	struct limit *l;

	for (size_t i = 0; i < b->route_count; i++)
		if (!strcmp(b->routes[i]->pattern, topic) && !strcmp(b->routes[i]->text, text))
			return take_if_any(b->routes[i]);
	sweep_routes(b);
	l = limit_new(topic, text, LIMIT_OF_SCRIPT, NULL);
	if (!l)
		return NULL;
	b->routes = mem_grow(b->routes, &b->route_capacity, b->route_count, sizeof(*b->routes));
	b->routes[b->route_count++] = l;
	return take_if_any(l);
}

static struct limit *
of_configuration(struct book *b, const char *topic)
{
	for (size_t i = 0; i < b->chapter_count; i++)
		/* An expression that cannot be decided for a name does not limit it. */
		if (topics_match(b->chapters[i].expression, topic, NULL) > 0)
			return take_if_any(b->chapters[i].limit);
	return NULL;
}

struct limit *
limits_of(struct limits *l, const char *topic, const char *route_text)
{
	struct book *b = l->book;
	struct limit *found;

	for (size_t i = 0; i < l->live_count; i++)
		if (!strcmp(l->live[i]->pattern, topic))
			return take_if_any(l->live[i]);
	pthread_mutex_lock(&b->lock);
	found = route_text ? of_route(b, topic, route_text) : of_configuration(b, topic);
	pthread_mutex_unlock(&b->lock);
	return found;
}

const char *
limit_text(const struct limit *limit)
{
	return limit->text;
}

struct limit *
limits_overall(struct limits *l)
{
	return take_if_any(l->overall ? l->overall : l->book->overall);
}

/* Takes what so much needs of the measure; returns from when on it may be used. */
static int64_t
measure_queue(struct measure *m, int64_t now_ns, int64_t amount)
{
	int64_t rate = atomic_load_explicit(&m->rate, memory_order_relaxed), from, cursor;

	if (rate == RATES_NONE)
		return now_ns;
	cursor = atomic_load_explicit(&m->cursor_ns, memory_order_relaxed);
	do {
		from = cursor > now_ns ? cursor : now_ns;
	} while (!atomic_compare_exchange_weak_explicit(&m->cursor_ns, &cursor,
		from + span_ns(amount, rate), memory_order_relaxed, memory_order_relaxed));
	return from - AHEAD_NS;
}

/* More, or less, was used than was taken. */
static void
measure_settle(struct measure *m, int64_t more)
{
	int64_t rate = atomic_load_explicit(&m->rate, memory_order_relaxed);

	if (rate != RATES_NONE && more != 0)
		atomic_fetch_add_explicit(&m->cursor_ns, span_ns(more, rate), memory_order_relaxed);
}

static unsigned
era_of(const struct limit *l)
{
	return atomic_load_explicit(&l->era, memory_order_relaxed);
}

static void
take_place(
	struct limit *l, struct limit_place *place, int64_t now_us, int64_t records, int64_t bytes)
{
	int64_t by_bytes, by_records;

	*place = (struct limit_place){.records = records, .bytes = bytes, .is_taken = true};
	place->era = era_of(l);
	by_bytes = measure_queue(&l->bytes, now_us * 1000, bytes);
	by_records = measure_queue(&l->records, now_us * 1000, records);
	place->at_us = ((by_bytes > by_records ? by_bytes : by_records) + 999) / 1000;
}

int64_t
limit_queue(
	struct limit *l, struct limit_place *place, int64_t now_us, int64_t records, int64_t bytes)
{
	if (!l)
		return 0;
	if (place->is_taken && place->era == era_of(l) && now_us - place->at_us <= AHEAD_NS / 1000)
		return place->at_us;
	/* What a void place had is not given back: its time has passed. */
	take_place(l, place, now_us, records, bytes);
	return place->at_us;
}

static int64_t
measure_wait_ns(const struct measure *m, int64_t now_ns)
{
	int64_t wait =
		atomic_load_explicit(&m->cursor_ns, memory_order_relaxed) - AHEAD_NS - now_ns;

	return atomic_load_explicit(&m->rate, memory_order_relaxed) == RATES_NONE || wait < 0
		       ? 0
		       : wait;
}

int64_t
limit_wait_us(const struct limit *l, int64_t now_us)
{
	int64_t by_bytes, by_records;

	if (!l)
		return 0;
	by_bytes = measure_wait_ns(&l->bytes, now_us * 1000);
	by_records = measure_wait_ns(&l->records, now_us * 1000);
	return (by_bytes > by_records ? by_bytes : by_records) / 1000;
}

/* What can be used of a measure in so much time, in units of size. */
static int64_t
measure_amount(const struct measure *m, int64_t span_us, int64_t size)
{
	int64_t rate = atomic_load_explicit(&m->rate, memory_order_relaxed);
	__int128 amount = (__int128)rate * span_us / 1000000 / (size > 0 ? size : 1);

	return rate == RATES_NONE || amount > INT64_MAX ? INT64_MAX : (int64_t)amount;
}

size_t
limit_turn(const struct limit *l, int64_t late_us, int64_t record_bytes, size_t most)
{
	int64_t span_us = TURN_NS / 1000 + (late_us > 0 ? late_us : 0), by_bytes, by_records, least;

	if (!l)
		return most;
	by_bytes = measure_amount(&l->bytes, span_us, record_bytes);
	by_records = measure_amount(&l->records, span_us, 1);
	least = by_bytes < by_records ? by_bytes : by_records;
	return least < 1 ? 1 : (uint64_t)least < most ? (size_t)least : most;
}

void
limit_settle(struct limit *l, struct limit_place *place, int64_t records, int64_t bytes)
{
	if (!l || !place->is_taken)
		return;
	/* A place of another rate has given nothing away of this one. */
	if (place->era != era_of(l))
		place->records = place->bytes = 0;
	measure_settle(&l->records, records - place->records);
	measure_settle(&l->bytes, bytes - place->bytes);
	*place = (struct limit_place){0};
}
