/* The admin API: its calls over HTTP, and those who wait for their answers. A call is a row in
   calls.def and a function call_NAME. @thread main */
#ifndef SERVICE_ADMIN_H
#define SERVICE_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "service/http.h"

struct agent;
struct credentials;
struct held_answer;

/* Zero-initialised: it does not run. */
struct admin_api {
	struct credentials *credentials;
	struct http *http;
	struct admin_waiter *waiters;
	struct admin_tap *taps;
	struct admin_held *held;
	int64_t questions; /* asked of streams so far */
};

/* Listens as the configuration says. Where it says nothing and the default port is taken, the agent
   does without, and says so; a port that was named must be had. */
int admin_api_start(struct agent *agent, struct err *err);

/* Reads token and certificates again; what is broken is said in the log. Returns whether one of
   their files had changed. @blocks on reading files */
bool admin_api_read_credentials(struct agent *agent);

/* Answers those who wait, and ends all connections. Does nothing when it does not run. */
void admin_api_stop(struct agent *agent);

/* Answers those who wait for this reload, or an earlier one (failure NULL: it was taken, and
   changes so much), or for going back. */
void admin_api_on_reload(
	struct agent *agent, uint64_t number, const char *failure, const char *changes);
void admin_api_on_rollback(struct agent *agent, const char *failure);

/* Gives a sample to all who tap its topic. */
void admin_api_on_sampled(struct agent *agent, const char *topic, const char *sample);

/* What a stream says of partitions that are held; NULL: it has ended and says nothing more. Borrows
   the answer. */
void admin_api_on_held(struct agent *agent, int stream, const struct held_answer *answer);

/* The calls: void call_NAME(struct http_request *request, void *agent). */
#define CALL(name, method, path, changes) http_handler call_##name;
#include "service/calls.def"
#undef CALL

/* One field that the body of a call may hold. */
struct admin_field {
	const char *name;
	enum { ADMIN_TEXT, ADMIN_TOPIC, ADMIN_NUMBER, ADMIN_BOOL } type; /* TOPIC: a name */
	bool is_required;
	int64_t min, max; /* of the number, or of the text's length in bytes */
	void *ret; /* char **: gives memory for free(); int64_t *; bool *. Untouched when the field
		      is not there */
};

/* Reads the body: an object of these fields and no others, or nothing, which is the empty one. On
   failure the request was answered (400, which names what is wrong), and nothing was given. */
int admin_body(struct http_request *request, const struct admin_field *fields, size_t count);

/* Ends all taps, and answers those who wait for what streams say. For admin.c. */
void admin_taps_end(struct admin_api *api);
void admin_held_end(struct admin_api *api);

#endif
