/* How long the line to a cluster is. */
#include "kafka/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kafka/wire.h"

/* What one connection is enough for; brokers in one region are below a fifth of it. */
#define ONE_US 15000
#define MOST 8

static int64_t
ask_one(char *address, const char *default_port, int timeout_ms)
{
	int64_t until = clock_ms() + timeout_ms, left, round_trip = -1;
	const char *host, *port;
	struct addrinfo *found;
	struct wire *wire;
	struct err err;

	parse_address(address, default_port, &host, &port);
	found = wire_look_up(host, port, timeout_ms, &err);
	left = until - clock_ms();
	if (found && left > 0 && wire_open(found, (int)left, &wire, &err) == WIRE_OPEN) {
		round_trip = wire_round_trip(wire);
		wire_close(&wire);
	}
	if (found)
		freeaddrinfo(found);
	return round_trip;
}

int64_t
line_round_trip(const char *servers, const char *default_port, int timeout_ms)
{
	size_t size = strcspn(servers, "/");
	int64_t until = clock_ms() + timeout_ms, share, round_trip = -1;
	int left = 1;

	for (size_t i = 0; i < size; i++)
		left += servers[i] == ',';
	/* One that is silent must not take the time of all. */
	for (const char *s = servers; s < servers + size && round_trip < 0; left--) {
		size_t n = strcspn(s, ",/");
		char *address = mem_strndup(s, n);

		share = (until - clock_ms()) / left;
		if (share > 0 && n > 0)
			round_trip = ask_one(address, default_port, (int)share);
		free(address);
		s += n + 1;
	}
	return round_trip;
}

bool
line_is_long(int64_t round_trip)
{
	return round_trip >= ONE_US;
}

int64_t
line_connections(int64_t round_trip)
{
	int64_t count = 1;

	while (count < MOST && round_trip >= count * ONE_US)
		count *= 2;
	return count;
}
