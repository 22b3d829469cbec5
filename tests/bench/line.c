/* A long line between two network namespaces: packets that leave one come out of the other after a
   time, or get lost, like with netem, which not every kernel has.

	line NEAR FAR

   NEAR and FAR name namespaces (as of `ip netns`). Each gets a device `line` (TUN, MTU 1500) with
   an address: 10.213.0.1 near, 10.213.0.2 far. Reads lines of three numbers from its standard
   input, the first before anything passes: milliseconds that a packet takes for one way, so half of
   what a round trip takes longer; how many in a hundred packets are lost in either direction,
   chosen by a seed that never changes; and how many millions of bits pass in a second, in each
   direction, 0: as many as come. Packets keep their order. One that would wait for more than
   QUEUE_NS until its turn comes is lost, as in a router whose queue is full. Says "ready" for each
   line, and ends with its input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MTU 1500
/* 400 MB/s for a tenth of a second; beyond it packets are lost, as in any router. */
#define SLOTS 32768
/* A tenth of a second: a line of 100 ms there and back has as much under way again. */
#define QUEUE_NS 100000000

/* What is asked for. */
struct wish {
	int64_t delay_ns;
	double loss;	    /* of a hundred packets */
	double ns_per_byte; /* 0: no limit */
};

struct packet {
	int64_t due_ns;
	uint16_t size;
	unsigned char bytes[MTU];
};

/* One direction: what was read of `from` and has still to be written to `to`. */
struct way {
	int from, to;
	int64_t free_ns; /* when the last packet will have left */
	size_t first, count;
	struct packet *slots;
};

static void
die(const char *what)
{
	fprintf(stderr, "line: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void
enter(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

static void
set_address(struct ifreq *device, int control, unsigned long request, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&device->ifr_addr, &in, sizeof(in));
	if (ioctl(control, request, device) < 0)
		die(address);
}

/* Makes the device in a namespace and gives back its packets' descriptor. */
static int
open_end(const char *name, const char *address)
{
	struct ifreq device = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd, control;

	enter(name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strcpy(device.ifr_name, "line");
	if (fd < 0 || control < 0 || ioctl(fd, TUNSETIFF, &device) < 0)
		die("/dev/net/tun");
	set_address(&device, control, SIOCSIFADDR, address);
	set_address(&device, control, SIOCSIFNETMASK, "255.255.255.0");
	device.ifr_mtu = MTU;
	if (ioctl(control, SIOCSIFMTU, &device) < 0)
		die("MTU");
	/* What the kernel keeps for us while we are not scheduled. */
	device.ifr_qlen = 10000;
	if (ioctl(control, SIOCSIFTXQLEN, &device) < 0)
		die("queue");
	device.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(control, SIOCSIFFLAGS, &device) < 0)
		die("up");
	close(control);
	return fd;
}

/* xorshift: the same packets of a run are lost each time, as far as there are the same packets. */
static bool
is_lost(double percent)
{
	static uint64_t x = UINT64_C(88172645463325252);

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (double)(x >> 11) / (double)(UINT64_C(1) << 53) * 100 < percent;
}

/* When a packet of this size has left, if it comes now and is not lost; -1: it is. */
static int64_t
leave(struct way *way, const struct wish *wish, ssize_t size)
{
	int64_t now = now_ns(), begin = way->free_ns > now ? way->free_ns : now;

	if (way->count == SLOTS || begin - now > QUEUE_NS || is_lost(wish->loss))
		return -1;
	way->free_ns = begin + (int64_t)((double)size * wish->ns_per_byte);
	return way->free_ns;
}

static void
take(struct way *way, const struct wish *wish)
{
	static unsigned char spare[MTU];

	for (;;) {
		bool is_full = way->count == SLOTS;
		int64_t left;
		struct packet *p = &way->slots[(way->first + way->count) % SLOTS];
		ssize_t size = read(way->from, is_full ? spare : p->bytes, MTU);

		if (size <= 0)
			return;
		left = leave(way, wish, size);
		if (left < 0)
			continue;
		p->size = (uint16_t)size;
		p->due_ns = left + wish->delay_ns;
		way->count++;
	}
}

/* Returns when the next packet is due; INT64_MAX when there is none. */
static int64_t
give(struct way *way)
{
	while (way->count > 0) {
		struct packet *p = &way->slots[way->first];

		if (p->due_ns > now_ns())
			return p->due_ns;
		/* A device that takes no more loses it, as a router would. */
		if (write(way->to, p->bytes, p->size) < 0 && errno != EAGAIN && errno != ENOBUFS)
			die("write");
		way->first = (way->first + 1) % SLOTS;
		way->count--;
	}
	return INT64_MAX;
}

/* The next line of the input. Ends the program with it. */
static void
obey(struct wish *wish)
{
	char line[64];
	double delay_ms, mbit;

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
	if (sscanf(line, "%lf %lf %lf", &delay_ms, &wish->loss, &mbit) != 3) {
		fputs("line: three numbers are wanted: DELAY_MS LOSS_PERCENT MBIT_PER_S\n", stderr);
		exit(2);
	}
	wish->delay_ns = (int64_t)(delay_ms * 1e6);
	wish->ns_per_byte = mbit > 0 ? 8000 / mbit : 0;
	puts("ready");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct way ways[2] = {0};
	struct wish wish;

	if (argc != 3) {
		fputs("usage: line NEAR FAR\n", stderr);
		return 2;
	}
	/* What is asked for must not be read behind poll's back. */
	setvbuf(stdin, NULL, _IONBF, 0);
	ways[0].from = ways[1].to = open_end(argv[1], "10.213.0.1");
	ways[1].from = ways[0].to = open_end(argv[2], "10.213.0.2");
	for (int i = 0; i < 2; i++)
		if (!(ways[i].slots = calloc(SLOTS, sizeof(struct packet))))
			die("memory");
	prctl(PR_SET_TIMERSLACK, 1000UL);
	obey(&wish);
	for (;;) {
		struct pollfd fds[] = {{.fd = ways[0].from, .events = POLLIN},
			{.fd = ways[1].from, .events = POLLIN},
			{.fd = STDIN_FILENO, .events = POLLIN}};
		int64_t due = give(&ways[0]), other = give(&ways[1]), wait;
		struct timespec timeout;

		due = other < due ? other : due;
		wait = due - now_ns();
		wait = wait > 0 ? wait : 0;
		timeout = (struct timespec){wait / 1000000000, wait % 1000000000};
		if (ppoll(fds, 3, due == INT64_MAX ? NULL : &timeout, NULL) < 0 && errno != EINTR)
			die("poll");
		if (fds[2].revents)
			obey(&wish);
		take(&ways[0], &wish);
		take(&ways[1], &wish);
	}
}
