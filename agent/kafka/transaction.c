/* The library's transaction calls that wait for the target, and what their errors mean. */
#include "kafka/transaction.h"

#include <stdio.h>

static enum outcome
judge(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION: return OUTCOME_REFUSED;
	default: return OUTCOME_LOST;
	}
}

/* What an operator can do about a refusal; "" for nothing special. */
static const char *
advice_of(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
		return "; grant WRITE and DESCRIBE on transactional ids that begin with the "
		       "group's name and .reflejo.";
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		return "; grant IDEMPOTENT_WRITE on the cluster";
	case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
		return "; lower request.timeout.ms in the producer's properties to 20000, or "
		       "raise transaction.max.timeout.ms at the target's brokers";
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
		return "; exactly.once=true needs brokers from Kafka 0.11 on at the target";
	default: return "";
	}
}

/* @takes error */
static enum outcome
outcome_of(rd_kafka_error_t *error, char *reason, size_t size)
{
	enum outcome outcome;
	rd_kafka_resp_err_t code;

	snprintf(reason, size, "%s", "");
	if (!error)
		return OUTCOME_DONE;
	code = rd_kafka_error_code(error);
	snprintf(reason, size, "%s%s", rd_kafka_error_string(error), advice_of(code));
	outcome = judge(code);
	if (outcome == OUTCOME_REFUSED)
		goto out;
	if (rd_kafka_error_is_retriable(error))
		outcome = OUTCOME_AGAIN;
	else if (rd_kafka_error_txn_requires_abort(error))
		outcome = OUTCOME_ABORT;
out:
	rd_kafka_error_destroy(error);
	return outcome;
}

enum outcome
transaction_open(rd_kafka_t *rk, int timeout_ms, char *reason, size_t size)
{
	return outcome_of(rd_kafka_init_transactions(rk, timeout_ms), reason, size);
}

enum outcome
transaction_commit(rd_kafka_t *rk, int timeout_ms, char *reason, size_t size)
{
	return outcome_of(rd_kafka_commit_transaction(rk, timeout_ms), reason, size);
}

enum outcome
transaction_abort(rd_kafka_t *rk, int timeout_ms, char *reason, size_t size)
{
	return outcome_of(rd_kafka_abort_transaction(rk, timeout_ms), reason, size);
}
