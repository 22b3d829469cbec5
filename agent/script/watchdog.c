/* The watchdog: a thread that notices a script which does not come back, and the note of what it
 * was doing. */
#include "script/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "script/state.h"

/* Looks at least and at most so often; the shortest limit is 10 ms. */
#define LOOK_MOST_MS 250
#define LOOK_LEAST_MS 5
/* A script that uses no processor time may take so many times its limit: it waits, for a file most
 * likely. */
#define STUCK_TIMES 20
/* Says that the file is ours and of this layout. */
#define MAGIC "reflejo2"

/* What a stream is doing, in the mapped file. */
struct slot {
	char topic[250];
	uint8_t is_poisoned; /* the process was ended in this batch */
	int32_t partition;
	int64_t offset;
	char digest[16]; /* of the script's text */
};

struct note {
	char magic[8];
	int64_t streams;
	struct slot slots[];
};

/* A script that is being watched. */
struct watch {
	struct watch *next;
	struct script *script;
	struct slot *slot; /* NULL: nothing is noted */
	int64_t began;	   /* the call that was seen last */
	int64_t spent;	   /* ms in it, as far as the process ran */
	int64_t cpu_began; /* of its thread when it was seen first */
	bool is_given_up;
};

static struct dog {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	bool is_running, must_stop;
	struct watch *watches;
	struct note *note;
	size_t note_size;
	int note_fd;	       /* locked while it is mapped */
	struct slot *poisoned; /* of an earlier run */
	size_t poisoned_count;
	watchdog_fatal *fatal;
	void *arg;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Where the script is, for the message: the innermost place of what a user wrote. */
static void
say_where(lua_State *L, struct script *s)
{
	lua_Debug ar;

	snprintf(s->late, sizeof(s->late), "%s", s->name);
	for (int level = 0; level < 200 && lua_getstack(L, level, &ar); level++) {
		if (!lua_getinfo(L, "Sl", &ar) || ar.currentline < 0 ||
			!strncmp(ar.source, "=lua/", 5))
			continue;
		snprintf(s->late, sizeof(s->late), "%s:%d", ar.short_src, ar.currentline);
		return;
	}
}

/* Raised in the script's own thread at its next instruction, and at each one after it until it has
   left: no pcall of the script's keeps it. */
static void
on_hook(lua_State *L, lua_Debug *ar)
{
	struct script *s;
	void *arg;

	(void)ar;
	lua_getallocf(L, &arg); /* the allocator's argument is the script */
	s = arg;
	/* Meant for the call before this one. */
	if (clock_ms() - atomic_load(&s->began) < atomic_load(&s->limit_ms))
		return;
	if (!s->late[0])
		say_where(L, s);
	luaL_error(L, "time limit");
}

static void
end_process(struct watch *w)
{
	const struct script *s = w->script;
	const struct script_batch *b = &s->batch.view;
	char where[600];

	if (s->is_in_batch) {
		const char *topic = script_topic_name(s, b->_source_topic);

		int64_t offset = (int64_t)b->_records[b->_at]._offset;

		if (w->slot) {
			w->slot->offset = offset;
			memcpy(w->slot->digest, s->digest, sizeof(s->digest));
			w->slot->is_poisoned = 1;
		}
		snprintf(where, sizeof(where),
			"%s never ends for the record at offset %lld of %s partition %d", s->name,
			(long long)offset, topic, (int)b->_source_partition);
	} else {
		snprintf(where, sizeof(where), "%s never ends", s->name);
	}
	dog.fatal(where, dog.arg);
}

static int64_t
cpu_ms(clockid_t clock)
{
	struct timespec used;

	if (clock_gettime(clock, &used))
		return 0;
	return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Does it run, or does it only not get to run? A process that was stopped, or a host without time
   for it, is no endless loop; a script that waits for something is one after much longer. */
static bool
is_endless(struct watch *w, int64_t limit)
{
	int64_t used = cpu_ms(atomic_load(&w->script->cpu_clock)) - w->cpu_began;

	return w->spent > 2 * limit && (used > limit / 2 || w->spent > STUCK_TIMES * limit);
}

static void
look_at(struct watch *w, int64_t passed)
{
	struct script *s = w->script;
	int64_t began = atomic_load(&s->began), limit = atomic_load(&s->limit_ms);

	if (began == 0 || began != w->began) {
		w->began = began;
		w->spent = 0;
		w->cpu_began = began ? cpu_ms(atomic_load(&s->cpu_clock)) : 0;
		return;
	}
	w->spent += passed;
	if (w->spent <= limit)
		return;
	if (is_endless(w, limit) && !w->is_given_up) {
		w->is_given_up = true;
		end_process(w);
		return;
	}
	atomic_store(&s->is_interrupted, true);
	/* Again at each look: the thread itself writes what this writes, if seldom. */
	lua_sethook(s->L, on_hook, LUA_MASKCOUNT, 1);
	/* It came back just now: it must not find the hook at its next call. */
	if (atomic_load(&s->began) != began)
		lua_sethook(s->L, NULL, 0, 0);
}

/* How long until the next look: an eighth of the shortest limit. */
static int64_t
pause_ms(void)
{
	int64_t pause = LOOK_MOST_MS;

	for (struct watch *w = dog.watches; w; w = w->next) {
		int64_t limit = w->script->options.config->script.time_limit_ms / 8;

		if (limit < pause)
			pause = limit;
	}
	return pause < LOOK_LEAST_MS ? LOOK_LEAST_MS : pause;
}

/* @thread watchdog, which holds the lock */
static void
sleep_ms(int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&dog.wake, &dog.lock, &until);
}

static void *
run(void *arg)
{
	int64_t last = clock_ms();

	(void)arg;
	pthread_mutex_lock(&dog.lock);
	while (!dog.must_stop) {
		int64_t pause = pause_ms(), now;

		sleep_ms(pause);
		now = clock_ms();
		/* What passed while nobody ran (a stopped process, a suspended host) does not
		 * count. */
		for (struct watch *w = dog.watches; w; w = w->next)
			look_at(w, now - last < 2 * pause ? now - last : 2 * pause);
		last = now;
	}
	pthread_mutex_unlock(&dog.lock);
	return NULL;
}

/* Keeps what an earlier run's file says. */
static void
read_note(int fd)
{
	struct note head;
	struct slot slot;

	if (read(fd, &head, sizeof(head)) != sizeof(head) || memcmp(head.magic, MAGIC, 8) != 0)
		return;
	while (read(fd, &slot, sizeof(slot)) == sizeof(slot)) {
		slot.topic[sizeof(slot.topic) - 1] = '\0';
		if (!slot.is_poisoned)
			continue;
		dog.poisoned = mem_resize(dog.poisoned, dog.poisoned_count + 1, sizeof(slot));
		dog.poisoned[dog.poisoned_count++] = slot;
	}
}

/* Opens the file, or the first of FILE.2, FILE.3, ... that no other process has: two agents of one
   group, or a dry run beside the agent, find the same name. -1: see errno */
static int
open_own(const char *file)
{
	for (int n = 1; n < 100; n++) {
		char *name = n == 1 ? mem_strdup(file) : mem_printf("%s.%d", file, n);
		int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		free(name);
		/* Where a file system has no locks there is nothing to be found out. */
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			return fd;
		close(fd);
	}
	errno = EBUSY;
	return -1;
}

/* Maps the file with a slot for each stream. Poisoned slots stay in it behind those, until
 * watchdog_clear. */
static int
open_note(const char *file, int streams, struct err *err)
{
	int fd = open_own(file);
	size_t slots, size;
	void *map = MAP_FAILED;

	if (fd < 0)
		return err_set(err, "%s: cannot be written: %s; name another script.state.file",
			file, strerror(errno));
	read_note(fd);
	slots = (size_t)streams + dog.poisoned_count;
	size = sizeof(struct note) + slots * sizeof(struct slot);
	if (ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0)
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		err_set(err, "%s: cannot be mapped: %s; name another script.state.file", file,
			strerror(errno));
		close(fd);
		return -1;
	}
	dog.note_fd = fd;
	dog.note = map;
	dog.note_size = size;
	memcpy(dog.note->magic, MAGIC, 8);
	dog.note->streams = streams;
	for (size_t i = 0; i < dog.poisoned_count; i++)
		dog.note->slots[(size_t)streams + i] = dog.poisoned[i];
	return 0;
}

