/* The target side of one stream: producers with large, small and single-record batches, and what
 * came of each record. */
#include "kafka/producer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/producer_state.h"

/* From so many on, topics are asked for at once. */
#define MANY_TOPICS 100
/* MirrorMaker's producer default; batches of that size are seldom refused. */
#define SMALL_BATCH 16384
/* The largest record, as Java's max.request.size. */
#define MAX_REQUEST "1048576"
/* Wait this long before a client that failed again is replaced again; doubled each time up to the
 * maximum. */
#define REPLACE_MS 250
#define REPLACE_MAX_MS 10000

/* While a broken lane empties, what is queued is taken back this often. */
#define PURGE_EVERY_MS 10
/* transaction.timeout.ms, and the library's default of socket.timeout.ms with it. */
#define TRANSACTION_MS 20000
#define SOCKET_MS 20000
/* Behind a refused batch, answers to what is in flight already are waited for this long. */
#define REFUSED_INFLIGHT_MS 2000

static const struct {
	const char *name;
	int64_t batch_size; /* 0: the configured one */
	const char *batch_records;
} lane_table[PRODUCER_LANES] = {
	[PRODUCER_BULK] = {"bulk", 0, NULL},
	[PRODUCER_SMALL] = {"small", SMALL_BATCH, NULL},
	[PRODUCER_SINGLE] = {"single", 0, "1"},
};

/* Who takes over, and who reads committed records, waits so long for a transaction whose writer has
   died and was not fenced: short, but the library wants no request to be waited for longer. */
static int
transaction_timeout_ms(const struct config *config)
{
	const char *socket = client_settings_get(&config->producer, "socket.timeout.ms");
	int given = socket ? atoi(socket) : SOCKET_MS;

	return given > TRANSACTION_MS ? given : TRANSACTION_MS;
}

/* Does a record that the target refuses for good end, or hold, what it is of? Then its batch may
   end the client as well. Where such records are left out or put aside there may be many. */
static bool
is_refusal_rare(const struct config_mirror *mirror)
{
	return mirror->abort_on_send_failure || !strcmp(mirror->send_on_error, "pause") ||
	       !strcmp(mirror->send_on_error, "stop");
}

static struct client *
make_client(
	struct producer *p, enum producer_lane lane, const char *transactional_id, struct err *err)
{
	char batch_size[24], refresh[24], timeout[24];
	bool is_exact = transactional_id != NULL;
	bool is_gapless = p->is_idempotent && !is_exact && lane != PRODUCER_SINGLE &&
			  is_refusal_rare(&p->config->mirror);
	int64_t size = lane_table[lane].batch_size ? lane_table[lane].batch_size
						   : p->config->target.batch_size;
	const struct client_rule rules[] = {
		{"client.id", p->client_id, false},
		{"acks", "all", is_exact},
		{"transactional.id", transactional_id, is_exact},
		{"enable.idempotence", p->is_idempotent ? "true" : "false", true},
		/* One in flight keeps the order without idempotence, as MirrorMaker does. */
		{"max.in.flight.requests.per.connection", p->is_idempotent ? "5" : "1", false},
		{"transaction.timeout.ms", timeout, false},
		{"socket.timeout.ms", is_exact ? "20000" : NULL, false},
		/* The transaction's end bounds it. */
		{"message.timeout.ms", "0", is_exact},
		/* A batch that is refused ends the client, and nothing queued behind it goes on
		   under a new epoch. In the single lane, and where refusals are frequent, the queue
		   is only taken back as soon as we hear of it, see fill_delivery. */
		{"enable.gapless.guarantee", is_gapless ? "true" : NULL, false},
		{"retries", "2147483647", false},
		{"partitioner", "murmur2_random", false},
		{"batch.size", batch_size, true},
		{"batch.num.messages", lane_table[lane].batch_records,
			lane_table[lane].batch_records != NULL},
		/* What is fetched together is sent together all the same. Without any, a busy
		   partition's records go out in too many requests; MirrorMaker, which has none,
		   waits for each answer. */
		{"linger.ms", lane == PRODUCER_SINGLE ? "0" : "1", lane == PRODUCER_SINGLE},
		{"message.max.bytes", MAX_REQUEST, false},
		/* The worker bounds what is on its way by bytes; the library's count would only get
		   in the way. */
		{"queue.buffering.max.messages", "0", false},
		{"topic.metadata.refresh.interval.ms", refresh, false},
		/* A missing topic is said within ten seconds. */
		{"topic.metadata.propagation.max.ms", "5000", false},
		{"delivery.report.only.error", "false", true},
		{"socket.nagle.disable", "true", false},
		{"enable.metrics.push", "false", false},
		{"log.connection.close", "false", false},
	};

