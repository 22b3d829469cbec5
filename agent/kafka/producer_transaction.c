/* The producer's transactions: a client under a transactional.id, and what is open of it. */
#include <stdio.h>
#include <string.h>

#include "kafka/producer_state.h"
#include "kafka/transaction.h"

void
producer_break(struct producer *p, const char *reason)
{
	if (!p->broken[0])
		snprintf(p->broken, sizeof(p->broken), "%s", reason);
}

const char *
producer_broken(const struct producer *p)
{
	return p->broken[0] ? p->broken : NULL;
}

int
producer_renew(
	struct producer *p, const char *transactional_id, enum producer_lane id, struct err *err)
{
	producer_close_lane(p, p->transactional);
	p->broken[0] = '\0';
	p->transactional = id;
	return producer_open_lane(p, id, transactional_id, err);
}

/* The lane's client. */
static rd_kafka_t *
client_of(const struct producer *p)
{
	return p->lanes[p->transactional].rk;
}

int
producer_begin(struct producer *p)
{
	rd_kafka_error_t *error;

	p->broken[0] = '\0';
	error = rd_kafka_begin_transaction(client_of(p));
	if (!error)
		return 0;
	producer_break(p, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return -1;
}

int
producer_put(struct producer *p, const char *topic, const char *key, const char *value)
{
	size_t size = value ? strlen(value) : 0;
	struct lane *lane = &p->lanes[p->transactional];
	struct target_topic *ledger = producer_topic(p, topic);
	rd_kafka_resp_err_t code;

	producer_ask_for_topic(lane, ledger, p->transactional);
	code = rd_kafka_producev(lane->rk, RD_KAFKA_V_RKT(ledger->handles[p->transactional]),
		RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size),
		RD_KAFKA_V_END);
	if (code) {
		producer_break(p, rd_kafka_err2str(code));
		return -1;
	}
	lane->outstanding++;
	return 0;
}

void
producer_purge(struct producer *p)
{
	if (p->lanes[p->transactional].client)
		rd_kafka_purge(client_of(p), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
						     RD_KAFKA_PURGE_F_NON_BLOCKING);
}

enum outcome
producer_open_transactions(struct producer *p, int timeout_ms, char *reason, size_t size)
{
	return transaction_open(client_of(p), timeout_ms, reason, size);
}

enum outcome
producer_commit_transaction(struct producer *p, int timeout_ms, char *reason, size_t size)
{
	return transaction_commit(client_of(p), timeout_ms, reason, size);
}

enum outcome
producer_abort_transaction(struct producer *p, int timeout_ms, char *reason, size_t size)
{
	return transaction_abort(client_of(p), timeout_ms, reason, size);
}
