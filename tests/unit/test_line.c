/* How long the line to a cluster is, asked of listeners on loopback. */
#include "kafka/line.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#define SHORT_MS 5000

/* A socket that listens, or only holds its port; *port is that. */
static int
hold_port(bool listens, int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(bind(fd, (struct sockaddr *)&address, size) == 0);
	CHECK(!listens || listen(fd, 8) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
	*port = ntohs(address.sin_port);
	return fd;
}

TEST(first_server_that_takes_a_connection_is_asked)
{
	int dead, alive, dead_fd = hold_port(false, &dead), alive_fd = hold_port(true, &alive);
	char text[128];

	snprintf(text, sizeof(text), "127.0.0.1:%d,127.0.0.1:%d/kafka/here", dead, alive);
	/* The system may round a round trip on loopback to anything below its clock's tick. */
	CHECK(line_round_trip(text, "9092", SHORT_MS) >= 0);
	CHECK(line_round_trip(text, "9092", SHORT_MS) < 1000000);
	snprintf(text, sizeof(text), "127.0.0.1:%d", dead);
	CHECK(line_round_trip(text, "9092", SHORT_MS) == -1);
	close(dead_fd);
	close(alive_fd);
}

TEST(port_may_be_missing)
{
	int alive, fd = hold_port(true, &alive);
	char port[16];

	snprintf(port, sizeof(port), "%d", alive);
	CHECK(line_round_trip("127.0.0.1", port, SHORT_MS) >= 0);
	CHECK(line_round_trip("127.0.0.1/chroot", port, SHORT_MS) >= 0);
	CHECK(line_round_trip("", port, SHORT_MS) == -1);
	CHECK(line_round_trip("no-such-host.invalid", port, SHORT_MS) == -1);
	close(fd);
}

TEST(long_lines_have_more_connections)
{
	CHECK(!line_is_long(-1) && !line_is_long(14999) && line_is_long(15000));
	CHECK(line_connections(-1) == 1);
	CHECK(line_connections(0) == 1);
	CHECK(line_connections(14999) == 1);
	CHECK(line_connections(15000) == 2);
	CHECK(line_connections(29999) == 2);
	CHECK(line_connections(30000) == 4);
	CHECK(line_connections(59999) == 4);
	CHECK(line_connections(60000) == 8);
	CHECK(line_connections(INT64_C(60000000)) == 8);
}