	snprintf(timeout, sizeof(timeout), "%d", transaction_timeout_ms(p->config));
	snprintf(batch_size, sizeof(batch_size), "%" PRId64, size);
	snprintf(refresh, sizeof(refresh), "%" PRId64, p->config->target.metadata_max_age_ms);
	return client_new(CLIENT_TARGET, RD_KAFKA_PRODUCER, &p->config->producer, rules,
		sizeof(rules) / sizeof(rules[0]), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR, err);
}

/* The lane that nearly everything takes. */
static enum producer_lane
main_lane(const struct producer *p)
{
	return p->is_transactional ? p->transactional : PRODUCER_BULK;
}

/* Each handle of a topic that the library knows nothing of makes it ask for that one alone, and
   each second once more for all that are still unknown; every answer is looked up in a list of all
   topics. */
static void
list_topics(struct producer *p, enum producer_lane id)
{
	struct lane *lane = &p->lanes[id];

	if (p->expected == 0 || id != main_lane(p) || !lane->client)
		return;
	lane->waits = !lane->has_handles;
	client_list_topics(lane->client, p->fd);
}

static bool
is_waiting(const struct lane *lane)
{
	return lane->waits && lane->client && client_is_listing(lane->client);
}

void
producer_expect(struct producer *p, size_t topics)
{
	/* A few more are asked for one by one. */
	if (topics < MANY_TOPICS || topics < 2 * p->expected)
		return;
	p->expected = topics;
	list_topics(p, main_lane(p));
}

bool
producer_is_informed(const struct producer *p)
{
	return !is_waiting(&p->lanes[main_lane(p)]);
}

int
producer_open_lane(
	struct producer *p, enum producer_lane id, const char *transactional_id, struct err *err)
{
	static const uint64_t one = 1;
	struct lane *lane = &p->lanes[id];

	lane->client = make_client(p, id, transactional_id, err);
	if (!lane->client)
		return -1;
	lane->rk = client_handle(lane->client);
	lane->queue = rd_kafka_queue_get_main(lane->rk);
	rd_kafka_queue_io_event_enable(lane->queue, p->fd, &one, sizeof(one));
	lane->is_broken = false;
	list_topics(p, id);
	return 0;
}

void
producer_close_lane(struct producer *p, enum producer_lane id)
{
	struct lane *lane = &p->lanes[id];

	if (!lane->client)
		return;
	if (p->event && p->event_lane == lane) {
		rd_kafka_event_destroy(p->event);
		p->event = NULL;
	}
	for (struct target_topic *t = p->topics; t; t = t->next) {
		if (t->handles[id])
			rd_kafka_topic_destroy(t->handles[id]);
		t->handles[id] = NULL;
	}
	rd_kafka_queue_io_event_enable(lane->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(lane->queue);
	lane->queue = NULL;
	lane->rk = NULL;
	lane->has_handles = lane->waits = false;
	client_retire(&lane->client);
}

struct producer *
producer_new(
	const struct config *config, const char *client_id, bool is_transactional, struct err *err)
{
	struct producer *p = mem_zero(1, sizeof(*p));

	p->config = config;
	p->client_id = mem_strdup(client_id);
	p->is_idempotent = config->target.idempotence;
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->fd < 0)
		err_set(err, "no descriptor left for a stream: raise the limit of open files");
	p->is_transactional = is_transactional;
	if (p->fd < 0 || (!is_transactional && producer_open_lane(p, PRODUCER_BULK, NULL, err) < 0))
		producer_free(&p);
	return p;
}

