/* The keeper: a thread that makes, grows and syncs topics at the target, so that the scout never
 * waits for it. */
#include "service/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/keeper_state.h"

/* Until a topic that was refused is tried again; doubled each time up to the maximum. */
#define REFUSED_MS 5000
#define REFUSED_MAX_MS 600000
/* Likewise one for which the target had no answer. */
#define LATER_MS 1000
#define LATER_MAX_MS 30000
/* A topic that was made is looked for so often, and so long, until all its partitions can be
   produced to. */
#define LOOK_EVERY_MS 100
#define LED_WITHIN_MS 15000
#define LOOK_MS 5000

enum keeper_order { KEEPER_PLAN, KEEPER_END };

struct order {
	struct message message;
	const struct plan *plan; /* PLAN */
	char *brokers;
};

/* One topic that is to be made, or grown. */
struct job {
	const struct plan_topic *topic; /* the first that goes there; NULL: the dead letters' */
	const char *target;
	struct recipe recipe;
	struct settings settings;
	struct text left_out; /* names of settings that the target does not know */
	struct topic_answer answer;
	bool is_done;
};

struct jobs {
	struct job items[KEEPER_AT_ONCE];
	size_t count;
};

void
keeper_message_free(struct keeper_message *m)
{
	free(m->topic);
	free(m->reason);
	free(m);
}

/* topic and reason are copied; NULL: none. */
static void
tell(struct keeper *k, enum keeper_notice kind, const char *topic, const char *reason)
{
	struct keeper_message *m = mem_zero(1, sizeof(*m));

	m->message.kind = (int)kind;
	m->topic = topic ? mem_strdup(topic) : NULL;
	m->reason = reason ? mem_strdup(reason) : NULL;
	mailbox_post(k->notices, &m->message);
}

static struct trial **
find_trial(struct keeper *k, const char *topic)
{
	struct trial **link = &k->trials;

	while (*link && strcmp((*link)->topic, topic) != 0)
		link = &(*link)->next;
	return link;
}

/* When a topic may be tried; 0: now. */
static int64_t
due_of(struct keeper *k, const char *topic)
{
	struct trial *t = *find_trial(k, topic);

	return t ? t->due : 0;
}

/* It is tried again after a pause, which grows. */
static void
put_off(struct keeper *k, const char *topic, int64_t first, int64_t most)
{
	struct trial **link = find_trial(k, topic), *t = *link;

	if (!t) {
		*link = t = mem_zero(1, sizeof(*t));
		t->topic = mem_strdup(topic);
	}
	t->pause = t->pause ? t->pause * 2 : first;
	if (t->pause > most)
		t->pause = most;
	t->due = clock_ms() + t->pause;
}

static void
remove_trial(struct trial **link)
{
	struct trial *t = *link;

	*link = t->next;
	free(t->topic);
	free(t);
}

int
keeper_open_source(struct keeper *k, struct err *err)
{
	if (!k->source)
		k->source = admin_open_source(k->config, k->brokers, err);
	if (!k->source)
		return -1;
	admin_heed(k->source, &k->must_stop);
	return 0;
}

int
keeper_open_target(struct keeper *k, struct err *err)
{
	if (!k->target)
		k->target = admin_open_target(k->config, err);
	if (!k->target)
		return -1;
	admin_heed(k->target, &k->must_stop);
	return 0;
}

bool
keeper_is_there(const struct plan_topic *t)
{
	return t->target && t->leads && t->target_partitions > 0;
}

int
keeper_ask_source(struct keeper *k, const struct plan_topic *const *topics, size_t count,
	struct settings *ret, char **reasons, struct err *err)
{
	const char *names[KEEPER_AT_ONCE];
	struct settings found[KEEPER_AT_ONCE];
	char *why[KEEPER_AT_ONCE];
	size_t asked[KEEPER_AT_ONCE], n = 0;

