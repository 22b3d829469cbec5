/* Topic ids: which topic of a name it is; one that is made anew has another. */
#ifndef KAFKA_TOPIC_IDS_H
#define KAFKA_TOPIC_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "kafka/admin.h"

struct rd_kafka_topic_partition_s; /* the library's */

/* As text, 22 characters of base64; "" none. */
struct topic_id {
	char text[24];
};

/* Can the linked library ask for them (from 2.3.0 on)? @thread any */
bool topic_ids_are_known(void);

/* Fills ids[i] with the id of topics[i]; "" where the topic is not there, and everywhere with
   brokers before 2.8, which have none. One request. @blocks */
int topic_ids_ask(struct admin *admin, int timeout_ms, const char *const *topics, size_t count,
	struct topic_id *ids, struct err *err);

/* Which topics the group's positions are of, as they were committed: fills ids[i] for positions[i],
   and its offset, -1 where there is none. @blocks */
int topic_ids_committed(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct topic_id *ids, struct err *err);

/* What stands beside a committed position, so that it is known which topic it is of: written into
   the position, which must have none yet (id NULL or "": nothing is), and read from one. Others
   who commit for the group write nothing there, or something else, and nobody but us looks. */
void topic_ids_note(const char *id, struct rd_kafka_topic_partition_s *position);
void topic_ids_read_note(
	const struct rd_kafka_topic_partition_s *position, struct topic_id *ret_id);

#endif
