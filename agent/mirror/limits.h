/* Limits: how many bytes and records a second may be mirrored, over all topics and by topic. */
#ifndef MIRROR_LIMITS_H
#define MIRROR_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"

/* What somebody typed: "20MB/s", "500r/s", "20MB/s 500r/s", "none", and by time of day, local time,
   first match wins: "5MB/s @08:00-18:00; 50MB/s". Shared by all topics that a limit is for.
   Buckets are lock-free, so that all streams draw from one. */
struct limit;

/* The limits in force: counted, never changed once made (but for the rates of its limits, by the
   time of day). @thread any for take, release and of; main for all else */
struct limits;

/* What limits are made of; see limits_new. text of each is kept. */
enum limit_origin { LIMIT_OF_CONFIGURATION, LIMIT_OF_SCRIPT, LIMIT_LIVE };

/* What is told about one. */
struct limit_info {
	const char *pattern; /* topic expression, or topic; NULL: over all topics */
	const char *text;
	enum limit_origin origin;
	int64_t bytes_per_second, records_per_second; /* now; -1: none */
};

/* Is this text a limit? The error says what may stand there. @thread any */
int limit_check(const char *text, struct err *err);

/* From mirror.limit and [limits] of the configuration. NULL on error, which names the key. @gives
   one reference; limits_release */
struct limits *limits_new(const struct config *config, struct err *err);

/* The same with another live limit: over all topics (topic NULL) or of one topic. text "default":
   the live one is taken away. Buckets that stay go on as they are. @gives one reference */
struct limits *limits_with(
	const struct limits *limits, const char *topic, const char *text, struct err *err);

struct limits *limits_take(struct limits *limits);
void limits_release(struct limits **limits);

/* Sets each limit's rates to those of the time of day. Call it every second. */
void limits_at(struct limits *limits, int64_t wall_ms);

/* The limit of one topic: live, or what the script's route says (NULL: nothing), or the first
   pattern of the configuration that matches; NULL: none. The same limit for the same topic in all
   streams.
   @borrows limits */
struct limit *limits_of(struct limits *limits, const char *topic, const char *route_text);
/* The one over all topics. */
struct limit *limits_global(struct limits *limits);

/* How long to wait before anything may be read, in milliseconds; 0: now. NULL never waits. @thread
 * any */
int64_t limit_wait(const struct limit *limit, int64_t now_us);
/* So many at most, so that a tenth of a second is not exceeded; cost: bytes of a record, about. */
size_t limit_most(const struct limit *limit, int64_t cost, size_t most);
/* So much was read. @thread any */
void limit_charge(struct limit *limit, int64_t now_us, uint64_t records, uint64_t bytes);

/* Calls fn for each limit in force. */
void limits_each(const struct limits *limits, void (*fn)(const struct limit_info *info, void *arg),
	void *arg);

#endif
