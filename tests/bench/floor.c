/* The floor of the bench: the leanest loop on librdkafka that copies one topic and loses nothing.
   What a mirror needs more CPU for than this is its own.

   Each stream is a thread with a consumer of the group and a producer. Records are read one by one
   (the batch call of library versions before 2.1.0 loses some), produced without a copy of the
   value, with timestamp and headers, and freed at their delivery report. Every five seconds the
   positions read so far are noted; they are committed when all that was read before is
   acknowledged. A record that the target refuses ends the program without a commit.

   Runs until SIGTERM or SIGINT, then waits for what is on its way, commits and leaves the group. */
#include <librdkafka/rdkafka.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define COMMIT_INTERVAL_MS 5000
#define MAX_PARTITIONS 4096
#define MAX_STREAMS 64
#define MAX_SETTINGS 64
#define NUDGE_INTERVAL_MS 10
#define BUDGET 1000 /* records read from one queue, or reports from one event, in a row */

struct setting {
	bool is_producer;
	const char *name, *value;
};

struct options {
	const char *topic;
	bool is_forwarded; /* one queue for all partitions instead of one each */
	bool is_patient;   /* leave the library its pauses between fetches */
	int streams;
	struct setting settings[MAX_SETTINGS];
	int setting_count;
};

struct stream {
	pthread_t thread;
	rd_kafka_t *consumer, *producer;
	rd_kafka_queue_t *events, *reports; /* the consumer's own queue, the producer's */
	rd_kafka_queue_t
		*queues[MAX_PARTITIONS]; /* of the assigned partitions, when not forwarded */
	int queue_count;
	rd_kafka_topic_t *target;
	int fd;			  /* something is there to read, or to stop for */
	rd_kafka_message_t *held; /* no room for it in the producer yet */
	uint64_t outstanding, delivered, commits;
	int64_t read[MAX_PARTITIONS];  /* next offset to read; -1: not ours */
	int64_t noted[MAX_PARTITIONS]; /* what will be committed, see below */
	uint64_t unsettled; /* records below noted that are not acknowledged; 0: nothing noted */
	int64_t next_commit_ms, next_nudge_ms;
	bool has_read;				   /* since the last nudge */
	rd_kafka_topic_partition_list_t *assigned; /* NULL: nothing */
};

static struct options options = {.streams = 1};
static struct stream streams[MAX_STREAMS];
static atomic_bool is_stopping;

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "floor: %s: %s\n", what, why);
	exit(1);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
wake(int fd)
{
	static const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		die("eventfd", strerror(errno));
}

/* Commits the noted positions of all partitions. One that fails is made good by the next, or its
   records are copied again, as after any crash. */
static void
commit_noted(struct stream *s, bool is_async)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(MAX_PARTITIONS);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
	int list_size;

	for (int i = 0; i < MAX_PARTITIONS; i++)
		if (s->noted[i] > 0)
			rd_kafka_topic_partition_list_add(list, options.topic, i)->offset =
				s->noted[i];
	list_size = list->cnt;
	if (list_size)
		code = rd_kafka_commit(s->consumer, list, is_async);
	rd_kafka_topic_partition_list_destroy(list);
	if (code)
		fprintf(stderr, "floor: commit: %s\n", rd_kafka_err2str(code));
	else
		s->commits += list_size > 0;
}

/* Frees an acknowledged record. Everything that was outstanding when positions were noted lies
   below them, so the last of those acknowledgements completes the note. */
static void
settle(struct stream *s, const rd_kafka_message_t *report)
{
	rd_kafka_message_t *source = report->_private;

	if (report->err)
		die("a record was refused", rd_kafka_err2str(report->err));
	if (s->unsettled && source->offset < s->noted[source->partition] && --s->unsettled == 0)
		commit_noted(s, true);
	rd_kafka_message_destroy(source);
	s->outstanding--;
	s->delivered++;
}

/* Reads delivery reports until there are none. */
static bool
serve_reports(struct stream *s, int timeout_ms)
{
	const rd_kafka_message_t *reports[BUDGET];
	rd_kafka_event_t *event;
	bool had_any = false;
	size_t count;

	while ((event = rd_kafka_queue_poll(s->reports, timeout_ms))) {
		while ((count = rd_kafka_event_message_array(event, reports, BUDGET)))
			for (size_t i = 0; i < count; i++)
				settle(s, reports[i]);
		had_any |= rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR;
		rd_kafka_event_destroy(event);
		timeout_ms = 0;
	}
	return had_any;
}

/* Gives a record to the producer. False: there is no room, and the record is still the caller's. */
static bool
forward(struct stream *s, rd_kafka_message_t *m)
{
	rd_kafka_timestamp_type_t type;
	rd_kafka_headers_t *headers;
	rd_kafka_error_t *error;
	rd_kafka_resp_err_t code;
	size_t count = 7;
	rd_kafka_vu_t vus[8] = {
		{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = s->target},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {m->key, m->key_len}},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {m->payload, m->len}},
		{.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = rd_kafka_message_timestamp(m, &type)},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = m},
	};

	if (!rd_kafka_message_detach_headers(m, &headers))
		vus[count++] =
			(rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
	error = rd_kafka_produceva(s->producer, vus, count);
	if (!error)
		return true;
	code = rd_kafka_error_code(error);
	rd_kafka_error_destroy(error);
	if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
		die("produce", rd_kafka_err2str(code));
	if (count == 8)
		rd_kafka_message_set_headers(m, headers);
	return false;
}

