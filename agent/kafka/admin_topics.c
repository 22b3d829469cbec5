/* Topics of a cluster, made and changed: creation, more partitions, settings. */
#include "kafka/admin_topics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/admin_state.h"
#include "kafka/library.h"

static void
answer_set(struct topic_answer *answer, rd_kafka_resp_err_t code, const char *text)
{
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR_NO_ERROR: answer->outcome = TOPIC_DONE; break;
	case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: answer->outcome = TOPIC_THERE; break;
	case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION: answer->outcome = TOPIC_UNSUPPORTED; break;
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
	case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR_REASSIGNMENT_IN_PROGRESS:
	case 89: /* THROTTLING_QUOTA_EXCEEDED */ answer->outcome = TOPIC_LATER; break;
	default: answer->outcome = TOPIC_REFUSED;
	}
	snprintf(answer->reason, sizeof(answer->reason), "%s",
		code ? (text && *text ? text : rd_kafka_err2str(code)) : "");
}

static void
answer_all(struct topic_answer *answers, size_t count, rd_kafka_resp_err_t code, const char *text)
{
	for (size_t i = 0; i < count; i++)
		answer_set(&answers[i], code, text);
}

/* Takes the cluster's answers to wishes, which come in any order. */
static void
take_topics(const rd_kafka_topic_result_t **results, size_t result_count,
	const struct topic_wish *wishes, size_t count, struct topic_answer *answers)
{
	for (size_t i = 0; i < result_count; i++)
		for (size_t j = 0; j < count; j++)
			if (!strcmp(rd_kafka_topic_result_name(results[i]), wishes[j].topic))
				answer_set(&answers[j], rd_kafka_topic_result_error(results[i]),
					rd_kafka_topic_result_error_string(results[i]));
}

/* A call whose brokers answer when it is done, or after half of the time. */
static struct admin_call
begin_lasting(struct admin *a, rd_kafka_admin_op_t op, int timeout_ms)
{
	struct admin_call call = admin_call_begin(a, op, timeout_ms);

	rd_kafka_AdminOptions_set_operation_timeout(call.options, timeout_ms / 2, NULL, 0);
	return call;
}

static rd_kafka_NewTopic_t *
new_topic(const struct topic_wish *wish, struct topic_answer *answer)
{
	char why[200] = "";
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
		wish->topic, wish->partitions, wish->replication, why, sizeof(why));

	if (!topic)
		answer_set(answer, RD_KAFKA_RESP_ERR__INVALID_ARG, why);
	for (size_t i = 0; topic && wish->settings && i < wish->settings->count; i++)
		rd_kafka_NewTopic_set_config(
			topic, wish->settings->items[i].name, wish->settings->items[i].value);
	return topic;
}

void
admin_create_topics(struct admin *a, int timeout_ms, const struct topic_wish *wishes, size_t count,
	struct topic_answer *answers)
{
	struct admin_call call = begin_lasting(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
	rd_kafka_NewTopic_t **topics = mem_zero(count, sizeof(*topics));
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t code;
	struct err err;
	size_t n = 0, result_count;

	answer_all(answers, count, RD_KAFKA_RESP_ERR__TIMED_OUT, "the cluster said nothing of it");
	for (size_t i = 0; i < count; i++) {
		rd_kafka_NewTopic_t *topic = new_topic(&wishes[i], &answers[i]);

		if (topic)
			topics[n++] = topic;
	}
	if (n == 0)
		goto out;
	rd_kafka_CreateTopics(a->rk, topics, n, call.options, call.queue);
	code = admin_call_await(a, &call, timeout_ms, &err);
	if (code) {
		answer_all(answers, count, code, err.text);
		goto out;
	}
	results = rd_kafka_CreateTopics_result_topics(
		rd_kafka_event_CreateTopics_result(call.event), &result_count);
	take_topics(results, result_count, wishes, count, answers);
out:
	rd_kafka_NewTopic_destroy_array(topics, n);
	free(topics);
	admin_call_end(a, &call);
}

void
admin_grow_topics(struct admin *a, int timeout_ms, const struct topic_wish *wishes, size_t count,
	struct topic_answer *answers)
{
	struct admin_call call = begin_lasting(a, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, timeout_ms);
	rd_kafka_NewPartitions_t **topics = mem_zero(count, sizeof(*topics));
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t code;
	struct err err;
	size_t result_count;

