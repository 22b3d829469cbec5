/* Consumer groups other than the mirror's own: which there are, and their offsets, read and
 * written. */
#include "kafka/group_offsets.h"

#include <stdlib.h>

#include "base/mem.h"
#include "kafka/client.h"

struct group_offsets {
	struct client *client;
	rd_kafka_t *rk;
	const char *side; /* "source" or "target" */
	char *brokers;
};

struct group_offsets *
group_offsets_open(
	enum client_side side, const struct config *config, const char *brokers, struct err *err)
{
	bool is_source = side == CLIENT_SOURCE;
	char *client_id = mem_printf("%s-groups", config->source.group_id);
	const struct client_rule rules[] = {
		{"bootstrap.servers", brokers, true},
		{"client.id", client_id, true},
		{"group.instance.id", NULL, is_source},
		{"enable.auto.commit", is_source ? "false" : NULL, is_source},
		{"enable.idempotence", is_source ? NULL : "false", !is_source},
		{"topic.metadata.refresh.interval.ms", "-1", true},
		{"log.connection.close", "false", true},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
	};
	struct client *client = client_new(side, is_source ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
		is_source ? &config->consumer : &config->producer, rules,
		sizeof(rules) / sizeof(rules[0]), RD_KAFKA_EVENT_ERROR, err);
	struct group_offsets *g;

	free(client_id);
	if (!client)
		return NULL;
	g = mem_zero(1, sizeof(*g));
	g->client = client;
	g->rk = client_handle(client);
	g->side = is_source ? "source" : "target";
	g->brokers = mem_strdup(brokers);
	return g;
}

void
group_offsets_close(struct group_offsets **groups)
{
	if (!*groups)
		return;
	client_retire(&(*groups)->client);
	free((*groups)->brokers);
	free(*groups);
	*groups = NULL;
}

/* Serves what the library put aside for us, so that nothing piles up. */
static void
drop_events(struct group_offsets *g)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(g->rk);
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(queue, 0)))
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
}

static int
no_answer(struct group_offsets *g, const char *why, struct err *err)
{
	char failure[600];

	client_last_failure(g->client, failure, sizeof(failure));
	return err_set(err, "the %s at %s does not answer: %s", g->side, g->brokers,
		failure[0] ? failure : why);
}

/* One call of the admin API. */
struct call {
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *event; /* NULL until it was awaited */
	int timeout_ms;
};

static struct call
begin(struct group_offsets *g, rd_kafka_admin_op_t op, int timeout_ms)
{
	struct call call = {.options = rd_kafka_AdminOptions_new(g->rk, op),
		.queue = rd_kafka_queue_new(g->rk),
		.timeout_ms = timeout_ms};

	rd_kafka_AdminOptions_set_request_timeout(call.options, timeout_ms, NULL, 0);
	return call;
}

/* 0, or the code of the call as a whole, which err says too. */
static rd_kafka_resp_err_t
await(struct group_offsets *g, struct call *call, struct err *err)
{
	rd_kafka_resp_err_t code;

	call->event = rd_kafka_queue_poll(call->queue, call->timeout_ms + 1000);
	code = call->event ? rd_kafka_event_error(call->event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
		code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE)
		no_answer(g, rd_kafka_err2str(code), err);
	else if (code)
		err_set(err, "%s", rd_kafka_event_error_string(call->event));
	else
		client_forget_failure(g->client);
	return code;
}

static void
end(struct group_offsets *g, struct call *call)
{
	if (call->event)
		rd_kafka_event_destroy(call->event);
	rd_kafka_queue_destroy(call->queue);
	rd_kafka_AdminOptions_destroy(call->options);
	drop_events(g);
}

void
group_names_free(struct group_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct group_names){0};
}

/* Each broker answers for its own groups; one that fails would hide some. */
static int
take_names(rd_kafka_event_t *event, struct group_names *ret, struct err *err)
{
	const rd_kafka_ListConsumerGroups_result_t *result =
		rd_kafka_event_ListConsumerGroups_result(event);
	const rd_kafka_ConsumerGroupListing_t **valid;
	const rd_kafka_error_t **errors;
	size_t count = 0, error_count = 0;

	errors = rd_kafka_ListConsumerGroups_result_errors(result, &error_count);
	if (error_count > 0)
		return err_set(err, "%s", rd_kafka_error_string(errors[0]));
	valid = rd_kafka_ListConsumerGroups_result_valid(result, &count);
	ret->items = mem_zero(count, sizeof(*ret->items));
	for (size_t i = 0; i < count; i++)
		ret->items[ret->count++] =
			mem_strdup(rd_kafka_ConsumerGroupListing_group_id(valid[i]));
	return 0;
}

int
group_offsets_list(
	struct group_offsets *g, int timeout_ms, struct group_names *ret, struct err *err)
{
	struct call call = begin(g, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeout_ms);
	int rc = -1;

	*ret = (struct group_names){0};
	rd_kafka_ListConsumerGroups(g->rk, call.options, call.queue);
	if (await(g, &call, err) == 0)
		rc = take_names(call.event, ret, err);
	end(g, &call);
	if (rc < 0)
		err_prefix(err,
			"the groups of the %s cannot be listed (name them one by one in "
			"groups.sync if that may not be): ",
			g->side);
	return rc;
}

static rd_kafka_topic_partition_list_t *
list_of(const struct topic_partition *positions, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)
			->offset = positions[i].offset;
	return list;
}

