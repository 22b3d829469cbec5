/* The source side of one stream: a member of the consumer group, read partition by partition. */
#include "kafka/consumer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka/consumer_state.h"
#include "kafka/library.h"
#include "kafka/topic_ids.h"

static struct client *
make_client(const struct config *config, const char *client_id, const char *instance_id,
	const char *bootstrap_servers, const struct intake *intake, struct err *err)
{
	char queued_kbytes[24], queued_records[24], fetch[24], part[24], wait[24], refresh[24];
	const char *level = client_settings_get(&config->consumer, "log_level");
	const char *reset = config->source.offset_reset == OFFSET_RESET_NONE ? "error" : "earliest";
	bool is_exact = config->mirror.exactly_once;
	const struct client_rule rules[] = {
		{"bootstrap.servers", bootstrap_servers, true},
		{"client.id", client_id, true},
		{"group.instance.id", instance_id, true},
		{"enable.auto.commit", "false", true},
		{"enable.auto.offset.store", "false", true},
		{"enable.partition.eof", "false", true},
		{"allow.auto.create.topics", "false", true},
		{"auto.offset.reset", reset, true},
		{"isolation.level", is_exact ? "read_committed" : "read_uncommitted", is_exact},
		{"check.crcs", "true", false},
		{"topic.metadata.refresh.interval.ms", refresh, false},
		{"partition.assignment.strategy", "range,roundrobin", false},
		{"queued.max.messages.kbytes", queued_kbytes, false},
		{"queued.min.messages", queued_records, false},
		{"fetch.queue.backoff.ms", "10", false},
		{"fetch.wait.max.ms", wait, false},
		{"fetch.max.bytes", fetch, false},
		{"max.partition.fetch.bytes", part, false},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
		{"log.connection.close", "false", false},
		/* That it gave up a position the library says in its log only, as a warning. */
		{"log_level", level && atoi(level) > 4 ? level : "4", level != NULL},
	};

	snprintf(queued_kbytes, sizeof(queued_kbytes), "%" PRId64, intake->queue_bytes / 1024);
	snprintf(queued_records, sizeof(queued_records), "%" PRId64, intake->queue_records);
	snprintf(fetch, sizeof(fetch), "%" PRId64, intake->response_bytes);
	snprintf(part, sizeof(part), "%" PRId64, intake->partition_bytes);
	snprintf(wait, sizeof(wait), "%" PRId64, intake->wait_ms);
	snprintf(refresh, sizeof(refresh), "%" PRId64, config->source.metadata_max_age_ms);
	return client_new(CLIENT_SOURCE, RD_KAFKA_CONSUMER, &config->consumer, rules,
		sizeof(rules) / sizeof(rules[0]),
		RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT,
		err);
}

struct consumer *
consumer_new(const struct config *config, const char *client_id, const char *instance_id,
	const char *bootstrap_servers, const struct consumer_limits *limits, struct err *err)
{
	static const uint64_t one = 1;
	const char *gathered = client_settings_get(&config->consumer, "fetch.min.bytes");
	struct consumer_limits all = *limits;
	struct intake intake;
	struct client *client;
	struct consumer *c;

	all.gathered = gathered ? atoll(gathered) : 0;
	intake = intake_plan(&all);
	client = make_client(config, client_id, instance_id, bootstrap_servers, &intake, err);
	if (!client)
		return NULL;
	c = mem_zero(1, sizeof(*c));
	c->client = client;
	c->rk = client_handle(client);
	pthread_mutex_init(&c->lock, NULL);
	client_on_offset_line(client, consumer_on_offset_line, c);
	/* Before 2.1.0 the batch call loses records when a partition is paused meanwhile
	 * (librdkafka.md 1.6). */
	c->reads_batches = library_at_least(2, 1, 0);
	c->is_sleepy = !library_at_least(2, 2, 0);
	/* The library's kilobytes are of 1,000 bytes here. */
	c->queued_bytes = intake.queue_bytes / 1024 * 1000;
	c->queued_records = intake.queue_records;
	c->stock_limit = intake.stock_bytes;
	TAILQ_INIT(&c->unread);
	c->nudges = rd_kafka_topic_partition_list_new(8);
	c->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	c->ready_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (c->event_fd < 0 || c->ready_fd < 0) {
		err_set(err, "no descriptor left for a stream: raise the limit of open files");
		consumer_free(&c);
		return NULL;
	}
	rd_kafka_poll_set_consumer(c->rk);
	c->events = rd_kafka_queue_get_consumer(c->rk);
	rd_kafka_queue_io_event_enable(c->events, c->event_fd, &one, sizeof(one));
	return c;
}

