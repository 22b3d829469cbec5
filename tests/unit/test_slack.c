/* kafka/slack: which threads the kernel may wake late. */
#include "kafka/slack.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kafka/library.h"
#include "tests/unit/unit.h"

/* The client's own, for what it has to say itself, and one for each broker. */
#define BROKERS 3
#define BROKER_THREADS (1 + BROKERS)

/* What threads found when they started, by their kind. */
struct threads {
	atomic_int count[3];
	atomic_int least[3], most[3]; /* nanoseconds */
};

/* As slack.c's comes first. @thread the one that has started */
static rd_kafka_resp_err_t
on_thread(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name, void *opaque)
{
	struct threads *threads = opaque;
	int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

	(void)rk, (void)name;
	for (int seen = atomic_load(&threads->least[type]); slack < seen;)
		if (atomic_compare_exchange_weak(&threads->least[type], &seen, slack))
			break;
	for (int seen = atomic_load(&threads->most[type]); slack > seen;)
		if (atomic_compare_exchange_weak(&threads->most[type], &seen, slack))
			break;
	atomic_fetch_add(&threads->count[type], 1);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t size)
{
	(void)conf, (void)why, (void)size;
	return rd_kafka_interceptor_add_on_thread_start(rk, "test", on_thread, opaque);
}

/* A client that is told the first broker only. */
static rd_kafka_t *
new_client(const rd_kafka_mock_cluster_t *cluster, struct threads *threads)
{
	char why[256], *first = strdup(rd_kafka_mock_cluster_bootstraps(cluster));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	first[strcspn(first, ",")] = '\0';
	rd_kafka_conf_set(conf, "bootstrap.servers", first, why, sizeof(why));
	free(first);
	slack_watch(conf);
	rd_kafka_conf_interceptor_add_on_new(conf, "test", on_new, threads);
	return rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
}

TEST(the_main_thread_may_be_late_and_those_of_brokers_not)
{
	char why[256];
	rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, BROKERS);
	struct threads threads = {.least = {INT32_MAX, INT32_MAX, INT32_MAX}};
	int usual = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	const struct rd_kafka_metadata *md;
	rd_kafka_t *rk = new_client(cluster, &threads);

	/* The main thread starts those of the brokers that it is told of. */
	if (CHECK(!rd_kafka_metadata(rk, 0, NULL, &md, 60000)))
		rd_kafka_metadata_destroy(md);
	for (int i = 0; i < 6000; i++, usleep(10000))
		if (atomic_load(&threads.count[RD_KAFKA_THREAD_BROKER]) >= BROKER_THREADS)
			break;
	CHECK_INT(threads.count[RD_KAFKA_THREAD_MAIN], 1);
	CHECK_INT(threads.most[RD_KAFKA_THREAD_MAIN], library_at_least(2, 4, 0) ? usual : 1000000);
	CHECK(threads.count[RD_KAFKA_THREAD_BROKER] >= BROKER_THREADS);
	CHECK_INT(threads.least[RD_KAFKA_THREAD_BROKER], usual);
	CHECK_INT(threads.most[RD_KAFKA_THREAD_BROKER], usual);
	rd_kafka_destroy(rk);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
}
