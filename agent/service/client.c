/* The client: one request to a running agent's admin API. */
#include "service/client.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/address.h"

/* The status line and headers of our own server are far shorter. */
#define HEAD_MOST 16384

/* A connection that hears nothing for so long is no agent's. */
#define CONNECT_SECONDS 10

static void
set_timeout(int fd, int option, int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L};

	setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

/* @gives a connected socket; -1 with errno */
static int
connect_socket(int family, const struct sockaddr *name, socklen_t size)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	set_timeout(fd, SO_SNDTIMEO, CONNECT_SECONDS * 1000);
	if (connect(fd, name, size) == 0)
		return fd;
	error = errno == EINPROGRESS ? ETIMEDOUT : errno;
	close(fd);
	errno = error;
	return -1;
}

static int
connect_unix(const char *path, struct err *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd;

	strcpy(name.sun_path, path);
	fd = connect_socket(AF_UNIX, (struct sockaddr *)&name, sizeof(name));
	if (fd < 0)
		err_set(err, "no agent answers on %s: %s; it must run with admin.listen=unix:%s",
			path, strerror(errno), path);
	return fd;
}

static int
connect_tcp(const struct address *a, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
	int rc = getaddrinfo(a->host, a->port, &hints, &found), fd = -1, error;

	if (rc)
		return err_set(
			err, "%s is no host that is known here: %s", a->host, gai_strerror(rc));
	for (struct addrinfo *i = found; i && fd < 0; i = i->ai_next)
		fd = connect_socket(i->ai_family, i->ai_addr, i->ai_addrlen);
	error = errno;
	freeaddrinfo(found);
	if (fd < 0)
		err_set(err,
			"no agent answers on %s:%s: %s; is it running, and does its admin.listen "
			"say "
			"so?",
			a->host, a->port, strerror(error));
	return fd;
}

/* A header's value holds no line's end, whatever a variable or a file holds. */
static void
put_header(struct text *out, const char *name, const char *value)
{
	if (value)
		text_printf(out, "%s: %.*s\r\n", name, (int)strcspn(value, "\r\n"), value);
}

static int
send_request(
	struct channel *c, const struct client_request *r, const struct address *a, struct err *err)
{
	struct text out = {0};
	int rc;

	text_printf(&out, "%s %s HTTP/1.0\r\n", r->method, r->path);
	if (a->is_unix)
		text_puts(&out, "Host: localhost\r\n");
	else
		text_printf(&out, strchr(a->host, ':') ? "Host: [%s]:%s\r\n" : "Host: %s:%s\r\n",
			a->host, a->port);
	put_header(&out, "X-Reflejo-User", r->user);
	if (r->token)
		text_printf(&out, "Authorization: Bearer %s\r\n", r->token);
	if (r->body)
		text_puts(&out, "Content-Type: application/json\r\n");
	if (!strcmp(r->method, "POST"))
		text_printf(&out, "Content-Length: %zu\r\n", r->body ? strlen(r->body) : 0);
	text_printf(&out, "\r\n%s", r->body ? r->body : "");
	rc = channel_send(c, out.s, out.length, err);
	text_fini(&out);
	return rc < 0 ? err_prefix(err, "the agent takes no request: ") : 0;
}

/* Reads until the empty line behind the headers; what has come of the body by then is left in head.
 */
static int
read_head(struct channel *c, struct text *head, size_t *ret_end, struct err *err)
{
	char bytes[4096], *end = NULL;
	ssize_t n;

	do {
		n = head->length < HEAD_MOST ? channel_receive(c, bytes, sizeof(bytes), err) : 0;
		if (n < 0)
			return err_prefix(err, "the agent does not answer: ");
		if (n == 0)
			return err_set(err, head->length ? "what answers there is no agent"
							 : "the agent closed the connection "
							   "without an answer");
		text_add(head, bytes, (size_t)n);
		end = strstr(head->s, "\r\n\r\n");
	} while (!end);
	*ret_end = (size_t)(end - head->s) + 4;
	return 0;
}

/* Gives a part of the body away. false: enough. */
static bool
take(const struct client_request *r, struct client_answer *answer, const char *bytes, size_t size)
{
	if (r->sink && answer->status < 300)
		return size == 0 || r->sink(bytes, size, r->arg);
	text_add(&answer->body, bytes, size);
	return true;
}

static int
read_answer(struct channel *c, const struct client_request *r, struct client_answer *answer,
	struct err *err)
{
	struct text head = {0};
	char bytes[16384];
	size_t end = 0;
	ssize_t n = 0;
	bool is_enough = false;

	if (read_head(c, &head, &end, err) < 0) {
		text_fini(&head);
		return -1;
	}
	if (sscanf(head.s, "HTTP/1.%*d %3d", &answer->status) == 1)
		is_enough = !take(r, answer, head.s + end, head.length - end);
	text_fini(&head);
	if (answer->status == 0)
		return err_set(err, "what answers there is no agent");
	while (!is_enough && (n = channel_receive(c, bytes, sizeof(bytes), err)) > 0)
		is_enough = !take(r, answer, bytes, (size_t)n);
	if (!is_enough && n < 0)
		return err_prefix(err, "the answer broke off: ");
	return 0;
}

/* A handshake takes no longer than to connect. */
static int
secure(struct channel *c, const struct address *a, struct err *err)
{
	set_timeout(c->fd, SO_RCVTIMEO, CONNECT_SECONDS * 1000);
	if (channel_secure(c, a->host, err) == 0)
		return 0;
	return err_prefix(err, "https://%s:%s: ", a->host, a->port);
}

static int
open_channel(
	struct channel *c, const struct client_request *r, const struct address *a, struct err *err)
{
	bool is_secure = a->scheme == ADDRESS_HTTPS;

	if (is_secure && channel_prepare(c, &r->files, err) < 0)
		return -1;
	c->fd = a->is_unix ? connect_unix(a->path, err) : connect_tcp(a, err);
	if (c->fd < 0 || (is_secure && secure(c, a, err) < 0))
		return -1;
	set_timeout(c->fd, SO_RCVTIMEO, r->timeout_ms);
	return 0;
}

/* What answers nothing that can be read may want TLS. */
static int
advise_tls(const struct address *a, struct err *err)
{
	struct err plain = *err;

	if (a->is_unix || a->scheme == ADDRESS_HTTPS)
		return -1;
	return err_set(
		err, "%s; if it speaks TLS, write https://%s:%s", plain.text, a->host, a->port);
}

int
client_ask(const struct client_request *r, struct client_answer *ret, struct err *err)
{
	struct client_answer answer = {0};
	struct channel c = {.fd = -1};
	struct address a;
	int rc;

	if (address_parse(r->address, &a, err) < 0)
		return -1;
	rc = open_channel(&c, r, &a, err);
	if (rc == 0) {
		rc = send_request(&c, r, &a, err);
		if (rc == 0)
			rc = read_answer(&c, r, &answer, err);
		if (rc < 0 && answer.status == 0)
			rc = advise_tls(&a, err);
	}
	channel_close(&c);
	if (rc == 0)
		*ret = answer;
	else
		text_fini(&answer.body);
	return rc;
}

void
client_escape(struct text *out, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~", *s))
			text_putc(out, *s);
		else
			text_printf(out, "%%%02X", (unsigned char)*s);
	}
}
