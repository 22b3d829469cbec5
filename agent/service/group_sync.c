/* Group sync: a thread that keeps the offsets of the source's consumer groups at the target. */
#include "service/group_sync.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/compacted.h"
#include "kafka/group_offsets.h"
#include "kafka/reader.h"
#include "mirror/atlas.h"
#include "service/atlas_document.h"
#include "service/group_pass.h"

#define TICK_MS 1000
#define CALL_MS 5000
/* After a failure at a cluster it is tried again this much later. */
#define AGAIN_MS 5000
/* So long after a topic could not be made. */
#define TOPIC_AGAIN_MS 30000
/* Whoever had a partition before may be about to write that all of it is settled. */
#define HANDOVER_MS 3000
/* Ticks between reading a group's offset and translating it: the notes of all that the group could
   have read are there then, and what stands before a tick is known (see mirror/atlas.h). */
#define TICKS_BETWEEN 3
#define READER_BYTES (4 * 1024 * 1024)
/* While it is found out what the topic holds, the thread waits so long for it, and reads so long at
   a stretch. */
#define READ_WAIT_MS 200
#define READ_MS 1000

enum group_sync_order { GROUP_SYNC_PLAN = 1, GROUP_SYNC_BROKERS, GROUP_SYNC_PASS, GROUP_SYNC_STOP };

/* Orders of the main thread; notes of the streams come to the same mailbox. */
struct order {
	struct message message;
	const struct plan *plan; /* PLAN */
	char *brokers;		 /* BROKERS */
};

/* The topic that keeps the atlas. */
enum keeping {
	KEEPING_UNKNOWN, /* not looked at yet */
	KEEPING_READS,	 /* what it holds is being read */
	KEEPING_GOES,	 /* all of it was read, and it is written */
	KEEPING_NOT	 /* it cannot be made */
};

struct group_sync {
	const struct config *config;
	char *brokers, *topic;
	struct mailbox *orders, *notices;
	struct offset_sink sink;
	pthread_t thread;
	atomic_bool must_stop;

	/* The thread's own: */
	struct atlas *atlas;
	struct group_pass *pass;
	struct admin *source, *target;
	struct compacted *keeper;
	struct reader *reader;
	enum keeping keeping;
	bool is_reading; /* the reader has been told to */
	char writer[24]; /* who writes to the topic: this process */
	int64_t next_tick, next_save, next_pass, next_look;
	int ticks_left;		/* until what was read is translated; 0: nothing was read */
	bool is_asked, answers; /* for a pass; and what was read was read since */
	bool is_over;
};

void
group_sync_message_free(struct group_sync_message *m)
{
	free(m->document);
	free(m);
}

static void
say_trouble(const struct group_sync *s, const struct err *err)
{
	/* At the end calls are given up, which says nothing of the clusters. */
	if (atomic_load(&s->must_stop))
		return;
	LOG_LIMITED(10, EVENT_groups_trouble, F_STR("reason", err->text));
}

/* A name of its own for whoever wrote a document. */
static void
name_writer(struct group_sync *s)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) < 0)
		random = (uint64_t)clock_wall_ms();
	snprintf(s->writer, sizeof(s->writer), "%016" PRIx64, random);
}

/* Clients are made on the thread: the first time, and again after a failure to. */
static bool
open_clients(struct group_sync *s)
{
	const char *target = s->config->target.bootstrap_servers;
	struct err err;

	if (!s->source)
		s->source = admin_open_source(s->config, s->brokers, &err);
	if (s->source && !s->target)
		s->target = admin_open_target(s->config, &err);
	if (s->target) {
		admin_heed(s->source, &s->must_stop);
		admin_heed(s->target, &s->must_stop);
	}
	if (s->target && !s->keeper)
		s->keeper = compacted_open(s->config, s->topic, &err);
	if (s->keeper && !s->reader)
		s->reader = reader_open(
			CLIENT_TARGET, s->config, target, READER_BYTES, READER_AS_SET, &err);
	if (s->reader)
		return true;
	say_trouble(s, &err);
	return false;
}

