/* The world: what all states of the process share: metrics, dictionaries, look-up files, sites that
 * log. */
#include "script/world.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* How often look-up files are looked at, and how often a site may log. */
#define LOOKUP_MS 1000
#define SITE_MS 1000

struct script_world {
	struct metrics *metrics;
	struct shared_set *shared;
	struct lookups *lookups;
	struct sites *sites;
	pthread_mutex_t lock; /* of the seats' list */
	struct script_seat *seats;
	uint64_t order;
};

struct script_world *
script_world_new(void)
{
	struct script_world *world = mem_zero(1, sizeof(*world));

	world->metrics = metrics_new();
	world->shared = shared_set_new();
	world->lookups = lookups_new(LOOKUP_MS);
	world->sites = sites_new(SITE_MS);
	pthread_mutex_init(&world->lock, NULL);
	return world;
}

void
script_world_free(struct script_world **owner)
{
	struct script_world *world = *owner;

	if (!world)
		return;
	lookups_free(&world->lookups);
	metrics_free(&world->metrics);
	shared_set_free(&world->shared);
	sites_free(&world->sites);
	pthread_mutex_destroy(&world->lock);
	free(world);
	*owner = NULL;
}

struct script_seat *
world_sit(
	struct script_world *world, int32_t stream, const char *script, struct script_place *place)
{
	struct script_seat *seat = mem_zero(1, sizeof(*seat));

	seat->world = world;
	seat->stream = stream;
	seat->script = mem_strdup(script);
	pthread_mutex_lock(&world->lock);
	seat->next = world->seats;
	world->seats = seat;
	if (place && place->is_in_force)
		seat->order = ++world->order;
	pthread_mutex_unlock(&world->lock);
	if (place)
		place->seat = seat;
	return seat;
}

void
world_rise(struct script_seat *seat)
{
	struct script_world *world = seat->world;
	struct script_seat **at = &world->seats;

	metrics_leave(world->metrics, seat);
	pthread_mutex_lock(&world->lock);
	while (*at != seat)
		at = &(*at)->next;
	*at = seat->next;
	pthread_mutex_unlock(&world->lock);
	text_fini(&seat->text);
	free(seat->script);
	free(seat);
}

struct metrics *
world_metrics(struct script_world *world)
{
	return world->metrics;
}

struct shared_set *
world_shared(struct script_world *world)
{
	return world->shared;
}

struct lookups *
world_lookups(struct script_world *world)
{
	return world->lookups;
}

struct sites *
world_sites(struct script_world *world)
{
	return world->sites;
}

void
world_promote(struct script_place *place)
{
	struct script_world *world = place->seat ? place->seat->world : NULL;

	place->is_in_force = true;
	if (!world)
		return;
	pthread_mutex_lock(&world->lock);
	place->seat->order = ++world->order;
	pthread_mutex_unlock(&world->lock);
}

/* Has no other state of the same stream taken over since? While a reload is tried there are two,
   and one more to go back to; the list is locked. */
static bool
is_newest(const struct script_seat *seat)
{
	for (const struct script_seat *s = seat->world->seats; s; s = s->next)
		if (s->stream == seat->stream && s->order > seat->order)
			return false;
	return true;
}

/* Seats leave their metrics before they leave the list, so the order of locks is the same
 * everywhere. */
void
script_world_each_metric(struct script_world *world,
	void (*fn)(void *arg, const struct script_metric *metric), void *arg)
{
	pthread_mutex_lock(&world->lock);
	metrics_each(world->metrics, fn, is_newest, arg);
	pthread_mutex_unlock(&world->lock);
}
