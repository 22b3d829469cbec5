/* A reader: partitions of either cluster from an offset on, outside any group, for whoever may
 * wait. */
#ifndef KAFKA_READER_H
#define KAFKA_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/consumer.h"
#include "kafka/record.h"
#include "kafka/traffic.h"

/* Commits nothing, joins nothing. Not for workers: its calls may block. One thread at a time. */
struct reader;

/* From where the partition begins, and behind its last record. */
#define READER_BEGINNING (-2)
#define READER_ENDS (-1)

enum reader_kind {
	READER_RECORD,
	READER_END,    /* all that is there has been given out; offset is the next one to be
			  written. Comes again after more records. */
	READER_TROUBLE /* the partition cannot be read further; reason says it */
};

struct reader_item {
	enum reader_kind kind;
	void *owner;	      /* what reader_start was given */
	struct record record; /* RECORD */
	int64_t offset;	      /* END */
	char *reason;	      /* TROUBLE */
};

/* Which records of transactions are given out. */
enum reader_isolation {
	READER_AS_SET,	    /* as the settings say, else all */
	READER_COMMITTED,   /* those that were committed, in front of the first open transaction */
	READER_UNCOMMITTED, /* all, and reader_find finds the end behind open transactions */
};

/* For the cluster of that side, with its settings. brokers: its bootstrap list ("host:port,...").
   About buffer_bytes of records may wait to be taken. NULL on error. @gives the reader;
   reader_close */
struct reader *reader_open(enum client_side side, const struct config *config, const char *brokers,
	int64_t buffer_bytes, enum reader_isolation isolation, struct err *err);

/* Stops all partitions, frees and clears. All items must be released before, or never, when
   the process is about to end. NULL is accepted. */
void reader_close(struct reader **reader);

/* Fills each position's offset: READER_BEGINNING, READER_ENDS, or else ms since 1970: that of the
   first record with this timestamp or a later one, -1 where there is none. @blocks */
int reader_find(struct reader *reader, int64_t when, struct topic_partition *positions,
	size_t count, int timeout_ms, struct err *err);

/* Begins to read a partition from offset on (or READER_BEGINNING). owner comes back with its
   items; not NULL. An offset that is not there is TROUBLE. -1 on error. */
int reader_start(struct reader *reader, const char *topic, int32_t partition, int64_t offset,
	void *owner, struct err *err);

/* Nothing more comes of this partition; what waits is thrown away. */
void reader_stop(struct reader *reader, const char *topic, int32_t partition);

/* One call gives out so many items at most. */
#define READER_AT_ONCE 256

/* Takes up to max items, but no more than READER_AT_ONCE, waiting at most timeout_ms for the first;
   offsets of one partition grow. Fewer than max do not say that no more wait. 0: nothing came;
   whether the cluster is away is told by reader_failure. @blocks
   @gives the items; reader_release */
size_t reader_next(struct reader *reader, struct reader_item *items, size_t max, int timeout_ms);

/* Frees what the items hold. */
void reader_release(struct reader_item *items, size_t count);

/* The last failure of a connection since something came, as a sentence; "" when there is none. */
void reader_failure(struct reader *reader, char *text, size_t size);

#endif
