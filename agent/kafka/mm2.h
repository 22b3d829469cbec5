/* MirrorMaker 2's positions: what its source connector keeps in the offsets topic of Kafka Connect.
 */
#ifndef KAFKA_MM2_H
#define KAFKA_MM2_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/offsets.h"

/* One record of that topic, told by mm2_take. */
struct mm2_positions {
	const char *connector, *alias; /* whose positions are wanted */
	struct offsets offsets;	       /* them: the next record to be copied */
	struct text others; /* "connector/alias", with commas between, of the first others that were
			       met */
};

/* Takes a record of the offsets topic: the key ["CONNECTOR",{"cluster":A,"partition":N,"topic":T}]
   and the value {"offset":N} of the last record that was copied (MirrorUtils.wrapOffset; the task
   goes on one behind it), or no value, which takes it back. Of several of a partition the last one
   counts. Other records of Connect are passed over; any bytes are survived. @thread any */
void mm2_take(struct mm2_positions *positions, const void *key, size_t key_size, const void *value,
	size_t value_size);

/* Frees what was taken and clears it. */
void mm2_positions_fini(struct mm2_positions *positions);

/* Reads all of the topic that offsets.import.topic names, or MirrorMaker 2's own, on the cluster of
   offsets.import.side, of which only what was committed counts where it writes in transactions.
   source_brokers: the source's bootstrap list. Ends early, as an error, when must_stop is set. A
   topic that is not there is *ret_is_missing and no error. @gives *ret; mm2_positions_fini @blocks
   as long as reading takes, and some seconds when the cluster does not answer */
int mm2_read_positions(const struct config *config, const char *source_brokers,
	const atomic_bool *must_stop, struct mm2_positions *ret, bool *ret_is_missing,
	struct err *err);

/* The name of that topic. @gives a string @thread any */
char *mm2_offsets_topic(const struct config *config);

#endif
