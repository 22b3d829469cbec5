/* Probe: looks at a cluster from here step by step, as the mirror's clients would meet it, and
   leaves nothing behind there. */
#ifndef KAFKA_PROBE_H
#define KAFKA_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/findings.h"

/* Which cluster, and through which addresses ("host:port,..."). */
struct probe_request {
	const struct config *config;
	bool is_source;
	const char *brokers;
};

/* A cluster that let us in, and the connections to its brokers. */
struct probe;

/* Looks up names, connects, begins TLS, asks for versions, logs in, and lists brokers and topics;
   then goes the same way to every broker that the cluster names, up to a thousand. Each step that
   fails takes ten seconds at most, and what depends on it is skipped; brokers are looked at side by
   side. NULL when no broker lets us in. @blocks @gives the probe; probe_close */
struct probe *probe_open(const struct probe_request *request, struct findings *findings);

/* A topic as the cluster lists it; those that may not be described are not listed. */
struct probe_topic {
	char *name;
	int32_t partitions, replicas; /* replicas of its first partition */
};

/* The topics, sorted by name; how many brokers there are; the cluster's id, "" when it tells none.
   @borrows probe */
const struct probe_topic *probe_topics(const struct probe *probe, size_t *ret_count);
int probe_brokers(const struct probe *probe);
const char *probe_cluster_id(const struct probe *probe);

/* Can it be asked about rights at all? -1: err says why not. */
int probe_can_ask(const struct probe *probe, struct err *err);

/* The answer to a question about a right. */
enum probe_answer { PROBE_GRANTED, PROBE_DENIED, PROBE_UNKNOWN };

/* Rights to topics and to the cluster. */
enum probe_right {
	PROBE_READ,
	PROBE_WRITE,
	PROBE_CREATE,
	PROBE_ALTER,
	PROBE_DESCRIBE,
	PROBE_DESCRIBE_CONFIGS,
	PROBE_ALTER_CONFIGS
};

/* Each asks for one right and writes nothing. topic NULL: to the cluster as a whole. err says why
   an answer is not known. @blocks */
enum probe_answer probe_ask_right(
	struct probe *probe, const char *topic, enum probe_right right, struct err *err);

/* May the group be read and committed for, by who is a member of it? It is not joined. @blocks */
enum probe_answer probe_ask_group(struct probe *probe, const char *group, struct err *err);

/* May an idempotent producer write anything? @blocks */
enum probe_answer probe_ask_idempotence(struct probe *probe, struct err *err);

/* May transactions be written under this transactional.id, which nobody must use? @blocks */
enum probe_answer probe_ask_transactions(struct probe *probe, const char *id, struct err *err);

/* Would this topic be made? It is not: the brokers only check. Also PROBE_DENIED when they refuse
   for another reason, a policy or too few brokers: err says it, and is "" otherwise. replicas -1:
   as the brokers have it by default. @blocks */
enum probe_answer probe_ask_creation(struct probe *probe, const char *topic, int32_t partitions,
	int32_t replicas, struct err *err);

/* Frees and clears. NULL is accepted. */
void probe_close(struct probe **probe);

#endif
