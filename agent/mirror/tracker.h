/* The tracker: which records of one source partition are on their way, and up to where all is
 * settled. */
#ifndef MIRROR_TRACKER_H
#define MIRROR_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pure bookkeeping, no Kafka. A record is begun in the order of its offsets and settled in any
   order; the position, which may be committed, moves over the settled prefix only. "Prefix" is in
   the order of begin: compaction and transaction markers leave holes in the offsets. @thread owner
   for all calls */
struct tracker;
struct outputs;
struct target_topic;

enum flight_state {
	FLIGHT_WAITING, /* to be sent (again) */
	FLIGHT_SENT,	/* queued in a producer, a delivery will come */
	FLIGHT_ACKED,	/* acknowledged, but something before it is not */
	FLIGHT_DONE	/* acknowledged or dropped on purpose: never sent again */
};

/* One record between begin and release. Its address is stable. */
struct flight {
	struct tracker *tracker;
	void *message,
		*headers; /* see kafka/record.h; released by the tracker's user after tracker_pop */
	struct outputs *
		outputs; /* what is produced for it, see mirror/output.h; NULL: the record itself */
	struct target_topic *target; /* ACKED, without outputs: where it is */
	int64_t target_offset;	     /* its offset there, -1: not told */
	int64_t offset;
	int64_t timestamp; /* the record's at the source, ms since 1970; -1: none */
	uint32_t bytes;	   /* counted against the buffer */
	int32_t partition; /* at the target, -1 while unknown */
	uint8_t state;
	bool is_raw;	  /* WAITING: a script has still to say what becomes of it */
	bool is_timed;	  /* its latency is counted */
	uint8_t fate;	  /* enum meter_fate: what becomes of it once it is settled */
	bool is_repeated; /* copies of it may be at the target */
	bool is_barred;	  /* WAITING: the target refuses it, and its partition is to stop here */
};

/* owner is what tracker_owner gives back. @gives the tracker; tracker_free */
struct tracker *tracker_new(void *owner);
void *tracker_owner(const struct tracker *tracker);
void tracker_set_owner(struct tracker *tracker, void *owner);

/* Frees and clears; what the flights point to must have been popped or released before. NULL is
 * accepted. */
void tracker_free(struct tracker **tracker);

/* Takes one more record, state WAITING, without a timestamp. offset must be larger than the one
   before. @borrows the flight until tracker_pop gives it back */
struct flight *tracker_begin(struct tracker *tracker, int64_t offset, uint32_t bytes);

/* The one way a flight changes its state. Ends the process when the change makes no sense, since a
   wrong position would lose records. */
void tracker_set(struct flight *flight, enum flight_state state);

/* The oldest flight if it is ACKED or DONE: removes it, moves the position behind it, copies it to
 * *ret and returns true. */
bool tracker_pop(struct tracker *tracker, struct flight *ret);

/* The oldest flight whatever its state, for giving up: copies it to *ret and removes it; the
 * position stays. */
bool tracker_discard(struct tracker *tracker, struct flight *ret);

/* Offset to commit: one behind the settled prefix; -1 while nothing was popped. */
int64_t tracker_position(const struct tracker *tracker);

/* Where the position would be if all that is settled now were popped; -1 while nothing was and is.
   false: something of a flight behind the settled ones is acknowledged. */
bool tracker_settled_position(struct tracker *tracker, int64_t *ret);

/* Moves the position over offsets that never become records (transaction markers at an idle end).
   Does nothing unless the tracker is empty, and never goes back. */
void tracker_advance(struct tracker *tracker, int64_t position);

/* The offset begun last, -1 before the first. */
int64_t tracker_last_offset(const struct tracker *tracker);

/* Flights not yet popped, and those of them in state SENT. */
size_t tracker_count(const struct tracker *tracker);
size_t tracker_sent(const struct tracker *tracker);

/* Walks the flights, oldest first: NULL gives the first, NULL comes after the last. */
struct flight *tracker_next(struct tracker *tracker, struct flight *flight);

#endif
