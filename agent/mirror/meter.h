/* Meters: what one stream has counted of each partition and topic, for whoever shows it. */
#ifndef MIRROR_METER_H
#define MIRROR_METER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror/gap.h"

/* All meters of one stream. Made and written by its worker, read by the main thread while the
   worker runs: meters are only ever added, and live until the worker is joined. Every cell has one
   writer and is relaxed; a reader may see cells of different moments. */
struct meters;

/* Upper bounds of the latency histogram's buckets, in milliseconds; one bucket more has no bound.
 */
#define METER_BOUNDS 14
extern const int64_t meter_bounds[METER_BOUNDS];

/* One topic of the source. */
struct meter_topic {
	_Atomic(struct meter_topic *) next;
	char *name;
	/* From the record's timestamp at the source to its acknowledgement: not cumulative, the
	   last one is for what took longer. */
	_Atomic uint64_t latency[METER_BOUNDS + 1];
	_Atomic uint64_t latency_ms; /* the sum */
};

/* Why a partition does, or does not, flow. One is reported, the first of these that is true but for
 * FLOWING. */
enum meter_state {
	METER_GONE, /* not assigned to this stream now */
	METER_HELD, /* stands at a record, which the target refuses or the script fails for, or at a
		       gap; see reason */
	METER_PAUSED,	/* an operator said so */
	METER_WAITING,	/* for the target: a topic or partition that is not there, or another try */
	METER_RETRYING, /* the script wants the record later */
	METER_LIMITED,	/* a rate limit holds it back just now */
	METER_FLOWING,	/* reads and sends */
	METER_CAUGHT_UP, /* all that the source has is settled */
	METER_STATES
};

/* What became of a record. Each is counted once, where its flight leaves the tracker, so that for a
   partition these and what was given up make up what was read, but for what is on its way. */
enum meter_fate {
	FATE_MIRRORED,	  /* it, or what the script made of it, is at the target */
	FATE_DROPPED,	  /* the script left it out */
	FATE_DEAD_LETTER, /* put aside */
	FATE_FAILED,	  /* left out because the target refused it, or the script failed */
	METER_FATES
};

/* How many records of a partition were left out for one reason. */
struct meter_drop {
	struct meter_drop *next;
	uint64_t count;
	char name[];
};

/* One source partition. Counters only grow, over all times that this stream had it. */
struct meter {
	_Atomic(struct meter *) next;
	struct meter_topic *topic;
	int32_t partition;
	int stream;
	_Atomic uint64_t records_read, bytes_read;	   /* key and value bytes */
	_Atomic uint64_t records_mirrored, bytes_mirrored; /* acknowledged, in the settled prefix */
	_Atomic uint64_t records_dropped, records_dead_lettered, records_resent;
	_Atomic uint64_t settled[METER_FATES];
	_Atomic uint64_t given_up; /* were on their way when the partition was taken, or went back:
				      whoever has it next reads them again */
	_Atomic int64_t first, last; /* offsets: of the first record that was read, of the last one
					that was settled; -1: none */
	_Atomic int64_t first_ms, last_ms; /* clock_ms, when that was; 0: not yet */
	_Atomic int is_over; /* a one shot has read and settled all that it wants of it */
	/* What is, as of the last second or the last change: */
	_Atomic uint64_t in_flight;		  /* records begun and not settled */
	_Atomic int64_t position, committed, end; /* next offset to settle; committed; behind the
						    last of the source; -1 unknown */
	_Atomic int64_t lag;			  /* records; -1 unknown */
	_Atomic int64_t oldest_ms; /* timestamp (wall) up to which all is settled: of the newest
				      settled record; -1 none yet */
	_Atomic int64_t moved_ms;  /* clock_ms when the position moved last, or when it was seen to
				      be caught up or paused */
	_Atomic int state;	   /* enum meter_state */
};

/* @gives; meters_free, when nobody reads any more */
struct meters *meters_new(int stream);
void meters_free(struct meters **meters);

/* The meter of a partition, made at the first call. @thread worker */
struct meter *meters_get(struct meters *meters, const char *topic, int32_t partition);

/* Why a partition is in its state; "" when there is nothing to say. The text is copied, and cut at
   METER_REASON. Guarded by a lock, for it changes seldom. @thread worker */
#define METER_REASON 256
void meter_set_reason(struct meter *meter, const char *reason);
/* @thread any */
void meter_reason(const struct meter *meter, char out[METER_REASON]);

/* One more record was left out for this reason ("": none is given). Of so many reasons a partition
   each counts by itself, by at most so many bytes; all further ones are "(others)". @thread worker
 */
#define METER_DROPS 32
#define METER_DROP_NAME 100
void meter_drop(struct meter *meter, const char *reason);
/* The reasons, as a list. @thread any, once the worker has ended */
const struct meter_drop *meter_drops(const struct meter *meter);
/* The gap that was met last. */
struct meter_gap {
	struct gap gap;		/* kind GAP_NONE: none yet */
	enum gap_policy policy; /* what was done */
	int64_t wall_ms;	/* when it was found */
	uint64_t gaps, missing; /* of the partition so far, with this one; offsets in all of them.
				   Counted by meter_set_gap */
};

/* Guarded by the same lock. @thread worker */
void meter_set_gap(struct meter *meter, const struct meter_gap *gap);
/* @thread any */
void meter_gap(const struct meter *meter, struct meter_gap *ret);

/* One more record of this topic was acknowledged so long after its timestamp; negative counts as 0.
   @thread worker */
void meter_latency(struct meter_topic *topic, int64_t ms);

/* Walks; NULL gives the first, NULL comes after the last. @thread any */
struct meter *meters_next(const struct meters *meters, const struct meter *meter);
struct meter_topic *meters_next_topic(const struct meters *meters, const struct meter_topic *topic);

/* "held", "caught up", ... */
const char *meter_state_name(enum meter_state state);

#endif
