/* Properties: the lines of a properties or INI file as keys and values with the place they came
 * from. */
#ifndef CONFIG_PROPERTIES_H
#define CONFIG_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"

struct property {
	char *section; /* "" in a properties file */
	char *key;
	char *value; /* after escapes, continuations and placeholders; blanks at its end are kept */
	char *shown; /* the value before placeholders when there were any, NULL otherwise */
	char *origin;	/* "consumer.properties:3" */
	bool is_passed; /* a later line has the same key: this one counts for nothing */
};

struct properties {
	struct property *items;
	size_t count, capacity;
};

enum properties_format {
	PROPERTIES_JAVA, /* java.util.Properties: a key that stands twice counts as the last one
			    says */
	PROPERTIES_INI, /* the same line rules in [sections]; `;` starts a comment line too; doubles
			   are warned about */
};

/* Larger files, and files with more keys, are refused. */
#define PROPERTIES_MAX_BYTES (4 * 1024 * 1024)
#define PROPERTIES_MAX_KEYS 5000

/* Adds the lines of the file at path in their order. Every problem is added to problems with its
   line; what could be read is added all the same. -1 when the
   file itself cannot be read. Placeholders are left as they are. @blocks on
   reading */
int properties_read(const char *path, enum properties_format format, struct properties *properties,
	struct problems *problems);

/* The same for a text in memory (which may hold anything); name stands for the path in origins. */
void properties_read_text(const char *name, const char *bytes, size_t n,
	enum properties_format format, struct properties *properties, struct problems *problems);

/* Adds one; the strings are copied. */
void properties_add(struct properties *properties, const char *section, const char *key,
	const char *value, const char *origin);

/* Marks all but the last of equal keys of a section as passed. With warns, each is a warning too.
 */
void properties_mark_passed(struct properties *properties, bool warns, struct problems *problems);

/* The last value of a key of a section, NULL when there is none. @borrows properties */
const char *properties_get(
	const struct properties *properties, const char *section, const char *key);

/* Frees what it holds. */
void properties_fini(struct properties *properties);

#endif
