/* The recipe: how a topic is made at the target, how many partitions it is to have, and which of
 * the source's settings it gets. */
#ifndef MIRROR_RECIPE_H
#define MIRROR_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/settings.h"
#include "config/config.h"

struct plan;
struct plan_topic;

/* Of one topic of the target. */
struct recipe {
	int32_t partitions;
	int32_t replication;	    /* -1: as the target's brokers have it by default */
	int32_t wanted_replication; /* more than that when the target has too few brokers for it */
	const char
		*configs; /* a text of base/settings.h; of the plan's topic, or the configuration's
			   */
};

/* For the topics of the source that go to one, sorted by name: the most partitions and replicas
   that one of them wants, and the settings that the first wants. target_brokers: 0 or less: not
   known. */
void recipe_make(const struct config *config, int target_brokers, struct plan_topic *const *topics,
	size_t count, struct recipe *ret);

/* Are partitions added at the target when there are fewer than the recipe has? NULL: yes, else why
   not, and what to do about it. */
const char *recipe_why_not_grown(
	const struct config *config, const struct plan_topic *const *topics, size_t count);

/* "12 partitions, replication factor 2, and the settings source,retention.ms=1000": for people.
   @gives a string */
char *recipe_text(const struct recipe *recipe);

/* Is a setting of this name copied to another cluster? Those that are about one cluster's brokers,
   or that new brokers do not know any more, are not. */
bool recipe_copies(const char *setting);

/* Are settings of the source's topic copied? */
bool recipe_needs_source(const struct recipe *recipe);

/* How the topic for dead letters is made: with one partition unless topics.partitions is a number,
   and as many replicas as the mirrored topics get at most. */
void recipe_dead_letters(const struct config *config, const struct plan *plan, struct recipe *ret);

/* The settings by the recipe, source being what is set for the topic there (NULL: nothing).
   @gives *ret; settings_fini */
void recipe_settings(
	const struct recipe *recipe, const struct settings *source, struct settings *ret);

/* What must be set, and what taken away, so that a topic that has now is as the recipe's settings,
   wanted, say. Settings that are not copied stay, and nothing is taken away unless the recipe
   copies the source's. @gives *ret_set and *ret_removed; settings_fini */
void recipe_difference(const struct recipe *recipe, const struct settings *wanted,
	const struct settings *now, struct settings *ret_set, struct settings *ret_removed);

/* The cluster refused a topic for this reason because it does not know one of the settings: takes
   it out. Returns its name, NULL when that was not the reason. @gives a string */
char *recipe_leave_out(struct settings *settings, const char *reason);

#endif
