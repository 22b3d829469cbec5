/* A broker that has said all it will ever say before it is asked: a wire with a test's bytes at the
   other end. */
#ifndef TESTS_UNIT_PEER_RIG_H
#define TESTS_UNIT_PEER_RIG_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kafka/probe_state.h"

/* Adds an answer to the first request or any other, as it stands behind the header. */
__attribute__((unused)) static void
peer_add(struct text *said, const void *bytes, size_t n)
{
	frame_put32(said, (int32_t)n + 4);
	frame_put32(said, 1);
	text_add(said, n ? bytes : "", n);
}

/* Connects to somebody who says this and then nothing more; what is asked stays unread in ret_fd,
   to be closed after the wire. NULL: it does not fit. @gives the wire; wire_close */
static struct wire *
peer_open(const struct text *said, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(address.sun_family); /* a name that the kernel chooses */
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct addrinfo one = {.ai_family = AF_UNIX, .ai_addr = (struct sockaddr *)&address};
	struct wire *wire = NULL;
	struct err err;
	ssize_t n = (ssize_t)said->length;

	*ret_fd = -1;
	if (bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0) {
		size = sizeof(address);
		getsockname(listener, (struct sockaddr *)&address, &size);
		one.ai_addrlen = size;
		if (wire_open(&one, 10000, &wire, &err) == WIRE_OPEN)
			*ret_fd = accept(listener, NULL, NULL);
	}
	close(listener);
	if (*ret_fd < 0 || (n && send(*ret_fd, said->s, said->length, MSG_DONTWAIT) != n) ||
		shutdown(*ret_fd, SHUT_WR) < 0)
		wire_close(&wire);
	return wire;
}

/* A cluster of one broker, which has every request that there is. */
struct peer_cluster {
	struct config config;
	struct client_settings settings;
	struct probe_broker broker, *brokers[1];
	struct probe probe;
};

static void
peer_init(struct peer_cluster *c)
{
	memset(c, 0, sizeof(*c));
	c->broker = (struct probe_broker){.host = "h",
		.port = "1",
		.place = "h:1",
		.named_by = "f:1",
		.request = &c->probe.request,
		.settings = &c->settings};
	for (int i = 0; i < FRAME_APIS; i++)
		c->broker.versions[i] = 20;
	c->brokers[0] = &c->broker;
	c->probe.request.config = &c->config;
	c->probe.brokers = c->brokers;
	c->probe.broker_count = 1;
	c->probe.view.controller = -1;
	c->probe.view.cluster_operations = OPERATIONS_UNKNOWN;
}

static void
peer_fini(struct peer_cluster *c)
{
	wire_close(&c->broker.wire);
	findings_fini(&c->broker.findings);
	probe_view_fini(&c->probe.view);
}

#endif
