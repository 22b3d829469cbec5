/* Shared dictionaries: values that the scripts of all streams see. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "script/digest.h"
#include "script/world.h"

/* A dictionary's keys and values take no more than this. */
#define BYTES_MOST (64 * 1024 * 1024)
/* What an entry costs besides its bytes. */
#define ENTRY_BYTES 64

struct entry {
	struct entry *next;
	int64_t expires; /* clock_ms, 0: never */
	double number;
	int32_t type;
	uint32_t key_size;
	size_t value_size;
	char bytes[]; /* key, then the string's */
};

struct script_shared {
	struct script_shared *next;
	char *name;
	pthread_mutex_t lock;
	struct entry **slots;
	size_t slot_count, count, bytes;
	size_t sweep; /* where the next sweep for what has expired goes on */
};

struct script_shared *
shared_new(const char *name, struct script_shared *next)
{
	struct script_shared *s = mem_zero(1, sizeof(*s));

	s->name = mem_strdup(name);
	s->next = next;
	s->slot_count = 256;
	s->slots = mem_zero(s->slot_count, sizeof(*s->slots));
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

const char *
shared_name(const struct script_shared *s)
{
	return s->name;
}

struct script_shared *
shared_next(const struct script_shared *s)
{
	return s->next;
}

static size_t
cost_of(const struct entry *e)
{
	return ENTRY_BYTES + e->key_size + e->value_size;
}

static void
remove_at(struct script_shared *s, struct entry **link)
{
	struct entry *e = *link;

	*link = e->next;
	s->bytes -= cost_of(e);
	s->count--;
	free(e);
}

void
shared_free(struct script_shared **shared)
{
	struct script_shared *s;

	while ((s = *shared)) {
		*shared = s->next;
		for (size_t i = 0; i < s->slot_count; i++)
			while (s->slots[i])
				remove_at(s, &s->slots[i]);
		pthread_mutex_destroy(&s->lock);
		free(s->slots);
		free(s->name);
		free(s);
	}
}

static bool
is_over(const struct entry *e, int64_t now)
{
	return e->expires && e->expires <= now;
}

/* What has expired in some slots. With all, everywhere. */
static void
sweep(struct script_shared *s, int64_t now, bool all)
{
	for (size_t n = all ? s->slot_count : 2; n > 0; n--) {
		struct entry **link = &s->slots[s->sweep++ % s->slot_count];

		while (*link) {
			if (is_over(*link, now))
				remove_at(s, link);
			else
				link = &(*link)->next;
		}
	}
}

static void
grow(struct script_shared *s)
{
	size_t count = s->slot_count * 2;
	struct entry **slots, *e;

	if (s->count < s->slot_count)
		return;
	slots = mem_zero(count, sizeof(*slots));
	for (size_t i = 0; i < s->slot_count; i++)
		while ((e = s->slots[i])) {
			size_t to = digest_xxhash(e->bytes, e->key_size) & (count - 1);

			s->slots[i] = e->next;
			e->next = slots[to];
			slots[to] = e;
		}
	free(s->slots);
	s->slots = slots;
	s->slot_count = count;
}

/* Where the key's entry hangs, or would; an expired one is removed. */
static struct entry **
find(struct script_shared *s, const char *key, size_t size, int64_t now)
{
	struct entry **link = &s->slots[digest_xxhash(key, size) & (s->slot_count - 1)];

	while (*link && ((*link)->key_size != size || memcmp((*link)->bytes, key, size) != 0))
		link = &(*link)->next;
	if (*link && is_over(*link, now))
		remove_at(s, link);
	return link;
}

/* The entry's value; a string's bytes are copied into memory of this thread. */
static void
give(const struct entry *e, struct script_value *ret)
{
	static _Thread_local char *room;
	static _Thread_local size_t room_size;

	*ret = (struct script_value){._type = e->type, ._number = e->number, ._size = e->value_size};
	if (e->value_size > room_size) {
		room_size = e->value_size * 2;
		room = mem_resize(room, room_size, 1);
	}
	if (e->value_size > 0)
		memcpy(room, e->bytes + e->key_size, e->value_size);
	ret->_bytes = room;
}

void
shared_get(struct script_shared *s, const char *key, size_t size, struct script_value *ret)
{
	struct entry *e;

	ret->_type = 0;
	pthread_mutex_lock(&s->lock);
	e = *find(s, key, size, clock_ms());
	if (e)
		give(e, ret);
	pthread_mutex_unlock(&s->lock);
}

/* Puts a new entry in; false when there is no room. With the lock, and no entry of that key. */
static bool
add(struct script_shared *s, const char *key, size_t size, const struct script_value *value, double ttl_ms,
	int64_t now)
{
	size_t bytes = value->_type == 1 ? value->_size : 0;
	struct entry *e, **link;

	if (s->bytes + ENTRY_BYTES + size + bytes > BYTES_MOST)
		sweep(s, now, true);
	if (s->bytes + ENTRY_BYTES + size + bytes > BYTES_MOST)
		return false;
	sweep(s, now, false);
	grow(s);
	e = mem_alloc(sizeof(*e) + size + bytes);
	*e = (struct entry){.type = value->_type,
		.number = value->_number,
		.key_size = (uint32_t)size,
		.value_size = bytes,
		.expires = ttl_ms > 0 ? now + (int64_t)ttl_ms : 0};
	memcpy(e->bytes, key, size);
	if (bytes > 0)
		memcpy(e->bytes + size, value->_bytes, bytes);
	link = find(s, key, size, now);
	e->next = *link;
	*link = e;
	s->count++;
	s->bytes += cost_of(e);
	return true;
}

int32_t
shared_set(struct script_shared *s, const char *key, size_t size, const struct script_value *value,
	double ttl_ms, bool only_new)
{
	int64_t now = clock_ms();
	struct entry **link;
	int32_t result = 0;

	pthread_mutex_lock(&s->lock);
	link = find(s, key, size, now);
	if (!*link || !only_new) {
		if (*link)
			remove_at(s, link);
		result = add(s, key, size, value, ttl_ms, now) ? 1 : -1;
	}
	pthread_mutex_unlock(&s->lock);
	return result;
}

void
shared_incr(struct script_shared *s, const char *key, size_t size, double by, double ttl_ms,
	struct script_value *ret)
{
	int64_t now = clock_ms();
	struct entry *e;

	*ret = (struct script_value){._type = 2, ._number = by};
	pthread_mutex_lock(&s->lock);
	e = *find(s, key, size, now);
	if (!e)
		ret->_type = add(s, key, size, ret, ttl_ms, now) ? 2 : -2;
	else if (e->type != 2)
		ret->_type = -1;
	else
		ret->_number = e->number += by;
	pthread_mutex_unlock(&s->lock);
}

bool
shared_delete(struct script_shared *s, const char *key, size_t size)
{
	struct entry **link;
	bool found;

	pthread_mutex_lock(&s->lock);
	link = find(s, key, size, clock_ms());
	found = *link != NULL;
	if (found)
		remove_at(s, link);
	pthread_mutex_unlock(&s->lock);
	return found;
}
