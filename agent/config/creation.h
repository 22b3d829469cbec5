/* Creation: what [topics] says about topics at the target, checked. */
#ifndef CONFIG_CREATION_H
#define CONFIG_CREATION_H

#include "config/config.h"
#include "config/properties.h"

/* Adds what is wrong with the section to problems. */
void creation_check(
	const struct config *config, const struct properties *all, struct problems *problems);

/* Of a checked configuration: topics.partitions, 0: as the source. */
int32_t creation_partitions(const struct config *config);

/* topics.replication.factor, 0: as the source, -1: as the brokers have it. */
int32_t creation_replication(const struct config *config);

#endif
