/* Preloaded into an agent: its wall clock is off by what a file says, and names that end in
   .torture have the addresses of another file. Both may change at any time.

   Whoever waits until a wall clock's time waits until the true clock shows it; who waits already
   when the clock jumps is not moved, as a kernel would. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
/* A monotonic clock, which nobody moves, never shows so much. */
#define WALL_LEAST 1000000000

/* Nanoseconds, in $TORTURE_CLOCK; NULL: none. */
static const volatile int64_t *offset;
static const char *hosts; /* $TORTURE_HOSTS: lines "NAME ADDRESS" */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("TORTURE_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map;

	hosts = getenv("TORTURE_HOSTS");
	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		offset = map;
}

static struct timespec
moved(struct timespec t, int64_t by)
{
	int64_t all = t.tv_sec * SECOND + t.tv_nsec + by;

	return (struct timespec){.tv_sec = all / SECOND, .tv_nsec = all % SECOND};
}

/* The true time of a time of the moved clock. */
static struct timespec
true_time(const struct timespec *t)
{
	return t->tv_sec < WALL_LEAST || !offset ? *t : moved(*t, -*offset);
}

int
clock_gettime(clockid_t id, struct timespec *ret)
{
	static int (*real)(clockid_t, struct timespec *);
	int status;

	if (!real)
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	status = real(id, ret);
	if (status == 0 && offset && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		*ret = moved(*ret, *offset);
	return status;
}

int
gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

time_t
time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int
timespec_get(struct timespec *ret, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, ret) == 0 ? base : 0;
}

int
cnd_timedwait(
	cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
	static int (*real)(cnd_t *, mtx_t *, const struct timespec *);
	struct timespec t = true_time(until);

	if (!real)
		real = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(
			RTLD_NEXT, "cnd_timedwait");
	return real(condition, mutex, &t);
}

/* Its oldest version takes another kind of condition. */
#define WAIT "pthread_cond_timedwait"

int
pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
	const struct timespec *restrict until)
{
	static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	struct timespec t = true_time(until);
	void *found;

	if (!real) {
		found = dlvsym(RTLD_NEXT, WAIT, "GLIBC_2.3.2");
		found = found ? found : dlsym(RTLD_NEXT, WAIT);
		real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))found;
	}
	return real(condition, mutex, &t);
}

/* Looks up a name; false when the file does not have it. */
static bool
find_host(const char *name, char ret[64])
{
	FILE *file = fopen(hosts, "re");
	char line[256], known[128], address[64];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%127s %63s", known, address) == 2 && !strcmp(known, name);
	if (file)
		fclose(file);
	if (found)
		strcpy(ret, address);
	return found;
}

int
getaddrinfo(const char *restrict name, const char *restrict service,
	const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	const char *dot = name ? strrchr(name, '.') : NULL;
	char address[64];

	if (!real)
		real = (int (*)(const char *, const char *, const struct addrinfo *,
			struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");
	if (!hosts || !dot || strcmp(dot, ".torture") != 0)
		return real(name, service, hints, ret);
	return find_host(name, address) ? real(address, service, hints, ret) : EAI_NONAME;
}
