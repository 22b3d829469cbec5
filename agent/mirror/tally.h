/* The tally: how many records met what, by names that come from the user: why they were left out,
 * where they went. */
#ifndef MIRROR_TALLY_H
#define MIRROR_TALLY_H

#include <stdint.h>

enum tally_kind {
	TALLY_DROPPED,	   /* by the script's reason */
	TALLY_DEAD_LETTER, /* likewise */
	TALLY_FAILED,	   /* by what the script raised */
	TALLY_SEND_ERROR,  /* records that could not be sent or came back, by Kafka's name of the
			      error */
	TALLY_GAP,	   /* gaps, by their kind */
	TALLY_MISSING,	   /* offsets of gaps, likewise */
	TALLY_NOTE,	   /* of a dry run: what may not be meant */
	TALLY_TARGET,	   /* of a dry run: by the topic at the target */
	TALLY_KINDS
};

/* One table for the process. A name that is new once a kind has TALLY_MOST of them counts as
   "(others)"; of a longer name than TALLY_NAME_MOST bytes the beginning counts. "" is the name of
   what has none. @thread any */
#define TALLY_MOST 256
#define TALLY_NAME_MOST 300
void tally_add(enum tally_kind kind, const char *name, uint64_t n);

/* Records in a row that met the same are counted together: a storm does not cost a lock a record.
   Zeroed: none. A run belongs to one thread; another kind or name ends the one before, and what has
   not ended is not in the table yet. @borrows name until the run has ended */
struct tally_run {
	enum tally_kind kind;
	const char *name;
	uint64_t count;
};
void tally_run_add(struct tally_run *run, enum tally_kind kind, const char *name);
void tally_run_end(struct tally_run *run);

/* Calls fn for each name of a kind, the largest count first. @thread any */
void tally_each(
	enum tally_kind kind, void (*fn)(const char *name, uint64_t count, void *arg), void *arg);

#endif
