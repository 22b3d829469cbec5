/* The offset map: for one source partition, which offsets its records got at the target. */
#ifndef MIRROR_OFFSET_MAP_H
#define MIRROR_OFFSET_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it is for: a group has committed S at the source, so it has read what stands below S. Where
   must it go on at the target?

   The records of one source partition reach one target partition (here: a lane) in their order. So
   for each lane two numbers answer:

     next   the target offset of its first record from S or above; -1: none yet
     after  one behind its last record from below S

   A lane is kept as runs: source and target offset of a record, and how many records behind it have
   both offsets larger by one each. Between two runs nothing of the lane lies, and what the source
   has between them (filtered, compacted away, sent elsewhere) needs no room. Only a run that is
   *blind* may have records before it that the map does not know: the map was thinned there, or a
   crash has lost the notes. S there gives `after` of the run before: no record is missed, but some
   may be read twice.

   What the quality promises:

     EXACT    the next record that a consumer reads at the target is the mirror of the next one that
	      it would have read at the source; none is missed, none is read twice
     BOUND    none is missed; some may be read twice
     UNKNOWN  nothing can be said

   Several source partitions may feed one target partition (by key, topics merged, emitted records).
   Then its answer is the least of theirs, EXACT only where no record already read stands behind it;
   see offset_translate.

   A record that was sent more than once (after a crash, a lost answer, a leader's end) has several
   copies. The last one counts: all that followed it was sent again behind it. Offsets below the
   first of them are BOUND, because what follows there holds the copies. Where several source
   partitions feed one, the answer may come from another one and stand before copies, or before
   records from the time before the map: the lane says up to where these may be.

   Memory is bounded: what is too much is thinned among the older half of the longest lane, so that
   what is new stays exact longest and each older piece is coarser. A lane's first and last runs
   stay.

   Pure bookkeeping. @thread owner for all calls */
struct offset_map;

enum offset_quality { OFFSET_EXACT, OFFSET_BOUND, OFFSET_UNKNOWN };

/* Why an answer is not exact. */
enum offset_reason {
	OFFSET_FINE,
	OFFSET_BEFORE,	  /* S lies below what the map knows */
	OFFSET_THINNED,	  /* the map was thinned there */
	OFFSET_LOST,	  /* a crash, or an answer without an offset, has lost it */
	OFFSET_REPEATED,  /* records were sent again from there on */
	OFFSET_BEHIND,	  /* the mirror has not come to S */
	OFFSET_SHARED,	  /* other source partitions' records stand between */
	OFFSET_HIDDEN,	  /* so may records that the maps do not know */
	OFFSET_UNSETTLED, /* another source partition may have records on their way there */
	OFFSET_NOTHING	  /* no record is known to have gone there */
};

/* Why records may be missing in the map before a run. */
enum offset_blind { OFFSET_SEES, OFFSET_SEES_THINNED, OFFSET_SEES_LOST };

struct offset_run {
	int64_t source, target; /* of its first record */
	uint32_t length;	/* records */
	uint8_t blind;		/* enum offset_blind: of what lies between it and the run before */
	bool is_more;		/* its first record is not the first of its source offset (emitted
				   ones) */
};

/* One target partition. */
struct offset_lane {
	char *topic;
	const void *handle; /* the topic for offset_map_add, NULL: none */
	int32_t partition;
	uint8_t pending; /* enum offset_blind of the run that comes next */
	int64_t from;	 /* nothing is known of the lane below this source offset */
	int64_t newest;	 /* source offset of its newest record; -1: none */
	int64_t hidden;	 /* below this target offset may be records of the source partition that
			    the runs do not have: copies, or from before the map */
	bool is_hiding;	 /* they may be anywhere, until the next run tells */
	struct offset_run *runs;
	size_t count, capacity;
};

struct offset_answer {
	enum offset_quality quality;
	enum offset_reason reason;
	int64_t next;  /* -1: none yet, or UNKNOWN. BOUND: it is not below this */
	int64_t after; /* 0: none from below. Where it is not known exactly, not lower than it is */
	int64_t hidden; /* below this may be records that are not known: INT64_MAX: anywhere */
};

/* Keeps at most so many runs, but two a lane. @gives the map; offset_map_free */
struct offset_map *offset_map_new(size_t most_runs);

/* Frees and clears. NULL is accepted. */
void offset_map_free(struct offset_map **map);

/* Another bound for the runs; thins at once. */
void offset_map_limit(struct offset_map *map, size_t most_runs);

/* A record of the source is settled; what it became at the target, if anything, is added next. They
   come in the order of their offsets. One that is not larger than the one before means that the
   source is read again from there: what the map knew of it and above is forgotten, and offsets
   below are repeated. */
void offset_map_record(struct offset_map *map, int64_t source);

/* A record at the target that came of it. handle stands for the topic's name and must be the same
   for the same name, or NULL. target -1: which offset it got was not told. One that is not larger
   than the lane's last means that the target began anew: the lane is forgotten. */
void offset_map_add(struct offset_map *map, const void *handle, const char *topic,
	int32_t partition, int64_t target);

/* Everything below this source offset is settled, and was told. */
void offset_map_advance(struct offset_map *map, int64_t position);

/* The record last told of was sent more than once. Before its offset_map_add. */
void offset_map_repeated(struct offset_map *map);

/* Whatever stands between the position and where the next record comes from is not known, nor
   whether records above the position were sent before. */
void offset_map_lose(struct offset_map *map);

/* The same where it is known from where on the source is read: nothing of it was sent yet, unless
   the map knows of it or it happened before. For an empty map this is where it begins. */
void offset_map_resume(struct offset_map *map, int64_t source);

/* Records of the source partition that the map does not know of stand below this end of the target
   partition, if they went there at all. */
void offset_map_hide(struct offset_map *map, const char *topic, int32_t partition, int64_t end);

/* Forgets a target partition that began anew. */
void offset_map_forget(struct offset_map *map, const char *topic, int32_t partition);

/* A lane of more which shows that its target partition began anew; NULL: none does. */
const struct offset_lane *offset_map_find_anew(
	const struct offset_map *map, const struct offset_map *more);

/* Adds what a later map of the same partition, begun where this one ends, holds. more is emptied,
   and may be filled again. */
void offset_map_append(struct offset_map *map, struct offset_map *more);

/* Answers S for one lane. */
struct offset_answer offset_map_look(
	const struct offset_map *map, const char *topic, int32_t partition, int64_t committed);

/* One source partition that may have records in a target partition. */
struct offset_feeder {
	const struct offset_map *map; /* NULL: nothing is known of it */
	int64_t committed;	      /* S */
	int64_t floor; /* records of it that are not in the map are not below this target offset;
			  -1: not known */
};

/* Answers for a target partition with all that may feed it: next is the offset to commit there, -1
   only when it is UNKNOWN. */
struct offset_answer offset_translate(
	const struct offset_feeder *feeders, size_t count, const char *topic, int32_t partition);

/* What the map knows, for keeping it. */
struct offset_span {
	int64_t begin, position; /* everything from begin to below position, but for what was lost;
				    both -1: nothing yet */
	int64_t known;		 /* nothing was lost from here on */
	int64_t exact_from;	 /* what is below was sent more than once */
	bool is_lost;		 /* what comes next need not begin at position */
};
const struct offset_span *offset_map_span(const struct offset_map *map);

/* The lane of that number, in the order of their first records; NULL behind the last. */
const struct offset_lane *offset_map_lane(const struct offset_map *map, size_t number);

/* One behind the last record of a lane; 0: no record. */
int64_t offset_lane_end(const struct offset_lane *lane);

/* How many runs there are. */
size_t offset_map_runs(const struct offset_map *map);

/* For an empty map that is read from where it was kept: what it knew, then lane by lane (of which
   the runs are left out, and the topic is copied) its runs, in order. -1: this run cannot follow
   the one before. */
void offset_map_restore(struct offset_map *map, const struct offset_span *span);
struct offset_lane *offset_map_restore_lane(struct offset_map *map, const struct offset_lane *like);
int offset_map_restore_run(
	struct offset_map *map, struct offset_lane *lane, const struct offset_run *run);

/* "exact" "bound" "unknown" */
const char *offset_quality_name(enum offset_quality quality);

/* Half a sentence, "" for FINE. */
const char *offset_reason_text(enum offset_reason reason);

#endif