int
watchdog_start(
	const char *state_file, int streams, watchdog_fatal *fatal, void *arg, struct err *err)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&dog.wake, &attr);
	pthread_condattr_destroy(&attr);
	dog.fatal = fatal;
	dog.arg = arg;
	dog.must_stop = false;
	if (state_file && open_note(state_file, streams, err) < 0)
		return -1;
	if (pthread_create(&dog.thread, NULL, run, NULL))
		return err_set(err, "the script's watchdog thread cannot be started");
	dog.is_running = true;
	return 0;
}

void
watchdog_stop(void)
{
	if (!dog.is_running)
		return;
	pthread_mutex_lock(&dog.lock);
	dog.must_stop = true;
	pthread_cond_signal(&dog.wake);
	pthread_mutex_unlock(&dog.lock);
	pthread_join(dog.thread, NULL);
	dog.is_running = false;
	for (struct watch *w = dog.watches; w; w = w->next)
		w->slot = NULL;
	if (dog.note) {
		munmap(dog.note, dog.note_size);
		close(dog.note_fd);
	}
	dog.note = NULL;
	free(dog.poisoned);
	dog.poisoned = NULL;
	dog.poisoned_count = 0;
}

bool
watchdog_is_poisoned(const char *topic, int32_t partition, int64_t *ret_offset)
{
	bool found = false;

	pthread_mutex_lock(&dog.lock);
	for (size_t i = 0; i < dog.poisoned_count && !found; i++) {
		const struct slot *slot = &dog.poisoned[i];

		found = slot->partition == partition && !strcmp(slot->topic, topic);
		if (found)
			*ret_offset = slot->offset;
	}
	pthread_mutex_unlock(&dog.lock);
	return found;
}

