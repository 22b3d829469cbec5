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
#include "service/positions.h"

/* Listing the topics, or a look at ZooKeeper, may take this long. */
#define LOOK_MS 5000
/* Both sides are asked for a sign of life this often, and may take that long to give it: so nothing
   stays unsaid for ten seconds. */
#define PING_EVERY_MS 3000
#define PING_MS 3000
/* While a side is unreachable it is looked at again after this pause, and said at least this often.
 */
#define AGAIN_MS 1000
#define SAY_MS 8000
/* A topic that so many looks in a row did not list is gone. */
#define LOOKS_UNTIL_GONE 3
/* Topics whose settings are asked for in one request. */
#define LIMITS_AT_ONCE 100

enum scout_order { SCOUT_LOOK_SOURCE, SCOUT_LOOK_TARGET };

/* One cluster as the scout knows it. */
struct side {
	struct admin *admin;
	int64_t due, next_say; /* clock_ms: the next look; not to be said again before */
	int64_t topics_due;    /* of the source: when its topics are to be listed */
	bool is_down;
};

struct scout {
	const struct config *config;
	struct topics *filter;
	struct mailbox *notices, *orders;
	pthread_t thread;
	atomic_bool must_stop;
	int64_t started;
	char *brokers; /* of the source, as found */
	struct side source, target;
	struct cluster_view view; /* the mirrored topics of the last look */
	bool is_planned;	  /* the first plan was sent */
	bool is_compared;	  /* the two sides are known to be different clusters */
	bool is_limits_due;	  /* target topics are to be asked for their settings */
};

void
scout_message_free(struct scout_message *m)
{
	for (size_t i = 0; i < m->name_count; i++)
		free(m->names[i]);
	free(m->names);
	free(m->reason);
	free(m->brokers);
	free(m);
}

static struct scout_message *
message_new(enum scout_notice kind, size_t names)
{
	struct scout_message *m = mem_zero(1, sizeof(*m));

	m->message.kind = (int)kind;
	m->names = mem_zero(names, sizeof(*m->names));
	return m;
}

static void
send_failure(struct scout *s, const char *reason)
{
	struct scout_message *m = message_new(SCOUT_FAILED, 0);

	m->reason = mem_strdup(reason);
	mailbox_post(s->notices, &m->message);
	atomic_store(&s->must_stop, true);
}

static void
say_down(struct side *side, enum log_event event, const char *reason)
{
	int64_t now = clock_ms();

	side->due = now + AGAIN_MS;
	if (side->is_down && now < side->next_say)
		return;
	side->is_down = true;
	side->next_say = now + SAY_MS;
	log_write(event, NULL, (const struct log_field[]){F_STR("reason", reason)}, 1);
}

static void
say_up(struct side *side, enum log_event event)
{
	side->due = clock_ms() + PING_EVERY_MS;
	if (side->is_down)
		log_write(event, NULL, (const struct log_field[]){F_STR("state", "answers again")},
			1);
	side->is_down = false;
}

/* The source did not answer. At the start that is borne for start.timeout.ms only. */
static void
source_down(struct scout *s, const struct err *err)
{
	int64_t limit = s->config->mirror.start_timeout_ms;
	char *text;

	say_down(&s->source, EVENT_source_unreachable, err->text);
	if (s->is_planned || limit == 0 || clock_ms() - s->started < limit)
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
	if (!s->brokers && find_brokers(s, &s->brokers, err) < 0)
		return -1;
	if (!s->config->source.bootstrap_servers)
		LOG(EVENT_zookeeper_brokers,
			F_STR("zookeeper", s->config->source.zookeeper_connect),
			F_STR("brokers", s->brokers));
	s->source.admin = admin_open_source(s->config, s->brokers, err);
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
	if (!strcmp(brokers, s->brokers)) {
		free(brokers);
		return;
	}
	free(s->brokers);
	s->brokers = brokers;
	admin_add_brokers(s->source.admin, brokers);
	LOG(EVENT_zookeeper_brokers, F_STR("zookeeper", s->config->source.zookeeper_connect),
		F_STR("brokers", brokers));
	m = message_new(SCOUT_BROKERS, 1);
	m->names[m->name_count++] = mem_strdup(brokers);
	mailbox_post(s->notices, &m->message);
}