void
producer_free(struct producer **producer)
{
	struct producer *p = *producer;
	struct target_topic *t;

	if (!p)
		return;
	for (int i = 0; i < PRODUCER_LANES; i++)
		producer_close_lane(p, i);
	while ((t = p->topics)) {
		p->topics = t->next;
		free(t->name);
		free(t);
	}
	if (p->fd >= 0)
		close(p->fd);
	free(p->client_id);
	free(p);
	*producer = NULL;
}

struct target_topic *
producer_topic(struct producer *p, const char *name)
{
	struct target_topic *t;

	for (t = p->topics; t; t = t->next)
		if (!strcmp(t->name, name))
			return t;
	t = mem_zero(1, sizeof(*t));
	t->producer = p;
	t->name = mem_strdup(name);
	t->next = p->topics;
	p->topics = t;
	return t;
}

const char *
target_topic_name(const struct target_topic *topic)
{
	return topic->name;
}

enum producer_lane
target_topic_lane(const struct target_topic *topic)
{
	return topic->producer->is_transactional ? topic->producer->transactional : topic->lane;
}

static void
set_lane(struct producer *p, struct target_topic *topic, enum producer_lane lane)
{
	if (topic->lane == lane)
		return;
	topic->lane = lane;
	p->lane_changes++;
}

void
producer_limit_batch(struct producer *p, struct target_topic *topic, int64_t max_bytes)
{
	/* The limit counts a batch with its header, the library's batch.size does too. */
	enum producer_lane lane = max_bytes >= p->config->target.batch_size ? PRODUCER_BULK
				  : max_bytes >= SMALL_BATCH		    ? PRODUCER_SMALL
									    : PRODUCER_SINGLE;

	if (max_bytes == 0)
		lane = topic->lane < PRODUCER_SINGLE ? topic->lane + 1 : PRODUCER_SINGLE;
	set_lane(p, topic, lane);
}

void
producer_limit_headers(struct target_topic *topic, bool no_headers)
{
	topic->no_headers = no_headers;
}

unsigned
producer_lane_changes(const struct producer *p)
{
	return p->lane_changes;
}

/* What a produce error means. Names that newer libraries add are given by number. */
static void
judge(rd_kafka_resp_err_t code, enum producer_lane lane, struct delivery *d)
{
	bool is_alone = lane == PRODUCER_SINGLE;

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		d->verdict = DELIVERY_ACKED;
		return;
	}
	d->reason = rd_kafka_err2str(code);
	d->error = rd_kafka_err2name(code);
	d->is_taken_back =
		code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	/* The batch is larger than a segment of the topic. */
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		d->is_too_large = true;
		/* fall through */
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
	case -138: /* _INVALID_DIFFERENT_RECORD, since 2.4.0: a batch-mate was at fault */
		d->verdict = is_alone ? DELIVERY_REFUSED : DELIVERY_SPLIT;
		break;
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		d->verdict = DELIVERY_LATER;
		d->is_missing_topic = true;
		break;
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: d->verdict = DELIVERY_LATER; break;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
	case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
	case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
	case RD_KAFKA_RESP_ERR__INVALID_ARG: d->verdict = DELIVERY_REFUSED; break;
	default:
		/* Leaders, replicas, time-outs, sequences, purges: what time or a new client heals.
		 */
		d->verdict = DELIVERY_AGAIN;
	}
}

/* Brokers say of headers in an old message format only that they do not know what went wrong, of
   the whole batch; where the topic is known to have that format it is no riddle. */
static void
judge_unknown(const struct target_topic *topic, bool has_headers, struct delivery *d)
{
	if (!topic->no_headers || (d->lane == PRODUCER_SINGLE && !has_headers))
		return;
	d->verdict = d->lane == PRODUCER_SINGLE ? DELIVERY_REFUSED : DELIVERY_SPLIT;
	d->reason = "the topic's message.format.version is older than 0.11 and has no headers, "
		    "which this record has; raise it, or take the headers off by script";
}

