/* Whether a consumer has asked to join its group and does not know yet as whom. For kafka/ only.

   Brokers before 2.2 (JoinGroup before version 4, KIP-394) make a member of whoever asks, and tell
   its id only when the whole group has come together. Whoever goes away before that cannot leave:
   the group then waits for a member that nobody is, up to its session time-out, and gives it
   partitions. */
#ifndef KAFKA_JOINING_H
#define KAFKA_JOINING_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* All zero at first. Lives as long as the client. */
struct joining {
	atomic_bool is_asked;	     /* such a request is on its way, or with a broker */
	_Atomic int64_t answered_at; /* clock_ms */
};

/* Before the client is made with conf: keeps joining up to date. */
void joining_watch(struct joining *joining, rd_kafka_conf_t *conf);

/* Would the group keep a member that nobody is if the client went away now? Asks the library's
   thread for the client's id, which it has at hand, only while such a request is open. @thread any
   but the library's */
bool joining_is_unknown(const struct joining *joining, rd_kafka_t *rk);

#endif