/* Leaves only the topics that are mirrored in the view. */
static void
filter_view(struct scout *s, struct cluster_view *view)
{
	size_t kept = 0;
	struct err err;

	for (size_t i = 0; i < view->topic_count; i++) {
		int verdict = topics_match(s->filter, view->topics[i].name, &err);

		if (verdict < 0)
			LOG_LIMITED(60, EVENT_topic_skipped, F_STR("topic", view->topics[i].name),
				F_STR("reason", err.text));
		if (verdict > 0)
			view->topics[kept++] = view->topics[i];
		else
			free(view->topics[i].name);
	}
	view->topic_count = kept;
}

static const struct cluster_topic *
find_topic(const struct cluster_view *view, const char *name)
{
	for (size_t i = 0; i < view->topic_count; i++)
		if (!strcmp(view->topics[i].name, name))
			return &view->topics[i];
	return NULL;
}

/* Says which topics came and went. Returns whether there were any. */
static bool
say_changes(const struct cluster_view *old, const struct cluster_view *now)
{
	bool is_changed = false;

	for (size_t i = 0; i < now->topic_count; i++) {
		if (find_topic(old, now->topics[i].name))
			continue;
		is_changed = true;
		LOG(EVENT_topic_added, F_STR("topic", now->topics[i].name),
			F_INT("partitions", now->topics[i].partitions));
	}
	for (size_t i = 0; i < old->topic_count; i++) {
		if (find_topic(now, old->topics[i].name))
			continue;
		is_changed = true;
		LOG(EVENT_topic_removed, F_STR("topic", old->topics[i].name));
	}
	return is_changed;
}

static void
say_topics(struct scout *s)
{
	struct text names = {0};
	size_t shown = s->view.topic_count < 20 ? s->view.topic_count : 20;
	int partitions = 0;

	if (s->view.topic_count == 0) {
		LOG_LIMITED(60, EVENT_topics_none, F_STR("expression", topics_text(s->filter)),
			F_INT("again_ms", s->config->source.metadata_max_age_ms));
		return;
	}
	for (size_t i = 0; i < s->view.topic_count; i++)
		partitions += s->view.topics[i].partitions;
	for (size_t i = 0; i < shown; i++)
		text_printf(&names, "%s%s", i ? "," : "", s->view.topics[i].name);
	if (shown < s->view.topic_count)
		text_printf(&names, ",... (%zu more)", s->view.topic_count - shown);
	LOG(EVENT_topics, F_UINT("topics", s->view.topic_count), F_INT("partitions", partitions),
		F_STR("names", names.s));
	text_fini(&names);
}

static void
send_plan(struct scout *s)
{
	struct scout_message *m = message_new(SCOUT_PLAN, s->view.topic_count);

	m->brokers = mem_strdup(s->brokers);
	m->broker_count = s->view.brokers;
	for (size_t i = 0; i < s->view.topic_count; i++) {
		m->names[m->name_count++] = mem_strdup(s->view.topics[i].name);
		m->partition_count += s->view.topics[i].partitions;
	}
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
		say_down(&s->target, EVENT_target_unreachable, err.text);
	return s->target.admin != NULL;
}

/* A mirror into the cluster it reads from would copy its own copies for ever. Ends the start when
   that is so; a target that does not answer is compared when it does. */
static void
compare_clusters(struct scout *s)
{
	char source[128], target[128], *text;
	struct err err;

	if (s->is_compared || !s->source.admin || !open_target(s) ||
		admin_ping(s->target.admin, PING_MS, &err) < 0)
		return;
	admin_cluster_id(s->source.admin, PING_MS, source, sizeof(source));
	admin_cluster_id(s->target.admin, PING_MS, target, sizeof(target));
	s->is_compared = true;
	if (!*source || strcmp(source, target) != 0)
		return;
	text = mem_printf("source and target are the same cluster (its id is %s): every topic "
			  "would be copied onto "
			  "itself without end; check bootstrap.servers of both files",
		source);
	send_failure(s, text);
	free(text);
}

/* The first look that succeeds: positions, then the plan. */
static int
first_plan(struct scout *s, struct err *err)
{
	compare_clusters(s);
	if (atomic_load(&s->must_stop))
		return 0;
	if (positions_prepare(
		    s->config, s->source.admin, s->view.topics, s->view.topic_count, err) < 0)
		return -1;
	s->is_planned = true;
	say_topics(s);
	send_plan(s);
	want_limits(s);
	return 0;
}

/* A broker that has just started may list no topics for a moment: a topic is gone when several
 * looks in a row do not list it. */
