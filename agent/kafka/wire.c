/* A wire: one connection to a broker, plain or over TLS, that never waits for ever. For kafka/
 * only.
 */
#include "kafka/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct wire {
	int fd;
	SSL *ssl;
	int64_t until; /* of clock_ms */
	size_t got;
	char reason[256];
};

/* A look-up on a thread of its own: the system's may take half a minute, and cannot be stopped. */
struct look_up {
	pthread_mutex_t lock;
	pthread_cond_t change;
	char *host, *port;
	struct addrinfo *found; /* under lock, as what follows */
	int code;
	bool is_done, is_given_up;
};

static void
free_look_up(struct look_up *l)
{
	if (l->found)
		freeaddrinfo(l->found);
	pthread_cond_destroy(&l->change);
	pthread_mutex_destroy(&l->lock);
	free(l->host);
	free(l->port);
	free(l);
}

static void *
look_up(void *arg)
{
	static const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
	struct look_up *l = arg;
	struct addrinfo *found = NULL;
	int code = getaddrinfo(l->host, l->port, &hints, &found);
	bool is_given_up;

	pthread_mutex_lock(&l->lock);
	l->found = code ? NULL : found;
	l->code = code;
	l->is_done = true;
	is_given_up = l->is_given_up;
	pthread_cond_signal(&l->change);
	pthread_mutex_unlock(&l->lock);
	if (is_given_up)
		free_look_up(l);
	return NULL;
}

struct addrinfo *
wire_look_up(const char *host, const char *port, int timeout_ms, struct err *err)
{
	struct look_up *l = mem_zero(1, sizeof(*l));
	struct addrinfo *found = NULL;
	struct timespec until;
	pthread_t thread;
	bool is_done;

	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->change, NULL);
	l->host = mem_strdup(host);
	l->port = mem_strdup(port);
	clock_deadline(timeout_ms, &until);
	if (pthread_create(&thread, NULL, look_up, l) == 0)
		pthread_detach(thread);
	else
		look_up(l);
	pthread_mutex_lock(&l->lock);
	while (!l->is_done && pthread_cond_timedwait(&l->change, &l->lock, &until) == 0)
		;
	is_done = l->is_done;
	l->is_given_up = !is_done;
	if (!is_done)
		err_set(err, "no name server answered within %d seconds", timeout_ms / 1000);
	else if (l->code)
		err_set(err, "%s", gai_strerror(l->code));
	found = is_done ? l->found : NULL;
	if (is_done)
		l->found = NULL;
	pthread_mutex_unlock(&l->lock);
	if (is_done)
		free_look_up(l);
	return found;
}

/* What a system's error means for a connection. */
static enum wire_end
end_of(int error)
{
	switch (error) {
	case ECONNREFUSED: return WIRE_REFUSED;
	case ETIMEDOUT: return WIRE_SILENT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EHOSTDOWN: return WIRE_AWAY;
	case ECONNRESET:
	case EPIPE: return WIRE_CLOSED;
	default: return WIRE_FAILED;
	}
}

/* Waits until the socket can be read or written, at most up to the wire's end. */
static enum wire_end
await(struct wire *wire, short events)
{
	struct pollfd one = {.fd = wire->fd, .events = events};

	for (;;) {
		int64_t left = wire->until - clock_ms();
		int n = left > 0 ? poll(&one, 1, (int)left) : 0;

		if (n > 0)
			return WIRE_OPEN;
		if (n == 0)
			return WIRE_SILENT;
		if (errno != EINTR)
			return end_of(errno);
	}
}

/* Tries one address. */
static enum wire_end
open_one(struct wire *wire, const struct addrinfo *address, int *ret_errno)
{
	socklen_t size = sizeof(*ret_errno);
	enum wire_end end;

	*ret_errno = 0;
	wire->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (wire->fd < 0 || (connect(wire->fd, address->ai_addr, address->ai_addrlen) < 0 &&
				    errno != EINPROGRESS)) {
		*ret_errno = errno;
	} else {
		end = await(wire, POLLOUT);
		if (end == WIRE_SILENT) {
			*ret_errno = ETIMEDOUT;
			return end;
		}
		getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, ret_errno, &size);
	}
	return *ret_errno ? end_of(*ret_errno) : WIRE_OPEN;
}

