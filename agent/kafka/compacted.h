/* A compacted topic at the target that keeps the newest value of each key: made when it is missing,
 * and written. */
#ifndef KAFKA_COMPACTED_H
#define KAFKA_COMPACTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/settings.h"
#include "config/config.h"
#include "kafka/admin.h"

/* All records are in partition 0, so that one reader has them in the order of their writing (see
   kafka/reader.h). Not for workers: calls may block. One thread at a time. */
struct compacted;

/* A topic's name: given, or when that is NULL prefix.group, with a dash for what no topic's name
   may hold. @gives a string @thread any */
char *compacted_name(const char *given, const char *prefix, const char *group);

/* The topic is not looked at yet. NULL on error. @gives; compacted_close */
struct compacted *compacted_open(const struct config *config, const char *topic, struct err *err);

/* Gives up what is on its way, frees and clears. NULL is accepted. */
void compacted_close(struct compacted **compacted);

/* Makes sure through target, a client of the same cluster, that the topic is there: 0. Where it is
   missing it is made, with one partition, compaction, and as many replicas as the brokers allow, 3
   at most, and with the settings besides (NULL: none); *ret_is_made then. 1: it is missing and may
   not be made; the error says what to create. -1: the target does not answer.
   @blocks up to about twice timeout_ms */
int compacted_prepare(struct compacted *compacted, struct admin *target,
	const struct settings *besides, int timeout_ms, bool *ret_is_made, struct err *err);

/* Queues a value, which is copied. -1: there is no room. */
int compacted_put(struct compacted *compacted, const char *key, const char *value, size_t size,
	struct err *err);

/* Waits until everything queued is acknowledged. -1: something was not, within timeout_ms or for
   good; what is still on its way then is given up. @blocks */
int compacted_flush(struct compacted *compacted, int timeout_ms, struct err *err);

#endif
