/* What the server's parts share. For service/http*.c. */
#ifndef SERVICE_HTTP_STATE_H
#define SERVICE_HTTP_STATE_H

#include <event2/keyvalq_struct.h>
#include <sys/types.h>

#include "service/http.h"
#include "service/http_connection.h"

struct evconnlistener;

/* One address that is listened on. evhttp frees inner. */
struct http_listener {
	struct http_listener *next;
	struct evconnlistener *inner;
	char *path; /* of a Unix socket, or NULL */
	ino_t inode;
};

struct http {
	struct event_base *base;
	struct evhttp *inner, *secure; /* secure: by TLS */
	struct credentials *credentials;
	struct event *second, *soon;
	struct http_listener *listeners;
	struct http_connection *connections;
	struct http_request *lost; /* streams of which on_gone is still to be told */
	char *address;
	const struct http_route *routes;
	void *arg;
	unsigned accepted; /* since the loop turned last */
	struct http_counts counts;
};

struct http_request {
	struct http_request *next; /* in lost */
	struct http *http;
	struct http_connection *connection;
	struct evhttp_request *inner; /* NULL: nobody is there any more */
	bool is_head, has_query;
	struct evkeyvalq query;
	char *body, *peer;
	size_t body_size;
	void (*on_gone)(struct http_request *request, void *arg); /* streams */
	void *gone_arg;
};

/* Listens on every address of a list with commas between them ("none": on nothing), so that evhttp
   gets what connects. */
int http_listen(struct http *http, const char *list, struct err *err);

/* Stops and goes on taking connections. */
void http_listeners_pause(struct http *http);
void http_listeners_go_on(struct http *http);

/* Removes the sockets' names and frees, after evhttp. */
void http_listeners_free(struct http *http);

/* Does the connection come through a Unix socket? */
bool http_connection_is_unix(const struct http_connection *connection);

#endif
