/* The client: one request to a running agent's admin API. It knows the server of service/http.c and
   no other: HTTP/1.0, an answer ends with its connection. */
#ifndef SERVICE_CLIENT_H
#define SERVICE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "service/channel.h"

/* A part of a 2xx answer's body, as it arrives. false: enough. */
typedef bool client_sink(const char *bytes, size_t size, void *arg);

struct client_request {
	const char *address;	    /* as address_parse takes it */
	const char *token;	    /* NULL: none */
	struct channel_files files; /* for https:// */
	const char *user;	    /* for the agent's log; NULL: nothing is said */
	const char *method, *path;
	const char *body; /* JSON; NULL: none */
	int timeout_ms;	  /* without a byte from the agent for so long, it does not answer; 0: waits
			   */
	client_sink *sink; /* NULL: all of the body goes into the answer */
	void *arg;
};

struct client_answer {
	int status;
	struct text body; /* of text_fini; without what the sink got */
};

/* Asks. The error says why the agent cannot be reached, or that its answer is none, and what to
 *look at. @gives ret's text @blocks @thread any */
int client_ask(const struct client_request *request, struct client_answer *ret, struct err *err);

/* Adds text as it may stand in a query. @thread any */
void client_escape(struct text *out, const char *text);

#endif
