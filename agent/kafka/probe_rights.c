/* The probe's questions about rights. Brokers look at rights before anything else, so most are
   asked by a request that cannot be done: for a partition that there is not, or by a producer that
   is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/probe_state.h"

/* Kafka's numbers of errors. */
enum {
	UNKNOWN_TOPIC = 3,
	INVALID_TOPIC = 17,
	UNKNOWN_MEMBER = 25, /* the group has members, and we are none */
	NOT_COORDINATOR = 16,
	COORDINATOR_LOADING = 14,
	COORDINATOR_MISSING = 15,
	TOPIC_DENIED = 29,
	GROUP_DENIED = 30,
	CLUSTER_DENIED = 31,
	TOPIC_EXISTS = 36,
	NOT_CONTROLLER = 41,
	INVALID_PRODUCER_EPOCH = 47,
	INVALID_TXN_STATE = 48,
	UNKNOWN_PRODUCER_ID_MAPPING = 49,
	TRANSACTIONS_DENIED = 53,
};

/* No topic has so many partitions. */
#define NO_PARTITION 0x7ffffff0
/* No topic can be called so. */
#define NO_TOPIC "reflejo check"

/* Kafka's numbers of operations, which are the bits of a topic's or cluster's. */
static const int operation_bits[] = {
	[PROBE_READ] = 3,
	[PROBE_WRITE] = 4,
	[PROBE_CREATE] = 5,
	[PROBE_ALTER] = 7,
	[PROBE_DESCRIBE] = 8,
	[PROBE_DESCRIBE_CONFIGS] = 10,
	[PROBE_ALTER_CONFIGS] = 11,
};

/* A broker to ask: this one, or any (-1). NULL, and err says so, when there is none. */
static struct probe_broker *
somebody(const struct probe *probe, int32_t id, struct err *err)
{
	const struct probe_view *view = &probe->view;
	const struct probe_member *member = NULL;
	const char *mechanism =
		probe->broker_count
			? client_settings_get(probe->brokers[0]->settings, "sasl.mechanism")
			: NULL;

	for (size_t i = 0; i < view->member_count; i++)
		if (view->members[i].id == id)
			member = &view->members[i];
	for (size_t i = 0; i < probe->broker_count; i++) {
		struct probe_broker *b = probe->brokers[i];

		if (b->wire && (!member || (!strcmp(b->host, member->host) &&
						   atoi(b->port) == member->port)))
			return b;
	}
	if (member)
		err_set(err, "broker %d, which would have to be asked, cannot be reached", (int)id);
	else if (probe->broker_count && probe_has_sasl(probe->brokers[0]->settings) &&
		 !probe_speaks_mechanism(mechanism ? mechanism : "GSSAPI"))
		err_set(err, "rights are asked only where the login is by PLAIN, SCRAM, a "
			     "certificate, or none; the log of the mirror says what is refused");
	else
		err_set(err, "the brokers ended the connections over an earlier question");
	return NULL;
}

int
probe_can_ask(const struct probe *probe, struct err *err)
{
	return somebody(probe, -1, err) ? 0 : -1;
}

/* Asks; a broker that does not answer is not asked again. -1 with err. @takes request @gives *ret;
   answer_fini */
static int
ask(struct probe_broker *b, struct text *request, struct answer *ret, struct err *err)
{
	wire_allow(b->wire, PROBE_ANSWER_MS);
	if (frame_ask(b->wire, request, ret) == WIRE_OPEN)
		return 0;
	answer_fini(ret);
	wire_close(&b->wire);
	return err_set(err, "%s did not answer the question", b->place);
}

/* The version of a request to use: the newest of these that the broker has; -1: none. */
static int
pick(const struct probe_broker *b, enum frame_api api, int least, int most, struct err *err)
{
	int newest = b->versions[api], oldest = b->oldest[api];

	if (newest < least || oldest > most)
		return err_set(err, "the broker does not have the request that asks for it");
	return newest < most ? newest : most;
}

/* The error is next in the answer; one that ends before it says nothing. */
static enum probe_answer
take_error(struct answer *answer, int denied, const int *harmless, size_t count, struct err *err)
{
	int code = frame_get16(answer);

	if (answer->is_short) {
		err_set(err, "the broker's answer is cut short");
		return PROBE_UNKNOWN;
	}
	if (code == denied)
		return PROBE_DENIED;
	if (code == 0)
		return PROBE_GRANTED;
	for (size_t i = 0; i < count; i++)
		if (code == harmless[i])
			return PROBE_GRANTED;
	err_set(err, "the broker answered with error %d", code);
	return PROBE_UNKNOWN;
}

