/* Unit tests of traffic: a broker of our own counts what the clients of one side should have. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kafka/admin.h"
#include "kafka/library.h"
#include "kafka/traffic.h"

#define PEERS 16
#define THROTTLE_MS 7

enum { METADATA = 3, API_VERSIONS = 18, UNSUPPORTED_VERSION = 35 };

/* A broker that is alone, has no topics, and says of every answer that a quota held it back. */
struct broker {
	struct pollfd fds[PEERS + 2]; /* the end of it, the listener, peers */
	int end, port;
	pthread_t thread;
	_Atomic uint64_t peers;
};

/* An answer being written. */
struct answer {
	unsigned char bytes[256];
	size_t size;
};

static void
put(struct answer *a, int64_t number, size_t size)
{
	for (size_t i = size; i-- > 0;)
		a->bytes[a->size++] = (unsigned char)(number >> 8 * i);
}

static void
put_text(struct answer *a, const char *text)
{
	put(a, (int64_t)strlen(text), 2);
	for (; *text; text++)
		put(a, *text, 1);
}

static void
put_api(struct answer *a, int key, int newest)
{
	put(a, key, 2);
	put(a, 0, 2);
	put(a, newest, 2);
}

/* Version 0, the only one there is here: newer ones are refused in its form. */
static void
put_versions(struct answer *a, int version)
{
	put(a, version > 0 ? UNSUPPORTED_VERSION : 0, 2);
	put(a, 2, 4);
	put_api(a, METADATA, 4);
	put_api(a, API_VERSIONS, 0);
}

/* Version 4. */
static void
put_metadata(struct answer *a, int port)
{
	put(a, THROTTLE_MS, 4);
	put(a, 1, 4);
	put(a, 1, 4);
	put_text(a, "127.0.0.1");
	put(a, port, 4);
	put(a, -1, 2);
	put_text(a, "cluster");
	put(a, 1, 4);
	put(a, 0, 4);
}

static bool
read_all(int fd, unsigned char *bytes, size_t size)
{
	return recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

/* Answers one request. Returns false when the peer is gone. */
static bool
serve(const struct broker *b, int fd)
{
	unsigned char head[12], rest[512];
	struct answer a = {.size = 4};
	size_t left;
	int key, version;

	if (!read_all(fd, head, sizeof(head)))
		return false;
	left = ((size_t)head[2] << 8 | head[3]) + 4 - sizeof(head);
	if (left > sizeof(rest) || !read_all(fd, rest, left))
		return false;
	key = head[4] << 8 | head[5];
	version = head[6] << 8 | head[7];
	memcpy(a.bytes + a.size, head + 8, 4);
	a.size += 4;
	if (key == API_VERSIONS)
		put_versions(&a, version);
	else
		put_metadata(&a, b->port);
	a.bytes[3] = (unsigned char)(a.size - 4);
	return send(fd, a.bytes, a.size, MSG_NOSIGNAL) == (ssize_t)a.size;
}

static void *
run(void *arg)
{
	struct broker *b = arg;
	nfds_t count = 2;

	while (poll(b->fds, count, -1) > 0 && !b->fds[0].revents) {
		for (nfds_t i = 2; i < count; i++) {
			if (!b->fds[i].revents || serve(b, b->fds[i].fd))
				continue;
			close(b->fds[i].fd);
			b->fds[i] = b->fds[--count];
		}
		if (!b->fds[1].revents || count == PEERS + 2)
			continue;
		b->fds[count++] = (struct pollfd){accept(b->fds[1].fd, NULL, NULL), POLLIN, 0};
		b->peers++;
	}
	for (nfds_t i = 0; i < count; i++)
		close(b->fds[i].fd);
	return NULL;
}

static void
start(struct broker *b)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int ends[2], listener = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(pipe(ends) == 0);
	CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 5) == 0);
	getsockname(listener, (struct sockaddr *)&address, &size);
	*b = (struct broker){.end = ends[1], .port = ntohs(address.sin_port)};
	b->fds[0] = (struct pollfd){ends[0], POLLIN, 0};
	b->fds[1] = (struct pollfd){listener, POLLIN, 0};
	pthread_create(&b->thread, NULL, run, b);
}

static void
stop(struct broker *b)
{
	close(b->end);
	pthread_join(b->thread, NULL);
}

static struct config *
load(char *brokers)
{
	char *argv[] = {"--consumer.bootstrap.servers", brokers, "--consumer.group.id", "g",
		"--producer.bootstrap.servers", brokers, "--whitelist", "t"};
	struct problems problems = {0};
	struct config *config = config_load(8, argv, library_knows_property, &problems);

	problems_fini(&problems);
	return config;
}

/* Looks at the broker from one side; what that side's traffic grew by into *ret. */
static void
look(enum client_side side, int pings, struct broker *b, struct client_traffic *ret)
{
	char brokers[40];
	struct client_traffic before;
	struct config *config;
	struct admin *admin;
	struct err err = {0};

	snprintf(brokers, sizeof(brokers), "127.0.0.1:%d", b->port);
	config = load(brokers);
	client_traffic(side, &before);
	admin = side == CLIENT_SOURCE ? admin_open_source(config, brokers, &err)
				      : admin_open_target(config, &err);
	for (int i = 0; CHECK(admin != NULL) && i < pings; i++)
		if (!CHECK(admin_ping(admin, 10000, &err) == 0))
			printf("# %s\n", err.text);
	admin_close(&admin);
	CHECK(library_wait(10000));
	client_traffic(side, ret);
	ret->connects -= before.connects;
	ret->throttle_ms -= before.throttle_ms;
	config_free(&config);
}

TEST(connections_and_throttling_count_for_their_side)
{
	static const int pings = 3;

	for (int side = 0; side < CLIENT_SIDES; side++) {
		struct broker broker;
		struct client_traffic other, now, unchanged;

		start(&broker);
		client_traffic(!side, &other);
		look(side, pings, &broker, &now);
		stop(&broker);
		CHECK(broker.peers > 0);
		CHECK(now.connects >= broker.peers);
		/* The client asks for more than the pings; all that it was told counts. */
		CHECK(now.throttle_ms >= (uint64_t)pings * THROTTLE_MS);
		CHECK_INT(now.throttle_ms % THROTTLE_MS, 0);
		client_traffic(!side, &unchanged);
		CHECK_INT(unchanged.connects, other.connects);
		CHECK_INT(unchanged.throttle_ms, other.throttle_ms);
	}
}

TEST(a_connection_that_is_refused_was_begun)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	struct client_traffic before, now;
	struct err err = {0};
	char brokers[40];
	struct config *config;
	struct admin *admin;
	/* A port that nobody else gets, and where nobody listens. */
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(bind(fd, (struct sockaddr *)&address, size) == 0);
	getsockname(fd, (struct sockaddr *)&address, &size);
	snprintf(brokers, sizeof(brokers), "127.0.0.1:%d", ntohs(address.sin_port));
	config = load(brokers);
	client_traffic(CLIENT_TARGET, &before);
	admin = admin_open_target(config, &err);
	CHECK(admin_ping(admin, 1000, &err) < 0);
	CHECK(strstr(err.text, "Connection refused"));
	admin_close(&admin);
	CHECK(library_wait(10000));
	client_traffic(CLIENT_TARGET, &now);
	CHECK(now.connects > before.connects);
	CHECK_INT(now.throttle_ms, before.throttle_ms);
	config_free(&config);
	close(fd);
}
