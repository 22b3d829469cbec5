/* Where a group that is new, or comes from an older mirror, starts to read. */
#include "service/positions.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka/ledger.h"
#include "kafka/mm2.h"
#include "kafka/zookeeper.h"
#include "service/note.h"
#include "service/places.h"

/* One look-up, or commit, may take this long; it is tried again by the scout. */
#define LOOK_MS 4000
/* What is not necessary may take this long. */
#define BEGIN_MS 1000
/* The start cannot go on. */
#define GIVE_UP 1

/* The positions of one group while they are put in place. */
struct settling {
	const struct positions_parts *parts;
	const struct config *config;
	const char *group;
	struct places places;
	bool is_new_group; /* nothing has a position */
	bool has_members;  /* somebody is in the group already: its positions are their business */
};

/* Commits what is due; that the group has members is no error. */
static int
commit(struct settling *s, struct err *err)
{
	int rc = places_commit(&s->places, s->parts->source, LOOK_MS, &s->has_members, err);

	if (rc < 0 && s->has_members) {
		LOG(EVENT_source_trouble, F_STR("reason", err->text),
			F_STR("advice", "the group has members; partitions without a position are "
					"read from their beginning"));
		rc = 0;
	}
	return rc;
}

/* ---- start.force ---- */

/* Everything that [start] says something about is to be set. Returns how many. */
static size_t
mark_all(struct settling *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->places.count; i++) {
		struct place *p = &s->places.items[i];

		p->kind = p->start->point.kind;
		p->is_due = p->kind != STARTPOINT_COMMITTED &&
			    (p->kind != STARTPOINT_OFFSETS ||
				    offsets_find(
					    &p->start->offsets, p->at.topic, p->at.partition) >= 0);
		count += p->is_due;
	}
	return count;
}

/* Sets the positions of all that is marked. */
static int
set_marked(struct settling *s, const char *path, struct err *err)
{
	struct places *places = &s->places;

	if (places_find_offsets(places, s->parts->source, LOOK_MS, err) < 0)
		return -1;
	if (places_commit(places, s->parts->source, LOOK_MS, &s->has_members, err) < 0) {
		if (!s->has_members)
			return -1;
		err_set(err,
			"start.force cannot set the positions of the group %s while it has "
			"members: stop the other agents and MirrorMakers that are in it (one that "
			"was killed is a member until its session.timeout.ms is over), or take "
			"start.force out",
			s->group);
		return GIVE_UP;
	}
	places_say(places, s->parts->starts, EVENT_positions_forced, s->group);
	if (note_keep(path, err) < 0) {
		err_prefix(err,
			"start.force has set the positions, but that cannot be noted; take it out "
			"before the next start: ");
		return GIVE_UP;
	}
	return 0;
}

static int
note_and_set(struct settling *s, const char *path, const char *text, struct err *err)
{
	int rc;

	if (note_write(path, text, err) < 0) {
		err_prefix(err, "start.force must be noted, in start.state.file: ");
		return GIVE_UP;
	}
	rc = set_marked(s, path, err);
	if (rc != 0)
		note_undo(path);
	return rc;
}

/* Forces, once: under a supervisor that starts the same command again and again, positions must not
   be thrown away each time. */
static int
force_once(struct settling *s, const char *path, struct err *err)
{
	char *from = starts_text(s->parts->starts), *noted = NULL;
	char *text = mem_printf("%s: %s", s->group, from);
	int rc = 0;

	if (note_read(path, &noted, err) < 0) {
		err_prefix(err, "start.force: ");
		rc = GIVE_UP;
	} else if (noted && !strcmp(noted, text)) {
		LOG(EVENT_positions_not_forced, F_STR("group", s->group), F_STR("from", from),
			F_STR("note", path));
	} else {
		if (mark_all(s) == 0)
			LOG(EVENT_positions_forced, F_STR("group", s->group),
				F_UINT("partitions", 0), F_STR("from", from));
		/* Noted, even so: what turns up later has its place from then on. */
		rc = note_and_set(s, path, text, err);
		places_settle(&s->places);
	}
	free(from);
	free(text);
	free(noted);
	return rc;
}

/* Obeys start.force, or forgets that it ever was. */
static int
force(struct settling *s, struct err *err)
{
	char *path = config_state_file(s->config, s->config->start.state_file, "start");
	int rc = 0;

	if (s->config->start.force)
		rc = force_once(s, path, err);
	else
		note_drop(path);
	free(path);
	return rc;
}

