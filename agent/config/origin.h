/* Origin: what the configuration says about the header that tells where a record came from,
 * checked.
 */
#ifndef CONFIG_ORIGIN_H
#define CONFIG_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "config/properties.h"

/* The longest name of a cluster in the header. */
#define ORIGIN_NAME_MOST 64

/* Can a cluster have this name in the header: 1 to ORIGIN_NAME_MOST letters, digits, dots, dashes
   and underscores? name has size bytes. @thread any */
bool origin_is_name(const char *name, size_t size);

/* Adds what is wrong with provenance.* and loop.drop to problems. */
void origin_check(
	const struct config *config, const struct properties *all, struct problems *problems);

#endif