/* The group of an answer, NULL with an error where it has one. */
static const rd_kafka_topic_partition_list_t *
partitions_of(const rd_kafka_group_result_t **groups, size_t count, rd_kafka_resp_err_t *ret_code,
	struct err *err)
{
	const rd_kafka_error_t *error = count == 1 ? rd_kafka_group_result_error(groups[0]) : NULL;

	*ret_code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!error && count == 1)
		return rd_kafka_group_result_partitions(groups[0]);
	err_set(err, "%s", error ? rd_kafka_error_string(error) : "no group in the answer");
	return NULL;
}

/* The list has the order that it was asked for in on some versions only. */
static int
take_offsets(const rd_kafka_topic_partition_list_t *list, struct topic_partition *positions,
	size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const rd_kafka_topic_partition_t *found = rd_kafka_topic_partition_list_find(
			(rd_kafka_topic_partition_list_t *)(uintptr_t)list, positions[i].topic,
			positions[i].partition);

		positions[i].offset =
			found && !found->err && found->offset >= 0 ? found->offset : -1;
		/* A topic that is not there any more has no offset. */
		if (found && found->err && found->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			return err_set(err, "%s of %s partition %d", rd_kafka_err2str(found->err),
				positions[i].topic, (int)positions[i].partition);
	}
	return 0;
}

int
group_offsets_read(struct group_offsets *g, const char *group, int timeout_ms,
	struct topic_partition *positions, size_t count, struct err *err)
{
	struct call call = begin(g, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout_ms);
	rd_kafka_topic_partition_list_t *list = list_of(positions, count);
	rd_kafka_ListConsumerGroupOffsets_t *asked =
		rd_kafka_ListConsumerGroupOffsets_new(group, list);
	const rd_kafka_topic_partition_list_t *found = NULL;
	const rd_kafka_group_result_t **groups;
	rd_kafka_resp_err_t code;
	size_t n = 0;
	int rc = -1;

	rd_kafka_ListConsumerGroupOffsets(g->rk, &asked, 1, call.options, call.queue);
	if (await(g, &call, err) == 0) {
		groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
			rd_kafka_event_ListConsumerGroupOffsets_result(call.event), &n);
		found = partitions_of(groups, n, &code, err);
	}
	if (found)
		rc = take_offsets(found, positions, count, err);
	rd_kafka_ListConsumerGroupOffsets_destroy(asked);
	rd_kafka_topic_partition_list_destroy(list);
	end(g, &call);
	return rc < 0 ? err_prefix(err,
				"the offsets of the group %s at the %s cannot be read: ", group,
				g->side)
		      : 0;
}

static bool
is_refusal_of_members(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
	       code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	       code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
	       (int)code == 113; /* STALE_MEMBER_EPOCH, newer than the library's floor */
}

/* The first refusal, 0: none. */
static rd_kafka_resp_err_t
first_refusal(const rd_kafka_topic_partition_list_t *list, struct err *err)
{
	for (int i = 0; i < list->cnt; i++) {
		if (!list->elems[i].err)
			continue;
		err_set(err, "%s (%s partition %d)", rd_kafka_err2str(list->elems[i].err),
			list->elems[i].topic, (int)list->elems[i].partition);
		return list->elems[i].err;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int
group_offsets_write(struct group_offsets *g, const char *group, int timeout_ms,
	const struct topic_partition *positions, size_t count, bool *ret_has_members,
	struct err *err)
{
	struct call call = begin(g, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeout_ms);
	rd_kafka_topic_partition_list_t *list = list_of(positions, count);
	rd_kafka_AlterConsumerGroupOffsets_t *wanted =
		rd_kafka_AlterConsumerGroupOffsets_new(group, list);
	const rd_kafka_topic_partition_list_t *done = NULL;
	const rd_kafka_group_result_t **groups;
	rd_kafka_resp_err_t code;
	size_t n = 0;

	rd_kafka_AlterConsumerGroupOffsets(g->rk, &wanted, 1, call.options, call.queue);
	code = await(g, &call, err);
	if (code == 0) {
		groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
			rd_kafka_event_AlterConsumerGroupOffsets_result(call.event), &n);
		done = partitions_of(groups, n, &code, err);
		if (done)
			code = first_refusal(done, err);
		else if (code == 0)
			code = RD_KAFKA_RESP_ERR_UNKNOWN;
	}
	rd_kafka_AlterConsumerGroupOffsets_destroy(wanted);
	rd_kafka_topic_partition_list_destroy(list);
	end(g, &call);
	*ret_has_members = is_refusal_of_members(code);
	return code ? err_prefix(err, "the offsets of the group %s cannot be written: ", group) : 0;
}

int
group_offsets_ends(struct group_offsets *g, int timeout_ms, struct topic_partition *positions,
	size_t count, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = list_of(positions, count);
	rd_kafka_resp_err_t code;

	/* ListOffsets takes a timestamp, and -1 means the end. */
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = RD_KAFKA_OFFSET_END;
	code = rd_kafka_offsets_for_times(g->rk, list, timeout_ms);
	for (size_t i = 0; i < count; i++)
		positions[i].offset = !list->elems[i].err && list->elems[i].offset >= 0
					      ? list->elems[i].offset
					      : -1;
	rd_kafka_topic_partition_list_destroy(list);
	drop_events(g);
	if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT)
		return no_answer(g, rd_kafka_err2str(code), err);
	return 0;
}