void
consumer_free(struct consumer **consumer)
{
	struct consumer *c = *consumer;

	if (!c)
		return;
	if (c->current)
		rd_kafka_event_destroy(c->current);
	if (c->rebalance)
		rd_kafka_event_destroy(c->rebalance);
	if (c->events) {
		rd_kafka_queue_io_event_enable(c->events, -1, NULL, 0);
		rd_kafka_queue_destroy(c->events);
	}
	client_on_offset_line(c->client, NULL, NULL);
	client_retire(&c->client);
	if (c->event_fd >= 0)
		close(c->event_fd);
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	if (c->nudges)
		rd_kafka_topic_partition_list_destroy(c->nudges);
	free(c->partitions);
	pthread_mutex_destroy(&c->lock);
	free(c);
	*consumer = NULL;
}

int
consumer_subscribe(struct consumer *c, const char *const *topics, size_t count, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
	code = count ? rd_kafka_subscribe(c->rk, list) : rd_kafka_unsubscribe(c->rk);
	rd_kafka_topic_partition_list_destroy(list);
	if (code)
		return err_set(
			err, "cannot subscribe to %zu topics: %s", count, rd_kafka_err2str(code));
	return 0;
}

void
consumer_add_brokers(struct consumer *c, const char *bootstrap_servers)
{
	client_add_brokers(c->client, bootstrap_servers);
}

int
consumer_event_fd(const struct consumer *c)
{
	return c->event_fd;
}

int
consumer_ready_fd(const struct consumer *c)
{
	return c->ready_fd;
}

/* Shows the event's partitions to the caller. */
static void
view_partitions(
	struct consumer *c, const rd_kafka_topic_partition_list_t *list, struct consumer_event *ret)
{
	size_t count = list ? (size_t)list->cnt : 0;

	while (c->capacity < count)
		c->partitions =
			mem_grow(c->partitions, &c->capacity, c->capacity, sizeof(*c->partitions));
	for (size_t i = 0; i < count; i++) {
		c->partitions[i].topic = list->elems[i].topic;
		c->partitions[i].partition = list->elems[i].partition;
		c->partitions[i].offset = list->elems[i].offset;
	}
	ret->partitions = c->partitions;
	ret->count = count;
}

static void
view_rebalance(struct consumer *c, rd_kafka_event_t *event, struct consumer_event *ret)
{
	c->is_cooperative = !strcmp(rd_kafka_rebalance_protocol(c->rk), "COOPERATIVE");
	/* One that was not answered is overtaken. */
	if (c->rebalance)
		rd_kafka_event_destroy(c->rebalance);
	c->rebalance = event;
	c->current = NULL;
	if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		ret->kind = CONSUMER_ASSIGN;
	else
		ret->kind = rd_kafka_assignment_lost(c->rk) ? CONSUMER_LOST : CONSUMER_REVOKE;
	view_partitions(c, rd_kafka_event_topic_partition_list(event), ret);
}

static void
view_commit(struct consumer *c, rd_kafka_event_t *event, struct consumer_event *ret)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

	ret->kind = CONSUMER_COMMITTED;
	for (int i = 0; !code && list && i < list->cnt; i++)
		code = list->elems[i].err;
	if (!code || code == RD_KAFKA_RESP_ERR__NO_OFFSET)
		return;
	snprintf(c->reason, sizeof(c->reason), "%s", rd_kafka_err2str(code));
	ret->reason = c->reason;
}

enum consumer_event_kind
consumer_judge(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
	case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
	case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT: return CONSUMER_FATAL;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: return CONSUMER_DENIED;
	case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
	case RD_KAFKA_RESP_ERR__NO_OFFSET: return CONSUMER_NO_OFFSET;
	default: return CONSUMER_TROUBLE;
	}
}

