/* The admin API: its calls over HTTP, and those who wait for their answers. */
#include "service/admin.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "mirror/topics.h"
#include "service/address.h"
#include "service/agent_state.h"
#include "service/credentials.h"

/* Who wants to hear how a reload or a going back ended. */
struct admin_waiter {
	struct admin_waiter *next;
	struct http_request *request;
	uint64_t number; /* the reload's; 0: going back */
};

/* Every change is in the log, with who asked for it. */
static void
note(struct http_request *r, const char *path, bool changes)
{
	if (changes)
		LOG(EVENT_admin_call, F_STR("call", path), F_STR("by", http_peer(r)));
}

#define CALL(name, method, path, changes)                          \
	static void on_##name(struct http_request *r, void *agent) \
	{                                                          \
		note(r, path, changes);                            \
		call_##name(r, agent);                             \
	}
#include "service/calls.def"
#undef CALL

static const struct http_route routes[] = {
#define CALL(name, method, path, changes) {method, path, changes, on_##name},
#include "service/calls.def"
#undef CALL
	{0}};

int
admin_api_start(struct agent *a, struct err *err)
{
	const char *listen = a->config->admin.listen;
	struct credentials_files files = credentials_files(a->config);
	struct http_options options = {
		.listen = listen ? listen : ADDRESS_DEFAULT, .routes = routes, .arg = a};

	a->admin.credentials = options.credentials = credentials_new(&files, err);
	if (!options.credentials)
		return -1;
	a->admin.http = http_start(a->base, &options, err);
	if (!a->admin.http && listen)
		return -1;
	if (!a->admin.http)
		LOG(EVENT_admin_unavailable, F_STR("reason", err->text));
	else if (strcmp(options.listen, "none") != 0)
		LOG(EVENT_admin_listening, F_STR("listen", options.listen),
			F_STR("address", http_address(a->admin.http)));
	return 0;
}

bool
admin_api_read_credentials(struct agent *a)
{
	return a->admin.credentials && credentials_read(a->admin.credentials);
}

static void
wait_for(struct admin_api *api, struct http_request *r, uint64_t number)
{
	struct admin_waiter *w = mem_alloc(sizeof(*w));

	*w = (struct admin_waiter){api->waiters, r, number};
	api->waiters = w;
}

/* Reloads from first to last; 0: going back. */
static void
answer(struct admin_api *api, uint64_t first, uint64_t last, const char *failure,
	const char *sentence)
{
	for (struct admin_waiter **link = &api->waiters, *w; (w = *link);) {
		if (w->number < first || w->number > last) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		if (failure)
			http_reply_error(w->request, 409, "%s", failure);
		else
			http_reply_done(w->request, "%s", sentence);
		free(w);
	}
}

void
admin_api_on_reload(struct agent *a, uint64_t number, const char *failure, const char *changes)
{
	answer(&a->admin, 1, number, failure, changes);
}

void
admin_api_on_rollback(struct agent *a, const char *failure)
{
	answer(&a->admin, 0, 0, failure, "the script before is back");
}

void
admin_api_stop(struct agent *a)
{
	answer(&a->admin, 0, UINT64_MAX, "the agent stopped before that was done", NULL);
	admin_taps_end(&a->admin);
	admin_held_end(&a->admin);
	http_stop(&a->admin.http);
	credentials_free(&a->admin.credentials);
}

/* Does the value suit the field? The answer's sentence when it does not. */
static const char *
mismatch(const struct admin_field *f, const cJSON *value)
{
	switch (f->type) {
	case ADMIN_TEXT:
		if (!cJSON_IsString(value))
			return "must be a text";
		if ((int64_t)strlen(value->valuestring) < f->min ||
			(int64_t)strlen(value->valuestring) > f->max)
			return "is too short or too long";
		return NULL;
	case ADMIN_TOPIC:
		return cJSON_IsString(value) && parse_is_topic_name(value->valuestring)
			       ? NULL
			       : "must be a topic's name: 1 to 249 letters, digits, dots, dashes "
				 "and underscores";
	case ADMIN_NUMBER:
		if (!cJSON_IsNumber(value) || floor(value->valuedouble) != value->valuedouble)
			return "must be a whole number";
		if (value->valuedouble < (double)f->min || value->valuedouble > (double)f->max)
			return "is too small or too large";
		return NULL;
	case ADMIN_BOOL: return cJSON_IsBool(value) ? NULL : "must be true or false";
	}
	return NULL;
}

static void
put(const struct admin_field *f, const cJSON *value)
{
	switch (f->type) {
	case ADMIN_TEXT:
	case ADMIN_TOPIC: *(char **)f->ret = mem_strdup(value->valuestring); break;
	case ADMIN_NUMBER: *(int64_t *)f->ret = (int64_t)value->valuedouble; break;
	case ADMIN_BOOL: *(bool *)f->ret = cJSON_IsTrue(value); break;
	}
}

