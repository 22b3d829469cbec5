/* Held: what an operator asks about the records at which partitions are held, and what a stream
   answers. */
#ifndef MIRROR_HELD_H
#define MIRROR_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many partitions are shown at once. */
#define HELD_MOST 100

enum held_ask {
	HELD_SHOW,	 /* at which records do partitions stand, and why */
	HELD_SKIP,	 /* leave this record out, once */
	HELD_DEAD_LETTER /* put this record into the dead-letter topic */
};

struct held_question {
	enum held_ask ask;
	int64_t id;	   /* who asks knows its answers by it */
	char topic[250];   /* Kafka's longest name has 249; "": all, to be shown */
	int32_t partition; /* -1: all of the topic, to be shown */
	int64_t offset;	   /* at which the partition must be held; not for SHOW */
	char by[200];	   /* who asks, for the log */
};

/* What one stream says. */
struct held_answer {
	int64_t id;	 /* the question's */
	bool is_here;	 /* it has such a partition */
	bool is_refused; /* nothing was done */
	size_t count, left_out;
	char **items; /* SHOW: JSON objects, at most HELD_MOST; left_out says how many more there
			 are. Else one finished sentence if is_here */
};

/* @gives the answer; held_answer_free */
struct held_answer *held_answer_new(const struct held_question *question);

/* One more item. @takes item */
void held_answer_add(struct held_answer *answer, char *item);

/* Frees and clears. NULL is accepted. */
void held_answer_free(struct held_answer **answer);

#endif
