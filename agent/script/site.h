/* Sites: the places in scripts that log; each may speak once a second, whatever the number of
 * streams. */
#ifndef SCRIPT_SITE_H
#define SCRIPT_SITE_H

#include <stdbool.h>

#include "base/log.h"

/* Sites that have a limit of their own; all further ones share one. */
#define SITES_MAX 1000

/* One site. May be used by all threads. */
struct script_site;

/* All sites. May be used by all threads. */
struct sites;

/* interval_ms: the least time between two lines of a site. @gives the sites; sites_free frees them
 * all */
struct sites *sites_new(int64_t interval_ms);
void sites_free(struct sites **sites);

/* The site of this "file:line"; lives as long as sites. Never NULL. */
struct script_site *sites_get(struct sites *sites, const char *at);

/* May the site speak now? If not, and the level is shown at all, it is counted. */
bool site_wants(struct script_site *site, enum log_level level);

/* Writes the line; repeated=N says how often it was not asked since the last one. */
void site_say(
	struct script_site *site, enum log_level level, const char *script, const char *message);

#endif
