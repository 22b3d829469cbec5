/* Whether a consumer has asked to join its group and does not know yet as whom. For kafka/ only. */
#include "kafka/joining.h"

#include "base/clock.h"

/* API keys, and the version of JoinGroup in which a member gets its id first (Kafka's protocol
 * guide). */
enum {
	JOIN_GROUP = 11,
	JOIN_WITH_ID = 4,
};

/* The library's thread tells of an answer just before the client's main thread gets it. */
#define ANSWER_MS 100

/* @thread any of the library's */
static rd_kafka_resp_err_t
on_request(rd_kafka_t *rk, int fd, const char *broker, int32_t id, int16_t key, int16_t version,
	int32_t number, size_t size, void *opaque)
{
	struct joining *joining = opaque;

	(void)rk, (void)fd, (void)broker, (void)id, (void)number, (void)size;
	if (key == JOIN_GROUP && version < JOIN_WITH_ID)
		atomic_store(&joining->is_asked, true);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Also when a connection broke, or took too long. @thread any of the library's */
static rd_kafka_resp_err_t
on_response(rd_kafka_t *rk, int fd, const char *broker, int32_t id, int16_t key, int16_t version,
	int32_t number, size_t size, int64_t round_trip, rd_kafka_resp_err_t error, void *opaque)
{
	struct joining *joining = opaque;

	(void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)number, (void)size;
	(void)round_trip, (void)error;
	if (key != JOIN_GROUP)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	atomic_store(&joining->answered_at, clock_ms());
	atomic_store(&joining->is_asked, false);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t size)
{
	(void)conf, (void)why, (void)size;
	rd_kafka_interceptor_add_on_request_sent(rk, "joining", on_request, opaque);
	rd_kafka_interceptor_add_on_response_received(rk, "joining", on_response, opaque);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void
joining_watch(struct joining *joining, rd_kafka_conf_t *conf)
{
	rd_kafka_conf_interceptor_add_on_new(conf, "joining", on_new, joining);
}

bool
joining_is_unknown(const struct joining *joining, rd_kafka_t *rk)
{
	bool is_unknown;
	char *id;

	if (!atomic_load(&joining->is_asked) &&
		clock_ms() - atomic_load(&joining->answered_at) >= ANSWER_MS)
		return false;
	id = rd_kafka_memberid(rk);
	is_unknown = !id || !*id;
	rd_kafka_mem_free(rk, id);
	return is_unknown;
}
