/* Look-up files: each is read once for all states, and again when it changes, by a thread of its
 * own. */
#include "script/lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

/* What tells one version of a file from another. */
struct stamp {
	int64_t seconds, nanoseconds, size;
	uint64_t inode;
};

struct lookup {
	char *path, *key, *value; /* value may be NULL */
	struct table_format format;
	int maps;
	struct table *table;
	_Atomic uint64_t version; /* of table; changes with it */
	struct stamp tried,
		seen; /* the file as it was read last, well or not; as it was when looked at last */
	struct lookup *next;
};

struct lookups {
	pthread_mutex_t lock; /* of all below, and of every lookup's table */
	pthread_cond_t ends;
	pthread_t thread;
	bool has_thread, is_ending;
	int64_t interval_ms;
	struct lookup *first;
};

struct script_map {
	struct lookups *lookups;
	struct lookup *lookup;
	struct table *table;
	uint64_t version;
};

struct lookups *
lookups_new(int64_t interval_ms)
{
	struct lookups *lookups = mem_zero(1, sizeof(*lookups));
	pthread_condattr_t attributes;

	lookups->interval_ms = interval_ms;
	pthread_mutex_init(&lookups->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&lookups->ends, &attributes);
	pthread_condattr_destroy(&attributes);
	return lookups;
}

void
lookups_free(struct lookups **owner)
{
	struct lookups *lookups = *owner;

	if (!lookups)
		return;
	pthread_mutex_lock(&lookups->lock);
	lookups->is_ending = true;
	pthread_cond_signal(&lookups->ends);
	pthread_mutex_unlock(&lookups->lock);
	if (lookups->has_thread)
		pthread_join(lookups->thread, NULL);
	pthread_cond_destroy(&lookups->ends);
	pthread_mutex_destroy(&lookups->lock);
	free(lookups);
	*owner = NULL;
}

static struct stamp
stamp_of(const struct stat *st)
{
	return (struct stamp){st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (int64_t)st->st_size,
		(uint64_t)st->st_ino};
}

static bool
is_same(const struct stamp *a, const struct stamp *b)
{
	return a->seconds == b->seconds && a->nanoseconds == b->nanoseconds && a->size == b->size &&
	       a->inode == b->inode;
}

/* Reads as much as the file is said to hold into *ret. */
static int
read_bytes(int fd, const char *path, size_t size, char **ret, struct err *err)
{
	char *text = malloc(size + 1);
	size_t have = 0;

	if (!text)
		return err_set(err, "%s: there is no memory for its %zu bytes", path, size);
	while (have < size) {
		ssize_t n = read(fd, text + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	if (have < size) {
		free(text);
		return err_set(err, "%s: it cannot be read to its end", path);
	}
	*ret = text;
	return 0;
}

/* Reads the file; *ret_stamp is set where it could be opened. */
static struct table *
read_file(const char *path, const struct table_format *format, struct stamp *ret_stamp,
	struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct table *table = NULL;
	struct stat st;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &st)) {
		err_set(err, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > TABLE_FILE_MAX) {
		err_set(err, "%s: it is no file, or larger than %d bytes", path, TABLE_FILE_MAX);
	} else {
		*ret_stamp = stamp_of(&st);
		if (!read_bytes(fd, path, (size_t)st.st_size, &text, err))
			table = table_read(text, (size_t)st.st_size, format, path, err);
	}
	if (fd >= 0)
		close(fd);
	return table;
}

/* Puts a new table in the place of the old one; maps take it at their next look. */
static void
replace(struct lookups *lookups, struct lookup *lookup, struct table *table)
{
	struct table *old;

	pthread_mutex_lock(&lookups->lock);
	old = lookup->table;
	lookup->table = table;
	atomic_fetch_add(&lookup->version, 1);
	pthread_mutex_unlock(&lookups->lock);
	table_release(old);
}

/* Has the file changed, and come to rest since it was looked at last? One that is being written is
 * not read half. */
static bool
is_to_be_read(struct lookup *lookup)
{
	struct stamp now = {0};
	struct stat st;
	bool has_settled;

	if (stat(lookup->path, &st) == 0)
		now = stamp_of(&st);
	has_settled = is_same(&now, &lookup->seen);
	lookup->seen = now;
	return has_settled && !is_same(&now, &lookup->tried);
}

static void
look_at(struct lookups *lookups, struct lookup *lookup)
{
	struct table *table;
	int32_t rows;
	struct err err;

	if (!is_to_be_read(lookup))
		return;
	lookup->tried = lookup->seen;
	table = read_file(lookup->path, &lookup->format, &lookup->tried, &err);
	if (!table) {
		LOG(EVENT_map_bad, F_STR("file", lookup->path), F_STR("error", err.text));
		return;
	}
	rows = table_rows(table);
	/* First: who reads the line finds the new rows. */
	replace(lookups, lookup, table);
	LOG(EVENT_map_loaded, F_STR("file", lookup->path), F_INT("rows", rows));
}

static void
free_lookup(struct lookup *lookup)
{
	table_release(lookup->table);
	free(lookup->path);
	free(lookup->key);
	free(lookup->value);
	free(lookup);
}

/* One less needs the lookup; the last one frees it. The lock is held. */
static void
let_go(struct lookups *lookups, struct lookup *lookup)
{
	struct lookup **at = &lookups->first;

	if (--lookup->maps)
		return;
	while (*at != lookup)
		at = &(*at)->next;
	*at = lookup->next;
	free_lookup(lookup);
}

/* Looks at all files. Each is held as a map would, so that it stays while the lock is not held. */
static void
look_at_all(struct lookups *lookups)
{
	struct lookup *lookup = lookups->first, *next;

	if (lookup)
		lookup->maps++;
	for (; lookup; lookup = next) {
		pthread_mutex_unlock(&lookups->lock);
		look_at(lookups, lookup);
		pthread_mutex_lock(&lookups->lock);
		next = lookup->next;
		if (next)
			next->maps++;
		let_go(lookups, lookup);
	}
}

static void *
watch(void *arg)
{
	struct lookups *lookups = arg;
	struct timespec until;

	pthread_mutex_lock(&lookups->lock);
	while (!lookups->is_ending) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += lookups->interval_ms / 1000;
		until.tv_nsec += lookups->interval_ms % 1000 * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_cond_timedwait(&lookups->ends, &lookups->lock, &until) == ETIMEDOUT)
			look_at_all(lookups);
	}
	pthread_mutex_unlock(&lookups->lock);
	return NULL;
}