/* Is the topic there? */
static void
look_for_topic(struct group_sync *s, int64_t now)
{
	bool is_made;
	struct err err;
	int rc;

	if (now < s->next_look)
		return;
	rc = compacted_prepare(s->keeper, s->target, NULL, CALL_MS, &is_made, &err);
	s->next_look = clock_ms() + (rc > 0 ? TOPIC_AGAIN_MS : AGAIN_MS);
	if (rc < 0) {
		say_trouble(s, &err);
	} else if (rc > 0) {
		if (s->keeping != KEEPING_NOT)
			LOG(EVENT_groups_topic_missing, F_STR("topic", s->topic),
				F_STR("reason", err.text));
		s->keeping = KEEPING_NOT;
	} else {
		if (is_made)
			LOG(EVENT_groups_topic, F_STR("topic", s->topic), F_STR("made", "yes"));
		s->keeping = KEEPING_READS;
	}
}

static void
take_record(struct group_sync *s, const struct record *record)
{
	struct atlas_kept kept;
	struct err err;

	/* A tombstone: somebody has taken a document away. */
	if (!record->value)
		return;
	if (atlas_document_read(record->value, record->value_size, &kept, &err) < 0) {
		LOG_LIMITED(10, EVENT_groups_trouble, F_STR("topic", s->topic),
			F_INT("offset", record->offset), F_STR("reason", err.text));
		return;
	}
	if (strcmp(kept.writer, s->writer) != 0) {
		atlas_take_kept(s->atlas, kept.topic, kept.partition, kept.map, kept.is_clean);
		kept.map = NULL;
	}
	atlas_kept_fini(&kept);
}

/* Returns whether there may be more at once. */
static bool
take_items(struct group_sync *s)
{
	struct reader_item items[READER_AT_ONCE];
	size_t n = reader_next(
		s->reader, items, READER_AT_ONCE, s->keeping == KEEPING_READS ? READ_WAIT_MS : 0);

	for (size_t i = 0; i < n; i++) {
		if (items[i].kind == READER_RECORD) {
			take_record(s, &items[i].record);
		} else if (items[i].kind == READER_END && s->keeping == KEEPING_READS) {
			s->keeping = KEEPING_GOES;
			LOG(EVENT_groups_topic, F_STR("topic", s->topic), F_STR("read", "yes"));
		} else if (items[i].kind == READER_TROUBLE) {
			LOG_LIMITED(10, EVENT_groups_trouble, F_STR("topic", s->topic),
				F_STR("reason", items[i].reason));
			s->is_reading = false;
		}
	}
	reader_release(items, n);
	if (!s->is_reading)
		reader_stop(s->reader, s->topic, 0);
	return n > 0;
}

/* What others write, and at the beginning all that was kept. */
static void
follow_topic(struct group_sync *s, int64_t now)
{
	struct err err;

	if (s->keeping == KEEPING_UNKNOWN || s->keeping == KEEPING_NOT)
		look_for_topic(s, now);
	if (s->keeping != KEEPING_READS && s->keeping != KEEPING_GOES)
		return;
	if (!s->is_reading) {
		if (reader_start(s->reader, s->topic, 0, READER_BEGINNING, s, &err) < 0) {
			say_trouble(s, &err);
			return;
		}
		s->is_reading = true;
	}
	while (s->is_reading && take_items(s) && clock_ms() - now < READ_MS)
		;
}

/* Is it time to find out how the map of a partition goes on? */
static bool
is_due(const struct leaf *leaf, int64_t now)
{
	if (leaf->owner != LEAF_ARRIVING || !leaf->is_noted)
		return false;
	return !leaf->is_kept || leaf->is_clean || now - leaf->arrived >= HANDOVER_MS;
}

/* The ends of all target partitions. -1 on error. @gives an array, by place */
static struct topic_partition *
ask_ends(struct group_sync *s)
{
	size_t count = atlas_places(s->atlas);
	struct topic_partition *ends = mem_zero(count + 1, sizeof(*ends));
	struct err err;

	for (size_t i = 0; i < count; i++) {
		const struct place *place = atlas_place(s->atlas, i);

		ends[i] = (struct topic_partition){place->topic, place->partition, -1};
	}
	if (count == 0 || admin_known_ends(s->target, CALL_MS, ends, count, &err) == 0)
		return ends;
	say_trouble(s, &err);
	free(ends);
	return NULL;
}

