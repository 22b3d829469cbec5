/* Fencing: a transactional.id is taken from whoever writes under it. */
#include "kafka/fence.h"

#include <stdio.h>

#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/transaction.h"

/* One call; then *must_stop is looked at. */
#define CALL_MS 500
/* All calls for one writer. */
#define WAIT_MS 10000

static struct client *
make_client(const struct config *config, const char *transactional_id, struct err *err)
{
	const struct client_rule rules[] = {
		{"client.id", "reflejo-fence", true},
		{"transactional.id", transactional_id, true},
		{"enable.idempotence", "true", true},
		{"acks", "all", true},
		{"message.timeout.ms", "0", true},
		{"socket.timeout.ms", "10000", true},
		{"transaction.timeout.ms", "20000", true},
		{"max.in.flight.requests.per.connection", "5", true},
		{"retries", "2147483647", true},
		{"log.connection.close", "false", false},
		{"enable.metrics.push", "false", false},
	};

	return client_new(CLIENT_TARGET, RD_KAFKA_PRODUCER, &config->producer, rules,
		sizeof(rules) / sizeof(rules[0]), RD_KAFKA_EVENT_ERROR, err);
}

enum outcome
fence_writer(const struct config *config, const char *transactional_id,
	const atomic_bool *must_stop, struct err *err)
{
	struct client *client = make_client(config, transactional_id, err);
	int64_t until = clock_ms() + WAIT_MS;
	enum outcome outcome = OUTCOME_AGAIN;
	char reason[400] = "";

	if (!client)
		return OUTCOME_REFUSED;
	while (outcome == OUTCOME_AGAIN && !atomic_load(must_stop) && clock_ms() < until)
		outcome = transaction_open(client_handle(client), CALL_MS, reason, sizeof(reason));
	client_retire(&client);
	if (outcome != OUTCOME_DONE)
		err_set(err, "the writer %s cannot be shut out: %s", transactional_id, reason);
	return outcome == OUTCOME_DONE || outcome == OUTCOME_REFUSED ? outcome : OUTCOME_AGAIN;
}