	answer_all(answers, count, RD_KAFKA_RESP_ERR__TIMED_OUT, "the cluster said nothing of it");
	for (size_t i = 0; i < count; i++)
		topics[i] = rd_kafka_NewPartitions_new(
			wishes[i].topic, (size_t)wishes[i].partitions, NULL, 0);
	rd_kafka_CreatePartitions(a->rk, topics, count, call.options, call.queue);
	code = admin_call_await(a, &call, timeout_ms, &err);
	if (code) {
		answer_all(answers, count, code, err.text);
	} else {
		results = rd_kafka_CreatePartitions_result_topics(
			rd_kafka_event_CreatePartitions_result(call.event), &result_count);
		take_topics(results, result_count, wishes, count, answers);
	}
	rd_kafka_NewPartitions_destroy_array(topics, count);
	free(topics);
	admin_call_end(a, &call);
}

/* Is it set for the topic itself? Brokers before 1.1 only tell what is no default of theirs. */
static bool
is_own(const rd_kafka_ConfigEntry_t *entry)
{
	switch (rd_kafka_ConfigEntry_source(entry)) {
	case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: return true;
	case RD_KAFKA_CONFIG_SOURCE_UNKNOWN_CONFIG:
		return !rd_kafka_ConfigEntry_is_default(entry) &&
		       !rd_kafka_ConfigEntry_is_read_only(entry);
	default: return false;
	}
}

/* Why the cluster tells nothing of a topic. @gives a string */
static char *
reason_of(const rd_kafka_ConfigResource_t *resource)
{
	const char *text = rd_kafka_ConfigResource_error_string(resource);

	return mem_strdup(text ? text : rd_kafka_err2str(rd_kafka_ConfigResource_error(resource)));
}

static void
take_settings(const rd_kafka_ConfigResource_t *resource, struct settings *ret, char **reason)
{
	const rd_kafka_ConfigEntry_t **entries;
	size_t count;

	if (rd_kafka_ConfigResource_error(resource)) {
		*reason = reason_of(resource);
		return;
	}
	entries = rd_kafka_ConfigResource_configs(resource, &count);
	for (size_t i = 0; i < count; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (value && is_own(entries[i]))
			settings_set(ret, rd_kafka_ConfigEntry_name(entries[i]), value);
	}
}

/* Where answers go. */
struct described {
	struct settings *settings;
	char **reasons;
};

static void
take_described(const rd_kafka_ConfigResource_t *resource, size_t i, void *arg)
{
	const struct described *d = arg;

	take_settings(resource, &d->settings[i], &d->reasons[i]);
}

int
admin_topic_settings(struct admin *a, int timeout_ms, const char *const *topics, size_t count,
	struct settings *ret, char **reasons, struct err *err)
{
	struct described described = {ret, reasons};

	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct settings){0};
		reasons[i] = NULL;
	}
	return admin_describe_topics(a, timeout_ms, topics, count, take_described, &described, err);
}

/* Topics that are compacted, and what one of them is refused for. */
struct policies {
	bool *is_compacted;
	char *reason;
};

static void
take_policy(const rd_kafka_ConfigResource_t *resource, size_t i, void *arg)
{
	struct policies *p = arg;
	const char *value = admin_config_value(resource, "cleanup.policy");

	p->is_compacted[i] = value && strstr(value, "compact");
	if (rd_kafka_ConfigResource_error(resource) && !p->reason)
		p->reason = reason_of(resource);
}

int
admin_compacted(struct admin *a, int timeout_ms, const char *const *topics, size_t count, bool *ret,
	struct err *err)
{
	struct policies policies = {.is_compacted = ret};
	int rc;

	memset(ret, 0, count * sizeof(*ret));
	rc = admin_describe_topics(a, timeout_ms, topics, count, take_policy, &policies, err);
	if (policies.reason)
		rc = err_set(err, "%s", policies.reason);
	free(policies.reason);
	return rc;
}

/* One topic's cleanup.policy; "" while nothing is told. */
struct told_policy {
	char *ret;
	size_t size;
	char *reason;
};

static void
take_told_policy(const rd_kafka_ConfigResource_t *resource, size_t i, void *arg)
{
	struct told_policy *told = arg;
	const char *value = admin_config_value(resource, "cleanup.policy");

	(void)i;
	if (rd_kafka_ConfigResource_error(resource) && !told->reason)
		told->reason = reason_of(resource);
	else if (value)
		snprintf(told->ret, told->size, "%s", value);
}

int
admin_cleanup_policy(
	struct admin *a, int timeout_ms, const char *topic, char *ret, size_t size, struct err *err)
{
	struct told_policy told = {.ret = ret, .size = size};
	int rc;

	*ret = '\0';
	rc = admin_describe_topics(a, timeout_ms, &topic, 1, take_told_policy, &told, err);
	if (rc == 0 && !*ret) {
		err_set(err, "%s", told.reason ? told.reason : "the target does not tell it");
		rc = 1;
	}
	free(told.reason);
	return rc;
}

/* The first resource's answer. */
static void
take_change(const rd_kafka_ConfigResource_t **resources, size_t count, struct topic_answer *answer)
{
	if (count > 0)
		answer_set(answer, rd_kafka_ConfigResource_error(resources[0]),
			rd_kafka_ConfigResource_error_string(resources[0]));
	else
		answer_set(answer, RD_KAFKA_RESP_ERR__TIMED_OUT, "the cluster said nothing of it");
}

