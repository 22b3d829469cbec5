/* The line-up: records that must be at the target beside those that are there, one by one, to find
   what differs. */
#ifndef MIRROR_LINEUP_H
#define MIRROR_LINEUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a record of the line-up comes from. */
enum lineup_side {
	LINEUP_REQUIRED, /* must be at the target */
	LINEUP_NEWER,	 /* may be there: it was not acknowledged yet */
	LINEUP_FOUND	 /* is there */
};

/* One record. Records of one group (a key) can be the same one changed, and have an order. */
struct lineup_entry {
	uint64_t group, content;
	int64_t offset; /* in its range */
	int64_t timestamp;
	uint32_t topic, range; /* numbers of the caller's; a range is a partition of either cluster
				*/
	uint32_t key_size, value_size;
	int32_t partition; /* at the target; expected in any: -1 */
	uint32_t mate;	   /* set by lineup_match */
	uint16_t nth;	   /* among those of one record of the source */
	uint8_t side;
	bool has_key;
};

/* What may be said of a record. */
enum finding_kind {
	FINDING_MISSING,    /* is not there */
	FINDING_DUPLICATED, /* is there more often than it must be */
	FINDING_DIFFERENT,  /* one of its key is there instead, with other content */
	FINDING_REORDERED,  /* stands behind a later one of its key */
	FINDING_MISPLACED,  /* is in another partition */
	FINDING_UNEXPECTED, /* is there, and no record of the source accounts for it */
	FINDING_COMPACTED,  /* is on one side only, and a later one of its key makes up for it */
	FINDING_KINDS
};

/* "missing", "duplicated", ... */
const char *finding_name(enum finding_kind kind);

/* One difference; expected or found is NULL where there is none. REORDERED: before is the one that
   it should not stand behind. DUPLICATED: expected is the record that found repeats. */
struct finding {
	enum finding_kind kind;
	const struct lineup_entry *expected, *found, *before;
};

/* What is known of a topic beforehand. */
struct lineup_topic {
	bool is_source_compacted, is_target_compacted;
};

struct lineup;

/* Room for that many entries. @gives; lineup_free */
struct lineup *lineup_new(size_t capacity);
void lineup_free(struct lineup **lineup);

/* How many entries there are, and how many there may be. */
size_t lineup_count(const struct lineup *lineup);
size_t lineup_capacity(const struct lineup *lineup);

/* Adds a copy; false: there is no room. */
bool lineup_add(struct lineup *lineup, const struct lineup_entry *entry);

/* Forgets all that were added. */
void lineup_clear(struct lineup *lineup);

/* Compares all that were added, says what it finds, and forgets them. topics is indexed by an
   entry's topic. A finding lives until fn returns.

   Order is compared among records of one key and one source partition that are in one partition of
   the target; a record whose like there are several of has a place only where nothing else of its
   key differs. */
typedef void lineup_fn(const struct finding *finding, void *arg);
void lineup_match(
	struct lineup *lineup, const struct lineup_topic *topics, lineup_fn *fn, void *arg);

#endif
