/* HTTP: the admin API's server. Requests from their arrival to their answer. */
#include "service/http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "service/access.h"
#include "service/credentials.h"
#include "service/http_state.h"

/* More than this waits to be read by all peers together: nothing more is answered. */
#define ANSWERS_MOST ((size_t)64 * 1024 * 1024)
/* A page says for itself what it may load; everything else is data. */
#define DATA_POLICY "default-src 'none'; frame-ancestors 'none'"
/* What X-Reflejo-User may add to a name. */
#define NAME_MOST 64

static const char *
header(const struct http_request *r, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(r->inner), name);
}

static int
socket_of(const struct http_request *r)
{
	return bufferevent_getfd(r->connection->stream);
}

static void
free_request(struct http_request *r)
{
	if (r->has_query)
		evhttp_clear_headers(&r->query);
	free(r->body);
	free(r->peer);
	free(r);
}

/* Takes the request from its connection, whose state is the next one. @gives evhttp's */
static struct evhttp_request *
detach(struct http_request *r, enum http_state next)
{
	struct evhttp_request *inner = r->inner;

	r->connection->request = NULL;
	http_connection_enter(r->connection, next);
	r->connection = NULL;
	r->inner = NULL;
	return inner;
}

void
http_header(struct http_request *r, const char *name, const char *value)
{
	struct evkeyvalq *headers;

	if (!r->inner)
		return;
	headers = evhttp_request_get_output_headers(r->inner);
	evhttp_remove_header(headers, name);
	evhttp_add_header(headers, name, value);
}

static void
add_headers(struct http_request *r, const char *type)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r->inner);

	http_header(r, "Content-Type", type);
	http_header(r, "Cache-Control", "no-store");
	http_header(r, "X-Content-Type-Options", "nosniff");
	if (!evhttp_find_header(headers, "Content-Security-Policy"))
		http_header(r, "Content-Security-Policy", DATA_POLICY);
}

/* The answer, to the peer's last byte. */
static void
on_answered(struct evhttp_request *inner, void *arg)
{
	struct http_connection *c = arg;
	bool is_more = evbuffer_get_length(bufferevent_get_input(c->stream)) > 0;

	(void)inner;
	http_connection_enter(c, is_more ? HTTP_READING : HTTP_IDLE);
}

/* Answers, and leaves a request without a connection. */
static void
answer(struct http_request *r, int status, const char *type, const char *body, size_t size)
{
	char length[24];
	struct evbuffer *buffer = evbuffer_new();

	r->http->counts.requests++;
	r->http->counts.refused += status >= 400 && status < 500;
	add_headers(r, type);
	snprintf(length, sizeof(length), "%zu", size);
	http_header(r, "Content-Length", length);
	if (!r->is_head)
		evbuffer_add(buffer, body, size);
	evhttp_request_set_on_complete_cb(r->inner, on_answered, r->connection);
	evhttp_send_reply(detach(r, HTTP_ANSWERING), status, NULL, buffer);
	evbuffer_free(buffer);
}

void
http_reply(struct http_request *r, int status, const char *type, const char *body, size_t size)
{
	answer(r, status, type, body, size);
	free_request(r);
}

/* {"name":"sentence"} */
static void
reply_sentence(struct http_request *r, int status, const char *name, const char *fmt, va_list ap)
{
	struct text sentence = {0}, body = {0};

	text_vprintf(&sentence, fmt, ap);
	text_putc(&body, '{');
	json_put_field(&body, name, sentence.s ? sentence.s : "", "}\n");
	http_reply(r, status, "application/json", body.s, body.length);
	text_fini(&sentence);
	text_fini(&body);
}

void
http_reply_error(struct http_request *r, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply_sentence(r, status, "error", fmt, ap);
	va_end(ap);
}

void
http_reply_done(struct http_request *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply_sentence(r, 200, "message", fmt, ap);
	va_end(ap);
}

/* The stream is over before it began; the handler, which is under way, hears of it when the loop
 * has turned. */
static void
lose(struct http_request *r)
{
	r->next = r->http->lost;
	r->http->lost = r;
	event_active(r->http->soon, EV_TIMEOUT, 0);
}