	for (size_t i = 0; i < count; i++) {
		ret[i] = (struct settings){0};
		reasons[i] = NULL;
		if (!topics[i] || !recipe_needs_source(&topics[i]->recipe))
			continue;
		names[n] = topics[i]->name;
		asked[n++] = i;
	}
	if (n == 0)
		return 0;
	if (keeper_open_source(k, err) < 0 ||
		admin_topic_settings(k->source, KEEPER_CALL_MS, names, n, found, why, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		ret[asked[i]] = found[i];
		reasons[asked[i]] = why[i];
	}
	return 0;
}

static void
job_fini(struct job *job)
{
	settings_fini(&job->settings);
	text_fini(&job->left_out);
}

/* What each job's topic is set to. Those of which the source tells nothing are answered, and done.
 */
static void
find_settings(struct keeper *k, struct jobs *jobs)
{
	const struct plan_topic *topics[KEEPER_AT_ONCE];
	struct settings source[KEEPER_AT_ONCE];
	char *reasons[KEEPER_AT_ONCE];
	struct err err;
	int rc;

	for (size_t i = 0; i < jobs->count; i++)
		topics[i] = jobs->items[i].topic;
	rc = keeper_ask_source(k, topics, jobs->count, source, reasons, &err);
	for (size_t i = 0; i < jobs->count; i++) {
		struct job *job = &jobs->items[i];
		const char *why = rc < 0 ? err.text : reasons[i];

		if (why && !job->is_done) {
			job->is_done = true;
			job->answer.outcome = rc < 0 ? TOPIC_LATER : TOPIC_REFUSED;
			snprintf(job->answer.reason, sizeof(job->answer.reason),
				"its settings at the source cannot be read (topics.configs=source "
				"needs DESCRIBE_CONFIGS): %.300s",
				why);
		} else if (!job->is_done) {
			recipe_settings(&job->recipe, &source[i], &job->settings);
		}
		if (rc == 0)
			free(reasons[i]);
		settings_fini(&source[i]);
	}
}

/* Asks the target to make the topics of all jobs that are not done. */
static void
create(struct keeper *k, struct jobs *jobs)
{
	struct topic_wish wishes[KEEPER_AT_ONCE];
	struct topic_answer answers[KEEPER_AT_ONCE];
	size_t of[KEEPER_AT_ONCE], n = 0;

	for (size_t i = 0; i < jobs->count; i++) {
		struct job *job = &jobs->items[i];

		if (job->is_done)
			continue;
		of[n] = i;
		wishes[n++] = (struct topic_wish){.topic = job->target,
			.partitions = job->recipe.partitions,
			.replication = job->recipe.replication,
			.settings = &job->settings};
	}
	if (n == 0)
		return;
	admin_create_topics(k->target, KEEPER_CALL_MS, wishes, n, answers);
	for (size_t i = 0; i < n; i++) {
		jobs->items[of[i]].answer = answers[i];
		jobs->items[of[i]].is_done = true;
	}
}

/* Jobs that were refused for a setting that the target does not know are tried without it. */
static bool
leave_out_unknown(struct jobs *jobs)
{
	bool is_any = false;

	for (size_t i = 0; i < jobs->count; i++) {
		struct job *job = &jobs->items[i];
		char *name = job->answer.outcome == TOPIC_REFUSED
				     ? recipe_leave_out(&job->settings, job->answer.reason)
				     : NULL;

		if (!name)
			continue;
		text_printf(&job->left_out, "%s%s", job->left_out.length ? "," : "", name);
		free(name);
		job->is_done = false;
		is_any = true;
	}
	return is_any;
}

/* One job whose replicas the target is to choose is enough for the whole call to be refused by
   brokers that cannot: it is answered, and the others are tried without it. */
static bool
leave_out_default(struct jobs *jobs)
{
	bool is_any = false;

	for (size_t i = 0; i < jobs->count; i++)
		is_any |= jobs->items[i].answer.outcome == TOPIC_UNSUPPORTED &&
			  jobs->items[i].recipe.replication < 0;
	for (size_t i = 0; is_any && i < jobs->count; i++) {
		struct job *job = &jobs->items[i];

		if (job->answer.outcome != TOPIC_UNSUPPORTED)
			continue;
		job->is_done = job->recipe.replication < 0;
		job->answer.outcome = TOPIC_REFUSED;
		snprintf(job->answer.reason, sizeof(job->answer.reason),
			"its brokers are too old to choose the number of replicas (before 2.4); "
			"set topics.replication.factor to a number");
	}
	return is_any;
}

static void
say_created(const struct job *job)
{
	char *settings = settings_text(&job->settings);

	LOG(EVENT_topic_created, F_STR("topic", job->target),
		F_STR("source_topic", job->topic ? job->topic->name : ""),
		F_INT("partitions", job->recipe.partitions),
		F_INT("replication", job->recipe.replication),
		F_INT("wanted_replication", job->recipe.wanted_replication),
		F_STR("configs", settings),
		F_STR("left_out", job->left_out.length ? job->left_out.s : ""));
	free(settings);
}

/* The target did not do what was asked: said, told, and tried again. */
static void
on_failed(struct keeper *k, const struct job *job, enum log_event event)
{
	/* At the end calls are given up, which says nothing of the target. */
	if (atomic_load(&k->must_stop))
		return;
	if (job->answer.outcome == TOPIC_LATER)
		put_off(k, job->target, LATER_MS, LATER_MAX_MS);
	else
		put_off(k, job->target, REFUSED_MS, REFUSED_MAX_MS);
	tell(k, KEEPER_REFUSED, job->target, job->answer.reason);
	log_write(event, NULL,
		(const struct log_field[]){F_STR("topic", job->target),
			F_STR("reason", job->answer.reason),
			F_INT("partitions", job->recipe.partitions),
			F_INT("replication", job->recipe.replication),
			F_INT("again_ms", (*find_trial(k, job->target))->pause)},
		5);
}

/* Is the topic of a job listed as it shall be, with a leader for each partition? */
static bool
is_led(const struct cluster_view *view, const struct job *job)
{
	for (size_t i = 0; i < view->topic_count; i++)
		if (!strcmp(view->topics[i].name, job->target))
			return view->topics[i].leaderless == 0 &&
			       (job->answer.outcome == TOPIC_THERE ||
				       view->topics[i].partitions >= job->recipe.partitions);
	return false;
}

static bool
is_to_be_led(const struct job *job)
{
	return job->is_done &&
	       (job->answer.outcome == TOPIC_DONE || job->answer.outcome == TOPIC_THERE);
}

/* Waits until the topics of all jobs that worked can be produced to. Returns how many there are of
   them; those that could not be seen in time are answered anew. */
static size_t
wait_until_led(struct keeper *k, struct jobs *jobs)
{
	struct pollfd fd = {.fd = mailbox_fd(k->orders), .events = 0};
	int64_t until = clock_ms() + LED_WITHIN_MS;
	size_t total = 0, unseen = 1;
	bool led[KEEPER_AT_ONCE] = {false};

	for (size_t i = 0; i < jobs->count; i++)
		total += is_to_be_led(&jobs->items[i]);
	while (total > 0 && unseen > 0 && clock_ms() < until && !atomic_load(&k->must_stop)) {
		struct cluster_view view;
		struct err err;

		unseen = total;
		if (admin_view(k->target, LOOK_MS, &view, &err) == 0) {
			for (size_t i = 0; i < jobs->count; i++) {
				led[i] = is_to_be_led(&jobs->items[i]) &&
					 is_led(&view, &jobs->items[i]);
				unseen -= led[i];
			}
			cluster_view_fini(&view);
		}
		if (unseen > 0)
			poll(&fd, 1, LOOK_EVERY_MS);
	}
	for (size_t i = 0; i < jobs->count; i++)
		if (is_to_be_led(&jobs->items[i]) && !led[i] &&
			jobs->items[i].answer.outcome == TOPIC_THERE) {
			jobs->items[i].answer.outcome = TOPIC_REFUSED;
			snprintf(jobs->items[i].answer.reason, sizeof(jobs->items[i].answer.reason),
				"it is there, but this user does not see it, or it has partitions "
				"without a leader; grant DESCRIBE on it");
		}
	return total;
}

/* What became of the jobs. Returns false when the target cannot be asked for it at all. */
static bool
settle(struct keeper *k, const struct jobs *jobs, bool is_creation)
{
	bool is_able = true, is_changed = false, is_refused = false;

	for (size_t i = 0; i < jobs->count; i++) {
		const struct job *job = &jobs->items[i];

		switch (job->answer.outcome) {
		case TOPIC_DONE:
			if (is_creation)
				say_created(job);
			else
				LOG(EVENT_topic_grown, F_STR("topic", job->target),
					F_INT("from", job->topic->target_partitions),
					F_INT("to", job->recipe.partitions));
			/* fall through */
		case TOPIC_THERE:
			tell(k, KEEPER_REFUSED, job->target, NULL);
			is_changed = true;
			/* Should the next plan not know it yet, it is not asked for at once. */
			put_off(k, job->target, LATER_MS, LATER_MAX_MS);
			break;
		case TOPIC_UNSUPPORTED:
			if (is_creation) {
				is_able = false;
				tell(k, KEEPER_UNABLE, NULL, job->answer.reason);
				break;
			}
			/* fall through */
		case TOPIC_LATER:
		case TOPIC_REFUSED:
			is_refused = true;
			on_failed(
				k, job, is_creation ? EVENT_topic_refused : EVENT_topic_not_grown);
		}
	}
	if (is_refused)
		tell(k, KEEPER_SETTLED, NULL, NULL);
	if (is_changed)
		tell(k, KEEPER_CHANGED, NULL, NULL);
	k->has_made |= is_changed && is_creation;
	return is_able;
}

/* The target's client, made at the first need. */
static bool
is_open(struct keeper *k)
{
	struct err err;

	if (keeper_open_target(k, &err) == 0)
		return true;
	LOG(EVENT_topics_unmanaged, F_STR("reason", err.text));
	return false;
}

/* Asks the target for a sign of life, with which the client learns who makes topics there: left to
   itself it asks for that only minutes later. What cannot be asked for is answered. */
static void
find_controller(struct keeper *k, struct jobs *jobs)
{
	struct err err;

	if (admin_ping(k->target, LOOK_MS, &err) == 0)
		return;
	for (size_t i = 0; i < jobs->count; i++) {
		jobs->items[i].is_done = true;
		jobs->items[i].answer.outcome = TOPIC_LATER;
		snprintf(jobs->items[i].answer.reason, sizeof(jobs->items[i].answer.reason),
			"%.390s", err.text);
	}
}

/* Runs one lot of creations. */
static bool
run_creations(struct keeper *k, struct jobs *jobs)
{
	bool is_able;

	if (!is_open(k))
		return false;
	find_controller(k, jobs);
	find_settings(k, jobs);
	create(k, jobs);
	if (leave_out_default(jobs))
		create(k, jobs);
	for (int i = 0; i < KEEPER_LEFT_OUT_MOST && leave_out_unknown(jobs); i++)
		create(k, jobs);
	wait_until_led(k, jobs);
	is_able = settle(k, jobs, true);
	for (size_t i = 0; i < jobs->count; i++)
		job_fini(&jobs->items[i]);
	jobs->count = 0;
	return is_able;
}

/* May it be tried now? If not, *next is brought forward to when it may. */
static bool
is_due(struct keeper *k, const char *topic, int64_t now, int64_t *next)
{
	int64_t due = due_of(k, topic);

	if (due <= now)
		return true;
	if (*next < 0 || due < *next)
		*next = due;
	return false;
}

/* Does a topic of the source go there as well? Then it is made as that one says. */
static bool
is_led_by_another(const struct plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->topics[i].target && !strcmp(plan->topics[i].target, target))
			return true;
	return false;
}