/* Forgets what was poisoned by scripts of another text; all with script NULL. */
static void
forget(const struct script *script)
{
	size_t kept = 0;

	pthread_mutex_lock(&dog.lock);
	for (size_t i = 0; i < dog.poisoned_count; i++) {
		if (script &&
			!memcmp(dog.poisoned[i].digest, script->digest, sizeof(script->digest)))
			dog.poisoned[kept++] = dog.poisoned[i];
	}
	for (size_t i = 0; dog.note && i < dog.poisoned_count; i++) {
		struct slot *slot = &dog.note->slots[(size_t)dog.note->streams + i];

		*slot = i < kept ? dog.poisoned[i] : (struct slot){.is_poisoned = 0};
	}
	dog.poisoned_count = kept;
	pthread_mutex_unlock(&dog.lock);
}

void
watchdog_forget_others(const struct script *script)
{
	forget(script);
}

void
watchdog_clear(void)
{
	forget(NULL);
}

void
watchdog_watch(struct script *s)
{
	struct watch *w = mem_zero(1, sizeof(*w));

	pthread_mutex_lock(&dog.lock);
	w->script = s;
	if (dog.note && s->options.stream >= 0 && s->options.stream < dog.note->streams)
		w->slot = &dog.note->slots[s->options.stream];
	w->next = dog.watches;
	dog.watches = w;
	s->watch = w;
	pthread_mutex_unlock(&dog.lock);
}

void
watchdog_unwatch(struct script *s)
{
	struct watch **link = &dog.watches;

	if (!s->watch)
		return;
	pthread_mutex_lock(&dog.lock);
	while (*link != s->watch)
		link = &(*link)->next;
	*link = s->watch->next;
	pthread_mutex_unlock(&dog.lock);
	free(s->watch);
	s->watch = NULL;
}

/* The batch that begins, for whoever starts after this process was ended in it. */
static void
note_batch(struct script *s)
{
	struct slot *slot = s->watch->slot;
	const struct script_batch *b = &s->batch.view;

	if (!slot || !s->is_in_batch)
		return;
	slot->partition = b->_source_partition;
	slot->offset = (int64_t)b->_records[b->_first]._offset;
	strncpy(slot->topic, script_topic_name(s, b->_source_topic), sizeof(slot->topic) - 1);
}

void
watchdog_enter(struct script *s, int64_t limit_ms)
{
	if (!s->watch)
		return;
	note_batch(s);
	if (!s->has_clock || !pthread_equal(s->thread, pthread_self())) {
		clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;

		pthread_getcpuclockid(pthread_self(), &clock);
		atomic_store(&s->cpu_clock, clock);
		s->thread = pthread_self();
		s->has_clock = true;
	}
	atomic_store(&s->limit_ms, limit_ms);
	atomic_store(&s->began, clock_ms());
}

void
watchdog_leave(struct script *s)
{
	if (!s->watch)
		return;
	atomic_store(&s->began, 0);
	if (!atomic_exchange(&s->is_interrupted, false))
		return;
	/* The watchdog may be about to set it: not while it holds the lock. */
	pthread_mutex_lock(&dog.lock);
	lua_sethook(s->L, NULL, 0, 0);
	atomic_store(&s->is_interrupted, false);
	pthread_mutex_unlock(&dog.lock);
}

static void
count_hook(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	lua_pushlightuserdata(L, (void *)(uintptr_t)count_hook);
	lua_pushboolean(L, 1);
	lua_rawset(L, LUA_REGISTRYINDEX);
}

bool
script_engine_is_stoppable(void)
{
	/* Compiled after some dozen rounds; a hook every 100,000 instructions comes only when it is
	 * looked for there. */
	static const char loop[] = "local n = 0 for i = 1, 2e7 do n = n + i % 7 end return n";
	lua_State *L = luaL_newstate();
	bool reached = false;

	if (!L)
		return false;
	luaL_openlibs(L);
	lua_sethook(L, count_hook, LUA_MASKCOUNT, 1000000);
	if (luaL_loadstring(L, loop) == 0 && lua_pcall(L, 0, 0, 0) == 0) {
		lua_pushlightuserdata(L, (void *)(uintptr_t)count_hook);
		lua_rawget(L, LUA_REGISTRYINDEX);
		reached = lua_toboolean(L, -1);
	}
	lua_close(L);
	return reached;
}