/* Takes back what a broken lane still holds. What is in flight may be put in the queue again by the
   library, so this is repeated until nothing is left. */
static void
lane_purge(struct lane *lane)
{
	int64_t now = clock_ms();
	int flags = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING;

	if (lane->outstanding == 0 || now < lane->purge_at)
		return;
	if (now >= lane->purge_all_at)
		flags |= RD_KAFKA_PURGE_F_INFLIGHT;
	lane->purge_at = now + PURGE_EVERY_MS;
	rd_kafka_purge(lane->rk, flags);
}

/* The lane takes nothing more, and its client is replaced when all that is on its way has come
   back: what is queued at once, what is in flight within inflight_ms. */
static void
lane_break(struct lane *lane, int64_t inflight_ms)
{
	lane->is_broken = true;
	lane->purge_at = 0;
	lane->purge_all_at = clock_ms() + inflight_ms;
	lane_purge(lane);
}

/* The client failed: replaced now, or later when that happens again and again. */
static void
lane_fail(struct lane *lane)
{
	lane->replace_ms = lane->replace_ms ? lane->replace_ms * 2 : REPLACE_MS;
	if (lane->replace_ms > REPLACE_MAX_MS)
		lane->replace_ms = REPLACE_MAX_MS;
	lane->replace_at = clock_ms() + lane->replace_ms;
	lane_break(lane, 0);
}

/* Every stream finds out that the target is old; it is said once. */
static void
say_old(rd_kafka_resp_err_t code, const char *why)
{
	static atomic_flag is_said = ATOMIC_FLAG_INIT;

	if (atomic_flag_test_and_set(&is_said))
		return;
	LOG(EVENT_target_old,
		F_STR("without", code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE
					 ? "idempotence,headers"
					 : "idempotence"),
		F_STR("reason", why));
}

/* The library's client has failed for good. Idempotence is what old or strict brokers refuse; it is
   given up unless the user asked for it. */
static void
on_fatal(struct producer *p, struct lane *lane)
{
	char why[300] = "";
	rd_kafka_resp_err_t code = rd_kafka_fatal_error(lane->rk, why, sizeof(why));
	bool is_refused = code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
			  code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;

	if (lane->is_broken)
		return;
	if (p->is_transactional) {
		producer_break(p, why);
		return;
	}
	/* The delivery says why, and what becomes of it. */
	if (code == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE) {
		lane_break(lane, REFUSED_INFLIGHT_MS);
		return;
	}
	if (is_refused && p->is_idempotent && p->config->target.idempotence_given) {
		snprintf(p->failure, sizeof(p->failure),
			"the target cannot do enable.idempotence=true, which the producer's "
			"properties ask for: %s",
			why);
	} else if (is_refused && p->is_idempotent) {
		p->is_idempotent = false;
		say_old(code, why);
	} else {
		LOG(EVENT_producer_replaced, F_STR("client", p->client_id), F_STR("reason", why));
	}
	lane_fail(lane);
}

/* A record whose source timestamp is 0 would get the time of the copy; 1 ms past 1970 is the
   nearest that the library passes on. */
static int64_t
timestamp_to_send(int64_t timestamp)
{
	return timestamp == 0 ? 1 : timestamp;
}

static rd_kafka_error_t *
produce(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, struct record *r, void *opaque)
{
	rd_kafka_headers_t *headers = r->headers;
	size_t count = 7;
	rd_kafka_vu_t vus[8] = {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)r->key, r->key_size}},
		{.vtype = RD_KAFKA_VTYPE_VALUE,
			.u.mem = {(void *)(uintptr_t)r->value, r->value_size}},
		{.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp_to_send(r->timestamp)},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
	};
	rd_kafka_error_t *error;

	if (!headers && r->message)
		headers = record_take_headers(r->message);
	r->headers = headers;
	if (headers)
		vus[count++] =
			(rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
	error = rd_kafka_produceva(rk, vus, count);
	if (!error)
		r->headers = NULL;
	return error;
}