/* ---- offsets.import ---- */

/* What the old consumer left in ZooKeeper. @gives *ret */
static int
read_zookeeper(struct settling *s, struct offsets *ret, struct err *err)
{
	struct zookeeper_position *old = NULL;
	size_t count = 0;

	if (zookeeper_read_positions(
		    s->config->source.zookeeper_connect, s->group, LOOK_MS, &old, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		offsets_set(ret, old[i].topic, old[i].partition, old[i].offset);
	zookeeper_positions_free(&old, count);
	return 0;
}

/* MirrorMaker 2's positions are asked for, and there are none: with a new group that is a slip. */
static int
miss_mm2(struct settling *s, const struct mm2_positions *found, bool is_missing, struct err *err)
{
	const struct config_mirror *mirror = &s->config->mirror;
	char *topic = mm2_offsets_topic(s->config);

	if (is_missing)
		err_set(err,
			"offsets.import=mm2: there is no topic %s at the %s; name MirrorMaker 2's "
			"offset.storage.topic in offsets.import.topic and its cluster in "
			"offsets.import.side",
			topic, mirror->offsets_import_side);
	else if (found->offsets.count > 0)
		err_set(err,
			"offsets.import=mm2: %s holds positions of the connector %s for the "
			"cluster %s, but none of a topic that is mirrored",
			topic, found->connector, found->alias);
	else
		err_set(err,
			"offsets.import=mm2: %s holds no position of the connector %s for the "
			"cluster %s; it has: %s (connector/cluster); correct "
			"offsets.import.connector and offsets.import.alias",
			topic, found->connector, found->alias,
			found->others.length ? found->others.s : "nothing");
	free(topic);
	return s->is_new_group ? GIVE_UP : 0;
}

/* Gives those that have no position what was found. Returns how many. */
static size_t
fill(struct settling *s, const struct offsets *found)
{
	size_t count = 0;

	for (size_t i = 0; i < s->places.count; i++) {
		struct place *p = &s->places.items[i];

		if (p->at.offset >= 0)
			continue;
		p->at.offset = offsets_find(found, p->at.topic, p->at.partition);
		p->is_due = p->at.offset >= 0;
		count += p->is_due;
	}
	return count;
}

/* Commits what was found where the group has nothing. */
static int
take_over(struct settling *s, const struct offsets *found, enum log_event event, struct err *err)
{
	size_t count = fill(s, found);

	if (count > 0 && commit(s, err) < 0)
		return -1;
	if (count > 0 && !s->has_members)
		LOG(event, F_STR("group", s->group), F_UINT("partitions", count));
	if (count > 0)
		s->is_new_group = false;
	places_settle(&s->places);
	return 0;
}

static int
import_mm2(struct settling *s, struct err *err)
{
	struct mm2_positions found;
	bool is_missing, was_new = s->is_new_group;
	int rc;

	if (mm2_read_positions(s->config, s->parts->brokers, s->parts->must_stop, &found,
		    &is_missing, err) < 0)
		return err_prefix(err, "MirrorMaker 2's positions cannot be taken over yet: ");
	rc = take_over(s, &found.offsets, EVENT_mm2_positions, err);
	if (rc == 0 && was_new && s->is_new_group)
		rc = miss_mm2(s, &found, is_missing, err);
	mm2_positions_fini(&found);
	return rc;
}

static int
import(struct settling *s, struct err *err)
{
	const char *from = s->config->mirror.offsets_import;
	struct offsets found = {0};
	int rc;

	if (from && !strcmp(from, "mm2"))
		return import_mm2(s, err);
	if (!config_imports_zookeeper(s->config))
		return 0;
	rc = read_zookeeper(s, &found, err);
	if (rc == 0)
		rc = take_over(s, &found, EVENT_zookeeper_positions, err);
	offsets_fini(&found);
	return rc;
}

/* The group's positions are a copy, which may be gone: those of the ledger count. */
static int
copy_ledger(struct settling *s, struct err *err)
{
	struct offsets found = {0};
	enum outcome outcome =
		ledger_read(s->config, s->parts->brokers, &found, s->parts->must_stop, err);
	int rc = outcome == OUTCOME_DONE ? 0 : outcome == OUTCOME_REFUSED ? GIVE_UP : -1;

	if (rc == 0)
		rc = take_over(s, &found, EVENT_ledger_positions, err);
	offsets_fini(&found);
	return rc;
}

/* ---- start.from ---- */

/* What each partition without a position is given: by its setting, or by auto.offset.reset. */
static void
decide(struct settling *s)
{
	bool is_latest = s->is_new_group && s->config->source.offset_reset == OFFSET_RESET_LATEST;

	for (size_t i = 0; i < s->places.count; i++) {
		struct place *p = &s->places.items[i];

		if (p->at.offset >= 0)
			continue;
		p->kind = starts_decide(p->start, p->at.topic, p->at.partition, s->is_new_group,
			places_is_new_topic(&s->places, p));
		if (p->kind == STARTPOINT_COMMITTED && is_latest)
			p->kind = STARTPOINT_LATEST;
		p->is_due = p->kind != STARTPOINT_COMMITTED;
	}
}

/* Says what was decided; left: how many have no position still. */
static void
say(const struct settling *s, size_t left)
{
	size_t latest = 0, beginning;

	for (size_t i = 0; i < s->places.count; i++) {
		const struct place *p = &s->places.items[i];

		latest += p->is_due && p->kind == STARTPOINT_LATEST &&
			  p->start->point.kind == STARTPOINT_COMMITTED;
	}
	places_say(&s->places, s->parts->starts, EVENT_positions_first_start, s->group);
	if (latest > 0)
		LOG(EVENT_positions_first_start, F_STR("group", s->group),
			F_UINT("partitions", latest), F_STR("from", "latest"));
	beginning = places_due_otherwise(&s->places) - latest + (s->is_new_group ? 0 : left);
	if (beginning > 0)
		LOG(EVENT_position_new, F_STR("group", s->group), F_UINT("partitions", beginning));
}

/* Partitions for which nobody left a position. */
static int
start(struct settling *s, struct err *err)
{
	int rc = 0;

	decide(s);
	if (places_find_offsets(&s->places, s->parts->source, LOOK_MS, err) < 0)
		return -1;
	rc = commit(s, err);
	if (rc == 0 && !s->has_members)
		say(s, places_missing(&s->places));
	places_settle(&s->places);
	return rc;
}

/* A new group that reads from the beginning has positions at once, too. The library would ask for
   each beginning by a request of its own, and answers to what it fetches meanwhile would wait
   behind silent partitions, and what the source deletes before it was read would be missing without
   a word. But nothing depends on it: where it fails, the library asks. */
static void
begin(struct settling *s)
{
	struct err ignored;
	int count = places_find_beginnings(&s->places, s->parts->source, BEGIN_MS, &ignored);

	if (count > 0 && places_commit(&s->places, s->parts->source, BEGIN_MS, &s->has_members,
				 &ignored) == 0)
		LOG(EVENT_positions_first_start, F_STR("group", s->group),
			F_UINT("partitions", (unsigned)count), F_STR("from", "earliest"));
	places_settle(&s->places);
}

static int
settle(struct settling *s, struct err *err)
{
	int rc = places_look_up(&s->places, s->parts->source, LOOK_MS, err);

	if (rc < 0)
		return rc;
	s->is_new_group = places_missing(&s->places) == s->places.count;
	rc = force(s, err);
	if (rc == 0 && s->config->mirror.exactly_once && !s->config->mirror.dry_run &&
		places_missing(&s->places) > 0)
		rc = copy_ledger(s, err);
	if (rc == 0 && places_missing(&s->places) > 0)
		rc = import(s, err);
	if (rc == 0 && !s->has_members && places_missing(&s->places) > 0)
		rc = start(s, err);
	if (rc == 0 && !s->has_members && s->is_new_group &&
		s->config->source.offset_reset == OFFSET_RESET_EARLIEST)
		begin(s);
	return rc;
}

int
positions_prepare(const struct positions_parts *parts, const struct cluster_topic *topics,
	size_t topic_count, struct err *err)
{
	struct settling s = {.parts = parts,
		.config = parts->config,
		.group = parts->config->source.group_id,
		.places = places_of(topics, topic_count, parts->starts)};
	int rc = settle(&s, err);

	places_fini(&s.places);
	return rc;
}
