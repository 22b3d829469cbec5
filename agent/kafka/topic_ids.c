/* Topic ids: which topic of a name it is; one that is made anew has another. */
#include "kafka/topic_ids.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/admin_state.h"
#include "kafka/library.h"

/* What the library has from 2.3.0 on, looked up when the program runs: it is built against the
   headers of older ones. */
static struct {
	void *(*collection)(const char **topics, size_t count);
	void (*free_collection)(void *collection);
	void (*describe)(rd_kafka_t *rk, const void *collection,
		const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue);
	const void *(*result)(rd_kafka_event_t *event);
	const void **(*topics)(const void *result, size_t *count);
	const char *(*name)(const void *topic);
	const void *(*id)(const void *topic);
	const char *(*text)(const void *id);
} calls;
static bool is_complete;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Of a broker that has no ids: all bits are 0. */
#define NO_ID "AAAAAAAAAAAAAAAAAAAAAA"

static void
find_calls(void)
{
	const struct library_call wanted[] = {
		{"rd_kafka_TopicCollection_of_topic_names", &calls.collection},
		{"rd_kafka_TopicCollection_destroy", &calls.free_collection},
		{"rd_kafka_DescribeTopics", &calls.describe},
		{"rd_kafka_event_DescribeTopics_result", &calls.result},
		{"rd_kafka_DescribeTopics_result_topics", &calls.topics},
		{"rd_kafka_TopicDescription_name", &calls.name},
		{"rd_kafka_TopicDescription_topic_id", &calls.id},
		{"rd_kafka_Uuid_base64str", &calls.text},
	};

	is_complete = library_find(wanted, sizeof(wanted) / sizeof(wanted[0]));
}

bool
topic_ids_are_known(void)
{
	pthread_once(&once, find_calls);
	return is_complete;
}

/* The answer stands in the order of the question, but nobody promises it. */
static void
take_id(const void *topic, const char *const *topics, size_t count, size_t guess,
	struct topic_id *ids)
{
	const char *name = calls.name(topic), *text;
	const void *id = calls.id(topic);

	for (size_t i = 0; id && i < count; i++) {
		size_t at = (guess + i) % count;

		if (strcmp(topics[at], name) != 0)
			continue;
		text = calls.text(id);
		if (text && strcmp(text, NO_ID) != 0)
			snprintf(ids[at].text, sizeof(ids[at].text), "%s", text);
		return;
	}
}

static int
take_ids(rd_kafka_event_t *event, const char *const *topics, size_t count, struct topic_id *ids,
	struct err *err)
{
	const void *result = calls.result(event);
	const void **found;
	size_t found_count = 0;

	if (!result)
		return err_set(err, "the answer has no topics");
	found = calls.topics(result, &found_count);
	for (size_t i = 0; i < found_count; i++)
		take_id(found[i], topics, count, i, ids);
	return 0;
}

int
topic_ids_ask(struct admin *admin, int timeout_ms, const char *const *topics, size_t count,
	struct topic_id *ids, struct err *err)
{
	struct admin_call call;
	void *collection;
	int rc = -1;

	memset(ids, 0, count * sizeof(*ids));
	if (!topic_ids_are_known() || count == 0)
		return 0;
	call = admin_call_begin(admin, RD_KAFKA_ADMIN_OP_ANY, timeout_ms);
	collection = calls.collection((const char **)(uintptr_t)topics, count);
	calls.describe(admin->rk, collection, call.options, call.queue);
	if (admin_call_await(admin, &call, timeout_ms, err) == 0)
		rc = take_ids(call.event, topics, count, ids, err);
	calls.free_collection(collection);
	admin_call_end(admin, &call);
	return rc;
}

/* In front of the id. */
#define NOTE "topic_id="

void
topic_ids_note(const char *id, rd_kafka_topic_partition_t *position)
{
	if (!id || !*id)
		return;
	/* The list frees it. The NUL is committed too: librdkafka gives out such a text without
	   one, and clients that are built on it, as Python's, would read on behind it. */
	position->metadata = mem_printf("%s%s", NOTE, id);
	position->metadata_size = strlen(position->metadata) + 1;
}

void
topic_ids_read_note(const rd_kafka_topic_partition_t *position, struct topic_id *ret_id)
{
	const char *text = position->metadata;
	size_t size = position->metadata_size, head = strlen(NOTE);

	*ret_id = (struct topic_id){""};
	if (text && size > 0 && text[size - 1] == '\0')
		size--;
	if (!text || size <= head || size - head >= sizeof(ret_id->text) ||
		strncmp(text, NOTE, head) != 0)
		return;
	memcpy(ret_id->text, text + head, size - head);
}

int
topic_ids_committed(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct topic_id *ids, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = admin_list_of(positions, count);
	rd_kafka_resp_err_t code = rd_kafka_committed(admin->rk, list, timeout_ms);

	for (size_t i = 0; i < count; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];

		positions[i].offset = !code && !p->err && p->offset >= 0 ? p->offset : -1;
		topic_ids_read_note(p, &ids[i]);
	}
	rd_kafka_topic_partition_list_destroy(list);
	admin_drop_events(admin);
	return code ? err_set(err, "%s", rd_kafka_err2str(code)) : 0;
}
