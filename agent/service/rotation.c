/* The rotation of secrets: logins, tokens, certificates and trust that change in the
 * configuration's files while the agent runs. */
#include "service/rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/renewal.h"
#include "service/agent_state.h"

/* Who writes a file may not be through with it: it is read when it has not changed for so long. */
#define QUIET_MS 1000
/* What is younger than this when the agent begins may have been read before it was written. */
#define YOUNG_S 10

static const char *const side_names[CLIENT_SIDES] = {"source", "target"};

static int64_t
interval(const struct agent *a)
{
	return a->options && a->options->reread ? a->config->mirror.secrets_interval : 0;
}

/* The files of a configuration are looked at from now on. @takes files, which are empty then */
static void
watch(struct rotation *r, struct file_list *files)
{
	file_list_fini(&r->files);
	free(r->stamps);
	r->files = *files;
	*files = (struct file_list){0};
	r->stamps = mem_zero(r->files.count + 1, sizeof(*r->stamps));
	for (size_t i = 0; i < r->files.count; i++)
		stamp_changed(&r->stamps[i], r->files.paths[i]);
}

/* A pipe, standard input, or a file that is removed once it was read, can be read once only. NULL:
   all can be read again. */
static const char *
find_fleeting(const struct file_list *files)
{
	struct stat st;

	for (size_t i = 0; i < files->count; i++)
		if (stat(files->paths[i], &st) < 0 ||
			(!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
			return files->paths[i];
	return NULL;
}

void
rotation_begin(struct agent *a)
{
	struct rotation *r = &a->rotation;
	struct file_list files = {0};

	r->known[CLIENT_SOURCE] = a->config->consumer_secrets;
	r->known[CLIENT_TARGET] = a->config->producer_secrets;
	memcpy(r->seen, r->known, sizeof(r->seen));
	file_note_into(&files);
	for (size_t i = 0; i < a->config->files.count; i++)
		file_note(a->config->files.paths[i]);
	file_note_into(NULL);
	if (find_fleeting(&files)) {
		snprintf(r->fleeting, sizeof(r->fleeting), "%s", find_fleeting(&files));
		LOG(EVENT_secrets_unwatched, F_STR("file", r->fleeting));
	}
	watch(r, &files);
	for (size_t i = 0; i < r->files.count; i++)
		r->is_unsure |= r->stamps[i].written.tv_sec >= clock_wall_ms() / 1000 - YOUNG_S;
	r->next = clock_ms() + interval(a);
}

void
rotation_fini(struct rotation *r)
{
	file_list_fini(&r->files);
	free(r->stamps);
	r->stamps = NULL;
}

/* Has one of the files changed since it was looked at last? */
static bool
has_changed(struct rotation *r)
{
	bool is_changed = false;

	for (size_t i = 0; i < r->files.count; i++)
		is_changed |= stamp_changed(&r->stamps[i], r->files.paths[i]);
	return is_changed;
}

/* The same reason is said once. */
static void
refuse(struct rotation *r, const char *reason, struct text *told)
{
	if (strcmp(r->refusal, reason) != 0)
		LOG(EVENT_secrets_refused, F_STR("reason", reason));
	snprintf(r->refusal, sizeof(r->refusal), "%s", reason);
	r->is_unsure = true;
	if (told)
		text_printf(told, "%s%s", told->length ? "; " : "", reason);
}

/* "login, certificate". @gives a string */
static char *
print_kinds(unsigned kinds)
{
	struct text text = {0};

	for (int i = 0; i < SECRETS; i++)
		if (kinds & 1U << i)
			text_printf(&text, "%s%s", text.length ? ", " : "", secret_name(i));
	return text_take(&text);
}

/* What a side connects to, or how, is not what its clients were made with: it may be for another
   cluster, whose secrets the one of now must not be shown. It is said once. */
static void
leave_side(enum client_side side, bool is_news, struct text *told)
{
	if (is_news)
		LOG(EVENT_secrets_fixed, F_STR("side", side_names[side]));
	if (told)
		text_printf(told,
			"%s%s: bootstrap.servers or other settings of its connections have "
			"changed; nothing is taken until a restart",
			told->length ? "; " : "", side_names[side]);
}

/* -1 when the clients of a side cannot take these kinds. */
static int
take(const struct rotation *r, enum client_side side, const struct client_settings *settings,
	const struct secrets *fresh, unsigned kinds, struct err *err)
{
	const char *lost = secrets_lost(&r->known[side], fresh);

	if (lost)
		return err_set(err,
			"the configuration has no %s any more: write it again, or restart to go "
			"on without it",
			lost);
	return renewal_take(side, settings, kinds, err);
}

/* Has the clients of a side take what differs. */
static enum rotation_outcome
renew_side(struct rotation *r, enum client_side side, const struct client_settings *settings,
	const struct secrets *fresh, struct text *told)
{
	unsigned kinds = secrets_compare(&r->known[side], fresh);
	bool is_news = secrets_compare(&r->seen[side], fresh) & 1U << SECRET_FIXED;
	struct err err;
	char *what;

	r->seen[side] = *fresh;
	if (kinds & 1U << SECRET_FIXED) {
		leave_side(side, is_news, told);
		return ROTATION_REFUSED;
	}
	if (!kinds)
		return ROTATION_NOTHING;
	if (take(r, side, settings, fresh, kinds, &err) < 0) {
		err_prefix(&err, "%s: ", side_names[side]);
		refuse(r, err.text, told);
		return ROTATION_REFUSED;
	}
	r->known[side] = *fresh;
	what = print_kinds(kinds);
	LOG(EVENT_secrets_renewed, F_STR("side", side_names[side]), F_STR("what", what));
	if (told)
		text_printf(told, "%s%s: %s", told->length ? "; " : "", side_names[side], what);
	free(what);
	return ROTATION_TAKEN;
}

/* The first error of a configuration that cannot be used. */
static void
refuse_configuration(struct rotation *r, const struct problems *problems, struct text *told)
{
	char *reason = NULL;

	for (size_t i = 0; i < problems->count && !reason; i++) {
		const struct problem *p = &problems->items[i];

		if (p->is_error)
			reason = mem_printf("%s%s%s", p->origin ? p->origin : "",
				p->origin ? ": " : "", p->text);
	}
	refuse(r, reason ? reason : "the configuration has an error", told);
	free(reason);
}

static bool
is_same(const struct file_list *a, const struct file_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->paths[i], b->paths[i]) != 0)
			return false;
	return true;
}