/* Forwards up to BUDGET records of one queue. False: the queue was empty or the producer is full.
 */
static bool
copy_some(struct stream *s, rd_kafka_queue_t *queue)
{
	for (int i = 0; i < BUDGET; i++) {
		rd_kafka_message_t *m = s->held ? s->held : rd_kafka_consume_queue(queue, 0);

		if (!m)
			return false;
		if (m->err) {
			fprintf(stderr, "floor: %s\n", rd_kafka_message_errstr(m));
			rd_kafka_message_destroy(m);
			continue;
		}
		s->held = m;
		if (!forward(s, m))
			return false;
		s->held = NULL;
		s->read[m->partition] = m->offset + 1;
		s->outstanding++;
		s->has_read = true;
	}
	return true;
}

/* One round over all queues. True when there may be more to do at once. */
static bool
turn(struct stream *s)
{
	bool is_busy = false;

	is_busy |= copy_some(s, s->events);
	for (int i = 0; i < s->queue_count && !s->held; i++)
		is_busy |= copy_some(s, s->queues[i]);
	is_busy |= serve_reports(s, 0);
	return is_busy;
}

static void
note_positions(struct stream *s)
{
	int64_t now = now_ms();

	if (now < s->next_commit_ms || s->unsettled)
		return;
	s->next_commit_ms = now + COMMIT_INTERVAL_MS;
	memcpy(s->noted, s->read, sizeof(s->noted));
	s->unsettled = s->outstanding;
	if (!s->unsettled)
		commit_noted(s, true);
}

/* Once the partition queues were full, library versions before 2.2.0 do not look at them again for
   up to a second (later ones have fetch.queue.backoff.ms). Any request to the partition's leader
   makes them look; asking for an end offset without waiting for the answer is the cheapest. */
static void
nudge(struct stream *s)
{
	int64_t now = now_ms();

	if (!s->has_read || now < s->next_nudge_ms)
		return;
	s->has_read = false;
	if (options.is_patient || !s->assigned || rd_kafka_version() >= 0x02020000)
		return;
	s->next_nudge_ms = now + NUDGE_INTERVAL_MS;
	for (int i = 0; i < s->assigned->cnt; i++)
		s->assigned->elems[i].offset = RD_KAFKA_OFFSET_END;
	rd_kafka_offsets_for_times(s->consumer, s->assigned, 0);
}

/* Waits for all acknowledgements, then commits all that was read. */
static void
drain(struct stream *s)
{
	while (s->outstanding)
		serve_reports(s, 100);
	memcpy(s->noted, s->read, sizeof(s->noted));
	s->unsettled = 0;
	commit_noted(s, false);
}

static void
on_assign(struct stream *s, rd_kafka_topic_partition_list_t *partitions)
{
	static const uint64_t one = 1;

	for (int i = 0; i < partitions->cnt; i++)
		if (partitions->elems[i].partition >= MAX_PARTITIONS)
			die(options.topic, "too many partitions");
	for (int i = 0; i < partitions->cnt && !options.is_forwarded; i++) {
		rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(
			s->consumer, options.topic, partitions->elems[i].partition);

		rd_kafka_queue_forward(queue, NULL);
		rd_kafka_queue_io_event_enable(queue, s->fd, &one, sizeof(one));
		s->queues[s->queue_count++] = queue;
	}
	s->assigned = rd_kafka_topic_partition_list_copy(partitions);
	rd_kafka_assign(s->consumer, partitions);
}

static void
on_revoke(struct stream *s)
{
	drain(s);
	if (s->held)
		rd_kafka_message_destroy(s->held);
	s->held = NULL;
	while (s->queue_count)
		rd_kafka_queue_destroy(s->queues[--s->queue_count]);
	if (s->assigned)
		rd_kafka_topic_partition_list_destroy(s->assigned);
	s->assigned = NULL;
	memset(s->read, -1, sizeof(s->read));
	memset(s->noted, -1, sizeof(s->noted));
	rd_kafka_assign(s->consumer, NULL);
}

static void
on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *partitions,
	void *opaque)
{
	(void)rk;
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		on_assign(opaque, partitions);
	else
		on_revoke(opaque);
}

static rd_kafka_conf_t *
make_conf(struct stream *s, bool is_producer)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[300];

	/* What nudge() is for older libraries, which do not know the name. */
	if (!is_producer && !options.is_patient)
		rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", why, sizeof(why));
	rd_kafka_conf_set(conf, "enable.metrics.push", "false", why, sizeof(why));
	for (int i = 0; i < options.setting_count; i++) {
		const struct setting *set = &options.settings[i];

		if (set->is_producer == is_producer &&
			rd_kafka_conf_set(conf, set->name, set->value, why, sizeof(why)))
			die(set->name, why);
	}
	if (is_producer)
		rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	else
		rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_opaque(conf, s);
	return conf;
}