/* Records that nothing is known of may be anywhere below where the target ends now. */
static void
hide_all(struct group_sync *s, struct leaf *leaf, const struct topic_partition *ends)
{
	const struct offset_lane *lane;

	for (size_t i = 0; i < atlas_places(s->atlas); i++) {
		struct place *place = atlas_place(s->atlas, i);

		if (ends[i].offset >= 0 && leaf_may_feed(leaf, place))
			atlas_hide(leaf, place, ends[i].offset);
		atlas_see_end(place, ends[i].offset);
	}
	for (size_t i = 0; (lane = offset_map_lane(leaf->map, i)); i++) {
		const struct place *place =
			atlas_find_place(s->atlas, lane->topic, lane->partition);

		if (place && ends[place->number].offset >= 0)
			atlas_hide(leaf, place, ends[place->number].offset);
	}
}

/* What the mirror's group has committed for partitions that arrive, and which of those without an
   offset are empty. */
struct arrivals {
	struct leaf **leaves;
	struct topic_partition *committed, *ends;
	size_t count;
};

static void
arrivals_fini(struct arrivals *a)
{
	free(a->leaves);
	free(a->committed);
	free(a->ends);
}

/* @gives *a; arrivals_fini, after an error too */
static int
ask_committed(struct group_sync *s, int64_t now, struct arrivals *a, struct err *err)
{
	size_t count = atlas_leaves(s->atlas);

	*a = (struct arrivals){.leaves = mem_zero(count + 1, sizeof(struct leaf *)),
		.committed = mem_zero(count + 1, sizeof(*a->committed)),
		.ends = mem_zero(count + 1, sizeof(*a->ends))};
	for (size_t i = 0; i < count; i++) {
		struct leaf *leaf = atlas_leaf(s->atlas, i);

		if (!is_due(leaf, now))
			continue;
		a->leaves[a->count] = leaf;
		a->committed[a->count] = a->ends[a->count] =
			(struct topic_partition){leaf->topic, leaf->partition, -1};
		a->count++;
	}
	if (a->count == 0)
		return 0;
	if (group_offsets_read(s->source, s->config->source.group_id, CALL_MS, a->committed,
		    a->count, err) < 0)
		return -1;
	return admin_known_ends(s->source, CALL_MS, a->ends, a->count, err);
}

/* Partitions that our streams were given: how do their maps go on? */
static void
settle_arrivals(struct group_sync *s, int64_t now)
{
	struct topic_partition *ends = NULL;
	struct arrivals a;
	struct err err;
	bool is_answered;

	if (s->keeping != KEEPING_GOES && s->keeping != KEEPING_NOT)
		return;
	is_answered = ask_committed(s, now, &a, &err) == 0;
	if (!is_answered)
		say_trouble(s, &err);
	if (is_answered && a.count > 0)
		ends = ask_ends(s);
	for (size_t i = 0; ends && i < a.count; i++)
		if (leaf_may_settle(a.leaves[i], a.committed[i].offset, now) &&
			atlas_settle(s->atlas, a.leaves[i], a.committed[i].offset,
				a.ends[i].offset == 0))
			hide_all(s, a.leaves[i], ends);
	if (ends)
		s->next_save = now;
	free(ends);
	arrivals_fini(&a);
}

/* Queues what a leaf has to be kept. */
static int
put_leaf(struct group_sync *s, const struct leaf *leaf, struct err *err)
{
	char *key = atlas_document_key(leaf), *text = atlas_document(leaf, s->writer);
	int rc = compacted_put(s->keeper, key, text, strlen(text), err);

	free(key);
	free(text);
	return rc;
}