enum rotation_outcome
rotation_look(struct agent *a, struct text *told)
{
	struct rotation *r = &a->rotation;
	struct problems problems = {0};
	struct config *fresh;
	enum rotation_outcome source, target, outcome = ROTATION_REFUSED;

	if (!a->options || !a->options->reread || a->is_stopping)
		return ROTATION_NOTHING;
	if (r->fleeting[0]) {
		if (told)
			text_printf(told,
				"'%s' cannot be read twice, so the configuration is not read "
				"again; restart, or have it in files that stay",
				r->fleeting);
		return ROTATION_NOTHING;
	}
	r->is_unsure = false;
	fresh = a->options->reread(a->options->reread_arg, &problems);
	if (!fresh) {
		refuse_configuration(r, &problems, told);
	} else {
		source = renew_side(
			r, CLIENT_SOURCE, &fresh->consumer, &fresh->consumer_secrets, told);
		target = renew_side(
			r, CLIENT_TARGET, &fresh->producer, &fresh->producer_secrets, told);
		outcome = source > target ? source : target;
		if (!r->is_unsure)
			r->refusal[0] = '\0';
		if (!is_same(&r->files, &fresh->files))
			watch(r, &fresh->files);
	}
	config_free(&fresh);
	problems_fini(&problems);
	r->next = clock_ms() + interval(a);
	return outcome;
}

void
rotation_every_second(struct agent *a)
{
	struct rotation *r = &a->rotation;

	if (interval(a) == 0 || r->fleeting[0] || clock_ms() < r->next)
		return;
	r->next = clock_ms() + interval(a);
	if (has_changed(r)) {
		r->is_unsure = true;
		r->next = clock_ms() + QUIET_MS;
	} else if (r->is_unsure && !find_fleeting(&r->files)) {
		rotation_look(a, NULL);
	}
}
