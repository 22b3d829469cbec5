/* The probe's list of a cluster: its brokers, topics, and what we may do with them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/probe_state.h"

/* Versions of Metadata: with the operations that we may do, with the cluster's id, and the oldest
   with a controller. */
enum { WITH_OPERATIONS = 8, WITH_ID = 2, OLDEST = 1 };
/* The fewest bytes that a broker, a topic and a partition take in the answer. */
enum {
	MEMBER_LEAST = 4 + 2 + 4 + 2,
	TOPIC_LEAST = 2 + 2 + 1 + 4,
	PARTITION_LEAST = 2 + 4 + 4 + 4 + 4,
};

static int
version_of(const struct probe_broker *b)
{
	if (b->versions[FRAME_METADATA] >= WITH_OPERATIONS)
		return WITH_OPERATIONS;
	return b->versions[FRAME_METADATA] >= WITH_ID ? WITH_ID : OLDEST;
}

static void
take_members(struct answer *a, struct probe_view *ret)
{
	size_t count = frame_get_count(a, MEMBER_LEAST);

	ret->members = mem_zero(count + 1, sizeof(*ret->members));
	for (size_t i = 0; i < count && !a->is_short; i++) {
		struct probe_member *m = &ret->members[ret->member_count++];

		m->id = frame_get32(a);
		m->host = frame_get_text(a);
		m->port = frame_get32(a);
		free(frame_get_text(a)); /* its rack */
		if (!m->host)
			m->host = mem_strdup("");
	}
}

static void
skip_numbers(struct answer *a)
{
	frame_skip(a, frame_get_count(a, 4) * 4);
}

static void
take_partitions(struct answer *a, int version, struct probe_topic *topic)
{
	size_t count = frame_get_count(a, PARTITION_LEAST);

	topic->partitions = (int32_t)count;
	for (size_t i = 0; i < count && !a->is_short; i++) {
		size_t replicas, from;

		frame_skip(a, 2 + 4 + 4 + (version >= 7 ? 4 : 0));
		from = a->at;
		replicas = frame_get_count(a, 4);
		a->at = from;
		if (i == 0)
			topic->replicas = (int32_t)replicas;
		skip_numbers(a);
		skip_numbers(a);
		if (version >= 5)
			skip_numbers(a);
	}
}

static void
take_topics(struct answer *a, int version, struct probe_view *ret)
{
	size_t count = frame_get_count(a, TOPIC_LEAST);

	ret->topics = mem_zero(count + 1, sizeof(*ret->topics));
	ret->operations = mem_zero(count + 1, sizeof(*ret->operations));
	for (size_t i = 0; i < count && !a->is_short; i++) {
		struct probe_topic *topic = &ret->topics[ret->topic_count];

		frame_skip(a, 2);
		topic->name = frame_get_text(a);
		frame_skip(a, 1);
		take_partitions(a, version, topic);
		ret->operations[ret->topic_count] =
			version >= WITH_OPERATIONS ? frame_get32(a) : OPERATIONS_UNKNOWN;
		if (topic->name && topic->partitions)
			ret->topic_count++;
		else
			free(topic->name);
	}
}

static int
take_view(struct answer *a, int version, struct probe_view *ret)
{
	*ret = (struct probe_view){.controller = -1, .cluster_operations = OPERATIONS_UNKNOWN};
	if (version >= 3)
		frame_skip(a, 4);
	take_members(a, ret);
	if (version >= WITH_ID)
		ret->id = frame_get_text(a);
	ret->controller = frame_get32(a);
	take_topics(a, version, ret);
	if (version >= WITH_OPERATIONS)
		ret->cluster_operations = frame_get32(a);
	return a->is_short ? -1 : 0;
}

int
probe_list(struct probe_broker *broker, struct probe_view *ret)
{
	int version = version_of(broker);
	struct text request;
	struct answer answer;
	enum wire_end end;
	int rc = -1;

	*ret = (struct probe_view){0};
	frame_begin(&request, FRAME_METADATA, version);
	frame_put32(&request, -1); /* all topics, so that none can be made by asking */
	if (version >= 4)
		frame_put8(&request, 0);
	if (version >= WITH_OPERATIONS) {
		frame_put8(&request, 1);
		frame_put8(&request, 1);
	}
	wire_allow(broker->wire, PROBE_LIST_MS);
	end = frame_ask(broker->wire, &request, &answer);
	if (end == WIRE_OPEN)
		rc = take_view(&answer, version, ret);
	if (rc < 0)
		PROBE_SAY(broker, "list", FAILED,
			end == WIRE_SILENT
				? "the broker does not list brokers and topics within nine "
				  "seconds: look into its log"
				: "the broker does not list brokers and topics, but ends the "
				  "connection: check the port, and security.protocol");
	answer_fini(&answer);
	if (rc < 0)
		probe_view_fini(ret);
	else
		probe_view_sort(ret);
	return rc;
}

/* A topic with its operations, while they are sorted. */
struct pair {
	struct probe_topic topic;
	int32_t operations;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->topic.name, ((const struct pair *)b)->topic.name);
}

void
probe_view_sort(struct probe_view *view)
{
	struct pair *pairs = mem_zero(view->topic_count + 1, sizeof(*pairs));

	for (size_t i = 0; i < view->topic_count; i++)
		pairs[i] = (struct pair){view->topics[i], view->operations[i]};
	qsort(pairs, view->topic_count, sizeof(*pairs), by_name);
	for (size_t i = 0; i < view->topic_count; i++) {
		view->topics[i] = pairs[i].topic;
		view->operations[i] = pairs[i].operations;
	}
	free(pairs);
}

void
probe_view_fini(struct probe_view *view)
{
	for (size_t i = 0; i < view->topic_count; i++)
		free(view->topics[i].name);
	for (size_t i = 0; i < view->member_count; i++)
		free(view->members[i].host);
	free(view->topics);
	free(view->operations);
	free(view->members);
	free(view->id);
	*view = (struct probe_view){0};
}
