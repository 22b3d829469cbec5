/* An embedded Kafka-protocol cluster for the demo: librdkafka's mock, and somebody who keeps
 * writing to it. */
#ifndef KAFKA_MOCK_H
#define KAFKA_MOCK_H

#include <stdint.h>

#include "base/err.h"

struct mock;

/* Starts a cluster of so many brokers on loopback ports of the kernel's choice, with one topic.
 * NULL on error. @gives; mock_stop */
struct mock *mock_start(int brokers, const char *topic, int partitions, struct err *err);

/* "127.0.0.1:port,...". @borrows mock */
const char *mock_brokers(const struct mock *mock);

/* Starts a thread that writes so many keyed records a second to the topic, until mock_stop. */
int mock_write(struct mock *mock, int records_per_second, struct err *err);

/* Ends that thread when everything it wrote is acknowledged. Does nothing the second time. @blocks
 * shortly */
void mock_write_end(struct mock *mock);

/* Records acknowledged to that thread so far. @thread any */
uint64_t mock_written(const struct mock *mock);

/* The sum of the topic's end offsets: records that stand in the cluster. -1 when it does not
 * answer. @blocks shortly */
int64_t mock_count(struct mock *mock);

/* Ends it all and clears. NULL is accepted. */
void mock_stop(struct mock **mock);

#endif
