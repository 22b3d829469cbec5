/* The scout's part in a reload: a script is tried, taken, dropped, or the one before comes back. */
#include <stdlib.h>

#include "base/mem.h"
#include "mirror/plan_log.h"
#include "mirror/scripting.h"
#include "service/scout_message.h"
#include "service/scout_state.h"

void
scout_try_script(struct scout *s)
{
	struct scout_message *m = NULL;
	struct err err = {0};
	const struct plan *plan = NULL;
	char *why_not;

	script_free(&s->candidate);
	if (!s->plan)
		err_set(&err, "the mirror has not begun yet");
	else
		s->candidate = scripting_load(s->config, s->world, SCRIPT_AT_RELOAD, &err);
	if (s->candidate)
		plan = scout_make_plan(s, s->candidate, NULL, &err);
	why_not = plan ? scout_find_endless(s, s->candidate, plan) : NULL;
	if (why_not) {
		err_set(&err, "%s", why_not);
		plan_release(&plan);
		free(why_not);
	}
	if (plan) {
		m = scout_message_of_plan(SCOUT_TRIED, plan);
		m->reason = plan_difference(s->plan, plan);
		m->has_record = script_has(s->candidate, SCRIPT_RECORD);
		plan_release(&plan);
	} else {
		script_free(&s->candidate);
		m = scout_message_new(SCOUT_TRIED, 0);
		m->reason = mem_strdup(err.text);
	}
	mailbox_post(s->notices, &m->message);
}

/* From now on this is the script, the one before is kept to go back to, and the plan is said and
   sent as this kind of message. */
static void
change_script(struct scout *s, struct script *script, enum scout_notice kind)
{
	struct err err;
	const struct plan *old = s->plan;

	/* Before the change, or the maps of the old script would be kept. Cannot fail: for what a
	   hook has no answer now, the plan before has one. */
	s->plan = scout_make_plan(s, script, old, &err);
	s->previous = s->script;
	s->script = script;
	script_take_over(script);
	plan_say_changes(old, s->plan);
	plan_say_problems(old, s->plan);
	plan_release(&old);
	plan_say_topics(s->plan, topics_text(s->filter));
	scout_send_plan(s, kind);
	scout_want_limits(s);
}

void
scout_take_script(struct scout *s)
{
	struct script *script = s->candidate;
	char *saved = NULL;

	s->candidate = NULL;
	if (s->script)
		script_close(s->script, "reload", &saved);
	free(saved);
	script_free(&s->previous);
	change_script(s, script, SCOUT_PLAN);
}

void
scout_change_back(struct scout *s)
{
	if (s->previous)
		change_script(s, s->previous, SCOUT_ROLLED_BACK);
	else
		mailbox_post(s->notices, &scout_message_new(SCOUT_ROLLED_BACK, 0)->message);
}

void
scout_drop_script(struct scout *s)
{
	script_free(&s->candidate);
	if (s->plan)
		scout_next_plan(s);
}
