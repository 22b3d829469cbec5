/* The recipe: how a topic is made at the target, how many partitions it is to have, and which of
 * the source's settings it gets. */
#include "mirror/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/creation.h"
#include "mirror/plan.h"

/* A script that names more partitions, and more than the source has, gets no more by itself: most
   likely it is wrong, and partitions cannot be taken away again. */
#define MAPPED_MOST 1000

/* Partitions that the topic's rule needs at the target. */
static int32_t
needed_by(const struct plan_topic *t)
{
	int32_t most = t->partitions > MAPPED_MOST ? t->partitions : MAPPED_MOST;

	return t->rule == PLAN_MAP && t->needs > most ? most : t->needs;
}

/* Partitions that one topic of the source wants at the target. */
static int32_t
partitions_for(const struct config *config, const struct plan_topic *t)
{
	int32_t wanted = t->create_partitions > 0 ? t->create_partitions
						  : creation_number(config->topics.partitions);

	if (wanted <= 0)
		wanted = t->rule == PLAN_MAP && t->needs > 0 ? needed_by(t) : t->partitions;
	return wanted < needed_by(t) ? needed_by(t) : wanted;
}

/* Replicas that it wants; 0: not known. */
static int32_t
replication_for(const struct config *config, const struct plan_topic *t)
{
	int32_t wanted = t->create_replication;

	if (wanted == 0)
		wanted = creation_number(config->topics.replication_factor);
	return wanted ? wanted : t->replicas;
}

void
recipe_make(const struct config *config, int target_brokers, struct plan_topic *const *topics,
	size_t count, struct recipe *ret)
{
	const struct plan_topic *first = topics[0];

	*ret = (struct recipe){
		.configs = first->create_configs ? first->create_configs : config->topics.configs,
		.wanted_replication = -1};
	for (size_t i = 0; i < count; i++) {
		int32_t partitions = partitions_for(config, topics[i]);
		int32_t replication = replication_for(config, topics[i]);

		if (partitions > ret->partitions)
			ret->partitions = partitions;
		if (replication > ret->wanted_replication)
			ret->wanted_replication = replication;
	}
	if (ret->wanted_replication == 0)
		ret->wanted_replication = -1;
	ret->replication = target_brokers > 0 && ret->wanted_replication > target_brokers
				   ? target_brokers
				   : ret->wanted_replication;
}

const char *
recipe_why_not_grown(
	const struct config *config, const struct plan_topic *const *topics, size_t count)
{
	if (!strcmp(config->topics.grow, "always"))
		return NULL;
	if (!strcmp(config->topics.grow, "never"))
		return "topics.grow is never; add partitions at the target, or set it to auto or "
		       "always";
	for (size_t i = 0; i < count; i++) {
		if (topics[i]->rule == PLAN_ROUND_ROBIN)
			return "its records go round the partitions that there are; "
			       "topics.grow=always adds some all the same";
		if (topics[i]->rule == PLAN_MAP)
			return "its script says which partitions its records go to; "
			       "topics.grow=always adds what the script names";
		if (topics[i]->rule != PLAN_PRESERVE)
			return "its records find their partition by key, and keys would move to "
			       "other partitions, away from their earlier records; "
			       "topics.grow=always adds some all the same";
	}
	return NULL;
}

char *
recipe_text(const struct recipe *r)
{
	struct text text = {0};

	text_printf(&text, "%d partition%s", (int)r->partitions, r->partitions == 1 ? "" : "s");
	if (r->replication > 0)
		text_printf(&text, ", replication factor %d", (int)r->replication);
	else
		text_puts(&text, ", the target's default replication factor");
	if (r->replication < r->wanted_replication)
		text_printf(&text, " (not %d: the target has no more brokers)",
			(int)r->wanted_replication);
	if (strcmp(r->configs, "none") != 0)
		text_printf(&text, ", and the settings %s", r->configs);
	return text_take(&text);
}