/* Writes what has changed. */
static void
save(struct group_sync *s, int timeout_ms)
{
	size_t count = atlas_leaves(s->atlas), written = 0;
	bool *is_tried;
	struct err err;
	int rc = 0;

	if (s->keeping != KEEPING_GOES)
		return;
	is_tried = mem_zero(count + 1, sizeof(*is_tried));
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct leaf *leaf = atlas_leaf(s->atlas, i);

		if (!leaf->is_changed || leaf->owner == LEAF_ARRIVING)
			continue;
		rc = put_leaf(s, leaf, &err);
		is_tried[i] = true;
		leaf->is_changed = false;
		written++;
	}
	if (written > 0 && compacted_flush(s->keeper, timeout_ms, rc ? NULL : &err) < 0)
		rc = -1;
	/* Which of them are there is not known: all are written once more. */
	for (size_t i = 0; rc < 0 && i < count; i++)
		if (is_tried[i])
			atlas_leaf(s->atlas, i)->is_changed = true;
	if (rc < 0)
		say_trouble(s, &err);
	free(is_tried);
}

static void
tell(struct group_sync *s, const struct group_counts *counts, const char *reason)
{
	struct group_sync_message *m = mem_zero(1, sizeof(*m));

	m->message.kind = GROUP_SYNC_PASSED;
	m->document = group_pass_document(s->pass, reason);
	if (counts) {
		m->time_ms = clock_wall_ms();
		m->groups = counts->groups;
		m->synced = counts->synced;
		m->with_members = counts->with_members;
		m->failed = counts->failed;
		memcpy(m->qualities, counts->qualities, sizeof(m->qualities));
		m->is_asked = s->answers;
	}
	mailbox_post(s->notices, &m->message);
}

/* A pass begins. */
static void
read_groups(struct group_sync *s)
{
	struct err err;

	if (group_pass_read(s->pass, s->source, s->atlas, &err) < 0) {
		say_trouble(s, &err);
		tell(s, NULL, err.text);
		s->next_pass = clock_ms() + (s->config->groups.interval < AGAIN_MS
							    ? s->config->groups.interval
							    : AGAIN_MS);
		return;
	}
	s->ticks_left = TICKS_BETWEEN;
	s->answers = s->is_asked;
}

static void
write_groups(struct group_sync *s)
{
	struct group_counts counts;

	group_pass_write(s->pass, s->source, s->target, s->atlas, &counts);
	tell(s, &counts, NULL);
	if (s->answers)
		s->is_asked = s->answers = false;
	/* One that was asked for meanwhile follows. */
	s->next_pass =
		s->is_asked ? 0
			    : clock_ms() + s->config->groups.interval - (TICKS_BETWEEN * TICK_MS);
}

/* Is it not known yet how the map of a partition of ours goes on? */
static bool
has_arrivals(const struct group_sync *s)
{
	for (size_t i = 0; i < atlas_leaves(s->atlas); i++)
		if (atlas_leaf(s->atlas, i)->owner == LEAF_ARRIVING)
			return true;
	return false;
}

static bool
is_time_for_pass(const struct group_sync *s, int64_t now)
{
	if (s->ticks_left > 0 || s->keeping == KEEPING_UNKNOWN || s->keeping == KEEPING_READS)
		return false;
	return now >= s->next_pass && !(s->is_asked && has_arrivals(s));
}

static void
tick(struct group_sync *s)
{
	int64_t now = clock_ms();

	s->next_tick = now + TICK_MS;
	if (!open_clients(s))
		return;
	follow_topic(s, now);
	settle_arrivals(s, now);
	atlas_tick(s->atlas);
	if (s->ticks_left > 0 && --s->ticks_left == 0)
		write_groups(s);
	else if (is_time_for_pass(s, now))
		read_groups(s);
	if (now >= s->next_save) {
		save(s, CALL_MS);
		s->next_save = clock_ms() + s->config->groups.save_interval;
	}
}

static void
take_notes(struct group_sync *s, struct offset_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		if (atlas_take_note(s->atlas, &notes->items[i], clock_ms()))
			s->next_save = 0;
	offset_notes_free(notes);
}

static void
take_order(struct group_sync *s, struct order *o)
{
	switch ((enum group_sync_order)o->message.kind) {
	case GROUP_SYNC_PLAN:
		atlas_set_plan(s->atlas, o->plan);
		plan_release(&o->plan);
		break;
	case GROUP_SYNC_BROKERS:
		if (s->source)
			admin_add_brokers(s->source, o->brokers);
		free(s->brokers);
		s->brokers = o->brokers;
		break;
	case GROUP_SYNC_PASS:
		s->is_asked = true;
		s->answers = false;
		s->next_pass = 0;
		break;
	case GROUP_SYNC_STOP: s->is_over = true; break;
	}
	free(o);
}

