/* The audit: what must be at the target and what is there, compared in bounded memory: first by
   sums over ranges of keys, then record by record in the ranges whose sums differ. */
#ifndef MIRROR_AUDIT_H
#define MIRROR_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror/expect.h"
#include "mirror/fingerprint.h"
#include "mirror/lineup.h"

struct audit;

struct audit_options {
	int64_t memory; /* bytes, about */
	size_t topics;	/* at the target, about */
	size_t limit;	/* a topic that has so many differences is not looked into further */
	bool ignores_timestamps, ignores_partitions;
	bool tolerates[FINDING_KINDS]; /* kinds that are no differences */
};

/* What is known of one target topic. */
struct audit_sum {
	uint64_t expected;  /* records that must be there */
	uint64_t newer;	    /* that may be there */
	uint64_t untold;    /* of those, how many found counts as well if they are there */
	uint64_t found;	    /* that are there, less newer ones */
	uint64_t unordered; /* keyed records whose order was not compared */
	uint64_t unplaced;  /* keyed records whose partition was not compared: any would do */
	size_t ranges, differing, looked; /* ranges of keys: in use, whose sums differ, and those of
					     them that were looked into */
	uint64_t kinds[FINDING_KINDS];	  /* what was found there */
	uint64_t repeated; /* records in other ranges that are there twice, and nothing else differs
			      there */
	bool is_append;	   /* the target writes timestamps of its own: they are not compared */
	bool is_changing;  /* the second look saw other records than the first */
};

/* @gives; audit_free */
struct audit *audit_new(const struct audit_options *options);
void audit_free(struct audit **audit);

/* Number of a target topic, from 0; made at the first call. partitions: at the target, 0 or less
   unknown. records: about how many are expected, over all. knows_keyed, knows_keyless: the
   partitions of such records follow from the rule; said more than once, it holds when all say so.
   Before the first look ends.

   lanes: partitions of the one source topic whose keys are placed as Java does it, there and at the
   target. Then a range has keys of one source partition only, and the first look tells their order
   although several come together in a partition. It is no more than a guess: where it is wrong, a
   second look tells the order. 1: no guess. Counts only before the first record. */
uint32_t audit_topic(struct audit *audit, const char *name, int32_t partitions, int32_t lanes,
	uint64_t records, bool knows_keyed, bool knows_keyless);
/* The number of a topic that is there; UINT32_MAX: it is not. */
uint32_t audit_find_topic(const struct audit *audit, const char *name);
size_t audit_topic_count(const struct audit *audit);
const char *audit_topic_name(const struct audit *audit, uint32_t topic);
void audit_set_facts(struct audit *audit, uint32_t topic, const struct lineup_topic *facts);

/* A record that must be at the target, or, newer, may be there; range: the caller's number of its
   source partition. Those of one source partition come in their order. All of them come before
   the first audit_found of a look. */
void audit_expected(struct audit *audit, uint32_t topic, const struct expected *expected,
	uint32_t range, bool is_newer);

/* A record that is at the target; those of one partition come in their order. is_append: its
   timestamp is the target's own. */
void audit_found(struct audit *audit, uint32_t topic, const struct fingerprint *fp,
	int32_t partition, uint32_t range, int64_t offset, bool is_append);

/* Ends the look, the first or another: what a second one collected is compared and told to fn.
   Then chooses what the next one collects; false: nothing is left to be looked into, or the limit
   is reached. After true every record must be given again, in the same way. */
bool audit_next_look(struct audit *audit, lineup_fn *fn, void *arg);

/* Does the look that has begun concern this topic, all topics in the first? */
bool audit_wants_topic(const struct audit *audit, uint32_t topic);

/* What is known of a topic so far. @borrows audit */
const struct audit_sum *audit_sum(struct audit *audit, uint32_t topic);

#endif
