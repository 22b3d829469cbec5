/* The reload: a new script for the scout and all streams, or for none. */
#include "service/reload.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/watchdog.h"
#include "service/agent_state.h"
#include "service/notify.h"

uint64_t
reload_begin(struct agent *a)
{
	struct reload *r = &a->reload;

	if (a->is_stopping)
		return 0;
	r->is_wanted = r->step != RELOAD_NONE || !a->workers;
	if (r->is_wanted)
		return r->begun + 1;
	r->step = RELOAD_TRYING;
	stamp_changed(&r->taken, a->config->script.file);
	notify_reloading();
	r->failure[0] = '\0';
	scout_try(a->scout);
	return ++r->begun;
}

/* How a reload, or going back, has ended. */
static void
remember(struct agent *a, enum reload_result result, const char *reason)
{
	struct view_script *g = &a->generations;

	g->results[result]++;
	g->last_result = result;
	g->last_time = clock_wall_ms();
	free(g->last_reason);
	g->last_reason = mem_strdup(reason);
}

void
reload_remember_script(struct agent *a, bool has_record)
{
	struct view_script *g = &a->generations;

	g->before = g->generation;
	g->generation = ++g->newest;
	g->loaded = clock_wall_ms();
	g->had_record = g->has_record;
	g->has_record = has_record;
}

/* The script before is back. */
static void
remember_before(struct agent *a)
{
	struct view_script *g = &a->generations;
	int64_t generation = g->generation;
	bool has_record = g->has_record;

	g->generation = g->before;
	g->before = generation;
	g->has_record = g->had_record;
	g->had_record = has_record;
	g->loaded = clock_wall_ms();
}

static void
say_end(struct agent *a, const char *failure, const char *changes)
{
	struct reload *r = &a->reload;

	if (failure) {
		r->refused++;
		LOG(EVENT_reload_rejected, F_STR("script", a->config->script.file),
			F_STR("reason", failure), F_UINT("rejected", r->refused));
		remember(a, RELOAD_REJECTED, failure);
	} else {
		watchdog_clear();
		changes = changes ? changes : "no topic goes elsewhere";
		LOG(EVENT_reloaded, F_STR("script", a->config->script.file),
			F_STR("changes", changes));
		remember(a, RELOAD_OK, changes);
	}
	/* Where it is taken once more at once, that one's end is the answer. */
	if (!r->is_stale)
		admin_api_on_reload(a, r->begun, failure, changes);
}

/* Has the file changed while it was taken? Then some have read it before, and some after. */
static bool
is_stale(struct agent *a)
{
	a->reload.is_stale = stamp_changed(&a->reload.taken, a->config->script.file);
	if (a->reload.is_stale)
		a->reload.is_wanted = true;
	return a->reload.is_stale;
}

/* The reload is over: every stream and the scout take the new script, or none does. */
static void
end_reload(struct agent *a, const char *failure)
{
	struct scout_message *m = a->reload.candidate;

	if (is_stale(a) && !failure)
		failure = "the file has changed while it was taken; it is taken anew";
	for (int i = 0; m && i < a->worker_count; i++)
		if (a->workers[i])
			worker_decide(a->workers[i], failure ? NULL : m->plan);
	if (m)
		scout_adopt(a->scout, !failure);
	if (!failure)
		reload_remember_script(a, m->has_record);
	say_end(a, failure, m ? m->reason : NULL);
	reload_fini(&a->reload);
	a->reload.step = RELOAD_NONE;
	notify_reloaded();
	if (a->reload.is_wanted)
		reload_begin(a);
}

void
reload_on_tried(struct agent *a, struct scout_message *m)
{
	if (!m->plan) {
		end_reload(a, m->reason);
		scout_message_free(m);
		return;
	}
	a->reload.candidate = m;
	a->reload.step = RELOAD_PREPARING;
	a->reload.unprepared = a->running;
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_prepare(a->workers[i]);
}

void
reload_on_prepared(struct agent *a, const struct worker_message *m)
{
	struct reload *r = &a->reload;

	if (!m->is_ready && !r->failure[0])
		snprintf(r->failure, sizeof(r->failure), "%s", m->reason);
	if (--r->unprepared > 0)
		return;
	end_reload(a, r->failure[0] ? r->failure : NULL);
}

bool
reload_roll_back(struct agent *a)
{
	if (a->reload.step != RELOAD_NONE || a->reload.is_rolling_back)
		return false;
	a->reload.is_rolling_back = true;
	scout_roll_back(a->scout);
	return true;
}

void
reload_on_rolled_back(struct agent *a, const struct scout_message *m)
{
	a->reload.is_rolling_back = false;
	if (!m->plan) {
		admin_api_on_rollback(a, "there is no script to go back to");
		return;
	}
	for (int i = 0; i < a->worker_count; i++)
		if (a->workers[i])
			worker_rollback(a->workers[i], m->plan);
	agent_set_topics(a, m);
	remember_before(a);
	remember(a, RELOAD_ROLLED_BACK, "the script before is back");
	LOG(EVENT_rolled_back, F_STR("script", a->config->script.file));
	admin_api_on_rollback(a, NULL);
}

bool
reload_file_changed(struct agent *a)
{
	return stamp_changed(&a->reload.watched, a->config->script.file);
}

void
reload_note_file(struct agent *a)
{
	stamp_changed(&a->reload.watched, a->config->script.file);
	a->reload.taken = a->reload.watched;
}

void
reload_on_start(struct agent *a)
{
	if (a->config->script.file &&
		(stamp_changed(&a->reload.taken, a->config->script.file) || a->reload.is_wanted))
		reload_begin(a);
}

void
reload_fini(struct reload *r)
{
	if (r->candidate)
		scout_message_free(r->candidate);
	r->candidate = NULL;
}
