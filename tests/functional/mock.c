/* A mock Kafka cluster as a process of its own, ordered about line by line on stdin.

   usage: mockcluster BROKERS

   Prints one JSON line with the bootstrap list, then answers every command with one line, "ok",
   "ok NUMBER" or "error SENTENCE". Ends when stdin closes. Errors and API keys are Kafka's numbers.
   The cluster is librdkafka's: it keeps 5 MiB a partition, has no admin requests and asks for no
   authentication.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 256
#define LIST_OFFSETS 2 /* Kafka's number of that request */

struct cluster {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mock;
	long result; /* what a command found out, -1: nothing */
};

/* One line of input, taken apart at its blanks. */
struct words {
	char *at[MAX_WORDS];
	int count;
};

static int
number(const struct words *words, int i)
{
	return atoi(words->at[i]);
}

static rd_kafka_resp_err_t
do_topic(struct cluster *c, const struct words *w)
{
	return rd_kafka_mock_topic_create(c->mock, w->at[1], number(w, 2), 1);
}

static rd_kafka_resp_err_t
do_topic_error(struct cluster *c, const struct words *w)
{
	rd_kafka_mock_topic_set_error(c->mock, w->at[1], (rd_kafka_resp_err_t)number(w, 2));
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
do_leader(struct cluster *c, const struct words *w)
{
	return rd_kafka_mock_partition_set_leader(c->mock, w->at[1], number(w, 2), number(w, 3));
}

static rd_kafka_resp_err_t
do_down(struct cluster *c, const struct words *w)
{
	return rd_kafka_mock_broker_set_down(c->mock, number(w, 1));
}

static rd_kafka_resp_err_t
do_up(struct cluster *c, const struct words *w)
{
	return rd_kafka_mock_broker_set_up(c->mock, number(w, 1));
}

static rd_kafka_resp_err_t
do_rtt(struct cluster *c, const struct words *w)
{
	return rd_kafka_mock_broker_set_rtt(c->mock, number(w, 1), number(w, 2));
}

/* The next requests of that kind to that broker fail, one error each. */
static rd_kafka_resp_err_t
do_push(struct cluster *c, const struct words *w)
{
	for (int i = 3; i < w->count; i++) {
		rd_kafka_resp_err_t code = rd_kafka_mock_broker_push_request_error_rtts(
			c->mock, number(w, 1), (int16_t)number(w, 2), 1, number(w, i), 0);

		if (code)
			return code;
	}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* How many pushed errors have not been met yet. */
static rd_kafka_resp_err_t
do_pending(struct cluster *c, const struct words *w)
{
	size_t count = 0;
	rd_kafka_resp_err_t code = rd_kafka_mock_broker_error_stack_cnt(
		c->mock, number(w, 1), (int16_t)number(w, 2), &count);

	c->result = (long)count;
	return code;
}

static rd_kafka_resp_err_t
do_apiversion(struct cluster *c, const struct words *w)
{
	return rd_kafka_mock_set_apiversion(
		c->mock, (int16_t)number(w, 1), (int16_t)number(w, 2), (int16_t)number(w, 3));
}

static rd_kafka_resp_err_t
do_coordinator(struct cluster *c, const struct words *w)
{
	return rd_kafka_mock_coordinator_set(c->mock, w->at[1], w->at[2], number(w, 3));
}

static const struct {
	const char *name, *arguments;
	int least, most; /* words, the name counted */
	rd_kafka_resp_err_t (*run)(struct cluster *, const struct words *);
} commands[] = {
	{"topic", "NAME PARTITIONS", 3, 3, do_topic},
	{"topic_error", "NAME ERROR", 3, 3, do_topic_error},
	{"leader", "TOPIC PARTITION BROKER", 4, 4, do_leader},
	{"down", "BROKER", 2, 2, do_down},
	{"up", "BROKER", 2, 2, do_up},
	{"rtt", "BROKER MILLISECONDS", 3, 3, do_rtt},
	{"push", "BROKER KEY ERROR...", 4, MAX_WORDS, do_push},
	{"pending", "BROKER KEY", 3, 3, do_pending},
	{"apiversion", "KEY MIN MAX", 4, 4, do_apiversion},
	{"coordinator", "group|transaction NAME BROKER", 4, 4, do_coordinator},
};

static void
answer(struct cluster *cluster, const struct words *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		rd_kafka_resp_err_t code;

		if (strcmp(commands[i].name, words->at[0]) != 0)
			continue;
		if (words->count < commands[i].least || words->count > commands[i].most) {
			printf("error usage: %s %s\n", commands[i].name, commands[i].arguments);
			return;
		}
		cluster->result = -1;
		code = commands[i].run(cluster, words);
		if (code)
			printf("error %s\n", rd_kafka_err2str(code));
		else if (cluster->result >= 0)
			printf("ok %ld\n", cluster->result);
		else
			puts("ok");
		return;
	}
	printf("error there is no command %s\n", words->at[0]);
}

static void
serve(struct cluster *cluster)
{
	char line[8192];

	while (fgets(line, sizeof(line), stdin)) {
		struct words words = {0};

		for (char *word = strtok(line, " \n"); word && words.count < MAX_WORDS;
			word = strtok(NULL, " \n"))
			words.at[words.count++] = word;
		if (words.count == 0)
			continue;
		answer(cluster, &words);
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	struct cluster cluster = {0};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512] = "";

	if (argc != 2 || atoi(argv[1]) < 1) {
		fprintf(stderr, "usage: mockcluster BROKERS\n");
		return 1;
	}
	/* The client that carries the cluster is never used and would complain of having no
	 * brokers. */
	rd_kafka_conf_set(conf, "log_level", "0", why, sizeof(why));
	cluster.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (cluster.rk)
		cluster.mock = rd_kafka_mock_cluster_new(cluster.rk, atoi(argv[1]));
	if (!cluster.mock) {
		fprintf(stderr, "mockcluster: cannot make the cluster: %s\n",
			cluster.rk ? "refused" : why);
		return 1;
	}
	/* Of version 4 on, librdkafka 2.0.2's mock writes the leader epoch with twice its width. */
	rd_kafka_mock_set_apiversion(cluster.mock, LIST_OFFSETS, 0, 3);
	printf("{\"bootstrap\": \"%s\"}\n", rd_kafka_mock_cluster_bootstraps(cluster.mock));
	fflush(stdout);
	serve(&cluster);
	rd_kafka_mock_cluster_destroy(cluster.mock);
	rd_kafka_destroy(cluster.rk);
	return 0;
}
