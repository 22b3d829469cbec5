/* The calls about records at which partitions are held: to look at them, leave one out, or put one
   into the dead-letter topic. The stream that has the partition answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/admin.h"
#include "service/agent_state.h"

/* Offsets up to here are whole numbers in JSON. */
#define OFFSET_MOST 9007199254740991

/* Somebody who waits until every stream has answered. */
struct admin_held {
	struct admin_held *next;
	struct http_request *request;
	struct held_question question;
	bool *is_awaited; /* by stream */
	int awaited;
	bool is_here, is_refused; /* of any stream */
	size_t count, left_out;
	struct text items; /* SHOW: with commas between them; else a sentence */
};

static void
add_items(struct admin_held *h, const struct held_answer *answer)
{
	h->is_here = h->is_here || answer->is_here;
	h->is_refused = h->is_refused || answer->is_refused;
	h->left_out += answer->left_out;
	for (size_t i = 0; i < answer->count; i++) {
		if (h->count == HELD_MOST) {
			h->left_out++;
			continue;
		}
		if (h->count++ > 0)
			text_putc(&h->items, ',');
		text_puts(&h->items, answer->items[i]);
	}
}

static void
reply_shown(const struct admin_held *h)
{
	struct text body = {0};

	text_printf(&body, "{\"held\":[%s],\"left_out\":%zu}\n", h->items.s ? h->items.s : "",
		h->left_out);
	http_reply(h->request, 200, "application/json", body.s, body.length);
	text_fini(&body);
}

/* All streams have answered. */
static void
reply(const struct admin_held *h)
{
	const struct held_question *q = &h->question;

	if (!h->is_here && *q->topic && q->partition >= 0)
		http_reply_error(h->request, 409,
			"this agent does not read %s partition %d now (reflejo ctl status %s shows "
			"what it reads)",
			q->topic, (int)q->partition, q->topic);
	else if (!h->is_here && *q->topic)
		http_reply_error(h->request, 409,
			"this agent reads no partition of %s now (reflejo ctl status shows "
			"what it reads; with several agents ask each)",
			q->topic);
	else if (q->ask == HELD_SHOW)
		reply_shown(h);
	else if (h->is_refused)
		http_reply_error(h->request, 409, "%s", h->items.s);
	else
		http_reply_done(h->request, "%s", h->items.s);
}

static void
end(struct admin_held **link)
{
	struct admin_held *h = *link;

	*link = h->next;
	free(h->is_awaited);
	text_fini(&h->items);
	free(h);
}

void
admin_api_on_held(struct agent *a, int stream, const struct held_answer *answer)
{
	for (struct admin_held **link = &a->admin.held, *h; (h = *link);) {
		link = &h->next;
		if ((answer && answer->id != h->question.id) || !h->is_awaited[stream])
			continue;
		h->is_awaited[stream] = false;
		h->awaited--;
		if (answer)
			add_items(h, answer);
	}
	for (struct admin_held **link = &a->admin.held; *link;) {
		if ((*link)->awaited > 0) {
			link = &(*link)->next;
			continue;
		}
		reply(*link);
		end(link);
	}
}

void
admin_held_end(struct admin_api *api)
{
	while (api->held) {
		http_reply_error(
			api->held->request, 409, "the agent stopped before that was answered");
		end(&api->held);
	}
}

/* Asks every stream; the answer comes by admin_api_on_held. */
static void
ask(struct agent *a, struct http_request *r, struct held_question *q)
{
	struct admin_held *h;

	if (a->running == 0) {
		http_reply_error(r, 409, "%s",
			a->is_stopping ? "the agent is stopping"
				       : "mirroring has not begun: the source is being looked at");
		return;
	}
	q->id = ++a->admin.questions;
	snprintf(q->by, sizeof(q->by), "%s", http_peer(r));
	h = mem_zero(1, sizeof(*h));
	h->next = a->admin.held;
	h->request = r;
	h->question = *q;
	h->is_awaited = mem_zero((size_t)a->worker_count, sizeof(*h->is_awaited));
	for (int i = 0; i < a->worker_count; i++) {
		if (!a->workers[i])
			continue;
		h->is_awaited[i] = true;
		h->awaited++;
		worker_ask_held(a->workers[i], q);
	}
	a->admin.held = h;
}

void
call_show_held(struct http_request *r, void *agent)
{
	char *topic = NULL;
	int64_t partition = -1;
	struct held_question q = {.ask = HELD_SHOW};
	const struct admin_field fields[] = {{"topic", ADMIN_TOPIC, false, 0, 0, &topic},
		{"partition", ADMIN_NUMBER, false, 0, INT32_MAX, &partition}};

	if (admin_body(r, fields, 2) < 0)
		return;
	if (!topic && partition >= 0) {
		http_reply_error(r, 400, "'partition' needs a 'topic'");
		return;
	}
	q.partition = (int32_t)partition;
	snprintf(q.topic, sizeof(q.topic), "%s", topic ? topic : "");
	free(topic);
	ask(agent, r, &q);
}

/* A call that is about one record. */
static void
decide(struct http_request *r, struct agent *a, enum held_ask what)
{
	char *topic = NULL;
	int64_t partition = 0, offset = 0;
	struct held_question q = {.ask = what};
	const struct admin_field fields[] = {{"topic", ADMIN_TOPIC, true, 0, 0, &topic},
		{"partition", ADMIN_NUMBER, true, 0, INT32_MAX, &partition},
		{"offset", ADMIN_NUMBER, true, 0, OFFSET_MOST, &offset}};

	if (admin_body(r, fields, 3) < 0)
		return;
	q.partition = (int32_t)partition;
	q.offset = offset;
	snprintf(q.topic, sizeof(q.topic), "%s", topic);
	free(topic);
	ask(a, r, &q);
}

void
call_skip(struct http_request *r, void *agent)
{
	decide(r, agent, HELD_SKIP);
}

void
call_dead_letter(struct http_request *r, void *agent)
{
	decide(r, agent, HELD_DEAD_LETTER);
}
