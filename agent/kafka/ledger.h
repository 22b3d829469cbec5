/* The ledger of exactly once: source positions, and who may write them, in a compacted topic of the
   target.

   It has one partition and two kinds of records. A position (source, topic, partition: the next
   offset to read) is written in the transaction of the records that it counts. A claim (source,
   topic, partition, writer) says that this transactional.id may be writing for the partition; it is
   written and committed before the writer's first record of it, and taken out by a record without a
   value, by its own writer when the partition is handed over, or by whoever has fenced it.

   So whoever takes a partition over writes its own claim, commits it, and then reads: each claim of
   another writer that stands before its own may belong to somebody who still writes, and is fenced
   (InitProducerId under that transactional.id: its open transaction is aborted, or completed where
   that was decided, and nothing more is taken from it). A claim that stands behind its own is of
   somebody who will read, and fence, likewise. Positions are read after that, committed ones only.
   The group's generation of the source's cluster cannot be checked by the target (KIP-447 knows the
   target's groups only); that is why the right to write is bound to the data in this way. */
#ifndef KAFKA_LEDGER_H
#define KAFKA_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "config/offsets.h"
#include "kafka/outcome.h"

/* Room for an id of a cluster, and for a transactional.id. */
#define LEDGER_SOURCE 80
#define LEDGER_WRITER 320

/* The topic's name: configured, or after the group with what no topic's name may hold replaced.
   @gives a string @thread any */
char *ledger_topic(const struct config *config);

/* Keys and values of its records, as text. source: the id of the source's cluster, "" where it has
   none. @gives strings @thread any */
char *ledger_position_key(const char *source, const char *topic, int32_t partition);
char *ledger_position_value(int64_t next);
char *ledger_claim_key(
	const char *source, const char *topic, int32_t partition, const char *writer);

/* A record of the ledger. */
struct ledger_entry {
	bool is_claim;
	char *source, *topic, *writer; /* writer: of a claim, else NULL */
	int32_t partition;
	int64_t next; /* of a position; -1: it was taken out. Of a claim: -1 it was taken out */
};

/* Understands a record; false: it is none of ours. value NULL: none. @gives what *ret holds;
   ledger_entry_fini @thread any */
bool ledger_parse(const void *key, size_t key_size, const void *value, size_t value_size,
	struct ledger_entry *ret);
void ledger_entry_fini(struct ledger_entry *entry);

/* A partition that is taken over. */
struct ledger_place {
	char *topic;
	int32_t partition;
	int64_t next; /* afterwards: its position, -1 where the ledger has none */
};

/* A claim that does not hold any more, because its writer was fenced. */
struct ledger_claim {
	char *topic, *writer;
	int32_t partition;
};

/* A take-over and what it came to. Zero-initialised but for the first four. */
struct ledger_takeover {
	const char *source,
		*writer; /* the id of the source's cluster; who has claimed the places */
	struct ledger_place *places;
	size_t count;
	struct ledger_claim *fenced; /* claims to be taken out in the writer's next transaction */
	size_t fenced_count, fenced_capacity;
	size_t writers; /* so many were fenced */
};

/* Makes sure that the topic is there. *ret_source becomes the id of the source's cluster ("": it
   has none). A target whose transactions protect nothing (librdkafka's mock) is REFUSED.
   @blocks until an answer, a time-out of seconds, or *must_stop */
enum outcome ledger_prepare(const struct config *config, const char *source_brokers,
	char ret_source[LEDGER_SOURCE], const atomic_bool *must_stop, struct err *err);

/* Fences whoever may still be writing for the places, then fills in their positions. The writer's
   claims must have been committed. AGAIN leaves what was found so far; call it once more with the
   same takeover. LOST: a claim of the writer was taken out, so that somebody has shut it out.
   @blocks until it is done, the target does not answer for seconds, or *must_stop */
enum outcome ledger_take_over(const struct config *config, struct ledger_takeover *takeover,
	const atomic_bool *must_stop, struct err *err);

/* The positions of all partitions of the source, committed ones only. AGAIN and REFUSED say
   why; what *ret holds then is of no use. @blocks as ledger_prepare @gives *ret; offsets_fini */
enum outcome ledger_read(const struct config *config, const char *source_brokers,
	struct offsets *ret, const atomic_bool *must_stop, struct err *err);

/* Frees what it holds, places included. */
void ledger_takeover_fini(struct ledger_takeover *takeover);

#endif
