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
	struct admin_api *api;
	struct http_request *request;
	char *topic;
	int64_t left; /* samples to give */
};

static void
free_tap(struct admin_tap *tap)
{
	struct admin_tap **link = &tap->api->taps;

	while (*link != tap)
		link = &(*link)->next;
	*link = tap->next;
	free(tap->topic);
	free(tap);
}

static void
on_gone(struct http_request *r, void *arg)
{
	(void)r;
	free_tap(arg);
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
	/* Before the first plan nobody knows; later a sample of it would never come. */
	if (a->routes && !plan_mirrors(a->routes, topic)) {
		http_reply_error(r, 409,
			"%s is no topic that is mirrored (reflejo ctl plan lists them)", topic);
		free(topic);
		return;
	}
	tap = mem_alloc(sizeof(*tap));
	*tap = (struct admin_tap){a->admin.taps, &a->admin, r, topic, count};
	a->admin.taps = tap;
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_tap(a->workers[i], topic, count);
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
		free_tap(tap);
	}
}

void
admin_taps_end(struct admin_api *api)
{
	while (api->taps) {
		http_stream_end(api->taps->request);
		free_tap(api->taps);
	}
}
