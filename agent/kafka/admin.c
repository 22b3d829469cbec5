/* Look-ups at a cluster: its topics, a group's positions, topic settings. */
#include "kafka/admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kafka/admin_state.h"

static struct admin *
open_side(enum client_side side, const struct client_settings *settings,
	const struct client_rule *rules, size_t count, const char *brokers, struct err *err)
{
	rd_kafka_type_t type = side == CLIENT_SOURCE ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
	struct client *client =
		client_new(side, type, settings, rules, count, RD_KAFKA_EVENT_ERROR, err);
	struct admin *a;

	if (!client)
		return NULL;
	a = mem_zero(1, sizeof(*a));
	a->client = client;
	a->rk = client_handle(client);
	a->side = side == CLIENT_SOURCE ? "source" : "target";
	a->brokers = mem_strdup(brokers);
	return a;
}

struct admin *
admin_open_source(const struct config *config, const char *bootstrap_servers, struct err *err)
{
	char *client_id = mem_printf("%s-scout", config->source.group_id);
	const struct client_rule rules[] = {
		{"bootstrap.servers", bootstrap_servers, true},
		{"client.id", client_id, true},
		/* A static member's name belongs to the stream that joins. */
		{"group.instance.id", NULL, true},
		{"enable.auto.commit", "false", true},
		{"allow.auto.create.topics", "false", true},
		{"topic.metadata.refresh.interval.ms", "-1", true},
		/* A connection that is closed at once says what is wrong with a port. */
		{"log.connection.close", "true", true},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
	};
	struct admin *a = open_side(CLIENT_SOURCE, &config->consumer, rules,
		sizeof(rules) / sizeof(rules[0]), bootstrap_servers, err);

	free(client_id);
	return a;
}

struct admin *
admin_open_target(const struct config *config, struct err *err)
{
	char *client_id = mem_printf("%s-scout", config->source.group_id);
	const struct client_rule rules[] = {
		{"client.id", client_id, true},
		{"enable.idempotence", "false", true},
		/* Looking makes no topics. */
		{"allow.auto.create.topics", "false", true},
		{"topic.metadata.refresh.interval.ms", "-1", true},
		/* A connection that is closed at once says what is wrong with a port. */
		{"log.connection.close", "true", true},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
	};
	struct admin *a = open_side(CLIENT_TARGET, &config->producer, rules,
		sizeof(rules) / sizeof(rules[0]), config->target.bootstrap_servers, err);

	free(client_id);
	return a;
}

void
admin_heed(struct admin *a, const atomic_bool *must_stop)
{
	a->must_stop = must_stop;
}

void
admin_close(struct admin **admin)
{
	if (!*admin)
		return;
	client_retire(&(*admin)->client);
	free((*admin)->brokers);
	free(*admin);
	*admin = NULL;
}

void
admin_add_brokers(struct admin *a, const char *bootstrap_servers)
{
	client_add_brokers(a->client, bootstrap_servers);
	free(a->brokers);
	a->brokers = mem_strdup(bootstrap_servers);
}

int
admin_no_answer(struct admin *a, rd_kafka_resp_err_t code, struct err *err)
{
	char failure[600];

	client_last_failure(a->client, failure, sizeof(failure));
	return err_set(err, "the %s at %s does not answer: %s", a->side, a->brokers,
		failure[0] ? failure : rd_kafka_err2str(code));
}

static int
by_name(const void *a, const void *b)
{
	const struct cluster_topic *left = a, *right = b;

	return strcmp(left->name, right->name);
}

void
admin_drop_events(struct admin *a)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_main(a->rk);
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(queue, 0)))
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
}

/* Did no broker answer at all? */
static bool
is_silence(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
	       code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE;
}

struct admin_call
admin_call_begin(struct admin *a, rd_kafka_admin_op_t op, int timeout_ms)
{
	struct admin_call call = {.options = rd_kafka_AdminOptions_new(a->rk, op),
		.queue = rd_kafka_queue_new(a->rk)};

	rd_kafka_AdminOptions_set_request_timeout(call.options, timeout_ms, NULL, 0);
	return call;
}

