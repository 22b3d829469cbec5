/* Offsets: a list of positions by topic and partition. */
#ifndef CONFIG_OFFSETS_H
#define CONFIG_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Zero-initialised is empty. Sorted by topic, then partition; each once. */
struct offsets {
	struct offsets_item {
		char *topic;
		int32_t partition;
		int64_t offset; /* the next one to read */
	} * items;
	size_t count, capacity;
};

/* Puts one in, or another offset in its place; false: it was there. topic is copied. @thread any */
bool offsets_set(struct offsets *offsets, const char *topic, int32_t partition, int64_t offset);

/* Takes one out, if it is there. @thread any */
void offsets_remove(struct offsets *offsets, const char *topic, int32_t partition);

/* The offset, -1 when there is none. @thread any */
int64_t offsets_find(const struct offsets *offsets, const char *topic, int32_t partition);

/* The order of partitions, by topic and number: less than, equal to or greater than 0. @thread any
 */
int offsets_order(const char *topic, int32_t partition, const char *other, int32_t other_partition);

/* Frees what it holds and clears it. */
void offsets_fini(struct offsets *offsets);

/* Reads the CSV that kafka-consumer-groups.sh --export writes and --from-file takes: a line for
   each partition, topic,partition,offset, or group,topic,partition,offset, of which those of this
   group are taken. Words may stand in double quotes; empty lines are passed over. text ends with a
   NUL. The error sentence begins with path:line. @gives *ret; offsets_fini, after an error there is
   nothing in it @thread any */
int offsets_parse(const char *text, const char *path, const char *group, struct offsets *ret,
	struct err *err);

/* The same of a file. @blocks */
int offsets_read(const char *path, const char *group, struct offsets *ret, struct err *err);

#endif
