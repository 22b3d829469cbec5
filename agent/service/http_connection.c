/* The server's connections: how many there are, how long each may take. */
#include "service/http_connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "service/credentials.h"
#include "service/http_state.h"

/* No progress in writing to a peer for so long ends it. */
#define WRITE_SECONDS 10
/* So many connections are accepted in one turn of the loop: their descriptors, and those of the
   connections that made room, are there at once. */
#define ACCEPT_MOST 64
/* Input beyond a request's limits is not read. */
#define INPUT_MOST (HTTP_HEADERS + HTTP_BODY + 8 * 1024)

/* Each state's time, in milliseconds; 0: as long as it wants. */
static const int64_t state_ms[HTTP_STATES] = {
	[HTTP_READING] = 10000,
	[HTTP_ANSWERING] = 60000,
	[HTTP_IDLE] = 60000,
};

void
http_connection_enter(struct http_connection *c, enum http_state state)
{
	c->state = state;
	c->since = clock_ms();
}

/* evhttp has freed it. */
static bool
is_dead(const struct http_connection *c)
{
	bufferevent_event_cb event;

	bufferevent_getcb(c->stream, NULL, NULL, &event, NULL);
	return !event;
}

/* The first byte of another request. */
static void
on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_connection *c = arg;

	(void)input;
	if (info->n_added && c->state == HTTP_IDLE)
		http_connection_enter(c, HTTP_READING);
}

/* Before the handler has a request, only evhttp itself can answer: it says in HTML what is wrong.
 */
static void
on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct http_connection *c = arg;

	(void)output;
	if (!info->n_added || (c->state != HTTP_READING && !c->is_last))
		return;
	/* Behind its last answer the peer gets none. */
	if (c->is_last)
		c->must_end = true;
	else
		c->has_page = true;
	event_active(c->http->soon, EV_TIMEOUT, 0);
}

static void
free_connection(struct http_connection *c)
{
	evbuffer_remove_cb(bufferevent_get_input(c->stream), on_input, c);
	evbuffer_remove_cb(bufferevent_get_output(c->stream), on_output, c);
	bufferevent_decref(c->stream);
	free(c);
}

/* Gives back what evhttp is done with. Until then the peer may finish what it was sending, which
   would otherwise be answered with a reset that takes our answer with it. */
static void
reap(struct http *http)
{
	for (struct http_connection **link = &http->connections, *c; (c = *link);) {
		if (is_dead(c)) {
			*link = c->next;
			free_connection(c);
		} else {
			link = &c->next;
		}
	}
}

/* refused: it is not the peer's good right to stay idle for so long. */
static void
end(struct http_connection *c, bool is_refused)
{
	c->http->counts.refused += is_refused;
	bufferevent_trigger_event(c->stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
}

unsigned
http_connections_count(const struct http *http)
{
	unsigned n = 0;

	for (struct http_connection *c = http->connections; c; c = c->next)
		n += !is_dead(c);
	return n;
}

/* With those that evhttp is done with. */
static unsigned
count_all(const struct http *http)
{
	unsigned n = 0;

	for (struct http_connection *c = http->connections; c; c = c->next)
		n++;
	return n;
}

/* Idle ones first, then those that have not said all. */
static struct http_connection *
idle_longest(const struct http *http)
{
	struct http_connection *found = NULL;

	for (struct http_connection *c = http->connections; c; c = c->next) {
		if ((c->state != HTTP_IDLE && c->state != HTTP_READING) || c->has_page ||
			is_dead(c))
			continue;
		if (!found || (c->state == HTTP_IDLE && found->state == HTTP_READING) ||
			(c->state == found->state && c->since <= found->since))
			found = c;
	}
	return found;
}

/* One more was accepted: at the bound another one goes, or this one where all others are at work.
 */
static void
keep_bound(struct http *http, struct http_connection *newcomer)
{
	struct http_connection *idle = idle_longest(http);

	if (http_connections_count(http) >= HTTP_CONNECTIONS) {
		if (idle)
			end(idle, true);
		else
			newcomer->must_end = true;
	}
	if (++http->accepted >= ACCEPT_MOST)
		http_listeners_pause(http);
	if (newcomer->must_end || http->accepted >= ACCEPT_MOST ||
		count_all(http) >= HTTP_CONNECTIONS)
		event_active(http->soon, EV_TIMEOUT, 0);
}

/* tls: NULL for a plain one */
static struct bufferevent *
add_connection(struct http *http, struct bufferevent *stream, SSL *tls)
{
	static const struct timeval most = {WRITE_SECONDS, 0};
	struct http_connection *c = mem_zero(1, sizeof(*c));

	c->http = http;
	c->stream = stream;
	c->tls = tls;
	bufferevent_incref(c->stream);
	bufferevent_set_timeouts(c->stream, NULL, &most);
	bufferevent_setwatermark(c->stream, EV_READ, 0, INPUT_MOST);
	evbuffer_add_cb(bufferevent_get_input(c->stream), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(c->stream), on_output, c);
	http_connection_enter(c, HTTP_READING);
	keep_bound(http, c);
	c->next = http->connections;
	http->connections = c;
	return c->stream;
}

struct bufferevent *
http_connection_new(struct event_base *base, void *arg)
{
	return add_connection(arg, bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE), NULL);
}