/* The topic for dead letters. */
static void
add_dead_letters(struct keeper *k, struct jobs *jobs, int64_t now, int64_t *next)
{
	const char *topic = k->config->mirror.dead_letter_topic;
	struct job *job = &jobs->items[jobs->count];

	/* With the first topics it is known how many replicas it shall have. */
	if (!topic || k->plan->mirrored == 0 || plan_target_partitions(k->plan, topic) != 0 ||
		is_led_by_another(k->plan, topic) || !is_due(k, topic, now, next))
		return;
	*job = (struct job){.target = topic};
	recipe_dead_letters(k->config, k->plan, &job->recipe);
	jobs->count++;
}

/* Makes what is missing. Returns false when the target cannot be asked for it. */
static bool
create_missing(struct keeper *k, int64_t now, int64_t *next)
{
	struct jobs jobs = {.count = 0};

	if (!k->plan->makes_topics)
		return true;
	add_dead_letters(k, &jobs, now, next);
	for (size_t i = 0; i < k->plan->count && !atomic_load(&k->must_stop); i++) {
		const struct plan_topic *t = &k->plan->topics[i];

		if (!t->target || !t->leads || t->target_partitions != 0 ||
			!is_due(k, t->target, now, next))
			continue;
		jobs.items[jobs.count++] =
			(struct job){.topic = t, .target = t->target, .recipe = t->recipe};
		if (jobs.count == KEEPER_AT_ONCE && !run_creations(k, &jobs))
			return false;
	}
	return jobs.count == 0 || run_creations(k, &jobs);
}