static void
tell_lost(struct http *http)
{
	struct http_request *r;

	while ((r = http->lost)) {
		http->lost = r->next;
		if (r->on_gone)
			r->on_gone(r, r->gone_arg);
		free_request(r);
	}
}

void
http_stream(struct http_request *r, const char *type,
	void (*on_gone)(struct http_request *request, void *arg), void *arg)
{
	static const char many[] = "{\"error\":\"too many streams are open; end one\"}\n";
	bool is_full = http_connections_in(r->http, HTTP_STREAMING) >= HTTP_STREAMS;

	r->on_gone = on_gone;
	r->gone_arg = arg;
	if (is_full || r->is_head) {
		if (is_full)
			answer(r, 503, "application/json", many, sizeof(many) - 1);
		else
			answer(r, 200, type, "", 0);
		lose(r);
		return;
	}
	r->http->counts.requests++;
	add_headers(r, type);
	http_connection_enter(r->connection, HTTP_STREAMING);
	evhttp_send_reply_start(r->inner, 200, NULL);
}

void
http_stream_add(struct http_request *r, const char *text, size_t size)
{
	struct evbuffer *buffer;

	if (!r->inner)
		return;
	if (http_connection_backlog(r->connection) > HTTP_BACKLOG) {
		r->connection->must_end = true;
		event_active(r->http->soon, EV_TIMEOUT, 0);
		return;
	}
	buffer = evbuffer_new();
	evbuffer_add(buffer, text, size);
	evhttp_send_reply_chunk(r->inner, buffer);
	evbuffer_free(buffer);
}

void
http_stream_end(struct http_request *r)
{
	if (r->inner) {
		evhttp_request_set_on_complete_cb(r->inner, on_answered, r->connection);
		evhttp_send_reply_end(detach(r, HTTP_ANSWERING));
		free_request(r);
		return;
	}
	/* Lost, and not told yet: it will be freed without. */
	r->on_gone = NULL;
}

const char *
http_query(const struct http_request *r, const char *name)
{
	return r->has_query ? evhttp_find_header(&r->query, name) : NULL;
}

const char *
http_body(const struct http_request *r, size_t *ret_size)
{
	*ret_size = r->body_size;
	return r->body;
}

/* The user's name from this host's own list: asking a directory could take long. */
static char *
name_of(uid_t uid)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *entry = NULL;
	char *name;

	while (f && (entry = fgetpwent(f)) && entry->pw_uid != uid)
		;
	name = entry ? mem_printf("%s (uid %u)", entry->pw_name, (unsigned)uid)
		     : mem_printf("uid %u", (unsigned)uid);
	if (f)
		fclose(f);
	return name;
}

/* The peer as the kernel knows it. */
static char *
find_peer(const struct http_request *r)
{
	struct ucred user;
	socklen_t size = sizeof(user);
	char *host = NULL;
	uint16_t port;

	if (!http_connection_is_unix(r->connection)) {
		evhttp_connection_get_peer(evhttp_request_get_connection(r->inner), &host, &port);
		return http_connection_client(r->connection, host);
	}
	if (getsockopt(socket_of(r), SOL_SOCKET, SO_PEERCRED, &user, &size) < 0)
		return mem_strdup("somebody on this host");
	return name_of(user.uid);
}

const char *
http_peer(const struct http_request *request)
{
	struct http_request *r = (struct http_request *)(uintptr_t)request;
	char name[NAME_MOST + 1] = "", *peer;
	const char *says;

	if (r->peer || !r->inner)
		return r->peer ? r->peer : "somebody";
	peer = find_peer(r);
	says = header(r, "X-Reflejo-User");
	for (size_t i = 0; says && says[i] && i < NAME_MOST; i++)
		name[i] = isgraph((unsigned char)says[i]) || says[i] == ' ' ? says[i] : '?';
	r->peer = *name ? mem_printf("%s, for %s", peer, name) : mem_strdup(peer);
	free(peer);
	return r->peer;
}