/* Starts the thread, which gets no signals. The lock is held. */
static int
start(struct lookups *lookups, struct err *err)
{
	sigset_t all, before;
	int result;

	if (lookups->has_thread)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&lookups->thread, NULL, watch, lookups);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result)
		return err_set(err, "no thread can be started: %s", strerror(result));
	lookups->has_thread = true;
	return 0;
}

static bool
is_for(const struct lookup *lookup, const char *path, const struct table_format *format)
{
	return !strcmp(lookup->path, path) && lookup->format.kind == format->kind &&
	       lookup->format.separator == format->separator && !strcmp(lookup->key, format->key) &&
	       (lookup->value && format->value ? !strcmp(lookup->value, format->value)
					       : lookup->value == format->value);
}

/* A lookup with its file read, in no list yet. */
static struct lookup *
new_lookup(const char *path, const struct table_format *format, struct err *err)
{
	struct stamp stamp = {0};
	struct table *table = read_file(path, format, &stamp, err);
	struct lookup *lookup;

	if (!table)
		return NULL;
	lookup = mem_zero(1, sizeof(*lookup));
	lookup->table = table;
	lookup->tried = lookup->seen = stamp;
	lookup->path = mem_strdup(path);
	lookup->key = mem_strdup(format->key);
	lookup->value = format->value ? mem_strdup(format->value) : NULL;
	lookup->format = *format;
	lookup->format.key = lookup->key;
	lookup->format.value = lookup->value;
	return lookup;
}

/* The lookup that the list has, or a new one. The lock is held, while the file is read, too:
   several states that start at once want it read once. */
static struct lookup *
find_or_add(struct lookups *lookups, const char *path, const struct table_format *format,
	struct err *err)
{
	struct lookup **at = &lookups->first;

	while (*at && !is_for(*at, path, format))
		at = &(*at)->next;
	if (*at)
		return *at;
	return *at = new_lookup(path, format, err);
}

struct script_map *
lookup_open(struct lookups *lookups, const char *path, const struct table_format *format,
	struct err *err)
{
	struct script_map *map = NULL;
	struct lookup *lookup = NULL;

	pthread_mutex_lock(&lookups->lock);
	if (!start(lookups, err))
		lookup = find_or_add(lookups, path, format, err);
	if (lookup) {
		lookup->maps++;
		map = mem_zero(1, sizeof(*map));
		map->lookups = lookups;
		map->lookup = lookup;
		map->version = atomic_load(&lookup->version);
		map->table = table_hold(lookup->table);
	}
	pthread_mutex_unlock(&lookups->lock);
	return map;
}

void
lookup_close(struct script_map *map)
{
	if (!map)
		return;
	pthread_mutex_lock(&map->lookups->lock);
	let_go(map->lookups, map->lookup);
	pthread_mutex_unlock(&map->lookups->lock);
	table_release(map->table);
	free(map);
}

static void
take_newer(struct script_map *map)
{
	struct table *old = map->table;

	pthread_mutex_lock(&map->lookups->lock);
	map->table = table_hold(map->lookup->table);
	map->version = atomic_load(&map->lookup->version);
	pthread_mutex_unlock(&map->lookups->lock);
	table_release(old);
}

const struct table *
lookup_table(struct script_map *map)
{
	if (atomic_load_explicit(&map->lookup->version, memory_order_acquire) != map->version)
		take_newer(map);
	return map->table;
}

const struct table *
lookup_last(const struct script_map *map)
{
	return map->table;
}