static void
run_growths(struct keeper *k, struct jobs *jobs)
{
	struct topic_wish wishes[KEEPER_AT_ONCE];
	struct topic_answer answers[KEEPER_AT_ONCE];

	if (!is_open(k)) {
		jobs->count = 0;
		return;
	}
	find_controller(k, jobs);
	for (size_t i = 0; i < jobs->count; i++)
		wishes[i] = (struct topic_wish){.topic = jobs->items[i].target,
			.partitions = jobs->items[i].recipe.partitions};
	if (!jobs->items[0].is_done) {
		admin_grow_topics(k->target, KEEPER_CALL_MS, wishes, jobs->count, answers);
		for (size_t i = 0; i < jobs->count; i++) {
			jobs->items[i].answer = answers[i];
			jobs->items[i].is_done = true;
		}
	}
	wait_until_led(k, jobs);
	settle(k, jobs, false);
	jobs->count = 0;
}

/* Adds partitions to what is too small. */
static void
grow_small(struct keeper *k, int64_t now, int64_t *next)
{
	struct jobs jobs = {.count = 0};

	for (size_t i = 0; i < k->plan->count && !atomic_load(&k->must_stop); i++) {
		const struct plan_topic *t = &k->plan->topics[i];

		if (!t->target || !t->leads || t->grow_to == 0 || !is_due(k, t->target, now, next))
			continue;
		jobs.items[jobs.count++] =
			(struct job){.topic = t, .target = t->target, .recipe = t->recipe};
		if (jobs.count == KEEPER_AT_ONCE)
			run_growths(k, &jobs);
	}
	if (jobs.count > 0)
		run_growths(k, &jobs);
}

