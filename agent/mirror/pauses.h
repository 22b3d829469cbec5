/* Pauses: which topics and partitions an operator has paused, who did it, and when. */
#ifndef MIRROR_PAUSES_H
#define MIRROR_PAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* One order to pause. */
struct pause {
	char *topic;	   /* NULL: everything */
	int32_t partition; /* -1: the whole topic */
	char *by;	   /* who; printable, without tabs and line ends */
	int64_t since_ms;  /* clock_wall_ms */
	bool keep;	   /* it survives a restart */
};

/* Never changed once made, and shared by all threads: counted. */
struct pauses {
	struct pause *items;
	size_t count;
	_Atomic int references;
};

/* None. @gives one reference; pauses_release @thread any */
const struct pauses *pauses_new(void);

/* One more reference. @thread any */
const struct pauses *pauses_take(const struct pauses *pauses);

/* Gives a reference back and clears; the last one frees. NULL is accepted. @thread any */
void pauses_release(const struct pauses **pauses);

/* The same and one more. One of the same topic and partition is replaced. pause's texts are copied.
   @gives one reference; pauses_release @thread any */
const struct pauses *pauses_with(const struct pauses *pauses, const struct pause *pause);

/* The same without those of a partition, of a topic (partition -1) with its partitions, or all
   (topic NULL). A partition of a topic that is paused as a whole cannot go on alone, nor a topic
   where everything is paused: NULL, and the error says what can be resumed. *ret_removed: how many
   there were. @gives one reference; pauses_release @thread any */
const struct pauses *pauses_without(const struct pauses *pauses, const char *topic,
	int32_t partition, size_t *ret_removed, struct err *err);

/* The pause that holds a partition: of everything, of its topic or of itself, in this order. NULL:
   none. @borrows pauses @thread any */
const struct pause *pauses_find(const struct pauses *pauses, const char *topic, int32_t partition);

/* How many shall survive a restart. @thread any */
size_t pauses_kept(const struct pauses *pauses);

/* Reads those that were kept in a file. One that is not there holds none. NULL when it cannot be
   read, is no such file, or belongs to another user, who must not stop the mirror: the error names
   it. @gives one reference; pauses_release @blocks shortly @thread main */
const struct pauses *pauses_load(const char *path, struct err *err);

/* Writes those that are to be kept into the file, in the place of what it held, whole or not at
   all; where there are none, it is removed. @blocks shortly @thread main */
int pauses_save(const struct pauses *pauses, const char *path, struct err *err);

#endif
