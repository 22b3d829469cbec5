/* Notify: tells the service manager (systemd) how the agent fares, by the protocol of sd_notify(3).
 */
#include "service/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"

/* While the start or the stop lasts: every so often, for so much longer. */
#define EXTEND_EVERY_S 5
#define EXTEND_S 20

static struct notify {
	struct sockaddr_un address;
	socklen_t address_size;
	int fd; /* -1: there is nobody to tell */
	enum { STARTING, READY, RELOADING, STOPPING } state;
	struct event *watchdog, *extend;
} n = {.fd = -1};

static void
send_text(const char *text)
{
	if (n.fd < 0)
		return;
	/* The manager reads soon or is in trouble itself; the main thread does not wait for it. */
	if (sendto(n.fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		    (const struct sockaddr *)&n.address, n.address_size) < 0)
		LOG_LIMITED(60, EVENT_notify_failed, F_STR("socket", getenv("NOTIFY_SOCKET")),
			F_STR("reason", strerror(errno)));
}

/* "/path", or "@name" for a name in the abstract space. */
static int
take_address(const char *name)
{
	size_t length = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || length < 2 ||
		length >= sizeof(n.address.sun_path))
		return -1;
	n.address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(n.address.sun_path, name, length);
	n.address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (name[0] == '@')
		n.address.sun_path[0] = '\0';
	else
		n.address_size++; /* its NUL */
	return 0;
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	send_text("WATCHDOG=1");
}

static void
on_extend(evutil_socket_t fd, short what, void *arg)
{
	char text[64];

	(void)fd, (void)what, (void)arg;
	if (n.state != STARTING && n.state != STOPPING)
		return;
	snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%d", EXTEND_S * 1000000);
	send_text(text);
}

/* Calls fn now, and again and again. (An event_active would do the first call as well, but have the
   second one come an interval late.) */
static struct event *
add_timer(struct event_base *base, int64_t us, event_callback_fn fn)
{
	const struct timeval interval = {us / 1000000, us % 1000000};
	struct event *timer = event_new(base, -1, EV_PERSIST, fn, NULL);

	event_add(timer, &interval);
	fn(-1, 0, NULL);
	return timer;
}

/* The watchdog's time in microseconds; 0: it does not watch this process. */
static int64_t
watchdog_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t time, owner;
	struct err err;

	if (!us || parse_int(us, 1, INT64_MAX, &time, &err) < 0)
		return 0;
	if (pid && (parse_int(pid, 1, INT32_MAX, &owner, &err) < 0 || owner != getpid()))
		return 0;
	return time;
}

void
notify_start(struct event_base *base)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int64_t watchdog = watchdog_us();

	n.state = STARTING;
	if (!name || !*name)
		return;
	if (take_address(name) == 0)
		n.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n.fd < 0) {
		LOG(EVENT_notify_failed, F_STR("socket", name),
			F_STR("reason", "this is neither /PATH nor @NAME of a socket"));
		return;
	}
	if (watchdog)
		n.watchdog = add_timer(base, watchdog / 2, on_watchdog);
	n.extend = add_timer(base, EXTEND_EVERY_S * INT64_C(1000000), on_extend);
}

void
notify_ready(void)
{
	if (n.state != STARTING)
		return;
	n.state = READY;
	send_text("READY=1");
}

void
notify_reloading(void)
{
	struct timespec now;
	char text[96];

	if (n.state != READY && n.state != RELOADING)
		return;
	n.state = RELOADING;
	/* By this the manager knows a reload that began behind its signal from one before. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	send_text(text);
}

void
notify_reloaded(void)
{
	if (n.state != RELOADING)
		return;
	n.state = READY;
	send_text("READY=1");
}

void
notify_stopping(void)
{
	if (n.state == STOPPING)
		return;
	n.state = STOPPING;
	send_text("STOPPING=1");
}

void
notify_status(const char *fmt, ...)
{
	struct text text = {0};
	va_list ap;

	if (n.fd < 0)
		return;
	text_puts(&text, "STATUS=");
	va_start(ap, fmt);
	text_vprintf(&text, fmt, ap);
	va_end(ap);
	/* A newline would end the line, and begin another message. */
	for (char *s = text.s; (s = strchr(s, '\n'));)
		*s = ' ';
	send_text(text.s);
	text_fini(&text);
}

/* Adds a number with commas between thousands. */
static void
put_number(struct text *out, uint64_t number)
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%" PRIu64, number);

	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			text_putc(out, ',');
		text_putc(out, digits[i]);
	}
}

void
notify_progress(uint64_t records_per_second, int64_t lag, uint64_t partitions)
{
	struct text text = {0};

	put_number(&text, records_per_second);
	text_puts(&text, " records/s, lag ");
	if (lag < 0)
		text_puts(&text, "unknown");
	else
		put_number(&text, (uint64_t)lag);
	text_puts(&text, ", ");
	put_number(&text, partitions);
	text_puts(&text, partitions == 1 ? " partition" : " partitions");
	notify_status("%s", text.s);
	text_fini(&text);
}

void
notify_stop(void)
{
	if (n.watchdog)
		event_free(n.watchdog);
	if (n.extend)
		event_free(n.extend);
	if (n.fd >= 0)
		close(n.fd);
	n = (struct notify){.fd = -1};
}
