/* HTTP: the admin API's server, on TCP and Unix sockets, bounded whatever the peers do. */
#ifndef SERVICE_HTTP_H
#define SERVICE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct credentials;
struct event_base;
struct http;

/* One request from its arrival until it was answered. Lives until http_reply, http_stream_end, or
   on_gone was called. All calls: @thread main */
struct http_request;

typedef void http_handler(struct http_request *request, void *arg);

/* One path. A changing call is checked for its right to change before the handler is asked: see
   service/access.h. */
struct http_route {
	const char *method; /* "GET" (answers HEAD as well) or "POST" */
	const char *path;   /* exactly */
	bool changes;
	http_handler *handler;
};

struct http_options {
	const char *listen; /* "HOST:PORT" or "unix:PATH", several with commas between them; "none".
			       HOST:PORT speaks TLS when there is a certificate, https://HOST:PORT
			       must, http://HOST:PORT does not */
	struct credentials *credentials; /* borrowed; looked at once a second. With a token,
			      changing calls over TCP need "Authorization: Bearer TOKEN"; else a
			      client's certificate, where those are asked for; without both they are
			      taken from loopback addresses only. Unix sockets need none: who may
			      open them may change */
	const struct http_route *routes; /* ends with a NULL path */
	void *arg;			 /* of the handlers */
};

/* Listens. The error names the address, and what to do. options are copied, routes borrowed. listen
   "none": a server without listeners. @gives; http_stop */
struct http *http_start(
	struct event_base *base, const struct http_options *options, struct err *err);

/* Closes everything, once what was answered went out as far as the sockets take it at once, removes
   Unix sockets, frees and clears. NULL is accepted. Streams end with their on_gone; a request that
   waits for its answer is over, without a word to its handler. */
void http_stop(struct http **http);

/* The first address that TCP peers reach, "127.0.0.1:9186" (the port as chosen by the kernel where
   0 was asked for); NULL: there is none. */
const char *http_address(const struct http *http);

/* A parameter behind the ?; NULL: not there. */
const char *http_query(const struct http_request *request, const char *name);

/* The body; "" when there is none. NUL-terminated, *ret_size without it. */
const char *http_body(const struct http_request *request, size_t *ret_size);

/* Who asks, for people: "ana (uid 1000)", "10.0.0.7", and what the header X-Reflejo-User adds. */
const char *http_peer(const struct http_request *request);

/* A header of the answer, before it is given; another one of the same name is replaced.
   Content-Security-Policy, when it is not given, allows nothing. Names and values are our own. */
void http_header(struct http_request *request, const char *name, const char *value);

/* Answers. body is copied. type: "application/json" */
void http_reply(
	struct http_request *request, int status, const char *type, const char *body, size_t size);
/* {"error":"sentence"} */
void http_reply_error(struct http_request *request, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* 200 {"message":"sentence"} */
void http_reply_done(struct http_request *request, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Answers with lines as they come. on_gone is called once, when the peer is gone or does not read
   what waits for it any more (HTTP_BACKLOG bytes); the request is over then. A peer of a stream is
   never idle. on_gone is never called from within these calls. A stream that is one too many, or
   asked for with HEAD, is answered here, and gone when the loop has turned. */
#define HTTP_BACKLOG (256 * 1024)
void http_stream(struct http_request *request, const char *type,
	void (*on_gone)(struct http_request *request, void *arg), void *arg);
void http_stream_add(struct http_request *request, const char *text, size_t size);
void http_stream_end(struct http_request *request);

/* What the server has met so far, for its own metrics. */
struct http_counts {
	unsigned connections;		 /* now */
	unsigned long requests, refused; /* answered; refused: 4xx, and connections that were closed
					    for being too many or too slow */
};
void http_counts(const struct http *http, struct http_counts *ret);

#endif