/* The lane's client, made now when it is the first use. NULL when it cannot take records. */
static struct lane *
lane_for_send(struct producer *p, enum producer_lane id)
{
	struct lane *lane = &p->lanes[id];
	struct err err;

	if (lane->is_broken || p->failure[0])
		return NULL;
	if (p->is_transactional)
		return lane->client && id == p->transactional && !is_waiting(lane) ? lane : NULL;
	if (lane->client || producer_open_lane(p, id, NULL, &err) == 0)
		return is_waiting(lane) ? NULL : lane;
	snprintf(p->failure, sizeof(p->failure), "%s", err.text);
	return NULL;
}

void
producer_ask_for_topic(struct lane *lane, struct target_topic *topic, enum producer_lane id)
{
	lane->has_handles = true;
	if (!topic->handles[id])
		topic->handles[id] = rd_kafka_topic_new(lane->rk, topic->name, NULL);
}

void
producer_touch(struct producer *p, struct target_topic *topic)
{
	struct lane *lane = lane_for_send(p, topic->lane);

	if (lane)
		producer_ask_for_topic(lane, topic, topic->lane);
}

void
producer_refresh(struct producer *p, struct target_topic *topic)
{
	const struct rd_kafka_metadata *md;

	for (int id = 0; id < PRODUCER_LANES; id++)
		/* The library takes the answer in, whether or not somebody waits for it. */
		if (topic->handles[id] &&
			!rd_kafka_metadata(p->lanes[id].rk, 0, topic->handles[id], &md, 0))
			rd_kafka_metadata_destroy(md);
}

/* It was not the target that found the record too large, but its own client. */
static void
explain_size(struct producer *p, struct delivery *d)
{
	const char *limit = client_settings_get(&p->config->producer, "message.max.bytes");

	snprintf(p->reason, sizeof(p->reason),
		"it is larger than the producer's max.request.size, %s; raise that, and where need "
		"be max.message.bytes of the target topic",
		limit ? limit : MAX_REQUEST);
	d->reason = p->reason;
}

enum send_result
producer_send(struct producer *p, struct target_topic *topic, enum producer_lane id,
	int32_t partition, struct record *record, void *opaque, struct delivery *ret_failure)
{
	struct lane *lane = lane_for_send(p, id);
	rd_kafka_resp_err_t code;
	rd_kafka_error_t *error;

	if (!lane)
		return SEND_FULL;
	producer_ask_for_topic(lane, topic, id);
	error = produce(lane->rk, topic->handles[id], partition, record, opaque);
	if (!error) {
		lane->outstanding++;
		return SEND_QUEUED;
	}
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return SEND_FULL;
	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		on_fatal(p, lane);
		return SEND_FULL;
	}
	/* An open transaction that has failed takes nothing more; what failed comes as a delivery,
	   or as the error of its end. */
	if (p->is_transactional && code == RD_KAFKA_RESP_ERR__STATE) {
		producer_break(p, "the transaction has failed");
		return SEND_FULL;
	}
	*ret_failure = (struct delivery){
		.opaque = opaque, .partition = partition < 0 ? -1 : partition, .lane = (uint8_t)id};
	judge(code, PRODUCER_SINGLE, ret_failure);
	if (ret_failure->is_too_large)
		explain_size(p, ret_failure);
	return SEND_FAILED;
}

int
producer_fd(const struct producer *p)
{
	return p->fd;
}

/* Closes broken lanes that nothing is waiting for; the next send opens them again. */
static void
replace_broken(struct producer *p)
{
	for (int i = 0; i < PRODUCER_LANES; i++) {
		struct lane *lane = &p->lanes[i];

		if (!lane->is_broken || lane->outstanding || clock_ms() < lane->replace_at)
			continue;
		if (lane->client)
			producer_close_lane(p, i);
		lane->is_broken = false;
	}
}

