/* The tracker: which records of one source partition are on their way, and up to where all is
 * settled. */
#include "mirror/tracker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "mirror/output.h"

/* Flights of one chunk; a power of two. 64 of them are about 3 KB: an idle partition costs one
 * chunk at most. */
#define CHUNK 64

struct chunk {
	struct chunk *next;
	struct flight flights[CHUNK];
};

struct tracker {
	void *owner;
	struct chunk *first, *last; /* first holds head, last holds the end; NULL when never used */
	struct chunk *spare;	    /* one emptied chunk, so that a steady flow does not allocate */
	struct chunk *walk;	    /* where the last walk was; NULL when that chunk is gone */
	size_t head, count, sent;   /* head: index in first; count: flights from there on */
	int64_t position, last_offset;
};

struct tracker *
tracker_new(void *owner)
{
	struct tracker *t = mem_zero(1, sizeof(*t));

	t->owner = owner;
	t->position = -1;
	t->last_offset = -1;
	return t;
}

void *
tracker_owner(const struct tracker *t)
{
	return t->owner;
}

void
tracker_set_owner(struct tracker *t, void *owner)
{
	t->owner = owner;
}

void
tracker_free(struct tracker **tracker)
{
	struct tracker *t = *tracker;
	struct chunk *c;

	if (!t)
		return;
	while ((c = t->first)) {
		t->first = c->next;
		free(c);
	}
	free(t->spare);
	free(t);
	*tracker = NULL;
}

/* An invariant of ours is broken: going on could commit what was not acknowledged. */
static void
fail(const struct flight *f, const char *what, int state)
{
	fprintf(stderr,
		"reflejo: tracker: %s (offset %lld, state %d to %d); ending without a commit\n",
		what, (long long)f->offset, f->state, state);
	abort();
}

static struct chunk *
chunk_new(struct tracker *t)
{
	struct chunk *c = t->spare;

	t->spare = NULL;
	if (!c)
		c = mem_alloc(sizeof(*c));
	c->next = NULL;
	return c;
}

struct flight *
tracker_begin(struct tracker *t, int64_t offset, uint32_t bytes)
{
	size_t index = (t->head + t->count) % CHUNK;
	struct flight *f;

	if (!t->first) {
		t->first = t->last = chunk_new(t);
	} else if (index == 0 && t->head + t->count > 0) {
		t->last->next = chunk_new(t);
		t->last = t->last->next;
	}
	f = &t->last->flights[index];
	*f = (struct flight){
		.tracker = t, .offset = offset, .timestamp = -1, .bytes = bytes, .partition = -1};
	if (offset <= t->last_offset)
		fail(f, "offsets went backwards", FLIGHT_WAITING);
	t->last_offset = offset;
	t->count++;
	return f;
}

void
tracker_set(struct flight *f, enum flight_state state)
{
	/* From (row) to (column): WAITING SENT ACKED DONE. */
	static const unsigned char legal[4][4] = {
		[FLIGHT_WAITING] = {0, 1, 1, 1}, /* ACKED: its last outputs were dropped */
		[FLIGHT_SENT] = {1, 0, 1, 1},
		[FLIGHT_ACKED] = {1, 0, 0, 1},
		[FLIGHT_DONE] = {0, 0, 0, 0},
	};

	if (f->state > FLIGHT_DONE || !legal[f->state][state])
		fail(f, "a record was settled out of turn", state);
	f->tracker->sent += state == FLIGHT_SENT;
	f->tracker->sent -= f->state == FLIGHT_SENT;
	f->state = state;
}

/* Copies the oldest flight out and takes it off. */
static void
take_head(struct tracker *t, struct flight *ret)
{
	struct chunk *c = t->first;

	t->walk = NULL;
	*ret = c->flights[t->head];
	t->head++;
	t->count--;
	if (t->count == 0) {
		/* Empty: start over in the same chunk, which is the last one as well. */
		t->head = 0;
		if (c != t->last) {
			free(t->spare);
			t->spare = c;
			t->first = t->last;
		}
	} else if (t->head == CHUNK) {
		t->head = 0;
		t->first = c->next;
		free(t->spare);
		t->spare = c;
	}
}

bool
tracker_pop(struct tracker *t, struct flight *ret)
{
	if (t->count == 0 || t->first->flights[t->head].state < FLIGHT_ACKED)
		return false;
	take_head(t, ret);
	t->position = ret->offset + 1;
	return true;
}

bool
tracker_discard(struct tracker *t, struct flight *ret)
{
	if (t->count == 0)
		return false;
	take_head(t, ret);
	t->sent -= ret->state == FLIGHT_SENT;
	return true;
}

int64_t
tracker_position(const struct tracker *t)
{
	return t->position;
}

bool
tracker_settled_position(struct tracker *t, int64_t *ret)
{
	struct flight *f = NULL;

	*ret = t->position;
	while ((f = tracker_next(t, f)) && f->state >= FLIGHT_ACKED)
		*ret = f->offset + 1;
	for (; f; f = tracker_next(t, f))
		if (flight_has_acked(f))
			return false;
	return true;
}

void
tracker_advance(struct tracker *t, int64_t position)
{
	if (t->count == 0 && position > t->position && position > t->last_offset)
		t->position = position;
}

int64_t
tracker_last_offset(const struct tracker *t)
{
	return t->last_offset;
}

size_t
tracker_count(const struct tracker *t)
{
	return t->count;
}

size_t
tracker_sent(const struct tracker *t)
{
	return t->sent;
}

static bool
holds(const struct chunk *c, const struct flight *f)
{
	return f >= c->flights && f < c->flights + CHUNK;
}

/* The chunk that holds a flight: most often the one of the step before, or the next one. */
static struct chunk *
chunk_of(struct tracker *t, const struct flight *f)
{
	struct chunk *c = t->walk && !holds(t->walk, f) ? t->walk->next : t->walk;

	if (!c || !holds(c, f))
		c = holds(t->last, f) ? t->last : t->first;
	while (!holds(c, f))
		c = c->next;
	return t->walk = c;
}

struct flight *
tracker_next(struct tracker *t, struct flight *f)
{
	struct chunk *c;
	size_t index;

	if (t->count == 0)
		return NULL;
	if (!f)
		return &t->first->flights[t->head];
	c = chunk_of(t, f);
	index = (size_t)(f - c->flights) + 1;
	if (c == t->last && index == (t->head + t->count - 1) % CHUNK + 1)
		return NULL;
	return index < CHUNK ? &c->flights[index] : &c->next->flights[0];
}
