/* Creation: what [topics] says about topics at the target, checked. */
#ifndef CONFIG_CREATION_H
#define CONFIG_CREATION_H

#include "config/config.h"
#include "config/properties.h"

/* Adds what is wrong with the section to problems. */
void creation_check(
	const struct config *config, const struct properties *all, struct problems *problems);

/* The number that topics.partitions or topics.replication.factor of a checked configuration says,
   0: as the source has it. */
int32_t creation_number(const char *text);

#endif
