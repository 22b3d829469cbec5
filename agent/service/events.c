/* Events: the newest lines of the log, kept for GET /events and given to those who follow it. */
#include "service/events.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"

/* One line on its way from the thread that logged it. */
struct line {
	struct message message;
	size_t length;
	char json[]; /* with its newline */
};

struct follower {
	struct follower *next;
	struct events *events;
	struct http_request *request;
};

struct events {
	struct mailbox *notices;
	int kind;
	struct line *kept[EVENTS_KEPT]; /* a ring */
	size_t count;			/* taken so far */
	struct follower *followers;
};

/* @thread any */
static void
on_logged(enum log_event event, enum log_level level, const char *json, size_t length, void *arg)
{
	struct events *e = arg;
	struct line *line = mem_alloc(sizeof(*line) + length + 1);

	(void)event, (void)level;
	line->message = (struct message){.kind = e->kind};
	line->length = length + 1;
	memcpy(line->json, json, length);
	line->json[length] = '\n';
	mailbox_post(e->notices, &line->message);
}

struct events *
events_start(struct mailbox *notices, int kind)
{
	struct events *e = mem_zero(1, sizeof(*e));

	e->notices = notices;
	e->kind = kind;
	log_listen(on_logged, e);
	return e;
}

/* One that is gone, or whose answer has ended. */
static void
remove_follower(struct follower *f)
{
	struct follower **link = &f->events->followers;

	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	free(f);
}

static void
on_gone(struct http_request *request, void *arg)
{
	(void)request;
	remove_follower(arg);
}

void
events_take(struct events *e, struct message *message)
{
	struct line *line = (struct line *)message;
	size_t at = e->count++ % EVENTS_KEPT;

	free(e->kept[at]);
	e->kept[at] = line;
	/* Adding may end one whose peer does not read. */
	for (struct follower *f = e->followers, *next; f; f = next) {
		next = f->next;
		http_stream_add(f->request, line->json, line->length);
	}
}

/* A whole number of the query. false: it is something else, and the request is answered. */
static bool
read_last(struct http_request *request, int64_t *ret)
{
	const char *text = http_query(request, "last");
	struct err err;

	*ret = 0;
	if (!text || parse_int(text, 0, EVENTS_KEPT, ret, &err) == 0)
		return true;
	http_reply_error(request, 400, "The parameter last is not right: %s.", err.text);
	return false;
}

static bool
read_follow(struct http_request *request, bool *ret)
{
	const char *text = http_query(request, "follow");
	struct err err;

	*ret = true;
	if (!text || parse_bool(text, ret, &err) == 0)
		return true;
	http_reply_error(request, 400, "The parameter follow is not right: %s.", err.text);
	return false;
}

void
events_serve(struct events *e, struct http_request *request)
{
	struct follower *f;
	struct text past = {0};
	int64_t last;
	bool follow;
	size_t kept = e->count < EVENTS_KEPT ? e->count : EVENTS_KEPT;

	if (!read_last(request, &last) || !read_follow(request, &follow))
		return;
	if ((size_t)last > kept)
		last = (int64_t)kept;
	for (size_t i = e->count - (size_t)last; i < e->count; i++)
		text_add(&past, e->kept[i % EVENTS_KEPT]->json, e->kept[i % EVENTS_KEPT]->length);
	if (!follow) {
		http_reply(request, 200, "application/x-ndjson", past.s ? past.s : "", past.length);
		text_fini(&past);
		return;
	}
	f = mem_zero(1, sizeof(*f));
	*f = (struct follower){.next = e->followers, .events = e, .request = request};
	e->followers = f;
	http_stream(request, "application/x-ndjson", on_gone, f);
	if (past.length)
		http_stream_add(request, past.s, past.length);
	text_fini(&past);
}

void
events_stop(struct events **events)
{
	struct events *e = *events;

	if (!e)
		return;
	log_listen(NULL, NULL);
	while (e->followers) {
		struct http_request *request = e->followers->request;

		remove_follower(e->followers);
		http_stream_end(request);
	}
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		free(e->kept[i]);
	free(e);
	*events = NULL;
}
