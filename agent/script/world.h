/* The world: what the scripts of all threads and generations share. */
#ifndef SCRIPT_WORLD_H
#define SCRIPT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/library.h"

struct script_world;

/* A cell that one stream counts in; NULL and why in error when the name or the labels are not Prometheus's, the metric is
   there as another kind, or there are too many. Lives as long as the world. @thread any */
double *world_metric(struct script_world *world, int stream, int32_t kind, const char *name, const char *help,
	const char *labels, char *error, size_t error_size);

/* Every metric with the sum of its streams' cells. @thread any */
void world_each_metric(struct script_world *world,
	void (*fn)(const char *name, const char *help, bool is_gauge, const char *labels, double value, void *arg),
	void *arg);

/* The dictionary of that name, made at the first call. Lives as long as the world. @thread any */
struct script_shared *world_shared(struct script_world *world, const char *name);

/* Dictionaries: see script/library.h. @thread any */
void shared_get(struct script_shared *shared, const char *key, size_t size, struct script_value *ret);
int32_t shared_set(struct script_shared *shared, const char *key, size_t size, const struct script_value *value,
	double ttl_ms, bool only_new);
void shared_incr(struct script_shared *shared, const char *key, size_t size, double by, double ttl_ms,
	struct script_value *ret);
bool shared_delete(struct script_shared *shared, const char *key, size_t size);

/* Used by world.c. */
struct script_shared *shared_new(const char *name, struct script_shared *next);
const char *shared_name(const struct script_shared *shared);
struct script_shared *shared_next(const struct script_shared *shared);
void shared_free(struct script_shared **shared);

/* The look-up file of that path, loaded at the first call of the process; a second separator is another file. NULL and
   why in error. @thread any @blocks on reading the first time */
struct lookup;
struct lookup *world_lookup(
	struct script_world *world, const char *file, char separator, char *error, size_t error_size);

/* Loads files that have changed anew; a bad one leaves the old content, and is logged. @thread main @blocks */
void world_refresh(struct script_world *world);

/* A state's own view of a look-up file, which follows the file from call to call. @thread the state's
   @borrows lookup @gives the view; lookup_view_free */
struct script_map *lookup_view(struct lookup *lookup);
void lookup_view_free(struct script_map *view);
void lookup_get(struct script_map *view, const char *key, size_t size, int32_t column, struct script_value *ret);
int32_t lookup_count(struct script_map *view);

/* Used by world.c. */
struct lookup *lookup_new(
	const char *file, char separator, struct lookup *next, char *error, size_t error_size);
bool lookup_is(const struct lookup *lookup, const char *file, char separator);
struct lookup *lookup_next(const struct lookup *lookup);
void lookup_refresh(struct lookup *lookup);
void lookup_free(struct lookup **lookup);

#endif