/* The handshake is a request's beginning: it has the same time. */
struct bufferevent *
http_connection_new_secure(struct event_base *base, void *arg)
{
	struct http *http = arg;
	SSL *tls = credentials_accept(http->credentials);
	struct bufferevent *stream = tls ? bufferevent_openssl_socket_new(base, -1, tls,
						   BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
					 : NULL;

	/* Without one evhttp would make a plain one by itself. */
	if (!stream)
		abort();
	bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
	return add_connection(http, stream, tls);
}

bool
http_connection_is_certified(const struct http_connection *c)
{
	return c->tls && SSL_get0_peer_certificate(c->tls) &&
	       SSL_get_verify_result(c->tls) == X509_V_OK;
}

char *
http_connection_client(const struct http_connection *c, const char *host)
{
	char name[256];

	if (!http_connection_is_certified(c))
		return mem_strdup(host);
	/* Printable, whatever stands in it. */
	X509_NAME_oneline(
		X509_get_subject_name(SSL_get0_peer_certificate(c->tls)), name, sizeof(name));
	return mem_printf("%s (%s)", host, name);
}

void
http_connection_say_end(const struct http_connection *c)
{
	if (!c->tls || SSL_in_init(c->tls))
		return;
	SSL_shutdown(c->tls);
	ERR_clear_error();
}

struct http_connection *
http_connection_of(struct http *http, struct evhttp_connection *inner)
{
	struct bufferevent *stream = evhttp_connection_get_bufferevent(inner);
	struct http_connection *c = http->connections;

	while (c && c->stream != stream)
		c = c->next;
	return c;
}

size_t
http_connection_backlog(const struct http_connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->stream));
}

size_t
http_connections_backlog(const struct http *http)
{
	size_t sum = 0;

	for (struct http_connection *c = http->connections; c; c = c->next)
		sum += http_connection_backlog(c);
	return sum;
}

unsigned
http_connections_in(const struct http *http, enum http_state state)
{
	unsigned n = 0;

	for (struct http_connection *c = http->connections; c; c = c->next)
		n += c->state == state && !is_dead(c);
	return n;
}

static const char *
sentence_of(int status)
{
	switch (status) {
	case 413: return "the body is longer than 64 KiB";
	case 417: return "only Expect: 100-continue can be expected";
	case 501: return "there is no such method here";
	default: return "this is no HTTP request, or its headers are longer than 8 KiB";
	}
}

/* A plain bufferevent guards the front of its output, from reading it too. */
static void
open_front(const struct http_connection *c, struct evbuffer *output)
{
	if (!c->tls)
		evbuffer_unfreeze(output, 1);
}

static void
close_front(const struct http_connection *c, struct evbuffer *output)
{
	if (!c->tls)
		evbuffer_freeze(output, 1);
}

/* Puts our own words in the place of evhttp's page, of which nothing is sent before the loop has
   turned. "100 Continue" is no page. */
static void
replace_page(struct http_connection *c)
{
	struct evbuffer *output = bufferevent_get_output(c->stream);
	char line[16] = "", *text;
	int status;

	c->has_page = false;
	open_front(c, output);
	evbuffer_copyout(output, line, sizeof(line) - 1);
	close_front(c, output);
	if (sscanf(line, "HTTP/%*d.%*d %d", &status) != 1 || status < 400)
		return;
	text = mem_printf("{\"error\":\"%s\"}\n", sentence_of(status));
	http_connection_enter(c, HTTP_ANSWERING);
	c->http->counts.requests++;
	c->http->counts.refused++;
	open_front(c, output);
	evbuffer_drain(output, evbuffer_get_length(output));
	close_front(c, output);
	evbuffer_add_printf(output,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: "
		"close\r\n\r\n%s",
		status, status == 413 ? "Content Too Large" : "Refused", strlen(text), text);
	c->is_last = true;
	free(text);
}

void
http_connections_settle(struct http *http)
{
	for (struct http_connection *c = http->connections; c; c = c->next) {
		if (is_dead(c))
			continue;
		if (c->has_page)
			replace_page(c);
		if (c->must_end)
			end(c, true);
	}
	if (count_all(http) >= HTTP_CONNECTIONS)
		reap(http);
	http->accepted = 0;
	http_listeners_go_on(http);
}

void
http_connections_sweep(struct http *http)
{
	int64_t now = clock_ms();

	reap(http);
	http_listeners_go_on(http);
	for (struct http_connection *c = http->connections; c; c = c->next) {
		if (state_ms[c->state] && now - c->since >= state_ms[c->state])
			end(c, c->state != HTTP_IDLE);
		else if (c->is_last && http_connection_backlog(c) == 0)
			end(c, false);
	}
}

static void
flush_secure(SSL *tls, struct evbuffer *output)
{
	struct evbuffer_iovec part;
	int written;

	while (evbuffer_peek(output, -1, NULL, &part, 1) > 0 && part.iov_len > 0 &&
		(written = SSL_write(tls, part.iov_base, (int)part.iov_len)) > 0)
		evbuffer_drain(output, (size_t)written);
	ERR_clear_error();
}

void
http_connections_flush(const struct http *http)
{
	for (struct http_connection *c = http->connections; c; c = c->next) {
		struct evbuffer *output = bufferevent_get_output(c->stream);

		if (c->tls && !SSL_in_init(c->tls)) {
			flush_secure(c->tls, output);
		} else if (!c->tls) {
			open_front(c, output);
			evbuffer_write(output, bufferevent_getfd(c->stream));
			close_front(c, output);
		}
	}
}

void
http_connections_free(struct http *http)
{
	struct http_connection *c;

	while ((c = http->connections)) {
		http->connections = c->next;
		free_connection(c);
	}
}
