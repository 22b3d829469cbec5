/* Regular expressions for scripts: PCRE2, bounded in time and memory. */
#ifndef SCRIPT_REGEX_H
#define SCRIPT_REGEX_H

#include <stddef.h>
#include <stdint.h>

struct script_regex;

/* The calls of the same names in script/library.h. @thread the owner of the regex */
struct script_regex *regex_new(
	const char *pattern, size_t size, const char *flags, char *error, size_t error_size);
void regex_free(struct script_regex *regex);
int32_t regex_match(struct script_regex *regex, const char *bytes, size_t size, size_t from, int32_t *groups);

#endif