/* The next event with deliveries, NULL when no lane has one. */
static rd_kafka_event_t *
next_event(struct producer *p)
{
	for (int i = 0; i < PRODUCER_LANES; i++) {
		struct lane *lane = &p->lanes[i];
		rd_kafka_event_t *event;

		while (lane->queue && (event = rd_kafka_queue_poll(lane->queue, 0))) {
			if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
				p->event_lane = lane;
				return event;
			}
			if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
				p->has_trouble = true;
			if (rd_kafka_fatal_error(lane->rk, NULL, 0))
				on_fatal(p, lane);
			rd_kafka_event_destroy(event);
		}
	}
	return NULL;
}

static void
fill_delivery(struct producer *p, const rd_kafka_message_t *m, struct delivery *d)
{
	rd_kafka_headers_t *headers = NULL;

	*d = (struct delivery){.opaque = m->_private,
		.partition = m->partition,
		.offset = m->err || m->offset < 0 ? -1 : m->offset,
		.is_doubtful =
			m->err && rd_kafka_message_status(m) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED};
	rd_kafka_message_detach_headers((rd_kafka_message_t *)(uintptr_t)m, &headers);
	d->headers = headers;
	d->lane = (uint8_t)(p->event_lane - p->lanes);
	judge(m->err, d->lane, d);
	if (m->err == RD_KAFKA_RESP_ERR_UNKNOWN)
		judge_unknown(producer_topic(p, rd_kafka_topic_name(m->rkt)), headers != NULL, d);
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		p->event_lane->replace_ms = 0;
	/* What is queued behind a batch that is sent again would overtake it where the library goes
	   on under a new epoch: it comes back too, to be sent again behind it. */
	if ((d->verdict == DELIVERY_SPLIT || d->verdict == DELIVERY_AGAIN) &&
		!p->event_lane->is_broken && !p->is_transactional)
		lane_break(p->event_lane, REFUSED_INFLIGHT_MS);
}

/* A record's delivery, or that of an entry of the ledger, which only counts when it failed. Returns
   1 when *out is filled. */
static size_t
take_report(struct producer *p, const rd_kafka_message_t *m, struct delivery *out)
{
	if (m->_private) {
		fill_delivery(p, m, out);
		return 1;
	}
	if (m->err)
		producer_break(p, rd_kafka_err2str(m->err));
	return 0;
}

size_t
producer_deliveries(struct producer *p, struct delivery *out, size_t max)
{
	const rd_kafka_message_t *messages[256];
	size_t n = 0, got;
	uint64_t wakes;

	if (read(p->fd, &wakes, sizeof(wakes)) < 0)
		wakes = 0;
	for (int i = 0; i < PRODUCER_LANES; i++)
		if (p->lanes[i].is_broken)
			lane_purge(&p->lanes[i]);
	while (n < max && (p->event || (p->event = next_event(p)))) {
		size_t room = max - n < 256 ? max - n : 256;

		got = rd_kafka_event_message_array(p->event, messages, room);
		for (size_t i = 0; i < got; i++)
			n += take_report(p, messages[i], &out[n]);
		p->event_lane->outstanding -= got;
		if (got)
			continue;
		rd_kafka_event_destroy(p->event);
		p->event = NULL;
	}
	if (!p->event)
		replace_broken(p);
	return n;
}

size_t
producer_outstanding(const struct producer *p)
{
	size_t sum = 0;

	for (int i = 0; i < PRODUCER_LANES; i++)
		sum += p->lanes[i].outstanding;
	return sum;
}

void
producer_abandon(struct producer *p)
{
	for (int i = 0; i < PRODUCER_LANES; i++)
		if (p->lanes[i].client)
			lane_break(&p->lanes[i], 0);
}

bool
producer_wants_turn(const struct producer *p)
{
	for (int i = 0; i < PRODUCER_LANES; i++)
		if (p->lanes[i].is_broken)
			return true;
	return false;
}

bool
producer_take_trouble(struct producer *p)
{
	bool had = p->has_trouble;

	p->has_trouble = false;
	return had;
}

const char *
producer_failure(const struct producer *p)
{
	return p->failure[0] ? p->failure : NULL;
}