static bool
syncs(const struct keeper *k)
{
	return k->config->topics.sync_configs || k->config->topics.sync_acls;
}

/* Does what is to be done now. Returns when there is more (clock_ms), -1: with the next plan. */
static int64_t
work(struct keeper *k)
{
	int64_t now = clock_ms(), next = -1;

	if (!k->plan || !k->plan->targets)
		return -1;
	if (create_missing(k, now, &next))
		grow_small(k, now, &next);
	if (!syncs(k))
		return next;
	if (!atomic_load(&k->must_stop) && now >= k->sync_due) {
		if (is_open(k))
			keeper_sync(k);
		k->sync_due = clock_ms() + k->config->topics.sync_interval;
	}
	return next < 0 || k->sync_due < next ? k->sync_due : next;
}

/* Does the plan have something to do for a topic of the target? */
static bool
is_wanted(const struct plan *plan, const char *target)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];

		if (t->target && !strcmp(t->target, target) &&
			(t->target_partitions == 0 || t->grow_to > 0))
			return true;
	}
	return false;
}

static void
take_plan(struct keeper *k, struct order *o)
{
	plan_release(&k->plan);
	k->plan = o->plan;
	if (k->source && k->brokers && strcmp(k->brokers, o->brokers) != 0)
		admin_add_brokers(k->source, o->brokers);
	free(k->brokers);
	k->brokers = o->brokers;
	for (struct trial **link = &k->trials; *link;) {
		const char *dead = k->config->mirror.dead_letter_topic;

		if (is_wanted(k->plan, (*link)->topic) || (dead && !strcmp(dead, (*link)->topic)))
			link = &(*link)->next;
		else
			remove_trial(link);
	}
	/* What was made is in this plan, or in one that comes soon. */
	if (k->has_made)
		k->sync_due = 0;
	k->has_made = false;
}

