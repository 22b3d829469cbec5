/* Gaps: what is missing between the offset that was to be read next and what the source has. */
#ifndef MIRROR_GAP_H
#define MIRROR_GAP_H

#include <stdbool.h>
#include <stdint.h>

enum gap_kind {
	GAP_NONE,	  /* nothing is missing: records are given once more, after a rebalance */
	GAP_RETENTION,	  /* the source has deleted records before they were read */
	GAP_TRUNCATED,	  /* its log was cut below what had been read: an unclean election */
	GAP_RECREATED,	  /* the topic was deleted and made anew: its offsets mean other records */
	GAP_OUT_OF_RANGE, /* the committed position lies behind the end of the log */
	GAP_KINDS
};

/* What on.gap makes of one. */
enum gap_policy { GAP_ALARM, GAP_PAUSE, GAP_STOP };

/* What is known of a partition whose position the source refused, or that belongs to another topic
   than before. */
struct gap_facts {
	int64_t position;  /* the next offset to read */
	int64_t low, high; /* of the log as it is now: its start, and behind its last record */
	int64_t seen_low, seen_high; /* as they were seen before; -1 not seen */
	int64_t again;	 /* the source was not asked in vain, but went back to here; -1: it was */
	bool has_read;	 /* position was reached by reading, since the assignment */
	bool is_remade;	 /* known to be another topic of the same name */
	bool is_same;	 /* known to be the same topic as before */
	bool was_absent; /* the topic was not there for a while, lately */
};

struct gap {
	enum gap_kind kind;
	int64_t first, last; /* offsets that the source does not have, both included; last < first:
				none */
	int64_t go_on;	     /* where reading goes on */
};

/* Judges. Holes in the offsets are not looked at: compaction and transaction markers leave them
   everywhere, and the only proof that records are gone is that the log begins behind the position,
   ends before it, or is another one. So this is for partitions whose position was refused, whose
   source went back, or whose topic was made anew, and for no others. */
struct gap gap_judge(const struct gap_facts *facts);

/* How many offsets are missing: at most so many records. */
int64_t gap_size(const struct gap *gap);

/* "retention", ... */
const char *gap_kind_name(enum gap_kind kind);

/* on.gap's word. */
enum gap_policy gap_policy_of(const char *word);
const char *gap_policy_name(enum gap_policy policy);

#endif