/* 0: it may be done. Otherwise it was answered. */
static int
check_right(struct http_request *r, bool changes)
{
	struct sockaddr_storage peer = {0};
	socklen_t size = sizeof(peer);
	const char *why;
	struct access access;
	int status;

	getpeername(socket_of(r), (struct sockaddr *)&peer, &size);
	access = (struct access){.is_unix = http_connection_is_unix(r->connection),
		.is_loopback = access_is_loopback((struct sockaddr *)&peer),
		.token = credentials_token(r->http->credentials),
		.authorization = header(r, "Authorization"),
		.origin = header(r, "Origin"),
		.host = header(r, "Host"),
		.asks_clients = credentials_asks_clients(r->http->credentials),
		.is_certified = http_connection_is_certified(r->connection),
		.is_secure = r->connection->tls != NULL};
	status = changes ? access_check(&access, &why) : access_check_look(&access, &why);
	if (status == 0)
		return 0;
	if (status == 401)
		http_header(r, "WWW-Authenticate", "Bearer");
	http_reply_error(r, status, "%s", why);
	return -1;
}

/* application/json, whatever parameters stand behind it */
static bool
is_json(const char *type)
{
	size_t size = type ? strcspn(type, "; \t") : 0;

	return size == 16 && !strncasecmp(type, "application/json", 16);
}

static const char *
method_of(const struct evhttp_request *inner)
{
	switch (evhttp_request_get_command(inner)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD: return "GET";
	case EVHTTP_REQ_POST: return "POST";
	default: return "";
	}
}

/* NULL: it was answered. */
static const struct http_route *
find_route(struct http_request *r)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(r->inner));
	const char *method = method_of(r->inner), *allowed = NULL;

	for (const struct http_route *route = r->http->routes; route->path; route++) {
		if (!path || strcmp(route->path, path) != 0)
			continue;
		if (!strcmp(route->method, method))
			return route;
		allowed = !strcmp(route->method, "GET") ? "GET, HEAD" : route->method;
	}
	if (!allowed) {
		http_reply_error(r, 404, "there is nothing under this path");
		return NULL;
	}
	http_header(r, "Allow", allowed);
	http_reply_error(r, 405, "this path takes %s only", allowed);
	return NULL;
}

/* What comes behind the ? and in the body. 0, or it was answered. */
static int
take_arguments(struct http_request *r)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(r->inner));
	struct evbuffer *input = evhttp_request_get_input_buffer(r->inner);

	if (query && *query && evhttp_parse_query_str(query, &r->query) < 0) {
		http_reply_error(r, 400, "what stands behind the ? is not name=value&name=value");
		return -1;
	}
	r->has_query = query && *query;
	r->body_size = evbuffer_get_length(input);
	r->body = mem_alloc(r->body_size + 1);
	evbuffer_copyout(input, r->body, r->body_size);
	r->body[r->body_size] = '\0';
	return 0;
}

/* A change is made by its body only: "/pause?topic=t" must not pause everything. 0, or it was
   answered. */
static int
check_change(struct http_request *r)
{
	if (check_right(r, true) < 0)
		return -1;
	if (r->has_query) {
		http_reply_error(r, 400,
			"nothing may stand behind the ? here; what is meant belongs into the body, "
			"as JSON: {\"name\":\"value\"}");
		return -1;
	}
	if (r->body_size > 0 && !is_json(header(r, "Content-Type"))) {
		http_reply_error(r, 415, "a body must come with Content-Type: application/json");
		return -1;
	}
	return 0;
}

static void
handle(struct http_request *r)
{
	const struct http_route *route = find_route(r);

	if (!route || take_arguments(r) < 0)
		return;
	if ((route->changes ? check_change(r) : check_right(r, false)) < 0)
		return;
	if (http_connections_backlog(r->http) > ANSWERS_MOST) {
		http_reply_error(r, 503, "too many answers wait to be read");
		return;
	}
	route->handler(r, r->http->arg);
}

