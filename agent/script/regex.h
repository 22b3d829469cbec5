/* Regular expressions of scripts: PCRE2 with limits, so that a pattern that backtracks fails
 * instead of hanging. */
#ifndef SCRIPT_REGEX_H
#define SCRIPT_REGEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A compiled expression with room for one match. One thread at a time. */
struct script_regex;

/* Compiles. flags: letters i (case), m (^ and $ at lines), s (a dot takes newlines), x (blanks are
   ignored), u (text is UTF-8), NULL or "" for none. NULL: the pattern or a flag is wrong; the error
   says where.
   @gives the expression; regex_free */
struct script_regex *regex_new(
	const char *pattern, size_t size, const char *flags, struct err *err);
void regex_free(struct script_regex *regex);

/* Looks for a match from an offset on: the number of groups + 1, 0 when there is none, -1 with err
   when a limit was reached. Offsets of the match are in regex_offsets. */
int32_t regex_match(
	struct script_regex *regex, const char *text, size_t size, size_t from, struct err *err);

/* First and end of the whole match and of each group, -1 and -1 for one that took no part. Lives
   until the next match. */
const int32_t *regex_offsets(const struct script_regex *regex);

/* The number of a named group, -1: there is none such. */
int32_t regex_group(const struct script_regex *regex, const char *name);

#endif
