/* Sites: the places in scripts that log; each may speak once a second, whatever the number of
 * streams. */
#include "script/site.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* In the order of the levels. */
static const enum log_event events[] = {
	EVENT_script_debug, EVENT_script_info, EVENT_script_warn, EVENT_script_says};

struct script_site {
	char *at;
	int64_t interval_ms;
	_Atomic int64_t next_ms; /* by clock_ms, before which it is silent */
	_Atomic uint64_t silent; /* lines not written since the last one */
	struct script_site *next;
};

struct sites {
	pthread_mutex_t lock; /* of the list */
	int64_t interval_ms;
	struct script_site *first;
	size_t count;
};

struct sites *
sites_new(int64_t interval_ms)
{
	struct sites *sites = mem_zero(1, sizeof(*sites));

	pthread_mutex_init(&sites->lock, NULL);
	sites->interval_ms = interval_ms;
	return sites;
}

void
sites_free(struct sites **owner)
{
	struct sites *sites = *owner;

	if (!sites)
		return;
	for (struct script_site *site; (site = sites->first);) {
		sites->first = site->next;
		free(site->at);
		free(site);
	}
	pthread_mutex_destroy(&sites->lock);
	free(sites);
	*owner = NULL;
}

static struct script_site *
find_or_add(struct sites *sites, const char *at)
{
	struct script_site *site = sites->first;

	while (site && strcmp(site->at, at) != 0)
		site = site->next;
	if (site)
		return site;
	if (sites->count >= SITES_MAX && strcmp(at, "elsewhere") != 0)
		return find_or_add(sites, "elsewhere");
	site = mem_zero(1, sizeof(*site));
	site->at = mem_strdup(at);
	site->interval_ms = sites->interval_ms;
	site->next = sites->first;
	sites->first = site;
	sites->count++;
	return site;
}

struct script_site *
sites_get(struct sites *sites, const char *at)
{
	struct script_site *site;

	pthread_mutex_lock(&sites->lock);
	site = find_or_add(sites, at);
	pthread_mutex_unlock(&sites->lock);
	return site;
}

bool
site_wants(struct script_site *site, enum log_level level)
{
	int64_t now, next;

	if (!log_is_shown(level))
		return false;
	now = clock_ms();
	next = atomic_load(&site->next_ms);
	if (now >= next &&
		atomic_compare_exchange_strong(&site->next_ms, &next, now + site->interval_ms))
		return true;
	atomic_fetch_add(&site->silent, 1);
	log_count_only(events[level]);
	return false;
}

void
site_say(struct script_site *site, enum log_level level, const char *script, const char *message)
{
	const struct log_field fields[] = {F_STR("script", script), F_STR("at", site->at),
		F_STR("message", message), F_UINT("repeated", atomic_exchange(&site->silent, 0))};

	log_write(events[level], NULL, fields, fields[3].u ? 4 : 3);
}
