/* Instants and durations as a person types them: ISO 8601. */
#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include <stdint.h>

#include "base/err.h"

/* An instant, "2026-01-31T00:00:00Z", in milliseconds since 1970 UTC: seconds may be left out or
   have a fraction (what is finer than a millisecond is cut), T may be a blank, and the zone must be
   there, Z or +01:00, +0100, +01. Blanks around are allowed. From 1970 to 9999. *ret_ms is
   untouched on failure; the error sentence quotes the text and says what may stand there. @thread
   any */
int instant_parse(const char *text, int64_t *ret_ms, struct err *err);

/* A duration, "PT6H", "P1DT12H", "P2W", "PT0.5S", in milliseconds: weeks, days, hours, minutes and
   seconds, more than nothing, a fraction in seconds only. Years and months are refused, for they
   are not all of one length. Otherwise likewise. @thread any */
int instant_parse_duration(const char *text, int64_t *ret_ms, struct err *err);

#endif
