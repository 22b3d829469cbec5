/* An embedded Kafka-protocol cluster for the demo: librdkafka's mock, and somebody who keeps
 * writing to it. */
#include "kafka/mock.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct mock {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
	char *topic;
	int partitions, rate;
	pthread_t writer;
	bool is_writing;
	atomic_bool must_stop;
	_Atomic uint64_t written;
};

/* @thread writer */
static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	struct mock *m = opaque;

	(void)rk;
	if (!message->err)
		atomic_fetch_add(&m->written, 1);
}

/* The mock's own chatter says nothing to somebody who watches the demo. */
static void
no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk, (void)level, (void)facility, (void)text;
}

static rd_kafka_t *
client_of(struct mock *m, const char *brokers, struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];
	rd_kafka_t *rk;

	rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
	rd_kafka_conf_set(conf, "client.id", "demo", why, sizeof(why));
	rd_kafka_conf_set_opaque(conf, m);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_log_cb(conf, no_log);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (rk)
		return rk;
	rd_kafka_conf_destroy(conf);
	err_set(err, "the demo's client cannot be made: %s", why);
	return NULL;
}

struct mock *
mock_start(int brokers, const char *topic, int partitions, struct err *err)
{
	struct mock *m = mem_zero(1, sizeof(*m));
	rd_kafka_t *seed = client_of(m, "127.0.0.1:1", err);

	m->topic = mem_strdup(topic);
	m->partitions = partitions;
	m->cluster = seed ? rd_kafka_mock_cluster_new(seed, brokers) : NULL;
	if (!m->cluster) {
		if (seed)
			rd_kafka_destroy(seed);
		err_set(err, "the library cannot start its mock cluster");
		free(m->topic);
		free(m);
		return NULL;
	}
	m->rk = seed;
	rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1);
	return m;
}

const char *
mock_brokers(const struct mock *m)
{
	return rd_kafka_mock_cluster_bootstraps(m->cluster);
}

static void
write_one(struct mock *m, rd_kafka_t *rk, uint64_t number)
{
	char key[32], value[120];
	int key_size =
		snprintf(key, sizeof(key), "key-%03llu", (unsigned long long)(number % 1000));
	int size = snprintf(value, sizeof(value), "{\"number\":%llu,\"text\":\"%s\"}",
		(unsigned long long)number, "a record of the demo, about one hundred bytes of it");

	rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(m->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_KEY(key, (size_t)key_size), RD_KAFKA_V_VALUE(value, (size_t)size),
		RD_KAFKA_V_END);
}

static void *
write_all(void *arg)
{
	struct mock *m = arg;
	struct err err;
	rd_kafka_t *rk = client_of(m, mock_brokers(m), &err);
	int64_t started = clock_ms();
	uint64_t sent = 0;

	while (rk && !atomic_load(&m->must_stop)) {
		uint64_t due = (uint64_t)((clock_ms() - started) * m->rate / 1000);

		while (sent < due)
			write_one(m, rk, sent++);
		rd_kafka_poll(rk, 20);
	}
	if (rk) {
		rd_kafka_flush(rk, 1000);
		rd_kafka_destroy(rk);
	}
	return NULL;
}

int
mock_write(struct mock *m, int records_per_second, struct err *err)
{
	m->rate = records_per_second;
	if (pthread_create(&m->writer, NULL, write_all, m))
		return err_set(err, "the demo's thread cannot be started");
	m->is_writing = true;
	return 0;
}

void
mock_write_end(struct mock *m)
{
	atomic_store(&m->must_stop, true);
	if (m->is_writing)
		pthread_join(m->writer, NULL);
	m->is_writing = false;
}

uint64_t
mock_written(const struct mock *m)
{
	return atomic_load(&m->written);
}

int64_t
mock_count(struct mock *m)
{
	struct err err;
	rd_kafka_t *rk = client_of(m, mock_brokers(m), &err);
	int64_t sum = 0, low, high;

	for (int i = 0; rk && i < m->partitions && sum >= 0; i++)
		sum = rd_kafka_query_watermark_offsets(rk, m->topic, i, &low, &high, 2000)
			      ? -1
			      : sum + high;
	if (rk)
		rd_kafka_destroy(rk);
	return rk ? sum : -1;
}

void
mock_stop(struct mock **mock)
{
	struct mock *m = *mock;

	if (!m)
		return;
	mock_write_end(m);
	rd_kafka_mock_cluster_destroy(m->cluster);
	rd_kafka_destroy(m->rk);
	free(m->topic);
	free(m);
	*mock = NULL;
}
