/* All topics of a cluster, asked for once, so that the library knows them before they are used. */
#ifndef KAFKA_LISTING_H
#define KAFKA_LISTING_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct listing;

/* Asks on a thread of its own. fd, an eventfd, becomes readable when that is over; it is
   duplicated. NULL: this version of the library forgets the answer, or there is no thread left.
   @gives; listing_free before the client is destroyed @thread any */
struct listing *listing_start(rd_kafka_t *rk, int fd);

/* Has it been answered, or given up, for 23 seconds with a broker to ask are the most? @thread any
 */
bool listing_is_over(const struct listing *listing);

/* From now on it does not try again. NULL is accepted. @thread any */
void listing_leave(struct listing *listing);

/* Waits until the try that is under way has ended, for eight seconds at most, and clears. NULL is
   accepted. @blocks @thread any */
void listing_free(struct listing **listing);

#endif