/* A batch of no records, which brokers must be able to read before they look at anything. */
static void
put_empty_batch(struct text *request)
{
	frame_put32(request, 61);
	frame_put64(request, 0);  /* offset */
	frame_put32(request, 49); /* bytes behind this */
	frame_put32(request, -1);
	frame_put8(request, 2); /* its format */
	frame_put32(request, 0);
	frame_put16(request, 0);
	frame_put32(request, 0);
	frame_put64(request, 0); /* timestamps */
	frame_put64(request, 0);
	frame_put64(request, -1); /* no producer's */
	frame_put16(request, -1);
	frame_put32(request, -1);
	frame_put32(request, 0);
}

static void
put_produce(struct text *request, const char *topic, int version)
{
	frame_begin(request, FRAME_PRODUCE, version);
	if (version >= 3)
		frame_put_text(request, NULL);
	frame_put16(request, -1);
	frame_put32(request, 1000);
	frame_put32(request, 1);
	frame_put_text(request, topic);
	frame_put32(request, 1);
	frame_put32(request, NO_PARTITION);
	if (version >= 3)
		put_empty_batch(request);
	else
		frame_put32(request, 0);
}

static void
put_fetch(struct text *request, const char *topic, int version)
{
	frame_begin(request, FRAME_FETCH, version);
	frame_put32(request, -1);
	frame_put32(request, 0);
	frame_put32(request, 0);
	if (version >= 3)
		frame_put32(request, 1);
	if (version >= 4)
		frame_put8(request, 0);
	if (version >= 7) {
		frame_put32(request, 0);
		frame_put32(request, -1);
	}
	frame_put32(request, 1);
	frame_put_text(request, topic);
	frame_put32(request, 1);
	frame_put32(request, NO_PARTITION);
	if (version >= 9)
		frame_put32(request, -1);
	frame_put64(request, 0);
	if (version >= 5)
		frame_put64(request, 0);
	frame_put32(request, 1);
	if (version >= 7)
		frame_put32(request, 0);
}

/* Goes to what is said of the one partition of the one topic that was asked about. */
static void
skip_to_partition(struct answer *answer)
{
	frame_get_count(answer, 2 + 4);
	free(frame_get_text(answer));
	frame_get_count(answer, 4 + 2);
	frame_skip(answer, 4);
}

/* Reads or writes a partition that there is not. */
static enum probe_answer
ask_partition(struct probe *probe, const char *topic, bool writes, struct err *err)
{
	static const int harmless[] = {UNKNOWN_TOPIC};
	struct probe_broker *b = somebody(probe, -1, err);
	int version = !b       ? -1
		      : writes ? pick(b, FRAME_PRODUCE, 2, 3, err)
			       : pick(b, FRAME_FETCH, 2, 10, err);
	struct text request;
	struct answer answer;
	enum probe_answer result;

	if (version < 0)
		return PROBE_UNKNOWN;
	if (writes)
		put_produce(&request, topic, version);
	else
		put_fetch(&request, topic, version);
	if (ask(b, &request, &answer, err) < 0)
		return PROBE_UNKNOWN;
	if (!writes)
		frame_skip(&answer, version >= 7 ? 4 + 2 + 4 : 4);
	skip_to_partition(&answer);
	result = take_error(&answer, TOPIC_DENIED, harmless, 1, err);
	answer_fini(&answer);
	return result;
}

static int32_t
operations_of(const struct probe *probe, const char *topic)
{
	if (!topic)
		return probe->view.cluster_operations;
	for (size_t i = 0; i < probe->view.topic_count; i++)
		if (!strcmp(probe->view.topics[i].name, topic))
			return probe->view.operations[i];
	return OPERATIONS_UNKNOWN;
}

enum probe_answer
probe_ask_right(struct probe *probe, const char *topic, enum probe_right right, struct err *err)
{
	int32_t operations = operations_of(probe, topic);

	if (operations != OPERATIONS_UNKNOWN)
		return operations >> operation_bits[right] & 1 ? PROBE_GRANTED : PROBE_DENIED;
	if (topic && (right == PROBE_READ || right == PROBE_WRITE))
		return ask_partition(probe, topic, right == PROBE_WRITE, err);
	if (somebody(probe, -1, err))
		err_set(err, "brokers before Kafka 2.3 do not tell");
	return PROBE_UNKNOWN;
}

/* Commits a position for a topic that there is not, which the broker refuses after it has looked at
   the group's rights. */
enum probe_answer
probe_ask_group(struct probe *probe, const char *group, struct err *err)
{
	static const int harmless[] = {UNKNOWN_TOPIC, TOPIC_DENIED, INVALID_TOPIC, UNKNOWN_MEMBER};
	struct probe_broker *b = somebody(probe, -1, err);
	struct text request;
	struct answer answer;
	enum probe_answer result;

	if (!b || pick(b, FRAME_OFFSET_COMMIT, 2, 2, err) < 0)
		return PROBE_UNKNOWN;
	frame_begin(&request, FRAME_OFFSET_COMMIT, 2);
	frame_put_text(&request, group);
	frame_put32(&request, -1);
	frame_put_text(&request, "");
	frame_put64(&request, -1);
	frame_put32(&request, 1);
	frame_put_text(&request, NO_TOPIC);
	frame_put32(&request, 1);
	frame_put32(&request, NO_PARTITION);
	frame_put64(&request, 0);
	frame_put_text(&request, NULL);
	if (ask(b, &request, &answer, err) < 0)
		return PROBE_UNKNOWN;
	skip_to_partition(&answer);
	result = take_error(
		&answer, GROUP_DENIED, harmless, sizeof(harmless) / sizeof(*harmless), err);
	answer_fini(&answer);
	return result;
}

