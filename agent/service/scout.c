/* The scout: a thread that looks at both clusters, so that nobody else has to wait for an answer.
 */
#include "service/scout.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/admin.h"
#include "kafka/zookeeper.h"
#include "mirror/plan_log.h"
#include "mirror/plan_loop.h"
#include "mirror/plan_script.h"
#include "mirror/scripting.h"
#include "service/incarnations.h"
#include "service/leaders.h"
#include "service/positions.h"
#include "service/scout_message.h"
#include "service/side.h"

/* Listing the topics, or a look at ZooKeeper, may take this long. */
#define LOOK_MS 5000
/* What a side may take for a sign of life. */
#define PING_MS 3000
/* While a topic is missing at the target, what is there is listed so often. */
#define MISSING_MS 5000
/* While partitions have no leader at the source, its topics are listed so often. */
#define LEADERLESS_MS 5000
/* A topic that so many looks in a row did not list is gone. */
#define LOOKS_UNTIL_GONE 3
/* Topics whose settings are asked for in one request. */
#define LIMITS_AT_ONCE 100

enum scout_order {
	SCOUT_LOOK_SOURCE,
	SCOUT_LOOK_TARGET,
	SCOUT_TRY,
	SCOUT_ADOPT,
	SCOUT_DROP,
	SCOUT_ROLLBACK,
	SCOUT_ASK_ENDS,
	SCOUT_ASK_RANGES
};

struct scout {
	const struct config *config;
	struct topics *filter;
	struct mailbox *notices, *orders;
	pthread_t thread;
	atomic_bool must_stop;
	int64_t started;
	struct side source, target;
	struct cluster_view topics, targets; /* what each side listed last */
	bool is_target_known;		     /* targets holds something */
	struct plan_rules *rules;
	struct script *script, *candidate,
		*previous; /* candidate: tried, and not yet taken or dropped; previous: to go back
			      to; NULL: none */
	const struct plan *plan; /* NULL before the first one was sent */
	struct script_world *world;
	bool is_dry;
	int64_t next_leaderless; /* clock_ms: that partitions have no leader is not said before */
	bool is_compared;	 /* the two sides are known to be the same cluster, or not */
	bool is_same;
	bool is_limits_due; /* target topics are to be asked for their settings */
	struct incarnations *incarnations;
};

static void
send_failure(struct scout *s, const char *reason)
{
	struct scout_message *m = scout_message_new(SCOUT_FAILED, 0);

	m->reason = mem_strdup(reason);
	mailbox_post(s->notices, &m->message);
	atomic_store(&s->must_stop, true);
}

/* The source did not answer. At the start that is borne for start.timeout.ms only. */
static void
source_down(struct scout *s, const struct err *err)
{
	int64_t limit = s->config->mirror.start_timeout_ms;
	char *text;

	side_down(&s->source, err->text);
	if (s->plan || limit == 0 || clock_ms() - s->started < limit)
		return;
	text = mem_printf("%s; given up after %lld ms (start.timeout.ms; 0 waits for ever)",
		err->text, (long long)(clock_ms() - s->started));
	send_failure(s, text);
	free(text);
}

/* Finds the source's brokers: given, or registered in ZooKeeper. */
static int
find_brokers(struct scout *s, char **ret, struct err *err)
{
	const struct config_source *source = &s->config->source;

	if (source->bootstrap_servers) {
		*ret = mem_strdup(source->bootstrap_servers);
		return 0;
	}
	return zookeeper_find_brokers(
		source->zookeeper_connect, source->security_protocol, LOOK_MS, ret, err);
}

static int
open_source(struct scout *s, struct err *err)
{
	if (s->source.admin)
		return 0;
	if (!s->source.brokers && find_brokers(s, &s->source.brokers, err) < 0)
		return -1;
	if (!s->config->source.bootstrap_servers)
		LOG(EVENT_zookeeper_brokers,
			F_STR("zookeeper", s->config->source.zookeeper_connect),
			F_STR("brokers", s->source.brokers));
	s->source.admin = admin_open_source(s->config, s->source.brokers, err);
	return s->source.admin ? 0 : -1;
}

/* The brokers may have moved: asks ZooKeeper again, and tells everybody when the list is another
 * one. */
