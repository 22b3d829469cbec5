/* Silence: what does not work, and would not be noticed, is said at least every ten seconds. */
#ifndef MIRROR_SILENCE_H
#define MIRROR_SILENCE_H

#include <stdint.h>

struct pipeline;

/* What goes on not working is said again after so many seconds: for LOG_LIMITED. */
#define SILENCE_SAY_AGAIN 8

/* Says which partition's records wait for the target and have not been acknowledged for a while.
   Call it once a second. @thread worker */
void silence_say_standstill(struct pipeline *pipeline, int stream);

/* Says which partitions the source does not let be read, for whatever reason, and has not for a
   while. Call it once a second. @thread worker */
void silence_say_unread(struct pipeline *pipeline, int stream);

/* Says that the group has given no partitions to the stream since then (clock_ms), once that is a
   while ago. @thread worker */
void silence_say_unassigned(int64_t since, const char *group, int stream);

#endif