rd_kafka_resp_err_t
admin_call_await(struct admin *a, struct admin_call *call, int timeout_ms, struct err *err)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	/* The library keeps the time; a second more, and it has lost the call. */
	int64_t until = clock_ms() + timeout_ms + 1000;

	while (!call->event && clock_ms() < until && !(a->must_stop && atomic_load(a->must_stop)))
		call->event = rd_kafka_queue_poll(call->queue, 100);
	if (call->event)
		code = rd_kafka_event_error(call->event);
	if (is_silence(code))
		admin_no_answer(a, code, err);
	else if (code)
		err_set(err, "%s", rd_kafka_event_error_string(call->event));
	else
		client_forget_failure(a->client);
	return code;
}

void
admin_call_end(struct admin *a, struct admin_call *call)
{
	if (call->event)
		rd_kafka_event_destroy(call->event);
	rd_kafka_queue_destroy(call->queue);
	rd_kafka_AdminOptions_destroy(call->options);
	*call = (struct admin_call){NULL};
	admin_drop_events(a);
}

static void
count_leaderless(const rd_kafka_metadata_topic_t *md, struct cluster_topic *topic)
{
	for (int i = 0; i < md->partition_cnt; i++)
		if (md->partitions[i].leader < 0 && topic->leaderless++ == 0)
			topic->first_leaderless = md->partitions[i].id;
}

/* Can the cluster be asked to make topics? Whoever is asked for it is named by every broker that
   answers; the library's mock names one that there is not. */
static int
can_create(struct admin *a, const struct rd_kafka_metadata *md)
{
	int32_t controller = rd_kafka_controllerid(a->rk, 0);

	for (int i = 0; i < md->broker_cnt; i++)
		if (md->brokers[i].id == controller)
			return 1;
	return controller < 0 ? -1 : 0;
}

int
admin_view(struct admin *a, int timeout_ms, struct cluster_view *ret, struct err *err)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code = rd_kafka_metadata(a->rk, 1, NULL, &md, timeout_ms);

	admin_drop_events(a);
	if (code)
		return admin_no_answer(a, code, err);
	client_forget_failure(a->client);
	*ret = (struct cluster_view){.brokers = md->broker_cnt, .can_create = can_create(a, md)};
	ret->topics = mem_zero((size_t)md->topic_cnt, sizeof(*ret->topics));
	for (int i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *t = &md->topics[i];

		/* A topic that is being made or deleted, or may not be described, is seen the next
		 * time. */
		if (t->partition_cnt == 0)
			continue;
		ret->topics[ret->topic_count].name = mem_strdup(t->topic);
		count_leaderless(t, &ret->topics[ret->topic_count]);
		ret->topics[ret->topic_count].replicas = t->partitions[0].replica_cnt;
		ret->topics[ret->topic_count++].partitions = t->partition_cnt;
	}
	qsort(ret->topics, ret->topic_count, sizeof(*ret->topics), by_name);
	rd_kafka_metadata_destroy(md);
	return 0;
}

void
cluster_view_fini(struct cluster_view *view)
{
	for (size_t i = 0; i < view->topic_count; i++)
		free(view->topics[i].name);
	free(view->topics);
	*view = (struct cluster_view){0};
}

bool
cluster_view_keep(const struct cluster_view *old, struct cluster_view *now, int looks)
{
	size_t listed = now->topic_count, n = 0;

	/* Both are sorted by name: they are walked side by side. */
	for (size_t i = 0; i < old->topic_count; i++) {
		const struct cluster_topic *t = &old->topics[i];

		while (n < listed && strcmp(now->topics[n].name, t->name) < 0)
			n++;
		if ((n < listed && !strcmp(now->topics[n].name, t->name)) || t->absent + 1 >= looks)
			continue;
		now->topics = mem_resize(now->topics, now->topic_count + 1, sizeof(*now->topics));
		now->topics[now->topic_count++] =
			(struct cluster_topic){.name = mem_strdup(t->name),
				.partitions = t->partitions,
				.replicas = t->replicas,
				.absent = t->absent + 1};
	}
	if (now->topic_count > listed)
		qsort(now->topics, now->topic_count, sizeof(*now->topics), by_name);
	return now->topic_count > listed;
}