enum wire_end
wire_open(const struct addrinfo *addresses, int timeout_ms, struct wire **ret, struct err *err)
{
	struct wire *wire = mem_zero(1, sizeof(*wire));
	int64_t until = clock_ms() + timeout_ms;
	enum wire_end end = WIRE_AWAY, first = WIRE_OPEN;
	int count = 0, error = 0, first_error = 0;

	for (const struct addrinfo *a = addresses; a; a = a->ai_next)
		count++;
	*ret = NULL;
	wire->fd = -1;
	for (const struct addrinfo *a = addresses; a; a = a->ai_next, count--) {
		int64_t left = until - clock_ms();

		wire->until = clock_ms() + (left > 0 ? left / count : 0);
		end = open_one(wire, a, &error);
		if (end == WIRE_OPEN)
			break;
		if (first == WIRE_OPEN) {
			first = end;
			first_error = error;
		}
		if (wire->fd >= 0)
			close(wire->fd);
		wire->fd = -1;
	}
	if (end == WIRE_OPEN) {
		*ret = wire;
		return end;
	}
	err_set(err, "%s", strerror(first_error));
	wire_close(&wire);
	return first == WIRE_OPEN ? end : first;
}

void
wire_allow(struct wire *wire, int timeout_ms)
{
	wire->until = clock_ms() + timeout_ms;
}

int64_t
wire_round_trip(const struct wire *wire)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(wire->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return -1;
	return (int64_t)info.tcpi_rtt;
}

SSL *
wire_ssl(const struct wire *wire)
{
	return wire->ssl;
}

/* What became of a call of OpenSSL: WIRE_OPEN means that it is to be called again. */
static enum wire_end
after_ssl(struct wire *wire, int rc)
{
	unsigned long code;

	switch (SSL_get_error(wire->ssl, rc)) {
	case SSL_ERROR_WANT_READ: return await(wire, POLLIN);
	case SSL_ERROR_WANT_WRITE: return await(wire, POLLOUT);
	case SSL_ERROR_ZERO_RETURN: return WIRE_CLOSED;
	case SSL_ERROR_SYSCALL: return errno ? end_of(errno) : WIRE_CLOSED;
	default: break;
	}
	code = ERR_get_error();
	if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return WIRE_CLOSED;
	snprintf(wire->reason, sizeof(wire->reason), "%s",
		code ? ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "" : "");
	return WIRE_FAILED;
}

enum wire_end
wire_secure(struct wire *wire, SSL *ssl)
{
	enum wire_end end = WIRE_OPEN;

	wire->ssl = ssl;
	SSL_set_fd(ssl, wire->fd);
	while (end == WIRE_OPEN) {
		int rc;

		ERR_clear_error();
		errno = 0;
		rc = SSL_connect(ssl);
		if (rc == 1)
			return WIRE_OPEN;
		end = after_ssl(wire, rc);
	}
	return end;
}

/* One write or read; *ret_n of it was done. */
static enum wire_end
move(struct wire *wire, bool writes, char *bytes, size_t n, size_t *ret_n)
{
	ssize_t rc;

	*ret_n = 0;
	errno = 0;
	if (wire->ssl) {
		ERR_clear_error();
		rc = writes ? SSL_write_ex(wire->ssl, bytes, n, ret_n)
			    : SSL_read_ex(wire->ssl, bytes, n, ret_n);
		return rc == 1 ? WIRE_OPEN : after_ssl(wire, (int)rc);
	}
	rc = writes ? send(wire->fd, bytes, n, MSG_NOSIGNAL) : recv(wire->fd, bytes, n, 0);
	if (rc > 0) {
		*ret_n = (size_t)rc;
		return WIRE_OPEN;
	}
	if (rc == 0)
		return WIRE_CLOSED;
	return errno == EAGAIN ? await(wire, writes ? POLLOUT : POLLIN) : end_of(errno);
}

static enum wire_end
move_all(struct wire *wire, bool writes, char *bytes, size_t n)
{
	enum wire_end end = WIRE_OPEN;

	wire->got = 0;
	while (wire->got < n && end == WIRE_OPEN) {
		size_t done = 0;

		end = clock_ms() < wire->until
			      ? move(wire, writes, bytes + wire->got, n - wire->got, &done)
			      : WIRE_SILENT;
		if (end == WIRE_OPEN)
			wire->got += done;
	}
	return end;
}

enum wire_end
wire_write(struct wire *wire, const void *bytes, size_t n)
{
	/* Read and write go the same way; what is written is not changed. */
	enum wire_end end = move_all(wire, true, (char *)(uintptr_t)bytes, n);
	char reason;

	/* Whoever ends TLS says why before. */
	if (end == WIRE_CLOSED && wire->ssl)
		end = wire_read(wire, &reason, 1);
	return end == WIRE_OPEN && wire->got < n ? WIRE_CLOSED : end;
}

enum wire_end
wire_read(struct wire *wire, void *bytes, size_t n)
{
	return move_all(wire, false, bytes, n);
}

size_t
wire_got(const struct wire *wire)
{
	return wire->got;
}

const char *
wire_reason(const struct wire *wire)
{
	return wire->reason;
}

void
wire_close(struct wire **wire)
{
	struct wire *w = *wire;

	if (!w)
		return;
	SSL_free(w->ssl);
	if (w->fd >= 0)
		close(w->fd);
	ERR_clear_error();
	free(w);
	*wire = NULL;
}
