/* Dictionaries that all states of the process share; they outlive reloads. */
#include "script/shared.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"

/* Parts of a dictionary with a lock each, so that streams seldom wait for each other. */
#define SHARDS 16
#define BUCKETS_FIRST 64
/* How often a dictionary that is full is gone through for what has expired. */
#define SWEEP_MS 1000

struct entry {
	struct entry *next;
	uint64_t hash;
	int64_t expires; /* by clock_ms, 0: never */
	double number;
	uint32_t key_size, text_size;
	int32_t kind; /* enum script_kind */
	char bytes[]; /* the key, then the text */
};

struct shard {
	pthread_mutex_t lock;
	struct entry **buckets;
	size_t bucket_count, count;
};

struct script_shared {
	char *name;
	_Atomic int64_t limit, used; /* bytes */
	_Atomic int64_t next_sweep;
	struct shard shards[SHARDS];
	struct script_shared *next;
};

struct shared_set {
	pthread_mutex_t lock; /* of the list */
	struct script_shared *first;
	size_t count;
};

struct shared_set *
shared_set_new(void)
{
	struct shared_set *set = mem_zero(1, sizeof(*set));

	pthread_mutex_init(&set->lock, NULL);
	return set;
}

/* With what malloc adds. */
static int64_t
cost(size_t key_size, size_t text_size)
{
	return (int64_t)(sizeof(struct entry) + key_size + text_size + 24);
}

/* Unlinks and frees the entry at *at. */
static void
drop(struct script_shared *shared, struct shard *shard, struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	atomic_fetch_sub(&shared->used, cost(entry->key_size, entry->text_size));
	shard->count--;
	free(entry);
}

static void
free_shared(struct script_shared *shared)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &shared->shards[i];
		for (size_t k = 0; k < shard->bucket_count; k++)
			while (shard->buckets[k])
				drop(shared, shard, &shard->buckets[k]);
		free(shard->buckets);
		pthread_mutex_destroy(&shard->lock);
	}
	free(shared->name);
	free(shared);
}

void
shared_set_free(struct shared_set **owner)
{
	struct shared_set *set = *owner;

	if (!set)
		return;
	for (struct script_shared *shared; (shared = set->first);) {
		set->first = shared->next;
		free_shared(shared);
	}
	pthread_mutex_destroy(&set->lock);
	free(set);
	*owner = NULL;
}

static struct script_shared *
new_shared(const char *name)
{
	struct script_shared *shared = mem_zero(1, sizeof(*shared));

	shared->name = mem_strdup(name);
	atomic_init(&shared->limit, SHARED_BYTES);
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &shared->shards[i];
		pthread_mutex_init(&shard->lock, NULL);
		shard->bucket_count = BUCKETS_FIRST;
		shard->buckets = mem_zero(BUCKETS_FIRST, sizeof(struct entry *));
	}
	return shared;
}

static struct script_shared *
find_or_add(struct shared_set *set, const char *name, struct err *err)
{
	struct script_shared **at = &set->first;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	if (*at)
		return *at;
	if (set->count == SHARED_NAMES_MAX) {
		err_set(err, "there are %d shared dictionaries, no more are made",
			SHARED_NAMES_MAX);
		return NULL;
	}
	set->count++;
	return *at = new_shared(name);
}

struct script_shared *
shared_open(struct shared_set *set, const char *name, double bytes, struct err *err)
{
	struct script_shared *shared;

	if (bytes != 0 && !(bytes >= 4096 && bytes <= (double)SHARED_BYTES_MAX)) {
		err_set(err, "a shared dictionary holds 4096 to %.0f bytes",
			(double)SHARED_BYTES_MAX);
		return NULL;
	}
	pthread_mutex_lock(&set->lock);
	shared = find_or_add(set, name, err);
	pthread_mutex_unlock(&set->lock);
	if (shared && bytes != 0)
		atomic_store(&shared->limit, (int64_t)bytes);
	return shared;
}

/* A key's shard, locked. */
static struct shard *
lock_shard(struct script_shared *shared, uint64_t hash)
{
	struct shard *shard = &shared->shards[hash >> 32 & (SHARDS - 1)];

	pthread_mutex_lock(&shard->lock);
	return shard;
}

/* Where the key's entry is linked, or would be; entries on the way that have expired are dropped.
 */
static struct entry **
find(struct script_shared *shared, struct shard *shard, uint64_t hash, const char *key, size_t size)
{
	struct entry **at = &shard->buckets[hash & (shard->bucket_count - 1)];
	int64_t now = clock_ms();

	while (*at) {
		struct entry *entry = *at;
		if (entry->expires && entry->expires <= now) {
			drop(shared, shard, at);
			continue;
		}
		if (entry->hash == hash && entry->key_size == size &&
			!memcmp(entry->bytes, key, size))
			break;
		at = &entry->next;
	}
	return at;
}

/* Twice the buckets. */
static void
grow(struct shard *shard)
{
	size_t count = 2 * shard->bucket_count;
	struct entry **buckets = mem_zero(count, sizeof(*buckets));

	for (size_t i = 0; i < shard->bucket_count; i++) {
		for (struct entry *entry; (entry = shard->buckets[i]);) {
			struct entry **to = &buckets[entry->hash & (count - 1)];
			shard->buckets[i] = entry->next;
			entry->next = *to;
			*to = entry;
		}
	}
	free(shard->buckets);
	shard->buckets = buckets;
	shard->bucket_count = count;
}