int
admin_ping(struct admin *a, int timeout_ms, struct err *err)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code = rd_kafka_metadata(a->rk, 0, NULL, &md, timeout_ms);

	admin_drop_events(a);
	if (code)
		return admin_no_answer(a, code, err);
	client_forget_failure(a->client);
	rd_kafka_metadata_destroy(md);
	return 0;
}

int
admin_cluster_id(struct admin *a, int timeout_ms, char *id, size_t size, struct err *err)
{
	char *found = rd_kafka_clusterid(a->rk, 0);

	/* The library tells none before the first answer either. */
	if (!found) {
		if (admin_ping(a, timeout_ms, err) < 0)
			return -1;
		found = rd_kafka_clusterid(a->rk, 0);
	}
	snprintf(id, size, "%s", found ? found : "");
	if (found)
		rd_kafka_mem_free(a->rk, found);
	return 0;
}

rd_kafka_topic_partition_list_t *
admin_list_of(const struct topic_partition *positions, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, positions[i].topic, positions[i].partition)
			->offset = positions[i].offset;
	return list;
}

/* Copies the offsets back; negative ones become -1. Returns the first error of an element. */
static rd_kafka_resp_err_t
take_offsets(const rd_kafka_topic_partition_list_t *list, struct topic_partition *positions)
{
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (int i = 0; i < list->cnt; i++) {
		positions[i].offset = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
		if (!code)
			code = list->elems[i].err;
	}
	return code;
}

/* hint: what to look at when no answer came. */
static int
look_up_failed(struct admin *a, const char *what, const char *hint, rd_kafka_resp_err_t code,
	struct err *err)
{
	if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
		return err_set(err, "the %s refuses to tell %s: %s; grant READ on the group",
			a->side, what, rd_kafka_err2str(code));
	return err_set(err, "the %s at %s does not tell %s: %s (%s)", a->side, a->brokers, what,
		rd_kafka_err2str(code), hint);
}

int
admin_committed(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	struct err *err)
{
	rd_kafka_topic_partition_list_t *list = admin_list_of(positions, count);
	rd_kafka_resp_err_t code = rd_kafka_committed(a->rk, list, timeout_ms), element;

	element = take_offsets(list, positions);
	rd_kafka_topic_partition_list_destroy(list);
	admin_drop_events(a);
	if (code || element)
		return look_up_failed(a, "the group's positions",
			"does the broker that coordinates the group run, and has every partition "
			"of __consumer_offsets a leader?",
			code ? code : element, err);
	return 0;
}

/* ListOffsets takes a timestamp, which stands in each position's offset; -1 means the end. */
static int
list_offsets(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	const char *what, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = admin_list_of(positions, count);
	rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(a->rk, list, timeout_ms), element;

	element = take_offsets(list, positions);
	rd_kafka_topic_partition_list_destroy(list);
	admin_drop_events(a);
	if (code || element)
		return look_up_failed(a, what,
			"has every partition of the mirrored topics a leader?",
			code ? code : element, err);
	return 0;
}

/* The same time for all, and -1 for what the cluster does not tell. */
static int
list_known(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	int64_t time, struct err *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++)
		positions[i].offset = time;
	list = admin_list_of(positions, count);
	code = rd_kafka_offsets_for_times(a->rk, list, timeout_ms);
	for (size_t i = 0; i < count; i++)
		positions[i].offset = !list->elems[i].err && list->elems[i].offset >= 0
					      ? list->elems[i].offset
					      : -1;
	rd_kafka_topic_partition_list_destroy(list);
	admin_drop_events(a);
	return is_silence(code) ? admin_no_answer(a, code, err) : 0;
}

int
admin_ends(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	struct err *err)
{
	for (size_t i = 0; i < count; i++)
		positions[i].offset = RD_KAFKA_OFFSET_END;
	return list_offsets(a, timeout_ms, positions, count, "where its partitions end", err);
}

int
admin_known_ends(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	struct err *err)
{
	return list_known(a, timeout_ms, positions, count, RD_KAFKA_OFFSET_END, err);
}

int
admin_known_begins(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	struct err *err)
{
	return list_known(a, timeout_ms, positions, count, ADMIN_BEGINNING, err);
}

