/* The call /tap: samples of records, as a stream of lines. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "service/admin.h"
#include "service/agent_state.h"

#define TAP_MOST 100000
#define TAP_DEFAULT 10

/* Somebody who wants to see records. */
struct admin_tap {
	struct admin_tap *next;
	struct agent *agent;
	struct http_request *request;
	char *topic;
	int64_t left; /* samples to give */
};

/* Each stream gives as many samples of the topic as somebody still wants. */
static void
want_samples(struct agent *a, const char *topic)
{
	int64_t most = 0;

	for (const struct admin_tap *tap = a->admin.taps; tap; tap = tap->next)
		if (!strcmp(tap->topic, topic) && tap->left > most)
			most = tap->left;
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_tap(a->workers[i], topic, most);
}

/* It is over, or its peer is gone. */
static void
remove_tap(struct admin_tap *tap)
{
	struct admin_tap **link = &tap->agent->admin.taps;

	while (*link != tap)
		link = &(*link)->next;
	*link = tap->next;
	want_samples(tap->agent, tap->topic);
	free(tap->topic);
	free(tap);
}

static void
on_gone(struct http_request *r, void *arg)
{
	(void)r;
	remove_tap(arg);
}

void
call_tap(struct http_request *r, void *agent)
{
	struct agent *a = agent;
	struct admin_tap *tap;
	char *topic = NULL;
	int64_t count = TAP_DEFAULT;
	const struct admin_field fields[] = {{"topic", ADMIN_TOPIC, true, 0, 0, &topic},
		{"count", ADMIN_NUMBER, false, 1, TAP_MOST, &count}};

	if (admin_body(r, fields, 2) < 0)
		return;
	/* No sample would ever come. */
	if (!a->routes || !plan_mirrors(a->routes, topic)) {
		if (a->routes)
			http_reply_error(r, 409,
				"%s is no topic that is mirrored (reflejo ctl plan lists them)",
				topic);
		else
			http_reply_error(
				r, 409, "mirroring has not begun: the source is being looked at");
		free(topic);
		return;
	}
	tap = mem_alloc(sizeof(*tap));
	*tap = (struct admin_tap){a->admin.taps, a, r, topic, count};
	a->admin.taps = tap;
	want_samples(a, topic);
	http_stream(r, "application/x-ndjson", on_gone, tap);
}

void
admin_api_on_sampled(struct agent *a, const char *topic, const char *sample)
{
	for (struct admin_tap *tap = a->admin.taps, *next; tap; tap = next) {
		next = tap->next;
		if (strcmp(tap->topic, topic) != 0)
			continue;
		http_stream_add(tap->request, sample, strlen(sample));
		http_stream_add(tap->request, "\n", 1);
		if (--tap->left > 0)
			continue;
		http_stream_end(tap->request);
		remove_tap(tap);
	}
}

void
admin_taps_end(struct admin_api *api)
{
	while (api->taps) {
		http_stream_end(api->taps->request);
		remove_tap(api->taps);
	}
}