static void
keep_absent(const struct cluster_view *old, struct cluster_view *now)
{
	for (size_t i = 0; i < old->topic_count; i++) {
		struct cluster_topic *t = &old->topics[i];

		if (find_topic(now, t->name) || t->absent + 1 >= LOOKS_UNTIL_GONE)
			continue;
		now->topics = mem_resize(now->topics, now->topic_count + 1, sizeof(*now->topics));
		now->topics[now->topic_count++] =
			(struct cluster_topic){.name = mem_strdup(t->name),
				.partitions = t->partitions,
				.absent = t->absent + 1};
	}
}

/* What is different from the last look is said and planned. */
static void
next_plan(struct scout *s, struct cluster_view *old)
{
	bool is_changed;

	keep_absent(old, &s->view);
	is_changed = say_changes(old, &s->view);
	if (is_changed || s->view.topic_count == 0)
		say_topics(s);
	if (!is_changed)
		return;
	send_plan(s);
	want_limits(s);
}

/* Lists the source's topics. */
static int
look_at_topics(struct scout *s, struct err *err)
{
	struct cluster_view view, old = s->view;
	int rc = 0;

	if (admin_view(s->source.admin, LOOK_MS, &view, err) < 0)
		return -1;
	filter_view(s, &view);
	s->view = view;
	if (s->is_planned)
		next_plan(s, &old);
	else
		rc = first_plan(s, err);
	cluster_view_fini(&old);
	if (rc == 0)
		s->source.topics_due = clock_ms() + s->config->source.metadata_max_age_ms;
	return rc;
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
	say_up(&s->source, EVENT_source_reachable);
	if (s->source.due > s->source.topics_due)
		s->source.due = s->source.topics_due;
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
	for (size_t from = 0; from < s->view.topic_count && !atomic_load(&s->must_stop);) {
		size_t count = 0;

		while (count < LIMITS_AT_ONCE && from < s->view.topic_count)
			names[count++] = s->view.topics[from++].name;
		if (admin_batch_limits(s->target.admin, LOOK_MS, names, count, limits, &err) < 0) {
			LOG(EVENT_library_debug, F_STR("facility", "LIMITS"),
				F_STR("text", err.text));
			return;
		}
		for (size_t i = 0; i < count; i++) {
			struct scout_message *m;

			if (limits[i] == 0)
				continue;
			m = message_new(SCOUT_LIMIT, 1);
			m->names[m->name_count++] = mem_strdup(names[i]);
			m->number = limits[i];
			mailbox_post(s->notices, &m->message);
		}
	}
}

static void
look_at_target(struct scout *s)
{
	struct err err;

	if (!open_target(s))
		return;
	if (admin_ping(s->target.admin, PING_MS, &err) < 0) {
		say_down(&s->target, EVENT_target_unreachable, err.text);
		return;
	}
	say_up(&s->target, EVENT_target_reachable);
	compare_clusters(s);
	if (s->is_limits_due && !atomic_load(&s->must_stop))
		look_at_limits(s);
}

static void
take_orders(struct scout *s)
{
	struct message *m = mailbox_take(s->orders), *next;
	struct side *side;
	int64_t soon = clock_ms() + AGAIN_MS / 2;

	for (; m; m = next) {
		next = m->next;
		side = m->kind == SCOUT_LOOK_SOURCE ? &s->source : &s->target;
		if (side->due > soon)
			side->due = soon;
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
	cluster_view_fini(&s->view);
	admin_close(&s->source.admin);
	admin_close(&s->target.admin);
	return NULL;
}

struct scout *
scout_start(const struct config *config, struct topics *topics, struct mailbox *notices)
{
	struct scout *s = mem_zero(1, sizeof(*s));

	s->config = config;
	s->filter = topics;
	s->notices = notices;
	s->orders = mailbox_new();
	s->started = clock_ms();
	if (pthread_create(&s->thread, NULL, run, s)) {
		topics_free(&s->filter);
		mailbox_free(&s->orders);
		free(s);
		return NULL;
	}
	return s;
}

void
scout_look(struct scout *s, bool is_source)
{
	struct message *m = mem_zero(1, sizeof(*m));

	m->kind = is_source ? SCOUT_LOOK_SOURCE : SCOUT_LOOK_TARGET;
	mailbox_post(s->orders, m);
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
	topics_free(&s->filter);
	mailbox_free(&s->orders);
	free(s->brokers);
	free(s);
	return true;
}
