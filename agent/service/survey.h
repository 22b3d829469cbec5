/* The survey: what all streams together do, partition by partition and topic by topic, with rates
 * and a little history. */
#ifndef SERVICE_SURVEY_H
#define SERVICE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror/counters.h"
#include "mirror/meter.h"

/* Taken once a second by the main thread, which alone reads it. @thread main for all calls */
struct survey;

/* Rates are over so many seconds; latency quantiles over about a minute; history goes back so far.
 */
#define SURVEY_RATE_SECONDS 10
#define SURVEY_HISTORY 300

/* Numbers that only grow, with the rates they grow by. */
struct survey_flow {
	uint64_t records, bytes;
	double records_per_second, bytes_per_second;
};

/* A source partition that a stream of this agent has, or had. */
struct survey_partition {
	struct survey_topic *topic;
	int32_t partition;
	int stream; /* -1: no stream has it now; then only the counters mean something */
	enum meter_state state;
	const struct meter *meter; /* of the stream that has it, NULL: none */
	uint64_t records_read, bytes_read, records_resent;
	uint64_t in_flight;
	struct survey_flow mirrored;
	int64_t position, committed, end, lag; /* -1 unknown */
	int64_t lag_ms;			       /* 0: all is settled; -1 unknown */
	int64_t moved_ms;		       /* clock_ms */
	const char *labels; /* topic="...",partition="..." as metrics show them */
};

/* A topic of the source that has such partitions. */
struct survey_topic {
	const char *name;
	const char *labels;			    /* topic="..." */
	struct survey_partition *const *partitions; /* by number */
	size_t count;				    /* of them; those that a stream has: */
	size_t assigned;
	enum meter_state state; /* the one that matters most; METER_GONE: none is assigned */
	const struct survey_partition
		*worst; /* the first one in that state; NULL: none is assigned */
	struct survey_flow mirrored;
	uint64_t in_flight;
	int64_t lag, lag_ms; /* the sum; the largest; -1 unknown */
	uint64_t latency[METER_BOUNDS + 1],
		latency_ms; /* since the start; as in struct meter_topic */
	double p50, p99;    /* seconds, of the last minute; -1: nothing was acknowledged */
};

/* Over all of them. */
struct survey_sum {
	struct counters counters; /* of all streams, those that have ended included */
	size_t states[METER_STATES];
	size_t assigned;
	struct survey_flow mirrored;
	int64_t lag, lag_ms; /* -1 unknown */
	double p50, p99;
};

/* @gives the survey; survey_free */
struct survey *survey_new(void);
/* Frees and clears. NULL is accepted. */
void survey_free(struct survey **survey);

/* Reads all meters; counters: the sum over all streams; now: clock_ms, wall: clock_wall_ms.
   @borrows the meters until survey_free, or until survey_forget */
void survey_take(struct survey *survey, const struct meters *const *meters, size_t count,
	const struct counters *counters, int64_t now, int64_t wall);

/* When it was taken last, by clock_ms; what it says of moving and standing is as of then. */
int64_t survey_time(const struct survey *survey);

/* The source says where a partition ends; counts while the partition's own fetching knows less. */
void survey_set_end(struct survey *survey, const char *topic, int32_t partition, int64_t end);

/* A stream ends: its meters are read no more, and what they counted stays. */
void survey_forget(struct survey *survey, const struct meters *meters);

/* Over all partitions; lives as long as the survey. */
const struct survey_sum *survey_sum(const struct survey *survey);
/* Sorted by name; and by topic and number. Live until the next survey_take. */
struct survey_topic *const *survey_topics(const struct survey *survey, size_t *ret_count);
struct survey_partition *const *survey_partitions(const struct survey *survey, size_t *ret_count);
/* NULL: no stream has had a partition of it. */
const struct survey_topic *survey_find(const struct survey *survey, const char *topic);

/* The last seconds, oldest first: fills at most SURVEY_HISTORY and returns how many. lag -1:
 * unknown. */
struct survey_moment {
	double records_per_second, bytes_per_second;
	int64_t lag;
};
size_t survey_history(const struct survey *survey, struct survey_moment *out);

/* Has it caught up, or moved within stall_ms? Otherwise *ret_why gets a finished sentence, which
 * the caller frees. */
bool survey_is_moving(
	const struct survey_partition *partition, int64_t now, int64_t stall_ms, char **ret_why);

#endif
