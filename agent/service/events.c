/* Events: the newest lines of the log, kept for GET /events and given to those who follow it. */
#include "service/events.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/parse.h"

/* One line, on its way from the thread that logged it and later in the ring. */
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
	struct mailbox *lines; /* logged, and not looked at yet */
	struct event *arrival;
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
	line->message = (struct message){0};
	line->length = length + 1;
	memcpy(line->json, json, length);
	line->json[length] = '\n';
	mailbox_post(e->lines, &line->message);
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

/* Keeps the line, and sends it to those who follow. @takes line */
static void
keep_line(struct events *e, struct line *line)
{
	size_t at = e->count++ % EVENTS_KEPT;

	free(e->kept[at]);
	e->kept[at] = line;
	/* Adding may end one whose peer does not read. */
	for (struct follower *f = e->followers, *next; f; f = next) {
		next = f->next;
		http_stream_add(f->request, line->json, line->length);
	}
}

static void
take_lines(struct events *e)
{
	for (struct message *m = mailbox_take(e->lines), *next; m; m = next) {
		next = m->next;
		keep_line(e, (struct line *)m);
	}
}

static void
on_lines(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	take_lines(arg);
}

struct events *
events_start(struct event_base *base)
{
	struct events *e = mem_zero(1, sizeof(*e));

	e->lines = mailbox_new();
	e->arrival = event_new(base, mailbox_fd(e->lines), EV_READ | EV_PERSIST, on_lines, e);
	event_add(e->arrival, NULL);
	log_listen(on_logged, e);
	return e;
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
	size_t kept;

	/* Whoever has read a line in the log finds it here. */
	take_lines(e);
	kept = e->count < EVENTS_KEPT ? e->count : EVENTS_KEPT;
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
	take_lines(e);
	while (e->followers) {
		struct http_request *request = e->followers->request;

		remove_follower(e->followers);
		http_stream_end(request);
	}
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		free(e->kept[i]);
	event_free(e->arrival);
	mailbox_free(&e->lines);
	free(e);
	*events = NULL;
}