static const struct admin_field *
find_field(const struct admin_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

/* 0, or the request was answered. */
static int
check_fields(
	struct http_request *r, const struct admin_field *fields, size_t count, const cJSON *body)
{
	const cJSON *value;

	cJSON_ArrayForEach(value, body)
	{
		const struct admin_field *f = find_field(fields, count, value->string);
		const char *why = f ? mismatch(f, value) : "is not known here";

		if (!why && cJSON_GetObjectItemCaseSensitive(body, f->name) != value)
			why = "stands there twice";
		if (why) {
			http_reply_error(r, 400, "'%.100s' %s", value->string, why);
			return -1;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (fields[i].is_required &&
			!cJSON_GetObjectItemCaseSensitive(body, fields[i].name)) {
			http_reply_error(r, 400, "'%s' is missing", fields[i].name);
			return -1;
		}
	}
	return 0;
}

int
admin_body(struct http_request *r, const struct admin_field *fields, size_t count)
{
	size_t size;
	const char *text = http_body(r, &size);
	/* A NUL within a text would end it early. */
	bool has_nul = strlen(text) != size || strstr(text, "\\u0000");
	cJSON *body = has_nul ? NULL : cJSON_ParseWithOpts(size ? text : "{}", NULL, true);
	const cJSON *value;
	int rc = -1;

	if (!cJSON_IsObject(body))
		http_reply_error(r, 400, "the body must be a JSON object");
	else if ((rc = check_fields(r, fields, count, body)) == 0)
		cJSON_ArrayForEach(value, body)
			put(find_field(fields, count, value->string), value);
	cJSON_Delete(body);
	return rc;
}

/* The calls that need nothing else. */

void
call_healthz(struct http_request *r, void *agent)
{
	(void)agent;
	http_reply(r, 200, "text/plain; charset=utf-8", "ok\n", 3);
}

/* May the script be exchanged? Otherwise it was answered. */
static bool
may_exchange(struct http_request *r, const struct agent *a)
{
	if (admin_body(r, NULL, 0) < 0)
		return false;
	if (a->is_stopping)
		http_reply_error(r, 409, "the agent is stopping");
	else if (!a->config->script.file)
		http_reply_error(r, 409, "there is no script: script.file is not set");
	else
		return true;
	return false;
}

/* Where there is no script, only they can be new. */
static void
reload_secrets(struct http_request *r, struct agent *a)
{
	struct text told = {0};
	enum rotation_outcome outcome;
	bool has_own;

	if (a->is_stopping) {
		http_reply_error(r, 409, "the agent is stopping");
		return;
	}
	has_own = admin_api_read_credentials(a);
	outcome = rotation_look(a, &told);
	if (outcome == ROTATION_TAKEN)
		http_reply_done(r, "taken anew: %s", told.s);
	else if (outcome == ROTATION_NOTHING && has_own)
		http_reply_done(r, "the admin API's token and certificate were read again");
	else
		http_reply_error(r, 409, "%s",
			told.s ? told.s
			       : "there is no script (script.file is not set), and no login, token "
				 "or certificate has changed");
	text_fini(&told);
}

void
call_reload(struct http_request *r, void *agent)
{
	struct agent *a = agent;

	if (!a->config->script.file) {
		if (admin_body(r, NULL, 0) == 0)
			reload_secrets(r, a);
		return;
	}
	if (!may_exchange(r, a))
		return;
	if (!a->workers) {
		http_reply_error(r, 409,
			"mirroring has not begun: what has changed by then is taken at its begin");
		return;
	}
	rotation_look(a, NULL);
	wait_for(&a->admin, r, reload_begin(a));
}

void
call_rollback(struct http_request *r, void *agent)
{
	struct agent *a = agent;

	if (!may_exchange(r, a))
		return;
	if (!reload_roll_back(a))
		http_reply_error(r, 409, "a reload is under way; try again when it is over");
	else
		wait_for(&a->admin, r, 0);
}

void
call_log_level(struct http_request *r, void *agent)
{
	char *name = NULL;
	const struct admin_field field = {"level", ADMIN_TEXT, true, 1, 16, &name};
	int level;

	(void)agent;
	if (admin_body(r, &field, 1) < 0)
		return;
	level = log_level_parse(name);
	if (level < 0) {
		http_reply_error(r, 400, "'level' is one of debug, info, warn, error");
	} else {
		log_set_level((enum log_level)level);
		http_reply_done(r, "the log shows %s and above", name);
	}
	free(name);
}

void
call_stop(struct http_request *r, void *agent)
{
	char *reason;

	if (admin_body(r, NULL, 0) < 0)
		return;
	reason = mem_printf("asked to by %s", http_peer(r));
	http_reply_done(r, "the agent drains and commits, and ends");
	agent_stop(agent, AGENT_OK, reason);
	free(reason);
}
