/* Until: where a one shot stops to read each partition of the source. */
#ifndef MIRROR_UNTIL_H
#define MIRROR_UNTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A partition as it was when the one shot began. */
struct until_partition {
	char *topic;
	int32_t partition;
	int64_t begin; /* the first offset that the source had */
	int64_t start; /* the group's position; -1: none, it is read from begin on */
	int64_t end;   /* nothing from here on is mirrored; -1: there is no end */
};

/* Made once, before the streams start, and then read by all threads. Sorted by topic and number. */
struct until {
	struct until_partition *items;
	size_t count;
	bool has_ends; /* false: the mirror ends when nothing comes any more */
};

/* Without partitions. @gives; until_free */
struct until *until_new(bool has_ends);
/* Frees and clears. NULL is accepted. */
void until_free(struct until **until);

/* One more partition; offsets are -1. until_sort must follow. @borrows the partition until the next
   call */
struct until_partition *until_add(struct until *until, const char *topic, int32_t partition);
void until_sort(struct until *until);

/* NULL: it was not there when the one shot began. @thread any */
struct until_partition *until_find(const struct until *until, const char *topic, int32_t partition);

/* The offset at which reading of any partition ends; -1: at none. A partition that came later ends
   where it begins. until may be NULL. @thread any */
int64_t until_end(const struct until *until, const char *topic, int32_t partition);

/* Was nothing of it left to be mirrored when the one shot began? @thread any */
bool until_was_done(const struct until_partition *partition);

/* Offsets that were to be read when the one shot began, of a partition with an end. @thread any */
int64_t until_to_read(const struct until_partition *partition);

/* Offsets that the source had below the group's position, and that therefore were not read again.
   @thread any */
int64_t until_not_read_again(const struct until_partition *partition);

#endif
