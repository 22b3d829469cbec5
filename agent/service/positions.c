/* Where a group that is new, or comes from the old consumer, starts to read. */
#include "service/positions.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "kafka/zookeeper.h"

/* One look-up, or commit, may take this long; it is tried again by the scout. */
#define LOOK_MS 4000

struct positions {
	struct topic_partition *items;
	size_t count;
};

static struct positions
all_partitions(const struct cluster_topic *topics, size_t topic_count)
{
	struct positions all = {0};
	size_t count = 0;

	for (size_t i = 0; i < topic_count; i++)
		count += (size_t)topics[i].partitions;
	all.items = mem_zero(count, sizeof(*all.items));
	for (size_t i = 0; i < topic_count; i++)
		for (int p = 0; p < topics[i].partitions; p++)
			all.items[all.count++] = (struct topic_partition){topics[i].name, p, -1};
	return all;
}

/* Those of `all` that have no offset yet (wants_missing) or that have one. */
static struct positions
choose(const struct positions *all, bool wants_missing)
{
	struct positions chosen = {.items = mem_zero(all->count, sizeof(*all->items))};

	for (size_t i = 0; i < all->count; i++)
		if ((all->items[i].offset < 0) == wants_missing)
			chosen.items[chosen.count++] = all->items[i];
	return chosen;
}

static void
fill_from_zookeeper(struct positions *missing, const struct zookeeper_position *old, size_t count)
{
	for (size_t i = 0; i < missing->count; i++)
		for (size_t j = 0; j < count; j++)
			if (missing->items[i].partition == old[j].partition &&
				!strcmp(missing->items[i].topic, old[j].topic))
				missing->items[i].offset = old[j].offset;
}

/* Commits those that have an offset. */
static int
commit(struct admin *source, const struct positions *positions, struct err *err)
{
	struct positions known = choose(positions, false);
	bool has_members = false;
	int rc = known.count ? admin_commit(
				       source, LOOK_MS, known.items, known.count, &has_members, err)
			     : 0;

	/* Somebody is in the group already: then its positions are that member's business. */
	if (rc < 0 && has_members) {
		LOG(EVENT_source_trouble, F_STR("reason", err->text),
			F_STR("advice", "the group has members; partitions without a position are "
					"read from their beginning"));
		rc = 0;
	}
	free(known.items);
	return rc;
}

/* Takes over what the old consumer left in ZooKeeper for partitions that have no position. Returns
 * how many, -1 on error. */
static int
import(const struct config *config, struct admin *source, struct positions *missing,
	struct err *err)
{
	struct zookeeper_position *old = NULL;
	size_t count = 0;
	struct positions taken;
	int rc, n;

	if (!config->source.zookeeper_connect)
		return 0;
	if (zookeeper_read_positions(config->source.zookeeper_connect, config->source.group_id,
		    LOOK_MS, &old, &count, err) < 0)
		return -1;
	fill_from_zookeeper(missing, old, count);
	taken = choose(missing, false);
	n = (int)taken.count;
	free(taken.items);
	rc = n ? commit(source, missing, err) : 0;
	zookeeper_positions_free(&old, count);
	if (rc < 0)
		return -1;
	if (n)
		LOG(EVENT_zookeeper_positions, F_STR("group", config->source.group_id),
			F_INT("partitions", n));
	return n;
}

static int
start_at_ends(const struct config *config, struct admin *source, struct positions *missing,
	struct err *err)
{
	if (admin_ends(source, LOOK_MS, missing->items, missing->count, err) < 0 ||
		commit(source, missing, err) < 0)
		return -1;
	LOG(EVENT_positions_first_start, F_STR("group", config->source.group_id),
		F_UINT("partitions", missing->count), F_STR("from", "latest"));
	return 0;
}

/* Partitions that have no position and the group has others. */
static int
settle_missing(const struct config *config, struct admin *source, struct positions *missing,
	bool is_new_group, struct err *err)
{
	int imported = import(config, source, missing, err);

	if (imported < 0)
		return -1;
	if (is_new_group && imported == 0 && config->source.offset_reset == OFFSET_RESET_LATEST)
		return start_at_ends(config, source, missing, err);
	if (!is_new_group && (size_t)imported < missing->count)
		LOG(EVENT_position_new, F_STR("group", config->source.group_id),
			F_UINT("partitions", missing->count - (size_t)imported));
	return 0;
}

int
positions_prepare(const struct config *config, struct admin *source,
	const struct cluster_topic *topics, size_t topic_count, struct err *err)
{
	struct positions all = all_partitions(topics, topic_count), missing = {0};
	int rc = 0;

	if (all.count == 0)
		goto out;
	rc = admin_committed(source, LOOK_MS, all.items, all.count, err);
	if (rc < 0)
		goto out;
	missing = choose(&all, true);
	if (missing.count)
		rc = settle_missing(config, source, &missing, missing.count == all.count, err);
out:
	free(missing.items);
	free(all.items);
	return rc;
}
