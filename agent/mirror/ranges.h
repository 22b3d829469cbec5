/* Ranges: what a worker asks about logs of the source, and the scout answers. */
#ifndef MIRROR_RANGES_H
#define MIRROR_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"

/* A topic's id as text, "" where it is not known. Kafka's are 22 characters of base64. */
#define RANGES_ID 24

/* Where one partition's log begins and ends. */
struct range {
	char topic[250]; /* Kafka's longest name has 249 */
	int32_t partition;
	int64_t low, high;	      /* the start, and behind the last record; -1 not known */
	char id[RANGES_ID];	      /* of the topic */
	bool was_absent;	      /* the topic was not listed a while ago */
	int64_t committed;	      /* the group's position, -1 none, */
	char committed_id[RANGES_ID]; /* and of which topic it is */
};

/* A message that goes from a worker over the main thread to the scout, and back; its kind says
   where. Freed with free(). */
struct ranges {
	struct message message;
	int stream; /* who asks */
	size_t count;
	struct range items[];
};

/* With room for most of them, none in it yet. @gives the ranges; free() */
struct ranges *ranges_new(size_t most);

/* One more. There must be room. */
void ranges_add(struct ranges *ranges, const char *topic, int32_t partition);

#endif