static void
take_orders(struct group_sync *s)
{
	struct message *m = mailbox_take(s->orders), *next;

	for (; m; m = next) {
		next = m->next;
		if (m->kind == OFFSET_NOTES) {
			take_notes(s, (struct offset_notes *)m);
			continue;
		}
		take_order(s, (struct order *)m);
	}
}

static void *
run(void *arg)
{
	struct group_sync *s = arg;
	struct pollfd fd = {.fd = mailbox_fd(s->orders), .events = POLLIN};

	while (!s->is_over) {
		int64_t wait = s->next_tick - clock_ms();

		if (wait > 0)
			poll(&fd, 1, (int)wait);
		take_orders(s);
		if (!s->is_over && clock_ms() >= s->next_tick)
			tick(s);
		if (s->next_save == 0) {
			save(s, CALL_MS);
			s->next_save = clock_ms() + s->config->groups.save_interval;
		}
	}
	save(s, CALL_MS);
	reader_close(&s->reader);
	compacted_close(&s->keeper);
	admin_close(&s->target);
	admin_close(&s->source);
	return NULL;
}

static void
free_sync(struct group_sync *s)
{
	take_orders(s);
	mailbox_free(&s->orders);
	group_pass_free(&s->pass);
	atlas_free(&s->atlas);
	free(s->brokers);
	free(s->topic);
	free(s);
}

struct group_sync *
group_sync_start(
	const struct config *config, const char *brokers, struct mailbox *notices, struct err *err)
{
	struct group_sync *s = mem_zero(1, sizeof(*s));

	s->config = config;
	s->notices = notices;
	s->brokers = mem_strdup(brokers);
	s->topic = compacted_name(config->groups.topic, "reflejo-offsets", config->source.group_id);
	s->orders = mailbox_new();
	s->sink.mailbox = s->orders;
	s->atlas = atlas_new(config->groups.memory);
	s->pass = group_pass_new(config, &s->must_stop, err);
	name_writer(s);
	s->next_tick = clock_ms();
	s->next_save = s->next_tick + config->groups.save_interval;
	if (s->pass && pthread_create(&s->thread, NULL, run, s) == 0)
		return s;
	if (s->pass)
		err_set(err, "the thread for consumer groups cannot be started");
	free_sync(s);
	return NULL;
}

struct offset_sink *
group_sync_sink(struct group_sync *s)
{
	return &s->sink;
}

void
group_sync_set_plan(struct group_sync *s, const struct plan *plan)
{
	struct order *o = mem_zero(1, sizeof(*o));

	o->message.kind = GROUP_SYNC_PLAN;
	o->plan = plan_take(plan);
	mailbox_post(s->orders, &o->message);
}

void
group_sync_add_brokers(struct group_sync *s, const char *brokers)
{
	struct order *o = mem_zero(1, sizeof(*o));

	o->message.kind = GROUP_SYNC_BROKERS;
	o->brokers = mem_strdup(brokers);
	mailbox_post(s->orders, &o->message);
}

void
group_sync_pass(struct group_sync *s)
{
	struct order *o = mem_zero(1, sizeof(*o));

	o->message.kind = GROUP_SYNC_PASS;
	mailbox_post(s->orders, &o->message);
}

bool
group_sync_stop(struct group_sync **sync, int timeout_ms)
{
	struct group_sync *s = *sync;
	struct order *o;
	struct timespec until;

	if (!s)
		return true;
	*sync = NULL;
	o = mem_zero(1, sizeof(*o));
	o->message.kind = GROUP_SYNC_STOP;
	atomic_store(&s->must_stop, true);
	mailbox_post(s->orders, &o->message);
	clock_deadline(timeout_ms, &until);
	if (pthread_timedjoin_np(s->thread, NULL, &until) == ETIMEDOUT) {
		pthread_detach(s->thread);
		return false;
	}
	free_sync(s);
	return true;
}
