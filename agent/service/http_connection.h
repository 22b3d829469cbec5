/* The server's connections: how many there are, how long each may take. For service/http*.c.

   evhttp has no hooks for this. What it has: the server makes each connection's bufferevent itself
   (evhttp_set_bevcb). It keeps a reference, so that the bufferevent stays valid (and its descriptor
   open) when evhttp is done with it, which shows in its callbacks being gone. A connection that is
   to end gets a time-out through its bufferevent, as if the library had seen one: evhttp then frees
   it at once. */
#ifndef SERVICE_HTTP_CONNECTION_H
#define SERVICE_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "service/http.h"

struct bufferevent;
struct evhttp_connection;
struct evhttp_request;
struct event_base;

/* More connections are not kept; the one that is idle longest makes room. */
#define HTTP_CONNECTIONS 256
/* Of these, so many may be streams, so that an answer can always be had. */
#define HTTP_STREAMS 64
/* Limits of a request, in bytes. */
#define HTTP_HEADERS (8 * 1024)
#define HTTP_BODY (64 * 1024)

enum http_state {
	HTTP_READING,	/* a request is awaited or arriving; evhttp's own answer, too */
	HTTP_HANDLING,	/* the handler has it */
	HTTP_STREAMING, /* the handler adds to it */
	HTTP_ANSWERING, /* the peer is to read the answer */
	HTTP_IDLE,	/* kept alive for another request, of which nothing is there */
	HTTP_STATES
};

struct http_connection {
	struct http_connection *next;
	struct http *http;
	struct bufferevent *stream;
	struct ssl_st *tls; /* the stream's; NULL: it is a plain one */
	enum http_state state;
	int64_t since;		      /* clock_ms when that began */
	struct http_request *request; /* HANDLING, STREAMING */
	bool has_page;		      /* evhttp answers by itself, in HTML */
	bool must_end;		      /* when the loop turns next */
	bool is_last; /* its page was the last answer; evhttp keeps it after CONNECT */
};

/* For evhttp_set_bevcb: arg is the struct http. The second one speaks TLS. */
struct bufferevent *http_connection_new(struct event_base *base, void *arg);
struct bufferevent *http_connection_new_secure(struct event_base *base, void *arg);

/* Enters another state now. */
void http_connection_enter(struct http_connection *connection, enum http_state state);

/* The one that evhttp means. NULL: none. */
struct http_connection *http_connection_of(struct http *http, struct evhttp_connection *inner);

/* Has the client shown a certificate that is believed? */
bool http_connection_is_certified(const struct http_connection *connection);

/* The client of a TCP connection for people: its host, and whom its certificate is for. @gives
   memory for free() */
char *http_connection_client(const struct http_connection *connection, const char *host);

/* What TLS says last: the end is the server's, and nobody's who cut the line. Nothing is written
   behind it. */
void http_connection_say_end(const struct http_connection *connection);

/* Bytes that wait to be read by the peer. */
size_t http_connection_backlog(const struct http_connection *connection);
/* The same of all connections. */
size_t http_connections_backlog(const struct http *http);

/* How many there are, and how many are in a state. */
unsigned http_connections_count(const struct http *http);
unsigned http_connections_in(const struct http *http, enum http_state state);

/* What could not be done from within evhttp: pages are replaced, and those that must end do. */
void http_connections_settle(struct http *http);

/* Ends what takes too long, and gives back what evhttp is done with; once a second. */
void http_connections_sweep(struct http *http);

/* What was answered a moment ago goes out, as far as the sockets take it at once. */
void http_connections_flush(const struct http *http);

/* Frees all, after evhttp. */
void http_connections_free(struct http *http);

#endif
