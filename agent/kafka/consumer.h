/* The source side of one stream: a member of the consumer group, read partition by partition. */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/intake.h"
#include "kafka/record.h"

/* All calls: @thread worker, the one that made the consumer; none of them blocks. */
struct consumer;

/* One assigned partition; its records wait in a queue of their own until they are read. */
struct source_partition;

/* A partition of a topic and, where an offset is meant, the next one to read (-1: none). */
struct topic_partition {
	const char *topic;
	int32_t partition;
	int64_t offset;
};

/* Can the source tell the ids of its topics, as far as the library goes? */
bool consumer_knows_topic_ids(void);

/* Joins nothing yet. client_id is MirrorMaker's "<group>-<stream>"; instance_id is
   group.instance.id of this one, or NULL. NULL on error.
   @gives the consumer; consumer_free */
struct consumer *consumer_new(const struct config *config, const char *client_id,
	const char *instance_id, const char *bootstrap_servers,
	const struct consumer_limits *limits, struct err *err);

/* Lets go without leaving the group (consumer_close does that) and clears. All partitions must be
   closed and all records released before. NULL is accepted. */
void consumer_free(struct consumer **consumer);

/* Subscribes to exactly these topics; joins the group at the first call. */
int consumer_subscribe(
	struct consumer *consumer, const char *const *topics, size_t count, struct err *err);

/* More brokers to ask, when the ones known are gone ("host:port,..."). */
void consumer_add_brokers(struct consumer *consumer, const char *bootstrap_servers);

/* What the group or the library wants to say. */
enum consumer_event_kind {
	CONSUMER_NOTHING,
	CONSUMER_ASSIGN, /* partitions are offered: consumer_open_partition each, then
			    consumer_answer */
	CONSUMER_REVOKE, /* partitions are taken: finish with each, close it, then consumer_answer
			  */
	CONSUMER_LOST, /* partitions are gone already: close them, do not commit, consumer_answer */
	CONSUMER_COMMITTED,  /* a commit ended, reason NULL if it succeeded */
	CONSUMER_TROUBLE,    /* something does not work for now; reason says it */
	CONSUMER_NO_OFFSET,  /* auto.offset.reset=none and no position for partitions[0] */
	CONSUMER_DENIED,     /* topic (partitions[0]) or group (count 0) may not be read */
	CONSUMER_DENIED_NOW, /* likewise, but from that partition records came before */
	CONSUMER_FATAL	     /* the consumer can never go on */
};
struct consumer_event {
	enum consumer_event_kind kind;
	const struct topic_partition *partitions; /* borrowed until the next consumer_next_event */
	size_t count;
	const char *reason; /* likewise; NULL when there is none */
	bool is_connection; /* TROUBLE: the brokers cannot be reached */
};

/* Becomes readable when there may be events; edge-like: call consumer_next_event until NOTHING, or
   come back by yourself. Non-blocking. */
int consumer_event_fd(const struct consumer *consumer);

/* The next event into *ret. Also proves to the group that this member lives, so call it at least
   every few seconds. */
void consumer_next_event(struct consumer *consumer, struct consumer_event *ret);

/* Tells the group that an ASSIGN, REVOKE or LOST event is dealt with. */
void consumer_answer(struct consumer *consumer);

/* Opens an assigned partition before consumer_answer. owner is what source_partition_owner gives
   back.
   @gives the partition; source_partition_close */
struct source_partition *consumer_open_partition(
	struct consumer *consumer, const char *topic, int32_t partition, void *owner);
void source_partition_close(struct source_partition **partition);
void *source_partition_owner(const struct source_partition *partition);

/* Becomes readable when a partition that was read to its end has records again; edge-like. */
int consumer_ready_fd(const struct consumer *consumer);

/* The next such partition, NULL when there is none. It must then be read until consumer_read gives
 * less than max. */
struct source_partition *consumer_next_ready(struct consumer *consumer);

