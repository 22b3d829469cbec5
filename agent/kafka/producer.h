/* The target side of one stream: producers with large, small and single-record batches, and what
 * came of each record. */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/outcome.h"
#include "kafka/record.h"

/* All calls but the last three: @thread worker, the one that made the producer; none of these
   blocks. */
struct producer;

/* A topic of the target. Lives until producer_free. */
struct target_topic;

/* How large the batches of a topic may be. A batch that the broker refuses as too large fails as a
   whole, so its topic goes down one lane; each lane is a library client of its own, made when it is
   first needed. */
enum producer_lane {
	PRODUCER_BULK,	 /* the configured batch.size */
	PRODUCER_SMALL,	 /* 16 KB, as MirrorMaker's producer */
	PRODUCER_SINGLE, /* one record a batch: what is refused here is really too large */
	PRODUCER_LANES
};

/* Ask the library to choose the partition by key, as Java's default partitioner does. */
#define PRODUCER_BY_KEY (-1)

/* client_id names the library clients. A transactional one has no client until producer_renew, and
   one lane only. NULL on error. @gives the producer; producer_free */
struct producer *producer_new(
	const struct config *config, const char *client_id, bool is_transactional, struct err *err);

/* Gives up what is still on its way and clears. NULL is accepted. */
void producer_free(struct producer **producer);

/* The topic of that name, made at the first call. @borrows producer */
struct target_topic *producer_topic(struct producer *producer, const char *name);
const char *target_topic_name(const struct target_topic *topic);

/* The lane new records of this topic should take. Lowered by producer_limit_batch. */
enum producer_lane target_topic_lane(const struct target_topic *topic);

/* Learns that batches for this topic must not be larger than max_bytes (the topic's
   max.message.bytes), or, with 0, that one of the present size was refused. */
void producer_limit_batch(struct producer *producer, struct target_topic *topic, int64_t max_bytes);

/* Learns whether this topic's message format is too old for headers: then an error that says
   nothing more is taken for that, where records have some. */
void producer_limit_headers(struct target_topic *topic, bool no_headers);

/* Grows with every topic's change of lane. Who has records on their way when it does must wait for
   them before it sends more, or these could overtake. */
unsigned producer_lane_changes(const struct producer *producer);

/* Tells how many topics will be sent to. With many, the target is asked for all its topics at once,
   aside: one by one, as the first record for each would do it, thousands take minutes. A client
   that has sent nothing yet takes nothing before the answer (SEND_FULL), so read nothing for it
   until producer_is_informed; producer_fd becomes readable then. */
void producer_expect(struct producer *producer, size_t topics);
bool producer_is_informed(const struct producer *producer);

/* Asks for a topic without sending anything: brokers that create topics create it. */
void producer_touch(struct producer *producer, struct target_topic *topic);

/* Asks anew for the metadata of a topic that is sent to already, for it has changed. */
void producer_refresh(struct producer *producer, struct target_topic *topic);

enum send_result {
	SEND_QUEUED, /* a delivery with the same opaque will follow */
	SEND_FULL,   /* no room now, or the lane is being replaced: offer the record again after
			deliveries */
	SEND_FAILED  /* judged at once: *ret_failure is filled, no delivery follows */
};

/* What became of one record. */
enum delivery_verdict {
	DELIVERY_ACKED,
	DELIVERY_SPLIT,	 /* its batch was refused, maybe for another's sake: send it again in the
			    SINGLE lane */
	DELIVERY_AGAIN,	 /* not this record's fault: send it again, in order */
	DELIVERY_LATER,	 /* topic or partition is not there: send it again after a while */
	DELIVERY_REFUSED /* for good */
};
struct delivery {
	void *opaque;
	void *headers;	    /* the record's headers back; @gives, record_release */
	const char *reason; /* what is not ACKED says why; borrowed until the next call */
	const char *error;  /* likewise Kafka's name of it, "NOT_LEADER_FOR_PARTITION", say */
	int64_t offset;	    /* ACKED: at the target; -1 when it was not told */
	int32_t partition;  /* at the target; -1 when it was never chosen */
	uint8_t verdict;
	uint8_t lane;	       /* that it was sent in */
	bool is_too_large;     /* SPLIT, REFUSED: because of its size */
	bool is_taken_back;    /* AGAIN: for another's sake */
	bool is_doubtful;      /* not ACKED: the target may have it all the same */
	bool is_missing_topic; /* LATER: the topic does not exist (else the partition) */
};

/* Queues a record without copying its value. Until the delivery the record's message must live;
   headers are taken at QUEUED and come back with the delivery. partition: a number or
   PRODUCER_BY_KEY. */
enum send_result producer_send(struct producer *producer, struct target_topic *topic,
	enum producer_lane lane, int32_t partition, struct record *record, void *opaque,
	struct delivery *ret_failure);

/* Becomes readable when there may be deliveries; edge-like: call producer_deliveries until it gives
 * fewer than max. */
int producer_fd(const struct producer *producer);

/* Up to max deliveries. Also replaces a client that has failed for good once nothing of it is on
 * its way. */
size_t producer_deliveries(struct producer *producer, struct delivery *out, size_t max);

/* Records queued whose delivery has not been given out. */
size_t producer_outstanding(const struct producer *producer);

/* Gives up everything on its way: it all comes back as DELIVERY_AGAIN. For the end of the process.
 */
void producer_abandon(struct producer *producer);

/* Does the producer wait for something that only time brings (a client to be replaced)? Then call
   producer_deliveries again within a second. */
bool producer_wants_turn(const struct producer *producer);

/* Was there a connection error since the last call? Clears it. */
bool producer_take_trouble(struct producer *producer);

/* A failure that no replacement heals, NULL when there is none: the mirror must end. */
const char *producer_failure(const struct producer *producer);

/* Of a transactional producer (kafka/producer_transaction.c). Its transactions are opened, ended
   and taken back by a second thread, whose calls wait for the target; while one of these runs the
   worker takes deliveries, and sends nothing. */

/* Has a new client in this lane, under this transactional.id, in place of the one before, of which
   nothing may be on its way. producer_open_transactions comes next. -1 on error. */
int producer_renew(struct producer *producer, const char *transactional_id, enum producer_lane lane,
	struct err *err);

/* What is sent from here on is one transaction. -1: producer_broken says why. */
int producer_begin(struct producer *producer);

/* Writes an entry of the ledger as part of the transaction, into partition 0 of its topic. value
   NULL: takes the key out. Both are copied. -1: producer_broken says why. */
int producer_put(struct producer *producer, const char *topic, const char *key, const char *value);

/* Why what is open must be given up, other than because of a record; NULL: it need not. Until
   producer_begin or producer_renew. */
const char *producer_broken(const struct producer *producer);

/* Takes back what is queued or on its way, again and again until nothing is: before
   producer_renew. */
void producer_purge(struct producer *producer);

/* Shuts out whoever had the transactional.id before; ends the transaction; takes it back. reason
   becomes what failed. @blocks up to timeout_ms @thread the second one */
enum outcome producer_open_transactions(
	struct producer *producer, int timeout_ms, char *reason, size_t size);
enum outcome producer_commit_transaction(
	struct producer *producer, int timeout_ms, char *reason, size_t size);
enum outcome producer_abort_transaction(
	struct producer *producer, int timeout_ms, char *reason, size_t size);

#endif