static void
find_brokers_again(struct scout *s)
{
	struct scout_message *m;
	struct err err;
	char *brokers = NULL;

	if (s->config->source.bootstrap_servers || find_brokers(s, &brokers, &err) < 0)
		return;
	if (!strcmp(brokers, s->source.brokers)) {
		free(brokers);
		return;
	}
	free(s->source.brokers);
	s->source.brokers = brokers;
	admin_add_brokers(s->source.admin, brokers);
	LOG(EVENT_zookeeper_brokers, F_STR("zookeeper", s->config->source.zookeeper_connect),
		F_STR("brokers", brokers));
	m = scout_message_new(SCOUT_BROKERS, 1);
	m->names[m->name_count++] = mem_strdup(brokers);
	mailbox_post(s->notices, &m->message);
}

/* The topics of a side as the plan sees them. @gives an array */
static struct plan_partitions *
partitions_of(const struct cluster_view *view)
{
	struct plan_partitions *list = mem_zero(view->topic_count + 1, sizeof(*list));

	for (size_t i = 0; i < view->topic_count; i++)
		list[i] =
			(struct plan_partitions){view->topics[i].name, view->topics[i].partitions};
	return list;
}

/* What a plan is made of: what both sides listed last, and this script. @gives sources and targets
   in it, arrays */
static struct plan_input
input_of(const struct scout *s, struct script *script)
{
	return (struct plan_input){
		.config = s->config,
		.filter = s->filter,
		.hooks = plan_script_hooks(script),
		.is_same_script = script == s->script,
		.sources = partitions_of(&s->topics),
		.source_count = s->topics.topic_count,
		.targets = s->is_target_known ? partitions_of(&s->targets) : NULL,
		.target_count = s->targets.topic_count,
	};
}

static void
free_input(struct plan_input *input)
{
	free((void *)(uintptr_t)input->sources);
	free((void *)(uintptr_t)input->targets);
}

/* A plan of what both sides listed last, by this script. previous: see struct plan_input. NULL on
   error. */
static const struct plan *
make_plan(struct scout *s, struct script *script, const struct plan *previous, struct err *err)
{
	struct plan_input input = input_of(s, script);
	const struct plan *plan;

	input.previous = previous;
	plan = plan_make(s->rules, &input, err);
	free_input(&input);
	return plan;
}

static void
send_plan(struct scout *s, enum scout_notice kind)
{
	struct scout_message *m = scout_message_of_plan(kind, s->plan);

	m->brokers = mem_strdup(s->source.brokers);
	m->broker_count = s->topics.brokers;
	mailbox_post(s->notices, &m->message);
}

/* The target is asked at its next look, which is now unless it is down. */
static void
want_limits(struct scout *s)
{
	s->is_limits_due = true;
	if (!s->target.is_down)
		s->target.due = 0;
}

/* The target's client, made at the first call; what it is refused for is said as the target's
 * trouble. */
static bool
open_target(struct scout *s)
{
	struct err err;

	if (!s->target.admin)
		s->target.admin = admin_open_target(s->config, &err);
	if (!s->target.admin)
		side_down(&s->target, err.text);
	return s->target.admin != NULL;
}

/* Do both sides answer as the same cluster? A target that does not answer is compared when it does.
 */
static void
compare_clusters(struct scout *s)
{
	char source[128], target[128];
	struct err err;

	if (s->is_compared || s->target.is_down || !s->source.admin || !open_target(s))
		return;
	if (admin_ping(s->target.admin, PING_MS, &err) < 0) {
		side_down(&s->target, err.text);
		return;
	}
	admin_cluster_id(s->source.admin, PING_MS, source, sizeof(source));
	admin_cluster_id(s->target.admin, PING_MS, target, sizeof(target));
	s->is_compared = true;
	s->is_same = *source && !strcmp(source, target);
}

/* Lists the target's topics, when it is there. */
static void
list_targets(struct scout *s)
{
	struct cluster_view view;
	struct err err;
	bool is_missing;

	if (!s->target.admin || admin_view(s->target.admin, LOOK_MS, &view, &err) < 0)
		return;
	is_missing = cluster_view_keep(&s->targets, &view, LOOKS_UNTIL_GONE);
	cluster_view_fini(&s->targets);
	s->targets = view;
	s->is_target_known = true;
	s->target.topics_due =
		clock_ms() + (is_missing ? MISSING_MS : s->config->source.metadata_max_age_ms);
}

/* Why the plan must not be followed: a mirror within one cluster whose copies it reads itself.
   NULL: it may. @gives a sentence */