/* Drops what has expired, everywhere. No lock may be held. */
static void
sweep(struct script_shared *shared)
{
	int64_t now = clock_ms(), next = atomic_load(&shared->next_sweep);

	if (now < next ||
		!atomic_compare_exchange_strong(&shared->next_sweep, &next, now + SWEEP_MS))
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &shared->shards[i];
		pthread_mutex_lock(&shard->lock);
		for (size_t k = 0; k < shard->bucket_count; k++)
			for (struct entry **at = &shard->buckets[k]; *at;) {
				if ((*at)->expires && (*at)->expires <= now)
					drop(shared, shard, at);
				else
					at = &(*at)->next;
			}
		pthread_mutex_unlock(&shard->lock);
	}
}

/* Room for an entry that the shard may not have yet: true when there is some. No lock may be held:
   another thread may take the room meanwhile, so that the limit is passed by an entry a thread at
   most. */
static bool
make_room(struct script_shared *shared, size_t key_size, size_t text_size)
{
	int64_t needed = cost(key_size, text_size);

	if (atomic_load(&shared->used) + needed <= atomic_load(&shared->limit))
		return true;
	sweep(shared);
	return atomic_load(&shared->used) + needed <= atomic_load(&shared->limit);
}

static int
say_full(struct script_shared *shared, struct err *err)
{
	return err_set(err,
		"the shared dictionary \"%s\" is full (%lld bytes); give entries a time to live, "
		"or the dictionary more bytes",
		shared->name, (long long)atomic_load(&shared->limit));
}

/* Links a fresh entry at *at, the end of its bucket's list. */
static struct entry *
add(struct script_shared *shared, struct shard *shard, struct entry **at, uint64_t hash,
	const char *key, size_t size, size_t text_size, double ttl_ms)
{
	struct entry *entry = mem_alloc(sizeof(*entry) + size + text_size);

	*entry = (struct entry){
		.hash = hash, .key_size = (uint32_t)size, .text_size = (uint32_t)text_size};
	entry->expires = ttl_ms > 0 ? clock_ms() + (int64_t)ttl_ms : 0;
	memcpy(entry->bytes, key, size);
	*at = entry;
	atomic_fetch_add(&shared->used, cost(size, text_size));
	if (++shard->count > 2 * shard->bucket_count)
		grow(shard);
	return entry;
}

bool
shared_get(struct script_shared *shared, const char *key, size_t size, struct text *text,
	struct script_value *ret)
{
	uint64_t hash = XXH64(key, size, 0);
	struct shard *shard = lock_shard(shared, hash);
	struct entry *entry = *find(shared, shard, hash, key, size);

	if (entry) {
		*ret = (struct script_value){
			NULL, entry->number, (int32_t)entry->text_size, entry->kind};
		if (entry->kind == SCRIPT_STRING) {
			text->length = 0;
			text_add(text, entry->bytes + entry->key_size, entry->text_size);
			ret->_text = text->s ? text->s : "";
		}
	}
	pthread_mutex_unlock(&shard->lock);
	return entry != NULL;
}

int
shared_put(struct script_shared *shared, const char *key, size_t size,
	const struct script_value *value, double ttl_ms, bool only_absent, struct err *err)
{
	uint64_t hash = XXH64(key, size, 0);
	size_t text_size = value->_kind == SCRIPT_STRING ? (size_t)value->_size : 0;
	bool has_room = make_room(shared, size, text_size);
	struct shard *shard = lock_shard(shared, hash);
	struct entry **at = find(shared, shard, hash, key, size), *entry;
	int result = *at && only_absent ? 0 : has_room ? 1 : -1;

	if (result > 0) {
		if (*at) {
			drop(shared, shard, at);
			while (*at)
				at = &(*at)->next;
		}
		entry = add(shared, shard, at, hash, key, size, text_size, ttl_ms);
		entry->kind = value->_kind;
		entry->number = value->_number;
		memcpy(entry->bytes + size, value->_text ? value->_text : "", text_size);
	}
	pthread_mutex_unlock(&shard->lock);
	return result < 0 ? say_full(shared, err) : result;
}

int
shared_increase(struct script_shared *shared, const char *key, size_t size, double by,
	double ttl_ms, double *ret, struct err *err)
{
	uint64_t hash = XXH64(key, size, 0);
	bool has_room = make_room(shared, size, 0), is_number = true;
	struct shard *shard = lock_shard(shared, hash);
	struct entry **at = find(shared, shard, hash, key, size), *entry = *at;

	if (entry) {
		is_number = entry->kind == SCRIPT_NUMBER;
	} else if (has_room) {
		entry = add(shared, shard, at, hash, key, size, 0, ttl_ms);
		entry->kind = SCRIPT_NUMBER;
	}
	if (entry && is_number)
		*ret = entry->number += by;
	pthread_mutex_unlock(&shard->lock);
	if (!entry)
		return say_full(shared, err);
	return is_number ? 0
			 : err_set(err,
				   "an entry of the shared dictionary \"%s\" that shall be "
				   "increased is no "
				   "number",
				   shared->name);
}

bool
shared_remove(struct script_shared *shared, const char *key, size_t size)
{
	uint64_t hash = XXH64(key, size, 0);
	struct shard *shard = lock_shard(shared, hash);
	struct entry **at = find(shared, shard, hash, key, size);
	bool was = *at != NULL;

	if (was)
		drop(shared, shard, at);
	pthread_mutex_unlock(&shard->lock);
	return was;
}
