/* The two clocks: monotonic for waiting, wall for what people read. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t
read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
clock_us(void)
{
	return clock_ns() / 1000;
}

static void
deadline(clockid_t id, int timeout_ms, struct timespec *ret)
{
	clock_gettime(id, ret);
	ret->tv_sec += timeout_ms / 1000;
	ret->tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (ret->tv_nsec >= 1000000000) {
		ret->tv_sec++;
		ret->tv_nsec -= 1000000000;
	}
}

void
clock_deadline(int timeout_ms, struct timespec *ret)
{
	deadline(CLOCK_REALTIME, timeout_ms, ret);
}

void
clock_deadline_steady(int timeout_ms, struct timespec *ret)
{
	deadline(CLOCK_MONOTONIC, timeout_ms, ret);
}

const char *
clock_print(int64_t wall_ms, char out[CLOCK_TEXT_SIZE])
{
	time_t seconds = wall_ms / 1000;
	struct tm tm;
	char day[sizeof("2026-01-31T00:00:00")];

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, CLOCK_TEXT_SIZE, "%s.%03uZ", day, (unsigned)(wall_ms % 1000) % 1000);
	return out;
}

const char *
clock_print_local(int64_t wall_ms, char out[CLOCK_LOCAL_SIZE])
{
	time_t seconds = wall_ms / 1000;
	struct tm tm;
	char day[sizeof("00:00:00")];

	localtime_r(&seconds, &tm);
	strftime(day, sizeof(day), "%H:%M:%S", &tm);
	snprintf(out, CLOCK_LOCAL_SIZE, "%s.%03u", day, (unsigned)(wall_ms % 1000) % 1000);
	return out;
}
