/* Flags: the command line as properties and names of files. */
#ifndef CONFIG_FLAGS_H
#define CONFIG_FLAGS_H

#include "config/problems.h"
#include "config/properties.h"

struct flags {
	/* NULL: not given. */
	const char *config, *consumer_config, *producer_config;
	/* One of the files could not be read: what is missing may stand there. */
	bool is_file_missing;
	/* The others, in sections as in an INI file, with the flag as their origin. */
	struct properties properties;
};

/* Reads the arguments. Unknown flags, missing values, stray arguments and flags that stand twice
   are errors (as joptsimple has them in MirrorMaker; a stray argument it ignores). @borrows argv
   for the names of files */
void flags_parse(int argc, char *const argv[], struct flags *ret_flags, struct problems *problems);

/* Frees what it holds. */
void flags_fini(struct flags *flags);

#endif