static char *
find_endless(struct scout *s, struct script *script, const struct plan *plan)
{
	struct plan_input input;
	char *text;

	if (!s->is_same)
		return NULL;
	input = input_of(s, script);
	text = plan_endless(s->rules, &input, plan);
	free_input(&input);
	return text;
}

/* Ends the mirror when the plan must not be followed. */
static bool
is_endless(struct scout *s, const struct plan *plan)
{
	char *text = find_endless(s, s->script, plan);

	if (!text)
		return false;
	send_failure(s, text);
	free(text);
	return true;
}

/* The topics that the plan mirrors, as a list for positions_prepare. Names are borrowed. @gives an
 * array */
static struct cluster_topic *
mirrored_topics(const struct plan *plan)
{
	struct cluster_topic *list = mem_zero(plan->mirrored + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (plan->topics[i].target)
			list[n++] = (struct cluster_topic){.name = plan->topics[i].name,
				.partitions = plan->topics[i].partitions};
	return list;
}

/* The first plan, kept in *ret once the positions are in place. A script that fails ends the start.
 */
static int
prepare_first(struct scout *s, const struct plan **ret, struct err *err)
{
	const struct plan *plan = make_plan(s, s->script, NULL, err);
	struct cluster_topic *topics;
	int rc;

	if (!plan) {
		send_failure(s, err->text);
		return 0;
	}
	if (is_endless(s, plan)) {
		plan_release(&plan);
		return 0;
	}
	topics = mirrored_topics(plan);
	rc = s->is_dry ? 0
		       : positions_prepare(s->config, s->source.admin, topics, plan->mirrored, err);
	free(topics);
	if (rc == 0)
		*ret = plan;
	else
		plan_release(&plan);
	return rc;
}

/* The first look that succeeds: positions, then the plan. */
static int
first_plan(struct scout *s, struct err *err)
{
	compare_clusters(s);
	if (s->is_compared)
		list_targets(s);
	if (prepare_first(s, &s->plan, err) < 0)
		return -1;
	if (!s->plan)
		return 0;
	plan_say_topics(s->plan, topics_text(s->filter));
	plan_say_problems(NULL, s->plan);
	send_plan(s, SCOUT_PLAN);
	want_limits(s);
	return 0;
}

/* What is different from the last plan is said and sent. */
static void
next_plan(struct scout *s)
{
	struct err err;
	const struct plan *plan, *old = s->plan;
	bool is_changed;

	/* While a new script is being taken nothing may go by the old one's plan again. */
	plan = s->candidate ? NULL : make_plan(s, s->script, s->plan, &err);
	if (!plan || is_endless(s, plan)) {
		plan_release(&plan);
		return;
	}
	is_changed = plan_say_changes(old, plan);
	s->plan = plan;
	if (is_changed || plan->mirrored == 0)
		plan_say_topics(s->plan, topics_text(s->filter));
	plan_say_difference(old, plan);
	plan_say_problems(old, plan);
	if (!plan_equals(old, plan)) {
		send_plan(s, SCOUT_PLAN);
		want_limits(s);
	}
	plan_release(&old);
}

/* Lists the source's topics. */
static int
look_at_topics(struct scout *s, struct err *err)
{
	struct cluster_view view;
	int rc = 0;

	if (admin_view(s->source.admin, LOOK_MS, &view, err) < 0)
		return -1;
	cluster_view_keep(&s->topics, &view, LOOKS_UNTIL_GONE);
	cluster_view_fini(&s->topics);
	s->topics = view;
	if (s->plan)
		next_plan(s);
	else
		rc = first_plan(s, err);
	if (rc < 0)
		return rc;
	if (s->plan)
		incarnations_look(s->incarnations, &s->source, &s->topics, s->plan);
	s->source.topics_due = clock_ms() + s->config->source.metadata_max_age_ms;
	if (s->plan && leaders_check(&s->topics, s->plan, SIDE_SAY_MS, &s->next_leaderless))
		s->source.topics_due = clock_ms() + LEADERLESS_MS;
	return 0;
}

static void
look_at_source(struct scout *s)
{
	bool lists = clock_ms() >= s->source.topics_due || s->source.is_down;
	struct err err;

	if (open_source(s, &err) < 0 || (lists ? look_at_topics(s, &err)
					       : admin_ping(s->source.admin, PING_MS, &err)) < 0) {
		source_down(s, &err);
		if (s->source.admin)
			find_brokers_again(s);
		return;
	}
	side_up(&s->source);
	if (s->source.due > s->source.topics_due)
		s->source.due = s->source.topics_due;
}

static void
send_limit(struct scout *s, const char *topic, int64_t limit)
{
	struct scout_message *m;

	if (limit == 0)
		return;
	m = scout_message_new(SCOUT_LIMIT, 1);
	m->names[m->name_count++] = mem_strdup(topic);
	m->number = limit;
	mailbox_post(s->notices, &m->message);
}

/* Asks for the largest batch that each target topic takes. Clusters that do not tell are left
   alone: a batch that is refused says it too. */
static void
look_at_limits(struct scout *s)
{
	const char *names[LIMITS_AT_ONCE];
	int64_t limits[LIMITS_AT_ONCE];
	struct err err;

	s->is_limits_due = false;
	for (size_t from = 0; s->plan && from < s->plan->count && !atomic_load(&s->must_stop);) {
		size_t count = 0;

		for (; count < LIMITS_AT_ONCE && from < s->plan->count; from++)
			if (s->plan->topics[from].target)
				names[count++] = s->plan->topics[from].target;
		if (count > 0 && admin_batch_limits(s->target.admin, LOOK_MS, names, count, limits,
					 &err) < 0) {
			LOG(EVENT_library_debug, F_STR("facility", "LIMITS"),
				F_STR("text", err.text));
			return;
		}
		for (size_t i = 0; i < count; i++)
			send_limit(s, names[i], limits[i]);
	}
}

/* Is a topic that records go to not there, as far as is known? */
static bool
misses_target(const struct scout *s)
{
	for (size_t i = 0; s->plan && i < s->plan->count; i++)
		if (s->plan->topics[i].target && s->plan->topics[i].target_partitions <= 0)
			return true;
	return false;
}

/* Lists the target's topics when it is time, and plans anew. */
static void
look_at_targets(struct scout *s)
{
	int64_t due = s->target.topics_due;

	if (misses_target(s) &&
		due > clock_ms() - s->config->source.metadata_max_age_ms + MISSING_MS)
		due = due - s->config->source.metadata_max_age_ms + MISSING_MS;
	if (!s->plan || clock_ms() < due)
		return;
	list_targets(s);
	next_plan(s);
}

static void
look_at_target(struct scout *s)
{
	bool was_compared = s->is_compared;
	struct err err;

	if (!open_target(s))
		return;
	if (admin_ping(s->target.admin, PING_MS, &err) < 0) {
		side_down(&s->target, err.text);
		return;
	}
	if (s->target.is_down)
		s->target.topics_due = 0;
	side_up(&s->target);
	compare_clusters(s);
	if (!was_compared && s->plan && is_endless(s, s->plan))
		return;
	look_at_targets(s);
	if (s->is_limits_due && !atomic_load(&s->must_stop))
		look_at_limits(s);
}

/* Loads the script anew and plans with it; the answer is TRIED with a plan, or with a reason. */
static void
try_script(struct scout *s)
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
		plan = make_plan(s, s->candidate, NULL, &err);
	why_not = plan ? find_endless(s, s->candidate, plan) : NULL;
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
	s->plan = make_plan(s, script, old, &err);
	s->previous = s->script;
	s->script = script;
	script_take_over(script);
	plan_say_changes(old, s->plan);
	plan_say_problems(old, s->plan);
	plan_release(&old);
	plan_say_topics(s->plan, topics_text(s->filter));
	send_plan(s, kind);
	want_limits(s);
}

