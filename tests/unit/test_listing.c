/* kafka/listing: all topics asked for over a line on which an answer takes long. */
#include "kafka/listing.h"

#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* More than the first answer is waited for. */
#define RTT_MS 1500

struct slow_line {
	rd_kafka_t *host, *client;
	rd_kafka_mock_cluster_t *cluster;
	int fd;
	int asked;   /* requests for metadata, of the broker that got most */
	int counted; /* how often the client has said so */
};

static int
on_statistics(rd_kafka_t *rk, char *json, size_t size, void *opaque)
{
	struct slow_line *line = opaque;
	const char *key = "\"Metadata\":", *at = json;

	(void)rk;
	(void)size;
	while ((at = strstr(at, key))) {
		int n = atoi(at += strlen(key));

		line->asked = n > line->asked ? n : line->asked;
	}
	line->counted++;
	return 0;
}

static rd_kafka_t *
new_producer(const char *bootstrap, struct slow_line *line)
{
	char why[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
	rd_kafka_conf_set(conf, "statistics.interval.ms", "50", why, sizeof(why));
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	rd_kafka_conf_set_opaque(conf, line);
	return rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
}

static void
open_line(struct slow_line *line, int rtt_ms)
{
	memset(line, 0, sizeof(*line));
	line->fd = eventfd(0, EFD_CLOEXEC);
	line->host = new_producer("127.0.0.1:1", line);
	line->cluster = rd_kafka_mock_cluster_new(line->host, 1);
	CHECK(!rd_kafka_mock_topic_create(line->cluster, "t", 1, 1));
	CHECK(!rd_kafka_mock_broker_set_rtt(line->cluster, 1, rtt_ms));
	line->client = new_producer(rd_kafka_mock_cluster_bootstraps(line->cluster), line);
}

static void
close_line(struct slow_line *line)
{
	rd_kafka_destroy(line->client);
	rd_kafka_mock_cluster_destroy(line->cluster);
	rd_kafka_destroy(line->host);
	close(line->fd);
}

/* Can the client ask a leader, though whoever asks who that is gets an error? */
static bool
is_known(struct slow_line *line)
{
	int64_t low, high;

	rd_kafka_mock_topic_set_error(
		line->cluster, "t", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	return !rd_kafka_query_watermark_offsets(line->client, "t", 0, &low, &high, 20000);
}

/* Lets the client count what it has asked by now. */
static void
count_requests(struct slow_line *line)
{
	int before = line->counted;

	/* The first one may have been under way. */
	while (line->counted < before + 2)
		rd_kafka_poll(line->client, 100);
}

TEST(an_answer_that_takes_longer_than_the_first_one_may)
{
	struct slow_line line;
	struct pollfd over = {.events = POLLIN};
	struct listing *listing;

	open_line(&line, RTT_MS);
	listing = listing_start(line.client, line.fd);
	if (listing) {
		over.fd = line.fd;
		while (poll(&over, 1, 0) == 0)
			rd_kafka_poll(line.client, 100);
		CHECK(listing_is_over(listing));
		count_requests(&line);
		CHECK(line.asked > 1);
		/* One is the library's own; each one more costs the line a list of all topics. */
		CHECK(line.asked < 5);
		CHECK(is_known(&line));
	}
	listing_free(&listing);
	close_line(&line);
}

TEST(nothing_is_known_that_was_not_listed)
{
	struct slow_line line;

	open_line(&line, 0);
	CHECK(!is_known(&line));
	close_line(&line);
}