int
admin_begins(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	struct err *err)
{
	for (size_t i = 0; i < count; i++)
		positions[i].offset = ADMIN_BEGINNING;
	return list_offsets(a, timeout_ms, positions, count, "where its partitions begin", err);
}

int
admin_at_times(struct admin *a, int timeout_ms, struct topic_partition *positions, size_t count,
	struct err *err)
{
	return list_offsets(
		a, timeout_ms, positions, count, "where in its partitions a time is", err);
}

/* Commits, and waits for the answer so long and no longer. */
static rd_kafka_resp_err_t
commit_within(struct admin *a, int timeout_ms, const rd_kafka_topic_partition_list_t *positions)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(a->rk);
	rd_kafka_resp_err_t code = rd_kafka_commit_queue(a->rk, positions, queue, NULL, NULL);
	rd_kafka_event_t *event = code ? NULL : rd_kafka_queue_poll(queue, timeout_ms);
	const rd_kafka_topic_partition_list_t *list =
		event ? rd_kafka_event_topic_partition_list(event) : NULL;

	if (!code)
		code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
	for (int i = 0; !code && list && i < list->cnt; i++)
		code = list->elems[i].err;
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	return code;
}

int
admin_commit(struct admin *a, int timeout_ms, const struct topic_partition *positions, size_t count,
	bool *ret_has_members, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = admin_list_of(positions, count);
	rd_kafka_resp_err_t code = commit_within(a, timeout_ms, list);

	rd_kafka_topic_partition_list_destroy(list);
	admin_drop_events(a);
	*ret_has_members = code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
			   code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
			   code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
	if (code)
		return err_set(err, "the first positions of the group cannot be committed: %s",
			rd_kafka_err2str(code));
	return 0;
}

int
admin_describe_topics(struct admin *a, int timeout_ms, const char *const *topics, size_t count,
	admin_take_config *take, void *arg, struct err *err)
{
	struct admin_call call = admin_call_begin(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
	rd_kafka_ConfigResource_t **wanted = mem_zero(count + 1, sizeof(*wanted));
	const rd_kafka_ConfigResource_t **found = NULL;
	size_t found_count = 0;
	int rc;

	for (size_t i = 0; i < count; i++)
		wanted[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i]);
	rd_kafka_DescribeConfigs(a->rk, wanted, count, call.options, call.queue);
	rc = admin_call_await(a, &call, timeout_ms, err) ? -1 : 0;
	if (rc == 0)
		found = rd_kafka_DescribeConfigs_result_resources(
			rd_kafka_event_DescribeConfigs_result(call.event), &found_count);
	for (size_t i = 0; i < found_count; i++)
		for (size_t n = 0; n < count; n++)
			if (!strcmp(rd_kafka_ConfigResource_name(found[i]), topics[n]))
				take(found[i], n, arg);
	rd_kafka_ConfigResource_destroy_array(wanted, count);
	free(wanted);
	admin_call_end(a, &call);
	return rc;
}

const char *
admin_config_value(const rd_kafka_ConfigResource_t *resource, const char *setting)
{
	size_t count;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(rd_kafka_ConfigEntry_name(entries[i]), setting))
			return rd_kafka_ConfigEntry_value(entries[i]);
	return NULL;
}

/* "0.10.2-IV0", say. */
static bool
is_before_headers(const char *version)
{
	return !strncmp(version, "0.", 2) && atoi(version + 2) < 11;
}

static void
take_takes(const rd_kafka_ConfigResource_t *resource, size_t i, void *arg)
{
	struct topic_takes *takes = &((struct topic_takes *)arg)[i];
	const char *size = admin_config_value(resource, "max.message.bytes");
	const char *format = admin_config_value(resource, "message.format.version");

	if (!size || parse_int(size, 1, INT64_MAX, &takes->max_bytes, NULL) < 0)
		takes->max_bytes = 0;
	takes->no_headers = format && is_before_headers(format);
}

int
admin_topics_take(struct admin *a, int timeout_ms, const char *const *topics, size_t count,
	struct topic_takes *takes, struct err *err)
{
	memset(takes, 0, count * sizeof(*takes));
	return admin_describe_topics(a, timeout_ms, topics, count, take_takes, takes, err);
}