static void
take_orders(struct keeper *k)
{
	struct message *m = mailbox_take(k->orders), *next;

	for (; m; m = next) {
		next = m->next;
		if (m->kind == KEEPER_PLAN)
			take_plan(k, (struct order *)m);
		free(m);
	}
}

static void *
run(void *arg)
{
	struct keeper *k = arg;
	struct pollfd fd = {.fd = mailbox_fd(k->orders), .events = POLLIN};

	while (!atomic_load(&k->must_stop)) {
		int64_t next = work(k), now = clock_ms();

		if (next < 0 || next > now)
			poll(&fd, 1, next < 0 ? -1 : (int)(next - now));
		take_orders(k);
	}
	take_orders(k);
	plan_release(&k->plan);
	admin_close(&k->source);
	admin_close(&k->target);
	while (k->trials)
		remove_trial(&k->trials);
	return NULL;
}

struct keeper *
keeper_start(const struct config *config, struct mailbox *notices)
{
	struct keeper *k = mem_zero(1, sizeof(*k));

	k->config = config;
	k->notices = notices;
	k->orders = mailbox_new();
	if (pthread_create(&k->thread, NULL, run, k) == 0)
		return k;
	mailbox_free(&k->orders);
	free(k);
	return NULL;
}

void
keeper_set_plan(struct keeper *k, const struct plan *plan, const char *source_brokers)
{
	struct order *o = mem_zero(1, sizeof(*o));

	o->message.kind = KEEPER_PLAN;
	o->plan = plan_take(plan);
	o->brokers = mem_strdup(source_brokers);
	mailbox_post(k->orders, &o->message);
}

bool
keeper_stop(struct keeper **keeper, int timeout_ms)
{
	struct keeper *k = *keeper;
	struct order *o;
	struct timespec until;

	if (!k)
		return true;
	*keeper = NULL;
	atomic_store(&k->must_stop, true);
	o = mem_zero(1, sizeof(*o));
	o->message.kind = KEEPER_END;
	mailbox_post(k->orders, &o->message);
	clock_deadline(timeout_ms, &until);
	if (pthread_timedjoin_np(k->thread, NULL, &until) == ETIMEDOUT) {
		pthread_detach(k->thread);
		return false;
	}
	mailbox_free(&k->orders);
	free(k->brokers);
	free(k);
	return true;
}
