/* Reading numbers, booleans, sizes and words that a person typed. */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A decimal integer, blanks around it allowed, nothing else. The error sentence quotes the text and
   names the range. *ret is untouched on failure. @thread any */
int parse_int(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err);

/* true or false in any case (Java's Boolean names), blanks around allowed. @thread any */
int parse_bool(const char *s, bool *ret, struct err *err);

/* Bytes: a decimal integer with an optional unit B kB MB GB (powers of 1000) or KiB MiB GiB (powers
   of 1024), case ignored, blank before the unit allowed. @thread any */
int parse_size(const char *s, int64_t min, int64_t max, int64_t *ret, struct err *err);

/* Milliseconds: a decimal number with a unit ms s m h d ("90s", "5m"); without a unit,
   default_unit_ms is what 1 means (1 for milliseconds, 1000 for seconds). @thread any */
int parse_duration(const char *s, int64_t default_unit_ms, int64_t min, int64_t max, int64_t *ret,
	struct err *err);

/* The candidate nearest to word by edit distance, or NULL when none is near enough to be what was
   meant (more than a third of its letters differ). candidate(i, arg) gives the i-th name, NULL
   after the last.
   @thread any */
const char *parse_nearest(
	const char *word, const char *(*candidate)(size_t i, void *arg), void *arg);

/* Cuts "host", "host:port" or "[address]:port" in two, in place: both results stand in text, but
   for default_port where it names none. Nothing is judged. @thread any */
void parse_address(
	char *text, const char *default_port, const char **ret_host, const char **ret_port);

/* Can a topic have this name? By Kafka's rule: 1 to 249 letters, digits, dots, dashes and
   underscores, but neither "." nor "..". @thread any */
bool parse_is_topic_name(const char *s);

#endif
