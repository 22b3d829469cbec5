/* The tally: how many records met what, by names that come from the user: why they were left out,
 * where they went. */
#ifndef MIRROR_TALLY_H
#define MIRROR_TALLY_H

#include <stdint.h>

enum tally_kind {
	TALLY_DROPPED,	   /* by the script's reason */
	TALLY_DEAD_LETTER, /* likewise */
	TALLY_FAILED,	   /* by what the script raised */
	TALLY_NOTE,	   /* of a dry run: what may not be meant */
	TALLY_TARGET,	   /* of a dry run: by the topic at the target */
	TALLY_KINDS
};

/* One table for the process. A name that is new once a kind has TALLY_MOST of them counts as
   "(others)". "" is the name of what has none. @thread any */
#define TALLY_MOST 256
void tally_add(enum tally_kind kind, const char *name, uint64_t n);

/* Calls fn for each name of a kind, the largest count first. @thread any */
void tally_each(
	enum tally_kind kind, void (*fn)(const char *name, uint64_t count, void *arg), void *arg);

#endif
