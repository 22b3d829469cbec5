/* Dictionaries that all states of the process share; they outlive reloads. */
#ifndef SCRIPT_SHARED_H
#define SCRIPT_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "script/library.h"

/* As many as a process may have, and what one holds when its script does not say. */
#define SHARED_NAMES_MAX 64
#define SHARED_BYTES 16777216
#define SHARED_BYTES_MAX 4294967296

/* One dictionary, bounded in bytes. May be used by all threads. */
struct script_shared;

/* All dictionaries. May be used by all threads. */
struct shared_set;

/* @gives the set; shared_set_free, which frees the dictionaries */
struct shared_set *shared_set_new(void);
void shared_set_free(struct shared_set **set);

/* The dictionary of this name, made if need be; lives as long as the set. bytes: what it may hold,
   0: SHARED_BYTES, or what it has already; another number changes it. NULL: too many, or bytes are
   out of range. */
struct script_shared *shared_open(
	struct shared_set *set, const char *name, double bytes, struct err *err);

/* Reads: true and *ret; a text is copied into text and *ret points there. */
bool shared_get(struct script_shared *shared, const char *key, size_t size, struct text *text,
	struct script_value *ret);

/* Writes: 1 done; 0 only_absent and there is one; -1 it is full. value: a string, number or
   boolean. The entry is gone after ttl_ms, 0: never. */
int shared_put(struct script_shared *shared, const char *key, size_t size,
	const struct script_value *value, double ttl_ms, bool only_absent, struct err *err);

/* Adds to a number, which begins at 0 and then gets the ttl. -1: the entry is no number, or it is
 * full. */
int shared_increase(struct script_shared *shared, const char *key, size_t size, double by,
	double ttl_ms, double *ret, struct err *err);

/* Was there one? */
bool shared_remove(struct script_shared *shared, const char *key, size_t size);

#endif
