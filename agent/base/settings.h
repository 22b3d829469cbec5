/* Settings: names with values, as a topic at the target is to have them. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct setting {
	char *name, *value;
};

struct settings {
	bool copies_source;    /* those of the source topic count, and items go over them */
	struct setting *items; /* sorted by name */
	size_t count;
};

/* Reads "none", "source", "NAME=VALUE,...", or "source,NAME=VALUE,...". A comma belongs to the
   value when no NAME= follows: "cleanup.policy=compact,delete". The error sentence quotes what it
   does not understand. @gives *ret; settings_fini. @thread any */
int settings_parse(const char *text, struct settings *ret, struct err *err);

/* Puts one in, or another value in its place; both are copied. */
void settings_set(struct settings *settings, const char *name, const char *value);

/* Takes one out; false when it is not there. */
bool settings_remove(struct settings *settings, const char *name);

/* The value of that name, NULL when there is none. @borrows settings */
const char *settings_get(const struct settings *settings, const char *name);

/* "a=1,b=2", "" when there are none. @gives a string */
char *settings_text(const struct settings *settings);

/* Frees what it holds and clears it. */
void settings_fini(struct settings *settings);

#endif