static rd_kafka_t *
make_client(struct stream *s, rd_kafka_type_t type)
{
	char why[300];
	rd_kafka_t *rk =
		rd_kafka_new(type, make_conf(s, type == RD_KAFKA_PRODUCER), why, sizeof(why));

	if (!rk)
		die("client", why);
	return rk;
}

static void
stream_open(struct stream *s)
{
	static const uint64_t one = 1;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	memset(s->read, -1, sizeof(s->read));
	memset(s->noted, -1, sizeof(s->noted));
	s->producer = make_client(s, RD_KAFKA_PRODUCER);
	s->reports = rd_kafka_queue_get_main(s->producer);
	rd_kafka_queue_io_event_enable(s->reports, s->fd, &one, sizeof(one));
	s->target = rd_kafka_topic_new(s->producer, options.topic, NULL);
	s->consumer = make_client(s, RD_KAFKA_CONSUMER);
	rd_kafka_poll_set_consumer(s->consumer);
	s->events = rd_kafka_queue_get_consumer(s->consumer);
	rd_kafka_queue_io_event_enable(s->events, s->fd, &one, sizeof(one));
	rd_kafka_topic_partition_list_add(list, options.topic, RD_KAFKA_PARTITION_UA);
	if (rd_kafka_subscribe(s->consumer, list))
		die("subscribe", options.topic);
	rd_kafka_topic_partition_list_destroy(list);
}

static void
stream_close(struct stream *s)
{
	rd_kafka_queue_destroy(s->events);
	rd_kafka_consumer_close(s->consumer);
	rd_kafka_destroy(s->consumer);
	rd_kafka_topic_destroy(s->target);
	rd_kafka_queue_destroy(s->reports);
	rd_kafka_destroy(s->producer);
	close(s->fd);
}

static void *
stream_run(void *arg)
{
	struct stream *s = arg;
	uint64_t wakes;

	stream_open(s);
	s->next_commit_ms = now_ms() + COMMIT_INTERVAL_MS;
	while (!is_stopping) {
		bool is_busy = turn(s);

		note_positions(s);
		nudge(s);
		if (is_busy)
			continue;
		poll(&(struct pollfd){.fd = s->fd, .events = POLLIN}, 1,
			s->has_read ? NUDGE_INTERVAL_MS : 1000);
		if (read(s->fd, &wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
			die("eventfd", strerror(errno));
	}
	stream_close(s);
	return NULL;
}

static void
add_setting(bool is_producer, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || options.setting_count == MAX_SETTINGS)
		die(text, "expected NAME=VALUE, and not that many");
	*equals = '\0';
	options.settings[options.setting_count++] =
		(struct setting){.is_producer = is_producer, .name = text, .value = equals + 1};
}

static void
parse_options(int argc, char **argv)
{
	static const char usage[] =
		"floor [-f] [-w] [-n STREAMS] [-c NAME=VALUE]... [-p NAME=VALUE]... TOPIC\n"
		"  -f  one forwarded queue for all partitions    -c  consumer setting\n"
		"  -w  wait out the library's pauses between fetches\n"
		"  -V  print the library's version               -p  producer setting\n";
	int c;

	while ((c = getopt(argc, argv, "fwn:c:p:V")) != -1) {
		switch (c) {
		case 'f': options.is_forwarded = true; break;
		case 'w': options.is_patient = true; break;
		case 'n': options.streams = atoi(optarg); break;
		case 'c': add_setting(false, optarg); break;
		case 'p': add_setting(true, optarg); break;
		case 'V': printf("%s\n", rd_kafka_version_str()); exit(0);
		default: die("usage", usage);
		}
	}
	if (optind != argc - 1 || options.streams < 1 || options.streams > MAX_STREAMS)
		die("usage", usage);
	options.topic = argv[optind];
}

int
main(int argc, char **argv)
{
	uint64_t delivered = 0, commits = 0;
	sigset_t stops;
	int sig;

	parse_options(argc, argv);
	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stops, NULL);
	for (int i = 0; i < options.streams; i++) {
		streams[i].fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (streams[i].fd < 0 ||
			pthread_create(&streams[i].thread, NULL, stream_run, &streams[i]))
			die("stream", "no descriptor or thread left");
	}
	sigwait(&stops, &sig);
	is_stopping = true;
	for (int i = 0; i < options.streams; i++)
		wake(streams[i].fd);
	for (int i = 0; i < options.streams; i++) {
		pthread_join(streams[i].thread, NULL);
		delivered += streams[i].delivered;
		commits += streams[i].commits;
	}
	printf("{\"delivered\": %" PRIu64 ", \"commits\": %" PRIu64 "}\n", delivered, commits);
	return 0;
}
