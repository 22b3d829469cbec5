/* What the parts of the producer share. For kafka/producer*.c only. */
#ifndef KAFKA_PRODUCER_STATE_H
#define KAFKA_PRODUCER_STATE_H

#include <librdkafka/rdkafka.h>

#include "kafka/client.h"
#include "kafka/producer.h"

struct lane {
	struct client *client; /* NULL until the lane is used */
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	size_t outstanding; /* queued and not yet given back as a delivery */
	bool is_broken; /* failed for good: takes nothing, is replaced when nothing is outstanding
			 */
	int64_t replace_at;		/* clock_ms */
	int64_t purge_at, purge_all_at; /* broken: when to take back again what is queued; and what
					   is in flight too */
	int64_t replace_ms;		/* the wait that was used last; 0 after a success */
	bool has_handles;		/* of topics */
	bool waits;			/* takes nothing while its client lists topics */
};

struct target_topic {
	struct target_topic *next;
	struct producer *producer;
	char *name;
	enum producer_lane lane;
	bool no_headers; /* see producer_limit_headers */
	rd_kafka_topic_t *handles[PRODUCER_LANES];
};

struct producer {
	const struct config *config;
	char *client_id;
	struct lane lanes[PRODUCER_LANES];
	struct target_topic *topics;
	unsigned lane_changes; /* of any topic */
	int fd;
	bool is_idempotent, has_trouble;
	rd_kafka_event_t *event; /* deliveries that are being given out */
	struct lane *event_lane;
	char failure[1024];
	char reason[240]; /* of a failure that was judged at once */
	bool is_transactional;
	enum producer_lane transactional; /* the one lane there is then */
	char broken[400];		  /* see producer_broken */
	size_t expected;		  /* topics, see producer_expect; 0: few */
};

/* Makes a lane's client. transactional_id: NULL for none. */
int producer_open_lane(struct producer *producer, enum producer_lane lane,
	const char *transactional_id, struct err *err);

/* Lets a lane's client go; nothing of it may be on its way. */
void producer_close_lane(struct producer *producer, enum producer_lane lane);

/* Makes the lane's handle of the topic, unless there is one. The library then asks for the topic's
   metadata, which creates it where the brokers do so; what is sent to a mere name waits for up to a
   second until it asks. */
void producer_ask_for_topic(struct lane *lane, struct target_topic *topic, enum producer_lane id);

/* Notes why what is open must be given up; the first reason counts. */
void producer_break(struct producer *producer, const char *reason);

#endif
