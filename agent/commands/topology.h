/* Topology: the topics of both clusters, asked for or out of a file. */
#ifndef COMMANDS_TOPOLOGY_H
#define COMMANDS_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/config.h"
#include "mirror/plan.h"

struct topology {
	struct plan_partitions *sources, *targets; /* sorted by name; targets NULL: not known */
	size_t source_count, target_count;
	int target_brokers; /* 0: not known */
	bool can_create;    /* the target can be asked to make topics, as far as is known */
	bool is_same;	    /* both sides answer as the same cluster */
	bool is_asked;	    /* the clusters were asked, and have these ids; "": they tell none */
	char source_id[128], target_id[128];
};

/* Reads a JSON file: an array of {"name": TOPIC, "partitions": N}, or an object with such arrays as
   "source" and, if the target is to be known, "target". @blocks @gives *ret; topology_fini, after
   an error too */
int topology_read(const char *file, struct topology *ret, struct err *err);

/* Asks both clusters. @blocks @gives *ret; topology_fini, after an error too */
int topology_ask(const struct config *config, struct topology *ret, struct err *err);

/* The source's bootstrap list, which ZooKeeper is asked for where the configuration has none. NULL
   on error. @blocks @gives a string */
char *topology_brokers(const struct config *config, struct err *err);

/* Frees what it holds. */
void topology_fini(struct topology *topology);

#endif
