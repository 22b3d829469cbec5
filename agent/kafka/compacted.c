/* A compacted topic at the target that keeps the newest value of each key: made when it is missing,
 * and written. */
#include "kafka/compacted.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/admin_topics.h"
#include "kafka/client.h"

#define REPLICAS_MOST 3

struct compacted {
	struct client *client;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	char *topic;
	size_t outstanding;
};

char *
compacted_name(const char *given, const char *prefix, const char *group)
{
	char *name = given ? mem_strdup(given) : mem_printf("%s.%s", prefix, group);

	for (char *c = name; !given && *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-",
			    *c))
			*c = '-';
	return name;
}

struct compacted *
compacted_open(const struct config *config, const char *topic, struct err *err)
{
	char *client_id = mem_printf("%s-keeper", config->source.group_id);
	const struct client_rule rules[] = {
		{"client.id", client_id, true},
		{"acks", "all", true},
		/* Each value stands for itself; an older one that came late would be written over.
		 */
		{"enable.idempotence", "false", true},
		{"max.in.flight.requests.per.connection", "1", true},
		{"message.timeout.ms", "20000", true},
		{"linger.ms", "5", true},
		{"topic.metadata.propagation.max.ms", "5000", false},
		{"delivery.report.only.error", "false", true},
		{"log.connection.close", "false", false},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
	};
	struct client *client = client_new(CLIENT_TARGET, RD_KAFKA_PRODUCER, &config->producer,
		rules, sizeof(rules) / sizeof(rules[0]), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR,
		err);
	struct compacted *c;

	free(client_id);
	if (!client)
		return NULL;
	c = mem_zero(1, sizeof(*c));
	c->client = client;
	c->rk = client_handle(client);
	c->queue = rd_kafka_queue_get_main(c->rk);
	c->topic = mem_strdup(topic);
	return c;
}

void
compacted_close(struct compacted **compacted)
{
	struct compacted *c = *compacted;

	if (!c)
		return;
	rd_kafka_purge(c->rk,
		RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
	rd_kafka_queue_destroy(c->queue);
	client_retire(&c->client);
	free(c->topic);
	free(c);
	*compacted = NULL;
}

static int
no_answer(struct compacted *c, rd_kafka_resp_err_t code, struct err *err)
{
	char failure[600];

	client_last_failure(c->client, failure, sizeof(failure));
	return err_set(err, "the target does not answer: %s",
		failure[0] ? failure : rd_kafka_err2str(code));
}

/* Is the topic listed? All are asked for: to ask for one by name has some brokers create it. */
static int
find_topic(struct compacted *c, struct admin *target, int timeout_ms, bool *ret_is_there,
	int *ret_brokers, struct err *err)
{
	struct cluster_view view;

	if (admin_view(target, timeout_ms, &view, err) < 0)
		return -1;
	*ret_is_there = false;
	*ret_brokers = view.brokers;
	for (size_t i = 0; i < view.topic_count; i++)
		*ret_is_there |= !strcmp(view.topics[i].name, c->topic);
	cluster_view_fini(&view);
	return 0;
}

static struct topic_answer
create_topic(struct compacted *c, struct admin *target, const struct settings *besides,
	int replicas, int timeout_ms)
{
	struct settings settings = {0};
	struct topic_wish wish = {
		.topic = c->topic, .partitions = 1, .replication = replicas, .settings = &settings};
	struct topic_answer answer;

	settings_set(&settings, "cleanup.policy", "compact");
	for (size_t i = 0; besides && i < besides->count; i++)
		settings_set(&settings, besides->items[i].name, besides->items[i].value);
	admin_create_topics(target, timeout_ms, &wish, 1, &answer);
	settings_fini(&settings);
	return answer;
}

int
compacted_prepare(struct compacted *c, struct admin *target, const struct settings *besides,
	int timeout_ms, bool *ret_is_made, struct err *err)
{
	struct topic_answer answer;
	bool is_there = false;
	int brokers = 0;

	*ret_is_made = false;
	if (find_topic(c, target, timeout_ms, &is_there, &brokers, err) < 0)
		return -1;
	if (is_there)
		return 0;
	answer = create_topic(
		c, target, besides, brokers < REPLICAS_MOST ? brokers : REPLICAS_MOST, timeout_ms);
	*ret_is_made = answer.outcome == TOPIC_DONE;
	if (answer.outcome == TOPIC_DONE || answer.outcome == TOPIC_THERE)
		return 0;
	err_set(err,
		"the topic %s is missing at the target and cannot be made: %s; create it, for "
		"example kafka-topics --create --topic %s --partitions 1 --config "
		"cleanup.policy=compact",
		c->topic, answer.reason, c->topic);
	return 1;
}

int
compacted_put(struct compacted *c, const char *key, const char *value, size_t size, struct err *err)
{
	rd_kafka_resp_err_t code =
		rd_kafka_producev(c->rk, RD_KAFKA_V_TOPIC(c->topic), RD_KAFKA_V_PARTITION(0),
			RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, strlen(key)),
			RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size), RD_KAFKA_V_END);

	if (code)
		return err_set(err, "the topic %s cannot be written: %s", c->topic,
			rd_kafka_err2str(code));
	c->outstanding++;
	return 0;
}

/* Takes the reports of an event; returns the first failure. */
static rd_kafka_resp_err_t
take_reports(struct compacted *c, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *message;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_DR)
		return code;
	while ((message = rd_kafka_event_message_next(event))) {
		c->outstanding--;
		if (message->err && !code)
			code = message->err;
	}
	return code;
}

int
compacted_flush(struct compacted *c, int timeout_ms, struct err *err)
{
	int64_t until = clock_ms() + timeout_ms;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR, failure = code;
	bool is_purged = false;

	while (c->outstanding > 0) {
		int64_t left = until - clock_ms();
		rd_kafka_event_t *event;

		if (left <= 0 && is_purged)
			break;
		if (left <= 0) {
			rd_kafka_purge(c->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
			is_purged = true;
			until = clock_ms() + 200;
			continue;
		}
		event = rd_kafka_queue_poll(c->queue, left > 100 ? 100 : (int)left);
		if (!event)
			continue;
		code = take_reports(c, event);
		failure = failure ? failure : code;
		rd_kafka_event_destroy(event);
	}
	if (is_purged)
		return no_answer(c, RD_KAFKA_RESP_ERR__TIMED_OUT, err);
	if (failure)
		return err_set(err, "the topic %s cannot be written: %s", c->topic,
			rd_kafka_err2str(failure));
	return 0;
}
