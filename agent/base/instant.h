/* Instants that a person typed: ISO 8601 with a zone. */
#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include <stdint.h>

#include "base/err.h"

/* "2026-01-31T00:00:00Z", "2026-01-31T01:30+01:30": a day, a T (or t, or a blank), hours and
   minutes, seconds and a fraction of them if need be, and the zone, without which nobody knows
   which instant is meant. *ret_ms: milliseconds since 1970 UTC, from the year 1970 to 9999; what a
   fraction has beyond them is left out. The error sentence quotes the text and shows the form;
   *ret_ms is untouched then. Blanks around are allowed. @thread any */
int instant_parse(const char *text, int64_t *ret_ms, struct err *err);

#endif
