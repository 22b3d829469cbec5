/* How the scout looks at the two clusters: their brokers, topics and settings, and whether they
 * answer. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/zookeeper.h"
#include "service/incarnations.h"
#include "service/leaders.h"
#include "service/oneshot_begin.h"
#include "service/scout_message.h"
#include "service/scout_state.h"

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
	scout_fail(s, text);
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

void
scout_want_limits(struct scout *s)
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

void
scout_compare_clusters(struct scout *s)
{
	struct err err;

	if (s->is_compared || s->target.is_down || !s->source.admin || !open_target(s))
		return;
	if (admin_ping(s->target.admin, PING_MS, &err) < 0 ||
		admin_cluster_id(
			s->target.admin, PING_MS, s->target_id, sizeof(s->target_id), &err) < 0) {
		side_down(&s->target, err.text);
		return;
	}
	/* What is not known is asked at the next look; that it does not answer is said there. */
	if (admin_cluster_id(s->source.admin, PING_MS, s->source_id, sizeof(s->source_id), &err) <
		0)
		return;
	s->is_compared = true;
	s->is_same = *s->source_id && !strcmp(s->source_id, s->target_id);
}

bool
scout_name_clusters(struct scout *s)
{
	const struct config_mirror *m = &s->config->mirror;
	const char *target = s->is_compared ? s->target_id : NULL;
	struct err err;

	if (!m->provenance && !m->loop_drop)
		return true;
	if (!target && provenance_needs_target(s->config))
		return false;
	if (provenance_name_clusters(s->config, s->source_id, target, &s->clusters, &err) == 0)
		return true;
	scout_fail(s, err.text);
	return false;
}

void
scout_list_targets(struct scout *s)
{
	struct cluster_view view;
	struct err err;
	bool is_missing;

	if (!s->target.admin || admin_view(s->target.admin, LOOK_MS, &view, &err) < 0)
		return;
	/* Without a controller for a moment, it can be asked again soon. */
	if (s->can_create != 1)
		s->can_create = view.can_create;
	is_missing = cluster_view_keep(&s->targets, &view, LOOKS_UNTIL_GONE);
	cluster_view_fini(&s->targets);
	s->targets = view;
	s->is_target_known = true;
	s->targets_listed = clock_ms();
	s->target.topics_due = s->targets_listed +
			       (is_missing ? MISSING_MS : s->config->source.metadata_max_age_ms);
}

/* Lists the source's topics. */
static int
look_at_topics(struct scout *s, struct err *err)
{
	struct cluster_view view;
	int rc = 0;

	if (admin_cluster_id(s->source.admin, LOOK_MS, s->source_id, sizeof(s->source_id), err) <
			0 ||
		admin_view(s->source.admin, LOOK_MS, &view, err) < 0)
		return -1;
	cluster_view_keep(&s->topics, &view, LOOKS_UNTIL_GONE);
	cluster_view_fini(&s->topics);
	s->topics = view;
	if (s->plan)
		scout_next_plan(s);
	else
		rc = scout_first_plan(s, err);
	if (rc < 0)
		return rc;
	if (s->plan)
		incarnations_look(s->incarnations, &s->source, &s->topics, s->plan);
	s->source.topics_due = clock_ms() + s->config->source.metadata_max_age_ms;
	if (s->plan && leaders_check(&s->topics, s->plan, SIDE_SAY_MS, &s->next_leaderless))
		s->source.topics_due = clock_ms() + LEADERLESS_MS;
	return 0;
}

void
scout_look_at_source(struct scout *s)
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
send_limit(struct scout *s, const char *topic, const struct topic_takes *takes)
{
	struct scout_message *m;

	if (takes->max_bytes == 0)
		return;
	m = scout_message_new(SCOUT_LIMIT, 1);
	m->names[m->name_count++] = mem_strdup(topic);
	m->number = takes->max_bytes;
	m->no_headers = takes->no_headers;
	mailbox_post(s->notices, &m->message);
}

/* Asks for the largest batch that each target topic takes. Clusters that do not tell are left
   alone: a batch that is refused says it too. */
static void
look_at_limits(struct scout *s)
{
	const char *names[LIMITS_AT_ONCE];
	struct topic_takes takes[LIMITS_AT_ONCE];
	struct err err;

	s->is_limits_due = false;
	/* What has no controller knows no such calls, and would be waited for in vain. */
	if (s->can_create == 0)
		return;
	for (size_t from = 0; s->plan && from < s->plan->count && !atomic_load(&s->must_stop);) {
		size_t count = 0;

		for (; count < LIMITS_AT_ONCE && from < s->plan->count; from++)
			if (s->plan->topics[from].target && s->plan->topics[from].leads)
				names[count++] = s->plan->topics[from].target;
		if (count > 0 && admin_topics_take(
					 s->target.admin, LOOK_MS, names, count, takes, &err) < 0) {
			LOG(EVENT_library_debug, F_STR("facility", "LIMITS"),
				F_STR("text", err.text));
			return;
		}
		for (size_t i = 0; i < count; i++)
			send_limit(s, names[i], &takes[i]);
	}
}

void
scout_want_targets(struct scout *s)
{
	s->target.topics_due = 0;
	s->target.due = 0;
}

void
scout_doubt_targets(struct scout *s)
{
	int64_t soon = s->targets_listed + MISSING_MS;

	if (s->target.is_down || s->target.topics_due <= soon)
		return;
	s->target.topics_due = soon;
	if (s->target.due > soon)
		s->target.due = soon;
}

/* Is a topic that records go to not there, as far as is known? */
static bool
misses_target(const struct scout *s)
{
	for (size_t i = 0; s->plan && i < s->plan->count; i++)
		if (s->plan->topics[i].target && s->plan->topics[i].target_partitions <= 0)
			return true;
	return s->plan && s->plan->dead_letters_await;
}

/* Lists the target's topics when it is time, and plans anew. */
static void
look_at_targets(struct scout *s)
{
	int64_t due = s->target.topics_due;

	if (misses_target(s) && due > s->targets_listed + MISSING_MS)
		due = s->targets_listed + MISSING_MS;
	if (!s->plan || clock_ms() < due)
		return;
	scout_list_targets(s);
	scout_next_plan(s);
}

/* The target has answered for the first time, later than the source. False: the mirror ends. */
static bool
on_compared(struct scout *s)
{
	if (s->plan)
		return !scout_is_endless(s, s->plan) && scout_name_clusters(s);
	/* The first plan may have waited for it. */
	s->source.topics_due = s->source.due = 0;
	return true;
}

void
scout_look_at_target(struct scout *s)
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
	if (!s->source.is_down)
		scout_compare_clusters(s);
	if (!was_compared && s->is_compared && !on_compared(s))
		return;
	look_at_targets(s);
	if (s->is_limits_due && !atomic_load(&s->must_stop))
		look_at_limits(s);
}

void
scout_tell_ends(struct scout *s, struct scout_ends *ends)
{
	struct err err;

	if (s->source.admin && !s->source.is_down && ends->wants_standings)
		oneshot_look(s->source.admin, PING_MS, ends);
	else if (s->source.admin && !s->source.is_down)
		admin_ends(s->source.admin, PING_MS, ends->items, ends->count, &err);
	ends->message.kind = ends->wants_standings ? SCOUT_STANDINGS : SCOUT_ENDS;
	mailbox_post(s->notices, &ends->message);
}
