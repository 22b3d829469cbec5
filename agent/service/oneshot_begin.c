/* What a one shot begins with: how far each partition is to be mirrored, by the source's word. */
#include "service/oneshot_begin.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/instant.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/zookeeper.h"

/* One look-up may take this long; it is tried again by the scout. */
#define LOOK_MS 4000

static bool
has_ends(const struct config *config)
{
	return config->mirror.until_end || config->mirror.until_timestamp;
}

/* All partitions of the topics, in their order; the offsets are -1. Names are borrowed. @gives an
   array */
static struct topic_partition *
list_partitions(const struct cluster_topic *topics, size_t topic_count, size_t *ret_count)
{
	struct topic_partition *list;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < topic_count; i++)
		count += (size_t)topics[i].partitions;
	list = mem_zero(count, sizeof(*list));
	for (size_t i = 0; i < topic_count; i++)
		for (int p = 0; p < topics[i].partitions; p++)
			list[n++] = (struct topic_partition){topics[i].name, p, -1};
	*ret_count = count;
	return list;
}

/* Would a new group start at the ends, as far as the configuration says it for all topics? */
static bool
starts_at_ends(const struct config *config)
{
	if (config->start.extra.count > 0)
		return false;
	if (!strcasecmp(config->start.from, "latest"))
		return true;
	return !strcasecmp(config->start.from, "committed") &&
	       config->source.offset_reset == OFFSET_RESET_LATEST;
}

/* Did the old consumer or MirrorMaker 2 leave positions that will be taken over, or is that not
   known? */
static bool
has_old_positions(const struct config *config)
{
	const char *import = config->mirror.offsets_import;
	struct zookeeper_position *old = NULL;
	struct err err;
	size_t count = 0;

	if (import && !strcmp(import, "mm2"))
		return true;
	if (!config_imports_zookeeper(config))
		return false;
	if (zookeeper_read_positions(config->source.zookeeper_connect, config->source.group_id,
		    LOOK_MS, &old, &count, &err) < 0)
		return true;
	zookeeper_positions_free(&old, count);
	return count > 0;
}

char *
oneshot_why_not(const struct config *config, struct admin *source,
	const struct cluster_topic *topics, size_t topic_count)
{
	struct topic_partition *list;
	bool is_new = true;
	struct err err;
	size_t count;

	if (!has_ends(config) || !starts_at_ends(config))
		return NULL;
	list = list_partitions(topics, topic_count, &count);
	is_new = count > 0 && admin_committed(source, LOOK_MS, list, count, &err) == 0;
	for (size_t i = 0; i < count && is_new; i++)
		is_new = list[i].offset < 0;
	free(list);
	if (!is_new || has_old_positions(config))
		return NULL;
	return mem_printf(
		"the group %s is new and would start at the latest records (start.from, or "
		"auto.offset.reset=latest, the default), so that until.end and until.timestamp "
		"would mirror nothing: write --start.from earliest, or name a group that has "
		"positions",
		config->source.group_id);
}

/* The records of that time may begin before the end, which is in list already. */
static int
cut_at_timestamp(const struct config *config, struct admin *source, struct topic_partition *ends,
	size_t count, struct err *err)
{
	struct topic_partition *at;
	int64_t ms;
	int rc;

	if (!config->mirror.until_timestamp)
		return 0;
	if (instant_parse(config->mirror.until_timestamp, &ms, err) < 0)
		return -1;
	at = mem_zero(count, sizeof(*at));
	for (size_t i = 0; i < count; i++)
		at[i] = (struct topic_partition){ends[i].topic, ends[i].partition, ms};
	rc = admin_at_times(source, LOOK_MS, at, count, err);
	for (size_t i = 0; i < count && rc == 0; i++)
		if (at[i].offset >= 0 && at[i].offset < ends[i].offset)
			ends[i].offset = at[i].offset;
	free(at);
	return rc;
}

/* One kind of offset of all partitions: where the group stands, where they begin, where they end.
 */
typedef int look_up(struct admin *admin, int timeout_ms, struct topic_partition *positions,
	size_t count, struct err *err);

static int
fill(struct until *until, struct admin *source, struct topic_partition *list, look_up *fn,
	size_t field, struct err *err)
{
	if (fn(source, LOOK_MS, list, until->count, err) < 0)
		return -1;
	for (size_t i = 0; i < until->count; i++)
		*(int64_t *)((char *)&until->items[i] + field) = list[i].offset;
	return 0;
}

static int
fill_ends(const struct config *config, struct until *until, struct admin *source,
	struct topic_partition *list, struct err *err)
{
	if (!until->has_ends)
		return 0;
	if (fill(until, source, list, admin_ends, offsetof(struct until_partition, end), err) < 0 ||
		cut_at_timestamp(config, source, list, until->count, err) < 0)
		return -1;
	for (size_t i = 0; i < until->count; i++)
		until->items[i].end = list[i].offset;
	return 0;
}

static void
say_begin(const struct config *config, const struct until *until)
{
	uint64_t to_read = 0;
	size_t done = 0;

	for (size_t i = 0; i < until->count; i++) {
		to_read += (uint64_t)until_to_read(&until->items[i]);
		done += until_was_done(&until->items[i]);
	}
	LOG(EVENT_until, F_UINT("partitions", until->count), F_UINT("done", done),
		F_INT("records", until->has_ends ? (int64_t)to_read : -1),
		F_STR("end", config->mirror.until_end ? "yes" : "no"),
		F_STR("timestamp", config->mirror.until_timestamp),
		F_INT("idle_ms", config->mirror.until_idle_ms));
}

int
oneshot_begin(const struct config *config, struct admin *source, const struct cluster_topic *topics,
	size_t topic_count, struct until **ret, struct err *err)
{
	struct until *until = until_new(has_ends(config));
	struct topic_partition *list;
	size_t count;
	int rc = 0;

	list = list_partitions(topics, topic_count, &count);
	for (size_t i = 0; i < count; i++)
		until_add(until, list[i].topic, list[i].partition);
	/* The ends last: what they are compared with is not further then. */
	if (count > 0 && (fill(until, source, list, admin_committed,
				  offsetof(struct until_partition, start), err) < 0 ||
				 fill(until, source, list, admin_begins,
					 offsetof(struct until_partition, begin), err) < 0 ||
				 fill_ends(config, until, source, list, err) < 0))
		rc = -1;
	free(list);
	if (rc < 0) {
		until_free(&until);
		return -1;
	}
	until_sort(until);
	say_begin(config, until);
	*ret = until;
	return 0;
}

void
oneshot_look(struct admin *source, int timeout_ms, struct scout_ends *standings)
{
	struct topic_partition *begins = standings->items + standings->count;
	struct err err;

	for (size_t i = 0; i < standings->count; i++)
		begins[i] = standings->items[i];
	standings->is_known = admin_committed(source, timeout_ms, standings->items,
				      standings->count, &err) == 0 &&
			      admin_begins(source, timeout_ms, begins, standings->count, &err) == 0;
}