/* Asks for a producer id: a number is given out, and nothing is written. */
enum probe_answer
probe_ask_idempotence(struct probe *probe, struct err *err)
{
	struct probe_broker *b = somebody(probe, -1, err);
	struct text request;
	struct answer answer;
	enum probe_answer result;

	if (!b || pick(b, FRAME_INIT_PRODUCER_ID, 0, 0, err) < 0)
		return PROBE_UNKNOWN;
	frame_begin(&request, FRAME_INIT_PRODUCER_ID, 0);
	frame_put_text(&request, NULL);
	frame_put32(&request, 60000);
	if (ask(b, &request, &answer, err) < 0)
		return PROBE_UNKNOWN;
	frame_skip(&answer, 4);
	result = take_error(&answer, CLUSTER_DENIED, NULL, 0, err);
	answer_fini(&answer);
	return result;
}

/* Ends a transaction of a producer that there is not. */
enum probe_answer
probe_ask_transactions(struct probe *probe, const char *id, struct err *err)
{
	static const int harmless[] = {NOT_COORDINATOR, COORDINATOR_LOADING, COORDINATOR_MISSING,
		INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, UNKNOWN_PRODUCER_ID_MAPPING};
	struct probe_broker *b = somebody(probe, -1, err);
	struct text request;
	struct answer answer;
	enum probe_answer result;

	if (!b || pick(b, FRAME_END_TXN, 0, 0, err) < 0)
		return PROBE_UNKNOWN;
	frame_begin(&request, FRAME_END_TXN, 0);
	frame_put_text(&request, id);
	frame_put64(&request, INT64_MAX);
	frame_put16(&request, 0);
	frame_put8(&request, 0);
	if (ask(b, &request, &answer, err) < 0)
		return PROBE_UNKNOWN;
	frame_skip(&answer, 4);
	result = take_error(
		&answer, TRANSACTIONS_DENIED, harmless, sizeof(harmless) / sizeof(*harmless), err);
	answer_fini(&answer);
	return result;
}

/* The answer for the one topic that was asked for. */
static enum probe_answer
take_creation(struct answer *answer, int version, struct err *err)
{
	enum probe_answer result = PROBE_DENIED;
	char *why;
	int code;

	if (version >= 2)
		frame_skip(answer, 4);
	frame_get_count(answer, 2 + 2);
	free(frame_get_text(answer));
	code = frame_get16(answer);
	why = version >= 1 ? frame_get_text(answer) : NULL;
	if (answer->is_short)
		result = PROBE_UNKNOWN;
	else if (code == 0 || code == TOPIC_EXISTS)
		result = PROBE_GRANTED;
	else if (code == TOPIC_DENIED || code == CLUSTER_DENIED)
		err_set(err, "%s", "");
	else if (code == NOT_CONTROLLER)
		result = PROBE_UNKNOWN;
	else
		err_set(err, "%s", why && *why ? why : "the brokers do not say why");
	if (answer->is_short)
		err_set(err, "the broker's answer is cut short");
	else if (result == PROBE_UNKNOWN)
		err_set(err, "the broker answered with error %d", code);
	free(why);
	return result;
}

enum probe_answer
probe_ask_creation(struct probe *probe, const char *topic, int32_t partitions, int32_t replicas,
	struct err *err)
{
	struct probe_broker *b = somebody(probe, probe->view.controller, err);
	int version = b ? pick(b, FRAME_CREATE_TOPICS, 1, replicas < 0 ? 4 : 3, err) : -1;
	struct text request;
	struct answer answer;
	enum probe_answer result;

	if (version < 0)
		return PROBE_UNKNOWN;
	frame_begin(&request, FRAME_CREATE_TOPICS, version);
	frame_put32(&request, 1);
	frame_put_text(&request, topic);
	frame_put32(&request, partitions);
	frame_put16(&request, replicas);
	frame_put32(&request, 0); /* no places of replicas */
	frame_put32(&request, 0); /* no settings */
	frame_put32(&request, PROBE_ANSWER_MS);
	frame_put8(&request, 1); /* only checked */
	if (ask(b, &request, &answer, err) < 0)
		return PROBE_UNKNOWN;
	result = take_creation(&answer, version, err);
	answer_fini(&answer);
	return result;
}
