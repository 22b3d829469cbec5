/* The two clocks: monotonic for waiting, wall for what people read. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of a clock that never jumps (CLOCK_MONOTONIC). @thread any */
int64_t clock_ms(void);

/* Microseconds of the same clock. @thread any */
int64_t clock_us(void);

/* Milliseconds since 1970 UTC. @thread any */
int64_t clock_wall_ms(void);

/* Nanoseconds of the clock that never jumps, for measuring how long something takes. @thread any */
int64_t clock_ns(void);

/* The moment so many milliseconds from now, as pthread's timed calls want it. @thread any */
struct timespec;
void clock_deadline(int timeout_ms, struct timespec *ret);

/* The same for conditions of the clock that never jumps (pthread_condattr_setclock). @thread any */
void clock_deadline_steady(int timeout_ms, struct timespec *ret);

/* Room for "2026-01-31T00:00:00.000Z" and its NUL. */
#define CLOCK_TEXT_SIZE 25

/* Writes wall_ms as "2026-01-31T00:00:00.000Z" into out and returns out. @thread any */
const char *clock_print(int64_t wall_ms, char out[CLOCK_TEXT_SIZE]);

/* The same instant by the local clock, "14:05:59.123", into out, which it returns. @thread any */
#define CLOCK_LOCAL_SIZE 13
const char *clock_print_local(int64_t wall_ms, char out[CLOCK_LOCAL_SIZE]);

#endif