/* Reads up to max records. Fewer than max means the queue is empty now. Offsets grow, but for a
   source that went back (the topic was made anew, or its log was cut) or, after a cooperative
   rebalance, gives some records again: then they begin anew from a lower one. Trouble with this
   partition arrives through *ret_event (kind NOTHING when there is none), after the records before
   it. @gives the records; record_release each */
size_t consumer_read(struct source_partition *partition, struct record *records, size_t max,
	struct consumer_event *ret_event);

/* Takes records out of queues that fill, unless all partitions flow: the library does not
   ask for a partition whose queue is full, so the next fetch would wait for the silent ones alone.
   Within a share of limits->bytes; consumer_read gives them out, as if they had stayed. Call it
   once a turn.
 */
void consumer_stock_up(struct consumer *consumer);

/* Lets the library fetch again for partitions whose queues were full and have been read down:
   before 2.2.0 it would look at them only after up to a second (librdkafka.md 9.3). Call it once a
   turn; true: call it again within NUDGE_MS. */
#define CONSUMER_NUDGE_MS 5
bool consumer_nudge(struct consumer *consumer);

/* Looks where the partitions' logs begin and end by the newest answers that the library has, for
   source_partition_lag and source_partition_range. With thousands of topics only at some of them,
   for each costs the more the more there are; the next call goes on with the others. Call it once a
   second. */
void consumer_look(struct consumer *consumer);

/* Records that wait at the source beyond what was read, by the end offset that consumer_look found,
   which is *ret_end; -1 when unknown, both. Before anything was read, beyond where reading begins,
   at the first record that has come; 0 after two looks that found none, -1 until then. */
int64_t source_partition_lag(const struct source_partition *partition, int64_t *ret_end);

/* The next offset to read, as far as it was known when consumer_look saw the partition: behind what
   was read, and maybe behind transaction markers, never further. -1 before the first record. A
   load, where source_partition_position asks the library. */
int64_t source_partition_seen(const struct source_partition *partition);

/* When consumer_look saw it last, clock_ms; 0: not since it was opened. */
int64_t source_partition_looked(const struct source_partition *partition);

/* The next offset to read, counted over transaction markers too, which never become records; -1
   before the first. After source_partition_seek: where that went, until a record comes. */
int64_t source_partition_position(const struct source_partition *partition);

/* The offset that was to be read and that the source did not have when it was asked, -1: none. The
   library goes to the beginning of the log then, by itself. What was fetched before is still
   given out, then what comes from there: ret_before says whether there was any of the former, so
   that the first record can be told. The partition is ready when this begins to be so, and it is
   so until source_partition_seek.
   Looked at for each batch: a load. */
int64_t source_partition_refused(const struct source_partition *partition, bool *ret_before);

/* Reads on from that offset; what waits to be read is forgotten. false: the library does not read
   the partition yet, so ask again; this is not so once a record of it was read. @blocks for at most
   20 ms before the first record, by the library's main thread */
bool source_partition_seek(struct source_partition *partition, int64_t offset);

/* Where the partition's log begins and ends, as consumer_look found it; -1 where it is not known,
   both. */
void source_partition_range(
	const struct source_partition *partition, int64_t *ret_low, int64_t *ret_high);

/* Commits offsets for the group; the answer is a COMMITTED event. An error means that none will
   come. topic_ids: one for each, of the topic that the position is of, which is written beside it;
   "": not known. */
int consumer_commit(struct consumer *consumer, const struct topic_partition *positions,
	const char *const *topic_ids, size_t count, struct err *err);

/* Would the group keep a member that nobody is, if this consumer were closed now? So it is while a
   broker before 2.2 has its request to join, but has not told it its name yet. */
bool consumer_is_joining(const struct consumer *consumer);

/* Begins to leave the group: a REVOKE event may follow. Done when consumer_is_closed. */
void consumer_close(struct consumer *consumer);
bool consumer_is_closed(const struct consumer *consumer);

#endif