/* What librdkafka has since 2.2.0 only, by its headers of then. */
typedef rd_kafka_error_t *add_incremental(
	rd_kafka_ConfigResource_t *config, const char *name, int operation, const char *value);
typedef const rd_kafka_ConfigResource_t **incremental_resources(
	const rd_kafka_event_t *result, size_t *count);
enum { OPERATION_SET = 0, OPERATION_DELETE = 1 };

struct incremental {
	add_incremental *add;
	void (*alter)(rd_kafka_t *rk, rd_kafka_ConfigResource_t **configs, size_t count,
		const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue);
	const rd_kafka_event_t *(*result)(rd_kafka_event_t *event);
	incremental_resources *resources;
};

/* Has the linked library single changes of settings? */
static bool
find_incremental(struct incremental *ret)
{
	const struct library_call wanted[] = {
		{"rd_kafka_ConfigResource_add_incremental_config", &ret->add},
		{"rd_kafka_IncrementalAlterConfigs", &ret->alter},
		{"rd_kafka_event_IncrementalAlterConfigs_result", &ret->result},
		{"rd_kafka_IncrementalAlterConfigs_result_resources", &ret->resources},
	};

	return library_find(wanted, sizeof(wanted) / sizeof(wanted[0])) &&
	       library_at_least(2, 2, 0);
}

static void
add_one(const struct incremental *calls, rd_kafka_ConfigResource_t *resource, const char *setting,
	int operation, const char *value)
{
	rd_kafka_error_t *error = calls->add(resource, setting, operation, value);

	if (error)
		rd_kafka_error_destroy(error);
}

static void
change_single(struct admin *a, int timeout_ms, const char *topic, const struct incremental *calls,
	const struct settings *set, const struct settings *removed, struct topic_answer *answer)
{
	struct admin_call call = admin_call_begin(a, RD_KAFKA_ADMIN_OP_ANY, timeout_ms);
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	const rd_kafka_ConfigResource_t **resources;
	rd_kafka_resp_err_t code;
	struct err err;
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		add_one(calls, resource, set->items[i].name, OPERATION_SET, set->items[i].value);
	for (size_t i = 0; i < removed->count; i++)
		add_one(calls, resource, removed->items[i].name, OPERATION_DELETE, NULL);
	calls->alter(a->rk, &resource, 1, call.options, call.queue);
	code = admin_call_await(a, &call, timeout_ms, &err);
	if (code) {
		answer_set(answer, code, err.text);
	} else {
		resources = calls->resources(calls->result(call.event), &count);
		take_change(resources, count, answer);
	}
	rd_kafka_ConfigResource_destroy(resource);
	admin_call_end(a, &call);
}

/* Writes all settings of a topic. */
static void
change_whole(struct admin *a, int timeout_ms, const char *topic, const struct settings *all,
	struct topic_answer *answer)
{
	struct admin_call call = admin_call_begin(a, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, timeout_ms);
	rd_kafka_ConfigResource_t *resource =
		rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	const rd_kafka_ConfigResource_t **resources;
	rd_kafka_resp_err_t code;
	struct err err;
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++)
		rd_kafka_ConfigResource_set_config(
			resource, all->items[i].name, all->items[i].value);
	rd_kafka_AlterConfigs(a->rk, &resource, 1, call.options, call.queue);
	code = admin_call_await(a, &call, timeout_ms, &err);
	if (code) {
		answer_set(answer, code, err.text);
	} else {
		resources = rd_kafka_AlterConfigs_result_resources(
			rd_kafka_event_AlterConfigs_result(call.event), &count);
		take_change(resources, count, answer);
	}
	rd_kafka_ConfigResource_destroy(resource);
	admin_call_end(a, &call);
}

void
admin_change_topic(struct admin *a, int timeout_ms, const char *topic, const struct settings *now,
	const struct settings *set, const struct settings *removed, struct topic_answer *answer)
{
	struct incremental calls;
	struct settings all = {0};

	if (find_incremental(&calls)) {
		change_single(a, timeout_ms, topic, &calls, set, removed, answer);
		if (answer->outcome != TOPIC_UNSUPPORTED)
			return;
	}
	for (size_t i = 0; i < now->count; i++)
		settings_set(&all, now->items[i].name, now->items[i].value);
	for (size_t i = 0; i < set->count; i++)
		settings_set(&all, set->items[i].name, set->items[i].value);
	for (size_t i = 0; i < removed->count; i++)
		settings_remove(&all, removed->items[i].name);
	change_whole(a, timeout_ms, topic, &all, answer);
	settings_fini(&all);
}
