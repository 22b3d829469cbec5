/* The plan: for every topic of the source, whether it is mirrored, and where its records go. */
#ifndef MIRROR_PLAN_H
#define MIRROR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "mirror/provenance.h"
#include "mirror/recipe.h"
#include "mirror/topics.h"
#include "script/script.h"

/* How the target partition of a record is chosen. */
enum plan_rule {
	PLAN_BY_KEY,   /* murmur2 of the key, as Java's default partitioner */
	PLAN_PRESERVE, /* the source's number */
	PLAN_MAP, /* the number that the script's partition hook gave for the source partition */
	PLAN_ROUND_ROBIN, /* one after the other */
	PLAN_CRC32	  /* CRC-32 of the key, as librdkafka's own default partitioner */
};

/* In map: the record's key decides; the hook failed, or named a partition that is not there: the
   source partition waits. */
enum { PLAN_MAP_BY_KEY = -1, PLAN_MAP_NOWHERE = -2 };

/* One topic of the source. */
struct plan_topic {
	char *name;
	char *target;	    /* the name at the target; NULL: not mirrored */
	char *why_not;	    /* why it is not mirrored, a finished sentence; NULL when it is */
	int32_t partitions; /* at the source */
	int32_t target_partitions; /* 0: the topic is not there; -1: not known */
	int32_t replicas;	   /* at the source; 0: not known */
	int32_t needs; /* partitions that its rule needs at the target; 0: any number will do */
	int32_t create_partitions, create_replication; /* what its route wants the target's to be
							  made with; 0: not said */
	char *create_configs;			       /* likewise; NULL: not said */
	struct recipe recipe;			       /* how the target's is made; when mirrored */
	int32_t grow_to; /* the target's is to get so many partitions; 0: it stays as it is */
	char *awaits; /* why none of its records may be sent yet, a finished sentence: its topic at
			 the target is not there, and is being made. NULL: they may */
	bool leads;   /* the first by name of those that go to its target */
	bool is_refused; /* awaits: the target refuses to make it */
	enum plan_rule rule;
	char *limit;	 /* what its route says, a text of base/rates.h; NULL: nothing */
	int32_t *map;	 /* rule MAP: partitions entries, PLAN_MAP_... or a partition of the target;
			    else NULL */
	bool is_kept;	 /* a hook fails for it, and what was said before counts */
	char **problems; /* what an operator should look at, each a finished sentence; the first is
			    about the missing topic when target_partitions is 0, unless it is being
			    made */
	size_t problem_count;
};

/* Never changed once it is made, and shared by all threads: counted. Topics are sorted by name. */
struct plan {
	struct plan_topic *topics;
	size_t count, mirrored;		 /* all; those with a target */
	struct plan_partitions *targets; /* of the target cluster, by name; NULL: not known */
	size_t target_count;
	int target_brokers;	       /* 0: not known */
	bool makes_topics;	       /* what is missing at the target is made */
	char *dead_letters_await;      /* why no dead letter may be sent yet, as awaits of a topic;
					  NULL: they may */
	bool are_dead_letters_refused; /* dead_letters_await: the target refuses to make it */
	struct provenance_clusters clusters; /* as their records' headers name them */
	_Atomic int references;
};

/* A topic as a cluster's metadata lists it. */
struct plan_partitions {
	const char *name;
	int32_t partitions, replicas; /* replicas 0: not known */
};

/* The target refuses to make a topic. */
struct plan_refusal {
	const char *target, *reason;
};

/* Who is asked beyond the configuration: the hooks of a script. A NULL function is a hook that is
   not there. What they take and answer is told at script_topics, script_route, script_partition. */
struct plan_hooks {
	void *arg;
	int (*topics)(void *arg, const struct script_topic *topic, struct err *err);
	int (*route)(void *arg, const struct script_topic *topic, struct script_route *ret,
		struct err *err);
	int (*partition)(void *arg, const struct script_topic *source, int32_t partition,
		const struct script_topic *target, int32_t *ret, struct err *err);
	/* The plan under way, whose targets are known already, before the others are asked; NULL
	   when it is made. May be NULL. */
	void (*look)(void *arg, const struct plan *plan);
};

struct plan_input {
	const struct config *config;
	struct topics *filter;	     /* include, whitelist or blacklist, and internal topics */
	struct plan_hooks hooks;     /* zeroed: no script */
	const struct plan *previous; /* a topic whose hook fails keeps the answer that it had there;
					NULL: none, then such a failure is an error of plan_make */
	bool is_same_script; /* previous was made by the same state of the script: its partition
				hook is not asked again while both counts stay */
	const struct plan_partitions *sources,
		*targets; /* sorted by name; targets NULL: the target does not answer */
	size_t source_count, target_count;
	int target_brokers; /* 0: not known */
	struct provenance_clusters clusters;
	bool is_managed; /* missing topics are made and small ones grown, as topics.* say; false:
			    the target cannot be asked for it, or must not */
	const struct plan_refusal *refusals;
	size_t refusal_count;
};

/* What exclude, topic.rename.*, topic.prefix and topic.suffix say, compiled once. */
struct plan_rules;

/* NULL when an expression does not compile; the error names the key. @gives the rules;
 * plan_rules_free */
struct plan_rules *plan_rules_new(const struct config *config, struct err *err);
void plan_rules_free(struct plan_rules **rules);

/* Decides every topic. A hook that is defined overrides the configuration's keys, but never brings
   in internal topics that exclude.internal.topics leaves out. NULL when a hook fails and there is
   no previous plan: the error names script:line and the topic.
   @gives a plan with one reference; plan_release */
struct plan *plan_make(
	const struct plan_rules *rules, const struct plan_input *input, struct err *err);

/* Where a topic of that name would go if the source had it. NULL: nowhere, or a hook fails for it.
   @gives a string */
char *plan_target_of(const struct plan_rules *rules, const struct plan_input *input,
	const char *name, int32_t partitions);

/* One more reference. @thread any */
const struct plan *plan_take(const struct plan *plan);

/* Gives a reference back and clears; the last one frees. NULL is accepted. @thread any */
void plan_release(const struct plan **plan);

/* Frees what a topic holds. */
void plan_topic_fini(struct plan_topic *topic);

/* The topic of that name, NULL when the plan does not have it. @thread any */
const struct plan_topic *plan_find(const struct plan *plan, const char *name);

/* Is the topic of that name mirrored? @thread any */
bool plan_mirrors(const struct plan *plan, const char *name);

/* Partitions of any topic at the target when the plan was made: 0 it was not there, -1 not known.
 * @thread any */
int32_t plan_target_partitions(const struct plan *plan, const char *target_topic);

/* Do both topics' records go to the same places? Either may be NULL (never seen). */
bool plan_topic_equals(const struct plan_topic *a, const struct plan_topic *b);

/* The same topics, partitions and places on both sides? NULL is no plan. */
bool plan_equals(const struct plan *a, const struct plan *b);

/* What is mirrored otherwise now, for people: the first twenty topics, and how many more there are.
   NULL: nothing. @gives a string */
char *plan_difference(const struct plan *before, const struct plan *now);

/* "key", "preserve", "map", "round.robin", "crc32" */
const char *plan_rule_name(enum plan_rule rule);

#endif
