/* Options: the rows of options.def, which are keys of the INI file and flags of the command line.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "config/config.h"

enum option_type {
	OPTION_TYPE_TEXT,
	OPTION_TYPE_FILE, /* a text that names a file or folder */
	OPTION_TYPE_WORD,
	OPTION_TYPE_RATE,
	OPTION_TYPE_START,
	OPTION_TYPE_INSTANT,
	OPTION_TYPE_BOOL,
	OPTION_TYPE_FLAG,
	OPTION_TYPE_UINT,
	OPTION_TYPE_SIZE,
	OPTION_TYPE_MILLIS,
	OPTION_TYPE_SECONDS,
	OPTION_TYPE_OLD,
};

/* One row. */
struct option_info {
	const char *section, *key;
	enum option_type type;
	const char *default_text; /* NULL: not given */
	int64_t min, max;	  /* of numbers */
	const char *words;	  /* of a WORD, separated by blanks */
	const char *help;
	size_t offset; /* of the field in struct config */
};

/* A section that takes keys of the user's own, prefix first. */
struct option_extra {
	const char *section, *prefix, *what, *help; /* what: the rest of the key, for people */
	enum option_type type;			    /* of the values, TEXT, RATE or START */
	size_t offset; /* of its struct config_extra in struct config */
};

/* The i-th section with options, NULL after the last. @thread any */
const char *options_section(size_t i);

/* The i-th kind of keys of the user's own, NULL after the last. @thread any */
const struct option_extra *options_extra_at(size_t i);

/* The kind that a key of a section belongs to, NULL when it is none. @thread any */
const struct option_extra *options_find_extra(const char *section, const char *key);

/* Is it a value that such a key can have? The error sentence says what may stand there. @thread any
 */
int options_check_extra(const struct option_extra *extra, const char *value, struct err *err);

/* Where its pairs are. */
struct config_extra *options_extra_of(struct config *config, const struct option_extra *extra);

/* The i-th row, NULL after the last. @thread any */
const struct option_info *options_at(size_t i);

/* The row of a key in a section, NULL when there is none. @thread any */
const struct option_info *options_find(const char *section, const char *key);

/* The row of a flag's name without its dashes: a key of [mirror], or SECTION.KEY. NULL when there
 * is none. */
const struct option_info *options_find_flag(const char *name);

/* The option's name as a flag, without dashes. @gives a string */
char *options_flag_name(const struct option_info *option);

/* The name nearest to a flag's name, of all flags there are; NULL when none is near. */
const char *options_nearest_flag(const char *name);

/* The key of a section nearest to key, NULL when none is near. */
const char *options_nearest_key(const char *section, const char *key);

/* Puts a value, as text, into the option's field. The error sentence quotes it and says what may
 * stand there. */
int options_set(struct config *config, const struct option_info *option, const char *value,
	struct err *err);

/* Puts all defaults in. */
void options_set_defaults(struct config *config);

/* Frees the texts of all fields. */
void options_fini(struct config *config);

/* "number", "true|false", ...: what the type takes, for tables. */
const char *options_type_text(enum option_type type);

/* The i-th flag that is no option (config, help, ...): its name without dashes, what it takes
   (NULL: nothing; "file") and its help. NULL after the last. A name's part in capitals stands for
   any. */
const char *options_plain_flag(size_t i, const char **ret_takes, const char **ret_help);

/* Prints the table of flags for --help: name and what it takes on the left, what it means and its
   default on the right, sorted by name. */
void options_usage(FILE *out);

/* Is --name (without dashes given here) among the arguments before a bare "--"? For --help and
   --version, which win over everything else. A value of another flag does not count. */
bool options_has_flag(int argc, char *const argv[], const char *name);

#endif
