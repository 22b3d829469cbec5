/* Consumer groups other than the mirror's own: which there are, and their offsets, read and
 * written. */
#include "kafka/group_offsets.h"

#include <stdlib.h>

#include "base/mem.h"
#include "kafka/admin_state.h"

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
group_offsets_list(struct admin *a, int timeout_ms, struct group_names *ret, struct err *err)
{
	struct admin_call call =
		admin_call_begin(a, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeout_ms);
	int rc = -1;

	*ret = (struct group_names){0};
	rd_kafka_ListConsumerGroups(a->rk, call.options, call.queue);
	if (admin_call_await(a, &call, timeout_ms, err) == 0)
		rc = take_names(call.event, ret, err);
	admin_call_end(a, &call);
	if (rc < 0)
		err_prefix(err,
			"the groups of the %s cannot be listed (name them one by one in "
			"groups.sync if that may not be): ",
			a->side);
	return rc;
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
group_offsets_read(struct admin *a, const char *group, int timeout_ms,
	struct topic_partition *positions, size_t count, struct err *err)
{
	struct admin_call call =
		admin_call_begin(a, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, timeout_ms);
	rd_kafka_topic_partition_list_t *list = admin_list_of(positions, count);
	rd_kafka_ListConsumerGroupOffsets_t *asked =
		rd_kafka_ListConsumerGroupOffsets_new(group, list);
	const rd_kafka_topic_partition_list_t *found = NULL;
	const rd_kafka_group_result_t **groups;
	rd_kafka_resp_err_t code;
	size_t n = 0;
	int rc = -1;

	rd_kafka_ListConsumerGroupOffsets(a->rk, &asked, 1, call.options, call.queue);
	if (admin_call_await(a, &call, timeout_ms, err) == 0) {
		groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
			rd_kafka_event_ListConsumerGroupOffsets_result(call.event), &n);
		found = partitions_of(groups, n, &code, err);
	}
	if (found)
		rc = take_offsets(found, positions, count, err);
	rd_kafka_ListConsumerGroupOffsets_destroy(asked);
	rd_kafka_topic_partition_list_destroy(list);
	admin_call_end(a, &call);
	return rc < 0 ? err_prefix(err,
				"the offsets of the group %s at the %s cannot be read: ", group,
				a->side)
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
group_offsets_write(struct admin *a, const char *group, int timeout_ms,
	const struct topic_partition *positions, size_t count, bool *ret_has_members,
	struct err *err)
{
	struct admin_call call =
		admin_call_begin(a, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, timeout_ms);
	rd_kafka_topic_partition_list_t *list = admin_list_of(positions, count);
	rd_kafka_AlterConsumerGroupOffsets_t *wanted =
		rd_kafka_AlterConsumerGroupOffsets_new(group, list);
	const rd_kafka_topic_partition_list_t *done = NULL;
	const rd_kafka_group_result_t **groups;
	rd_kafka_resp_err_t code;
	size_t n = 0;

	rd_kafka_AlterConsumerGroupOffsets(a->rk, &wanted, 1, call.options, call.queue);
	code = admin_call_await(a, &call, timeout_ms, err);
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
	admin_call_end(a, &call);
	*ret_has_members = is_refusal_of_members(code);
	return code ? err_prefix(err, "the offsets of the group %s cannot be written: ", group) : 0;
}