bool
recipe_copies(const char *setting)
{
	/* What MirrorMaker 2 does not copy, throttles of one cluster's brokers, tiered storage, and
	   what Kafka 4 has not any more. */
	static const char *const left_out[] = {
		"follower.replication.throttled.replicas",
		"leader.replication.throttled.replicas",
		"message.timestamp.difference.max.ms",
		"message.timestamp.before.max.ms",
		"message.timestamp.after.max.ms",
		"message.timestamp.type",
		"unclean.leader.election.enable",
		"min.insync.replicas",
		"remote.storage.enable",
		"remote.log.copy.disable",
		"remote.log.delete.on.disable",
		"local.retention.ms",
		"local.retention.bytes",
		"message.format.version",
		"message.downconversion.enable",
	};

	for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++)
		if (!strcmp(left_out[i], setting))
			return false;
	return true;
}

bool
recipe_needs_source(const struct recipe *recipe)
{
	struct settings own = {0};
	bool copies;

	settings_parse(recipe->configs, &own, NULL);
	copies = own.copies_source;
	settings_fini(&own);
	return copies;
}

void
recipe_dead_letters(const struct config *config, const struct plan *plan, struct recipe *ret)
{
	int32_t partitions = creation_number(config->topics.partitions),
		replication = creation_number(config->topics.replication_factor);

	for (size_t i = 0;
		creation_number(config->topics.replication_factor) == 0 && i < plan->count; i++)
		if (plan->topics[i].target && plan->topics[i].recipe.replication > replication)
			replication = plan->topics[i].recipe.replication;
	if (replication == 0)
		replication = -1;
	*ret = (struct recipe){.partitions = partitions > 0 ? partitions : 1,
		.replication = replication,
		.wanted_replication = replication,
		.configs = "none"};
	if (plan->target_brokers > 0 && replication > plan->target_brokers)
		ret->replication = plan->target_brokers;
}

void
recipe_settings(const struct recipe *recipe, const struct settings *source, struct settings *ret)
{
	struct settings own = {0};

	*ret = (struct settings){0};
	/* It was read before: by the configuration, or by the hook that gave it. */
	settings_parse(recipe->configs, &own, NULL);
	for (size_t i = 0; own.copies_source && source && i < source->count; i++)
		if (recipe_copies(source->items[i].name))
			settings_set(ret, source->items[i].name, source->items[i].value);
	for (size_t i = 0; i < own.count; i++)
		settings_set(ret, own.items[i].name, own.items[i].value);
	ret->copies_source = own.copies_source;
	settings_fini(&own);
}

void
recipe_difference(const struct recipe *recipe, const struct settings *wanted,
	const struct settings *now, struct settings *ret_set, struct settings *ret_removed)
{
	struct settings own = {0};

	*ret_set = *ret_removed = (struct settings){0};
	settings_parse(recipe->configs, &own, NULL);
	for (size_t i = 0; i < wanted->count; i++) {
		const char *value = settings_get(now, wanted->items[i].name);

		if (!value || strcmp(value, wanted->items[i].value) != 0)
			settings_set(ret_set, wanted->items[i].name, wanted->items[i].value);
	}
	for (size_t i = 0; own.copies_source && i < now->count; i++)
		if (recipe_copies(now->items[i].name) && !settings_get(wanted, now->items[i].name))
			settings_set(ret_removed, now->items[i].name, now->items[i].value);
	settings_fini(&own);
}

char *
recipe_leave_out(struct settings *settings, const char *reason)
{
	static const char says[] = "nknown topic config name: ";
	const char *at = strstr(reason, says);
	char *name;

	if (!at)
		return NULL;
	at += sizeof(says) - 1;
	name = mem_strndup(
		at, strspn(at, "abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ_-"));
	for (size_t n = strlen(name); n > 0 && name[n - 1] == '.'; n--)
		name[n - 1] = '\0';
	if (settings_remove(settings, name))
		return name;
	free(name);
	return NULL;
}
