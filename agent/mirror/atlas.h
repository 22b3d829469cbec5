/* The atlas: the offset maps of all source partitions, and what they say together about each target
 * partition. */
#ifndef MIRROR_ATLAS_H
#define MIRROR_ATLAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror/offset_map.h"
#include "mirror/offset_notes.h"
#include "mirror/plan.h"

/* One thread's, who is given the streams' notes, and what was kept of maps before. Pure
   bookkeeping.

   Whose a source partition is:

     ELSEWHERE  another agent's, or nobody's: its map is what was kept last
     ARRIVING   one of our streams has it; how its map goes on is still to be found out, and what is
		noted meanwhile waits
     OURS       its map grows with each note

   Where several source partitions may feed one target partition, an answer needs to know what the
   others have on their way there. That is what ticks are for: at each tick the ends of all target
   partitions are written down, as far as notes told of them; a note that comes later says up to
   which offset its partition had begun to send. Once all of that has been noted, whatever the
   partition sends after it stands behind the ends of that tick. This is the floor of struct
   offset_feeder. It needs the clock of one process, so it is not there for partitions that are
   ELSEWHERE. */
struct atlas;

enum leaf_owner { LEAF_ELSEWHERE, LEAF_ARRIVING, LEAF_OURS };

/* Ticks that are remembered. */
#define ATLAS_TICKS 8

/* A source partition. */
struct leaf {
	const char *topic;
	int32_t partition;
	size_t number, topic_number;   /* from 0 on, in the atlas */
	const struct plan_topic *plan; /* NULL: not mirrored now */
	enum leaf_owner owner;
	bool is_kept;	 /* something was kept of it, or noted */
	bool is_clean;	 /* whoever had it has left it with all settled, noted and committed */
	bool is_changed; /* since it was kept last */
	bool is_noted;	 /* something was said of it since it arrived, if only that nothing came */
	int64_t arrived; /* ARRIVING: since then (clock_ms) */
	struct offset_map *map, *pieces; /* pieces: what waits; ARRIVING only */
	int64_t begun[ATLAS_TICKS];
};

/* A target partition. */
struct place {
	const char *topic;
	int32_t partition;
	size_t number;
	int64_t end; /* as far as notes told */
	int64_t ends[ATLAS_TICKS];
	struct leaf **feeders; /* of atlas_link */
	size_t count, capacity;
};

/* memory bounds the maps, in bytes. @gives; atlas_free */
struct atlas *atlas_new(int64_t memory);

/* Frees and clears. NULL is accepted. */
void atlas_free(struct atlas **atlas);

/* What is mirrored, and where to. Takes a reference. */
void atlas_set_plan(struct atlas *atlas, const struct plan *plan);

/* Takes what a stream says; its map is emptied. now: clock_ms. Returns whether a partition left,
   which should be kept soon. */
bool atlas_take_note(struct atlas *atlas, struct offset_note *note, int64_t now);

/* Takes a map that was kept. What is OURS is not changed. @takes map */
void atlas_take_kept(struct atlas *atlas, const char *topic, int32_t partition,
	struct offset_map *map, bool is_clean);

/* Is enough known for atlas_settle? The stream may have committed further than what it has noted so
   far. now: clock_ms */
bool leaf_may_settle(const struct leaf *leaf, int64_t committed, int64_t now);

/* A leaf that is ARRIVING becomes OURS. committed: what the mirror's group has committed for it, -1
   nothing; is_empty: the source partition holds nothing and never did. Returns whether records that
   the map does not know of may be at the target: then call atlas_hide for each place that it may
   feed. */
bool atlas_settle(struct atlas *atlas, struct leaf *leaf, int64_t committed, bool is_empty);

/* Records of the leaf that are not known are below this end of the place. */
void atlas_hide(struct leaf *leaf, const struct place *place, int64_t end);

/* The target says that the place ends there: what is sent from now on stands behind it. */
void atlas_see_end(struct place *place, int64_t end);

/* Time passes; about once a second, after notes were taken. */
void atlas_tick(struct atlas *atlas);

/* Finds out which leaves may feed each place: by the plan, and by where records went. Call it
   before atlas_translate. */
void atlas_link(struct atlas *atlas);

/* May records of the leaf go there by the plan? */
bool leaf_may_feed(const struct leaf *leaf, const struct place *place);

/* The group that is asked for next has committed this, by the leaf's number (-1: nothing). A topic
   of which it has committed nothing is not its concern; other partitions without an offset count
   from their beginning. @borrows committed until the next call */
void atlas_ask(struct atlas *atlas, const int64_t *committed);

/* Where must it go on there? */
struct offset_answer atlas_translate(struct atlas *atlas, const struct place *place);

/* By number; NULL behind the last. */
struct leaf *atlas_leaf(const struct atlas *atlas, size_t number);
struct place *atlas_place(const struct atlas *atlas, size_t number);
size_t atlas_leaves(const struct atlas *atlas);
size_t atlas_places(const struct atlas *atlas);

/* The place of that name, NULL: none. */
struct place *atlas_find_place(const struct atlas *atlas, const char *topic, int32_t partition);

#endif