/* The candidate is the script from now on. */
static void
adopt(struct scout *s)
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

/* Back to the script before the last one that was taken; a ROLLED_BACK without a plan: there is
 * none. */
static void
roll_back(struct scout *s)
{
	if (s->previous)
		change_script(s, s->previous, SCOUT_ROLLED_BACK);
	else
		mailbox_post(s->notices, &scout_message_new(SCOUT_ROLLED_BACK, 0)->message);
}

/* The candidate is not taken; what has changed meanwhile is planned now. */
static void
drop(struct scout *s)
{
	script_free(&s->candidate);
	if (s->plan)
		next_plan(s);
}

/* What is not found out stays -1. */
static void
tell_ends(struct scout *s, struct scout_ends *ends)
{
	struct err err;

	if (s->source.admin && !s->source.is_down)
		admin_ends(s->source.admin, PING_MS, ends->items, ends->count, &err);
	ends->message.kind = SCOUT_ENDS;
	mailbox_post(s->notices, &ends->message);
}

static void
take_orders(struct scout *s)
{
	struct message *m = mailbox_take(s->orders), *next;

	for (; m; m = next) {
		next = m->next;
		switch ((enum scout_order)m->kind) {
		case SCOUT_LOOK_SOURCE: side_look_soon(&s->source); break;
		case SCOUT_LOOK_TARGET: side_look_soon(&s->target); break;
		case SCOUT_TRY: try_script(s); break;
		case SCOUT_ADOPT: adopt(s); break;
		case SCOUT_DROP: drop(s); break;
		case SCOUT_ROLLBACK: roll_back(s); break;
		case SCOUT_ASK_ENDS: tell_ends(s, (struct scout_ends *)m); continue;
		case SCOUT_ASK_RANGES:
			incarnations_tell(s->incarnations, &s->source, (struct ranges *)m);
			continue;
		}
		free(m);
	}
}