/* The connection ends with a request that was not answered. */
static void
on_close(struct evhttp_connection *inner, void *arg)
{
	struct http_connection *c = arg;
	struct http_request *r = c->request;
	struct evhttp_request *left;

	(void)inner;
	http_connection_say_end(c);
	if (!r)
		return;
	left = detach(r, c->state);
	/* evhttp leaves those to us that it has taken off the connection before. */
	if (!evhttp_request_get_connection(left))
		evhttp_request_free(left);
	if (r->on_gone)
		r->on_gone(r, r->gone_arg);
	free_request(r);
}

/* evhttp reads the bodies of these methods only. What another one brings would be taken for the
   next request: its answer is the last one. */
static void
end_behind_body(struct evhttp_request *inner)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(inner);
	const char *length = evhttp_find_header(headers, "Content-Length");

	if (evhttp_request_get_command(inner) &
		(EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH))
		return;
	if ((length && strcmp(length, "0") != 0) ||
		evhttp_find_header(headers, "Transfer-Encoding"))
		evhttp_add_header(evhttp_request_get_output_headers(inner), "Connection", "close");
}

static void
on_request(struct evhttp_request *inner, void *arg)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(inner);
	struct http_request *r = mem_zero(1, sizeof(*r));

	r->http = arg;
	r->inner = inner;
	r->is_head = evhttp_request_get_command(inner) == EVHTTP_REQ_HEAD;
	r->connection = http_connection_of(r->http, connection);
	r->connection->request = r;
	http_connection_enter(r->connection, HTTP_HANDLING);
	evhttp_connection_set_closecb(connection, on_close, r->connection);
	end_behind_body(inner);
	handle(r);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	http_connections_sweep(arg);
	credentials_look(((struct http *)arg)->credentials);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	tell_lost(arg);
	http_connections_settle(arg);
}

/* @gives */
static struct evhttp *
make_inner(struct http *http, struct bufferevent *(*make)(struct event_base *base, void *arg))
{
	struct evhttp *inner = evhttp_new(http->base);

	/* Unknown methods as well are answered here, but for CONNECT, which has no path. */
	evhttp_set_allowed_methods(inner, 0xffff & ~EVHTTP_REQ_CONNECT);
	evhttp_set_max_headers_size(inner, HTTP_HEADERS);
	evhttp_set_max_body_size(inner, HTTP_BODY);
	/* A body that is too long is read to its end, or the peer would not see why. */
	evhttp_set_flags(inner, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_bevcb(inner, make, http);
	evhttp_set_gencb(inner, on_request, http);
	return inner;
}

static void
add_events(struct http *http)
{
	static const struct timeval second = {1, 0};

	http->second = event_new(http->base, -1, EV_PERSIST, on_second, http);
	event_add(http->second, &second);
	http->soon = event_new(http->base, -1, 0, on_soon, http);
}

struct http *
http_start(struct event_base *base, const struct http_options *options, struct err *err)
{
	struct http *http = mem_zero(1, sizeof(*http));

	http->base = base;
	http->routes = options->routes;
	http->arg = options->arg;
	http->credentials = options->credentials;
	http->inner = make_inner(http, http_connection_new);
	http->secure = make_inner(http, http_connection_new_secure);
	add_events(http);
	if (http_listen(http, options->listen, err) < 0)
		http_stop(&http);
	return http;
}

void
http_stop(struct http **server)
{
	struct http *http = *server;

	if (!http)
		return;
	*server = NULL;
	http_connections_flush(http);
	evhttp_free(http->inner);
	evhttp_free(http->secure);
	tell_lost(http);
	http_connections_free(http);
	http_listeners_free(http);
	event_free(http->second);
	event_free(http->soon);
	free(http->address);
	free(http);
}

const char *
http_address(const struct http *http)
{
	return http->address;
}

bool
http_connection_is_unix(const struct http_connection *c)
{
	struct sockaddr_storage name = {0};
	socklen_t size = sizeof(name);

	return getsockname(bufferevent_getfd(c->stream), (struct sockaddr *)&name, &size) == 0 &&
	       name.ss_family == AF_UNIX;
}

void
http_counts(const struct http *http, struct http_counts *ret)
{
	*ret = http->counts;
	ret->connections = http_connections_count(http);
}
