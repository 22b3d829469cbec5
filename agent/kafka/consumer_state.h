/* What the parts of the consumer share: consumer.c, the member of the group, and
   source_partition.c, what it reads. For these two only. */
#ifndef KAFKA_CONSUMER_STATE_H
#define KAFKA_CONSUMER_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "kafka/client.h"
#include "kafka/consumer.h"
#include "kafka/stock.h"

TAILQ_HEAD(source_partitions, source_partition);

struct consumer {
	struct client *client;
	rd_kafka_t *rk;
	rd_kafka_queue_t *events;
	int event_fd, ready_fd;
	bool is_cooperative, reads_batches;
	bool is_sleepy;			      /* the library must be nudged, see consumer_nudge */
	int64_t queued_bytes, queued_records; /* a partition queue is full from here on */
	int64_t next_nudge;		      /* clock_ms */
	rd_kafka_topic_partition_list_t *nudges; /* partitions read down since the last nudge */
	_Atomic(struct source_partition *)
		ready; /* pushed by the library's threads, taken whole by the worker */
	struct source_partition *taken;	 /* what consumer_next_ready still has to give */
	struct source_partitions unread; /* given by it, and not read to the end since */
	size_t unread_count, open_count;
	int64_t turn;			    /* clock_ms of the last consumer_stock_up */
	int64_t stock_limit, stocked;	    /* bytes, of all stocks */
	rd_kafka_event_t *current;	    /* the event the caller is looking at */
	rd_kafka_event_t *rebalance;	    /* ASSIGN, REVOKE or LOST not yet answered */
	struct topic_partition *partitions; /* room for the caller's view of an event */
	size_t capacity;
	char reason[512];
	pthread_mutex_t lock;		    /* of the list below */
	struct source_partition *open;	    /* for the library's threads to find one */
	struct source_partition *look_next; /* where consumer_look goes on; NULL: at the first */
};

struct source_partition {
	struct consumer *consumer;
	void *owner;
	char *topic;
	int32_t partition;
	int64_t next_offset;  /* behind the record that was given out last; -1 before the first */
	int64_t error_offset; /* where the last error was reported; -1 for none */
	rd_kafka_queue_t *queue;
	struct stock stock;	       /* older than what is in the queue */
	bool was_full;		       /* its queue reached the limit since the last nudge */
	bool was_read;		       /* since it was checked last, see consumer_stock_up */
	int64_t read_at;	       /* the consumer's turn then; 0: never */
	bool is_unread;		       /* in the list of those */
	int64_t record_size;	       /* average of the last batch that was read */
	atomic_bool is_ready;	       /* in the ready list, or about to be */
	struct source_partition *next; /* in the ready list */
	TAILQ_ENTRY(source_partition) unread;
	struct source_partition *next_open;
	_Atomic int64_t refused;     /* see source_partition_refused; -1 none */
	atomic_bool has_given;	     /* records left the queue since it was opened, or sought */
	atomic_bool has_more_before; /* there were some, or some waited, when it was refused */
	int64_t low, high, position; /* as consumer_look found them; -1: not known */
	int64_t looked;		     /* when, clock_ms; 0: not yet */
	int empty_looks;	     /* that found where it ends, and nothing to read */
	int64_t sought;		     /* read from here on, until a record has come; -1: it has */
};

/* What an error of the library means for the mirror, and whether the brokers cannot be reached. */
enum consumer_event_kind consumer_judge(rd_kafka_resp_err_t code);
bool consumer_is_connection_error(rd_kafka_resp_err_t code);

/* A line of the library's log that may say that it gave up the position of a partition; arg is the
   consumer. @thread library */
void consumer_on_offset_line(const char *line, void *arg);

#endif
