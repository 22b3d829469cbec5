/* Resets: the line in which the library says that it gave up a position. */
#ifndef KAFKA_RESET_H
#define KAFKA_RESET_H

#include <stdbool.h>
#include <stdint.h>

/* Where the library wanted to read, and the source did not let it. */
struct reset {
	char topic[250]; /* Kafka's longest name has 249 */
	int32_t partition;
	int64_t offset;
};

/* Understands a line of the library's log of facility OFFSET. False: it says something else, or
   the partition had no position yet, which is no loss. All versions from 1.6 to 2.15 write it
   alike; the leader's epoch may stand behind the offset. @thread any */
bool reset_parse(const char *line, struct reset *ret);

#endif