bool
consumer_is_connection_error(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR__RESOLVE:
	case RD_KAFKA_RESP_ERR__SSL:
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__BAD_MSG: return true;
	default: return false;
	}
}

static void
view_error(struct consumer *c, rd_kafka_event_t *event, struct consumer_event *ret)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);

	ret->kind = rd_kafka_event_error_is_fatal(event) ? CONSUMER_FATAL : consumer_judge(code);
	ret->is_connection = consumer_is_connection_error(code);
	client_explain(rd_kafka_event_error_string(event), c->reason, sizeof(c->reason));
	ret->reason = c->reason;
}

void
consumer_next_event(struct consumer *c, struct consumer_event *ret)
{
	uint64_t wakes;

	*ret = (struct consumer_event){.kind = CONSUMER_NOTHING};
	if (c->current)
		rd_kafka_event_destroy(c->current);
	c->current = NULL;
	if (read(c->event_fd, &wakes, sizeof(wakes)) < 0)
		wakes = 0;
	c->current = rd_kafka_queue_poll(c->events, 0);
	if (!c->current)
		return;
	switch (rd_kafka_event_type(c->current)) {
	case RD_KAFKA_EVENT_REBALANCE: view_rebalance(c, c->current, ret); break;
	case RD_KAFKA_EVENT_OFFSET_COMMIT: view_commit(c, c->current, ret); break;
	case RD_KAFKA_EVENT_ERROR: view_error(c, c->current, ret); break;
	default:
		/* Nothing else is enabled; were a record here, it would not belong to a partition
		 * we read. */
		LOG(EVENT_library_debug, F_STR("client", rd_kafka_name(c->rk)),
			F_STR("facility", "EVENT"), F_STR("text", rd_kafka_event_name(c->current)));
		ret->kind = CONSUMER_TROUBLE;
		ret->reason = NULL;
	}
}

/* A rebalance answer that the library refuses would leave it waiting for ever: fall back to
 * nothing. */
static void
check_answer(struct consumer *c, rd_kafka_error_t *error)
{
	if (!error)
		return;
	LOG(EVENT_library_log, F_STR("client", rd_kafka_name(c->rk)), F_STR("facility", "ASSIGN"),
		F_STR("text", rd_kafka_error_string(error)));
	rd_kafka_error_destroy(error);
	rd_kafka_assign(c->rk, NULL);
}

void
consumer_answer(struct consumer *c)
{
	rd_kafka_event_t *event = c->rebalance;
	rd_kafka_topic_partition_list_t *list;

	if (!event)
		return;
	c->rebalance = NULL;
	list = rd_kafka_event_topic_partition_list(event);
	if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		if (c->is_cooperative)
			check_answer(c, rd_kafka_incremental_assign(c->rk, list));
		else
			rd_kafka_assign(c->rk, list);
	} else if (c->is_cooperative) {
		check_answer(c, rd_kafka_incremental_unassign(c->rk, list));
	} else {
		rd_kafka_assign(c->rk, NULL);
	}
	rd_kafka_event_destroy(event);
}

bool
consumer_knows_topic_ids(void)
{
	return topic_ids_are_known();
}

int
consumer_commit(struct consumer *c, const struct topic_partition *positions,
	const char *const *topic_ids, size_t count, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(
			list, positions[i].topic, positions[i].partition);

		p->offset = positions[i].offset;
		topic_ids_note(topic_ids[i], p);
	}
	code = rd_kafka_commit_queue(c->rk, list, c->events, NULL, NULL);
	rd_kafka_topic_partition_list_destroy(list);
	if (code)
		return err_set(err, "%s", rd_kafka_err2str(code));
	return 0;
}

bool
consumer_is_joining(const struct consumer *c)
{
	return client_is_joining(c->client);
}

void
consumer_close(struct consumer *c)
{
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(c->rk, c->events);

	if (!error)
		return;
	LOG(EVENT_library_debug, F_STR("client", rd_kafka_name(c->rk)), F_STR("facility", "CLOSE"),
		F_STR("text", rd_kafka_error_string(error)));
	rd_kafka_error_destroy(error);
}

bool
consumer_is_closed(const struct consumer *c)
{
	return rd_kafka_consumer_closed(c->rk);
}
