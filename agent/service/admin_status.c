/* The admin API's calls that tell: what the agent does, how it fares, where topics go. */
#include <stdlib.h>
#include <string.h>

#include "mirror/plan_document.h"
#include "service/agent_state.h"
#include "service/dashboard.h"
#include "service/metrics.h"
#include "service/status.h"

static void
reply_json(struct http_request *r, int status, char *text)
{
	http_reply(r, status, "application/json", text, strlen(text));
	free(text);
}

void
call_status(struct http_request *r, void *agent)
{
	struct view view;

	view_take(agent, &view);
	reply_json(r, 200, status_document(&view, http_query(r, "topic")));
}

void
call_readyz(struct http_request *r, void *agent)
{
	struct view view;
	bool is_ready;
	char *text;

	view_take(agent, &view);
	text = status_ready(&view, &is_ready);
	reply_json(r, is_ready ? 200 : 503, text);
}

void
call_metrics(struct http_request *r, void *agent)
{
	struct text text = {0};
	struct view view;

	view_take(agent, &view);
	metrics_print(&view, &text);
	http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", text.s, text.length);
	text_fini(&text);
}

void
call_plan(struct http_request *r, void *agent)
{
	struct agent *a = agent;

	if (a->routes)
		reply_json(r, 200, plan_document(a->routes));
	else
		http_reply_error(r, 503, "there is no plan yet: the source is being looked at");
}

void
call_groups(struct http_request *r, void *agent)
{
	const struct agent *a = agent;
	const struct group_sync_message *m = a->groups_seen;

	if (m)
		http_reply(r, 200, "application/json", m->document, strlen(m->document));
	else if (a->config->groups.sync)
		http_reply_error(r, 503, "no pass over the groups has come to an end yet");
	else
		http_reply_error(r, 404, "groups are not kept at the target: set groups.sync");
}

void
call_events(struct http_request *r, void *agent)
{
	events_serve(((struct agent *)agent)->events, r);
}

void
call_page(struct http_request *r, void *agent)
{
	(void)agent;
	http_header(r, "Content-Security-Policy", dashboard_csp);
	http_header(r, "Referrer-Policy", "no-referrer");
	http_reply(r, 200, "text/html; charset=utf-8", dashboard_html, dashboard_size);
}
