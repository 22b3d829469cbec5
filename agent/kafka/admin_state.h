/* A client for look-ups from inside, and how its calls are awaited. For the files of kafka/ whose
 * calls take a struct admin. */
#ifndef KAFKA_ADMIN_STATE_H
#define KAFKA_ADMIN_STATE_H

#include <stdatomic.h>

#include "kafka/admin.h"
#include "kafka/client.h"

struct admin {
	struct client *client;
	rd_kafka_t *rk;
	const char *side; /* "source" or "target" */
	char *brokers;
	const atomic_bool *must_stop; /* see admin_heed; NULL: nobody hurries */
};

/* Serves what the library put aside for us, so that nothing piles up. */
void admin_drop_events(struct admin *admin);

/* Says why the cluster did not answer: the last failure of a connection knows more than the call's
   code. Returns -1. */
int admin_no_answer(struct admin *admin, rd_kafka_resp_err_t code, struct err *err);

/* The library's list of these partitions and offsets. @gives; rd_kafka_topic_partition_list_destroy
 */
rd_kafka_topic_partition_list_t *admin_list_of(
	const struct topic_partition *positions, size_t count);

/* One call of the admin API under way. */
struct admin_call {
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event; /* NULL until it was awaited */
};

/* Prepares one that gives up after timeout_ms. admin_call_end */
struct admin_call admin_call_begin(struct admin *admin, rd_kafka_admin_op_t op, int timeout_ms);

/* Waits for the answer. 0, or the code of a call that came to nothing as a whole, which err says
   too. @blocks */
rd_kafka_resp_err_t admin_call_await(
	struct admin *admin, struct admin_call *call, int timeout_ms, struct err *err);

/* Frees what the call holds, its answer included. */
void admin_call_end(struct admin *admin, struct admin_call *call);

/* Asks for the settings of topics; take is called for each that the cluster answers for, with its
   place in topics. Returns 0, or -1 when the call came to nothing as a whole. @blocks */
typedef void admin_take_config(const rd_kafka_ConfigResource_t *resource, size_t i, void *arg);
int admin_describe_topics(struct admin *admin, int timeout_ms, const char *const *topics,
	size_t count, admin_take_config *take, void *arg, struct err *err);

/* The value of a setting in the answer, NULL: it is not there. @borrows resource */
const char *admin_config_value(const rd_kafka_ConfigResource_t *resource, const char *setting);

#endif
