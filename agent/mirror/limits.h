/* Limits: how many bytes and records a second may be mirrored, over all topics and by topic. */
#ifndef MIRROR_LIMITS_H
#define MIRROR_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"

/* What somebody typed (see rates_parse in base/rates.h), shared by all topics that it is for. Its
   two cursors, one for bytes and one for records, are lock-free, so that all streams draw from one:
   each says up to which moment the rate is given away. Counted. */
struct limit;

/* The limits in force. Counted; never changed once made, but for the rates by the time of day and
   the limits of scripts, which come when they are asked for. */
struct limits;

enum limit_origin { LIMIT_OF_CONFIGURATION, LIMIT_OF_SCRIPT, LIMIT_LIVE };

/* What is told about one. */
struct limit_info {
	const char *pattern; /* topic expression, or topic; NULL: over all topics */
	const char *text;
	enum limit_origin origin;
	int64_t bytes_per_second, records_per_second; /* now; RATES_NONE */
};

/* From mirror.limit and [limits] of the configuration. NULL on error, which says where it stands.
   @borrows config until the call returns @gives one reference; limits_release @thread main */
struct limits *limits_new(const struct config *config, struct err *err);

/* The same with another live limit: over all topics (topic NULL) or of one topic. text "default":
   the live one is taken away. Limits that stay go on as they are. NULL on error: the text is none.
   @gives one reference; limits_release @thread main */
struct limits *limits_with(
	struct limits *limits, const char *topic, const char *text, struct err *err);

/* One more reference. @thread any */
struct limits *limits_take(struct limits *limits);

/* Gives a reference back and clears; the last one frees. NULL is accepted. @thread any */
void limits_release(struct limits **limits);

/* Sets each limit's rates to those of the time of day. Call it every second. @thread main */
void limits_at(struct limits *limits, int64_t wall_ms);

/* The limit of one topic: live, or what the script's route says (NULL: nothing), or the first
   expression of the configuration that matches. The same one for the same topic in all streams.
   NULL: nothing is ever limited. @gives one reference; limit_release @thread any */
struct limit *limits_of(struct limits *limits, const char *topic, const char *route_text);

/* The one over all topics, likewise. */
struct limit *limits_overall(struct limits *limits);

/* Gives a reference back and clears; the last one frees. NULL is accepted. @thread any */
void limit_release(struct limit **limit);

/* What was typed. @borrows limit @thread any */
const char *limit_text(const struct limit *limit);

/* Calls fn for each limit, those that others hide included, in the order in which they are asked;
   those of scripts while a stream has them. info is borrowed until the call returns. @thread main
 */
void limits_each(
	struct limits *limits, void (*fn)(const struct limit_info *info, void *arg), void *arg);

/* A place in the queue before a limit. Places are handed out in the order in which they are asked
   for, over all streams, and each says when it is its turn: so whoever waits gets as much as the
   others, and nobody has to be woken by anybody else. Who has had its turn asks for a new one. */
struct limit_place {
	int64_t records, bytes; /* what it was taken for */
	int64_t at_us;		/* clock_us: its turn */
	unsigned era;		/* the limit's when it was taken: another one, and it is void */
	bool is_taken;
};

/* When is this place's turn (clock_us)? One that is not taken, or is void, is taken first, for
   about so much. Void is one when the rate has changed, or when its turn was a tenth of a second
   ago: what was missed while nobody read is not made up for. Up to a tenth of a second may be used
   ahead of its time, so that who comes to an idle limit has its turn now. limit NULL: 0. @thread
   any */
int64_t limit_queue(struct limit *limit, struct limit_place *place, int64_t now_us, int64_t records,
	int64_t bytes);

/* How long (microseconds) who takes a place now waits for its turn. limit NULL: 0. @thread any */
int64_t limit_wait_us(const struct limit *limit, int64_t now_us);

/* How many records of about so many bytes each one turn is for: a hundredth of a second's, and that
   of the late_us by which it comes late because something else had to be waited for; at least one
   and never more than most. limit NULL: most. @thread any */
size_t limit_turn(const struct limit *limit, int64_t late_us, int64_t record_bytes, size_t most);

/* The turn is over, or given up (0, 0): what was read in truth counts instead of what the place was
   taken for. A place that is not taken is left alone. @thread any */
void limit_settle(struct limit *limit, struct limit_place *place, int64_t records, int64_t bytes);

#endif
