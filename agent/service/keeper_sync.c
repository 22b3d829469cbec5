/* The keeper's comparisons: settings and access rules of topics at both clusters, of which the
 * differences are written. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka/acls.h"
#include "mirror/acl_copy.h"
#include "service/keeper_state.h"

static void
say_failed(const char *topic, const char *what, const char *reason)
{
	LOG(EVENT_topic_sync_failed, F_STR("topic", topic), F_STR("what", what),
		F_STR("reason", reason));
}

/* Writes the differences of one topic. */
static void
change(struct keeper *k, const struct plan_topic *t, const struct settings *now,
	struct settings *set, const struct settings *removed)
{
	struct topic_answer answer;
	char *name, *set_text, *removed_text;
	int left = KEEPER_LEFT_OUT_MOST;

	do {
		admin_change_topic(
			k->target, KEEPER_CALL_MS, t->target, now, set, removed, &answer);
		name = left-- > 0 && answer.outcome == TOPIC_REFUSED
			       ? recipe_leave_out(set, answer.reason)
			       : NULL;
		free(name);
		if (name && set->count + removed->count == 0)
			return;
	} while (name && !atomic_load(&k->must_stop));
	if (answer.outcome != TOPIC_DONE) {
		say_failed(t->target, "settings", answer.reason);
		return;
	}
	set_text = settings_text(set);
	removed_text = settings_text(removed);
	LOG(EVENT_topic_settings, F_STR("topic", t->target), F_STR("set", set_text),
		F_STR("removed", removed_text));
	free(set_text);
	free(removed_text);
}

static void
compare(struct keeper *k, const struct plan_topic *t, const struct settings *source,
	const struct settings *now)
{
	struct settings wanted, set, removed;

	recipe_settings(&t->recipe, source, &wanted);
	recipe_difference(&t->recipe, &wanted, now, &set, &removed);
	if (set.count + removed.count > 0)
		change(k, t, now, &set, &removed);
	settings_fini(&wanted);
	settings_fini(&set);
	settings_fini(&removed);
}

/* Compares the settings of one lot of topics. */
static void
sync_lot(struct keeper *k, const struct plan_topic *const *topics, size_t count)
{
	struct settings source[KEEPER_AT_ONCE], now[KEEPER_AT_ONCE];
	char *source_why[KEEPER_AT_ONCE], *why[KEEPER_AT_ONCE];
	const char *names[KEEPER_AT_ONCE];
	bool is_known;
	struct err err;

	for (size_t i = 0; i < count; i++)
		names[i] = topics[i]->target;
	if (keeper_ask_source(k, topics, count, source, source_why, &err) < 0) {
		say_failed("*", "settings at the source", err.text);
		return;
	}
	is_known =
		admin_topic_settings(k->target, KEEPER_CALL_MS, names, count, now, why, &err) == 0;
	if (!is_known)
		say_failed("*", "settings at the target", err.text);
	for (size_t i = 0; is_known && i < count && !atomic_load(&k->must_stop); i++) {
		if (source_why[i] || why[i])
			say_failed(names[i], "settings", source_why[i] ? source_why[i] : why[i]);
		else
			compare(k, topics[i], &source[i], &now[i]);
	}
	for (size_t i = 0; i < count; i++) {
		settings_fini(&source[i]);
		settings_fini(&now[i]);
		free(source_why[i]);
		free(why[i]);
	}
}

static void
sync_settings(struct keeper *k)
{
	const struct plan_topic *topics[KEEPER_AT_ONCE];
	size_t n = 0;

	for (size_t i = 0; i < k->plan->count && !atomic_load(&k->must_stop); i++) {
		const struct plan_topic *t = &k->plan->topics[i];

		if (!keeper_is_there(t) || !strcmp(t->recipe.configs, "none"))
			continue;
		topics[n++] = t;
		if (n == KEEPER_AT_ONCE) {
			sync_lot(k, topics, n);
			n = 0;
		}
	}
	if (n > 0)
		sync_lot(k, topics, n);
}

/* Reads one side's rules. */
static int
read_acls(struct keeper *k, struct admin *admin, const char *side, struct acls *ret)
{
	bool has_none;
	struct err err;
	char *what;

	if (acls_read(admin, KEEPER_CALL_MS, ret, &has_none, &err) == 0)
		return 0;
	if (has_none && k->is_acl_said)
		return -1;
	k->is_acl_said |= has_none;
	what = mem_printf("access rules of the %s", side);
	say_failed("*", what, err.text);
	free(what);
	return -1;
}

static void
say_added(const struct acls *acls)
{
	for (size_t i = 0; i < acls->count; i++) {
		const struct acl *a = &acls->items[i];

		LOG(EVENT_topic_acl, F_STR("topic", a->topic), F_STR("principal", a->principal),
			F_STR("host", a->host),
			F_STR("operation", acl_operation_name(a->operation)),
			F_STR("permission", a->is_allow ? "ALLOW" : "DENY"));
	}
}

static void
sync_acls(struct keeper *k)
{
	struct acls source = {0}, target = {0}, missing = {0};
	bool has_none;
	struct err err;

	if (keeper_open_source(k, &err) < 0) {
		say_failed("*", "access rules of the source", err.text);
		return;
	}
	if (read_acls(k, k->source, "source", &source) < 0 ||
		read_acls(k, k->target, "target", &target) < 0)
		goto out;
	for (size_t i = 0; i < k->plan->count; i++) {
		const struct plan_topic *t = &k->plan->topics[i];

		if (t->target && t->target_partitions > 0)
			acl_copy_missing(&source, t->name, t->target, &target, &missing);
	}
	if (missing.count == 0)
		goto out;
	if (acls_write(k->target, KEEPER_CALL_MS, &missing, &has_none, &err) < 0)
		say_failed("*", "access rules at the target", err.text);
	else
		say_added(&missing);
out:
	acls_fini(&source);
	acls_fini(&target);
	acls_fini(&missing);
}

void
keeper_sync(struct keeper *k)
{
	if (k->config->topics.sync_configs)
		sync_settings(k);
	if (k->config->topics.sync_acls && !atomic_load(&k->must_stop))
		sync_acls(k);
}