static void *
run(void *arg)
{
	struct scout *s = arg;
	struct pollfd fd = {.fd = mailbox_fd(s->orders), .events = POLLIN};

	while (!atomic_load(&s->must_stop)) {
		int64_t now = clock_ms(), next;

		if (now >= s->source.due)
			look_at_source(s);
		if (!atomic_load(&s->must_stop) && now >= s->target.due)
			look_at_target(s);
		next = s->source.due < s->target.due ? s->source.due : s->target.due;
		now = clock_ms();
		if (!atomic_load(&s->must_stop) && next > now)
			poll(&fd, 1, (int)(next - now));
		take_orders(s);
	}
	cluster_view_fini(&s->topics);
	cluster_view_fini(&s->targets);
	plan_release(&s->plan);
	script_free(&s->candidate);
	script_free(&s->previous);
	script_free(&s->script);
	admin_close(&s->source.admin);
	admin_close(&s->target.admin);
	return NULL;
}

static void
free_scout(struct scout *s)
{
	topics_free(&s->filter);
	plan_rules_free(&s->rules);
	mailbox_free(&s->orders);
	incarnations_free(&s->incarnations);
	side_fini(&s->source);
	side_fini(&s->target);
	free(s);
}

struct scout *
scout_start(const struct scout_parts *parts, struct mailbox *notices)
{
	struct scout *s = mem_zero(1, sizeof(*s));

	s->config = parts->config;
	s->filter = parts->filter;
	s->rules = parts->rules;
	s->script = parts->script;
	s->world = parts->world;
	s->is_dry = parts->is_dry;
	s->notices = notices;
	side_init(&s->source, true, NULL, notices);
	side_init(&s->target, false, parts->config->target.bootstrap_servers, notices);
	s->orders = mailbox_new();
	s->incarnations = incarnations_new();
	s->started = clock_ms();
	if (pthread_create(&s->thread, NULL, run, s)) {
		script_free(&s->script);
		free_scout(s);
		return NULL;
	}
	return s;
}

static void
post_order(struct scout *s, enum scout_order order)
{
	struct message *m = mem_zero(1, sizeof(*m));

	m->kind = (int)order;
	mailbox_post(s->orders, m);
}

void
scout_look(struct scout *s, bool is_source)
{
	post_order(s, is_source ? SCOUT_LOOK_SOURCE : SCOUT_LOOK_TARGET);
}

void
scout_try(struct scout *s)
{
	post_order(s, SCOUT_TRY);
}

void
scout_ask_ends(struct scout *s, struct scout_ends *ends)
{
	ends->message.kind = SCOUT_ASK_ENDS;
	mailbox_post(s->orders, &ends->message);
}

void
scout_ask_ranges(struct scout *s, struct ranges *ranges)
{
	ranges->message.kind = SCOUT_ASK_RANGES;
	mailbox_post(s->orders, &ranges->message);
}

void
scout_roll_back(struct scout *s)
{
	post_order(s, SCOUT_ROLLBACK);
}

void
scout_adopt(struct scout *s, bool is_taken)
{
	post_order(s, is_taken ? SCOUT_ADOPT : SCOUT_DROP);
}

bool
scout_stop(struct scout **scout, int timeout_ms)
{
	struct scout *s = *scout;
	struct timespec until;

	if (!s)
		return true;
	*scout = NULL;
	atomic_store(&s->must_stop, true);
	scout_look(s, true);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (pthread_timedjoin_np(s->thread, NULL, &until) == ETIMEDOUT) {
		pthread_detach(s->thread);
		return false;
	}
	free_scout(s);
	return true;
}
