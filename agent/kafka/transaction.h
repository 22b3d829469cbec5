/* The library's transaction calls that wait for the target, and what their errors mean. For kafka/
 * only. */
#ifndef KAFKA_TRANSACTION_H
#define KAFKA_TRANSACTION_H

#include <librdkafka/rdkafka.h>

#include <stddef.h>

#include "kafka/outcome.h"

/* InitProducerId, EndTxn with commit, and EndTxn with abort. reason: what failed, as a sentence
   without its end; "" for DONE. The calls are resumable: after AGAIN the same one goes on where it
   was. Deliveries must be taken on another thread meanwhile. @blocks up to timeout_ms @thread any,
   one call at a time */
enum outcome transaction_open(rd_kafka_t *rk, int timeout_ms, char *reason, size_t size);
enum outcome transaction_commit(rd_kafka_t *rk, int timeout_ms, char *reason, size_t size);
enum outcome transaction_abort(rd_kafka_t *rk, int timeout_ms, char *reason, size_t size);

#endif
