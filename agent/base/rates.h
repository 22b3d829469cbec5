/* Rates: how many bytes and records a second, by the time of day, as a person typed it. */
#ifndef BASE_RATES_H
#define BASE_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Longer texts are refused; without the NUL. */
#define RATES_TEXT_MOST 500
/* In place of a rate: as much as there is. */
#define RATES_NONE (-1)

/* One part of the text: what holds within its windows, or all day when there are none. */
struct rates_rule {
	int64_t bytes, records; /* a second; RATES_NONE */
	size_t window_count;
	struct rates_window {
		int16_t from, to; /* minutes of the day; to <= from: over midnight */
	} windows[8];
};

/* A text taken apart. */
struct rates {
	struct rates_rule *rules;
	size_t count;
};

/* Takes a text apart:

	text   = rule { ";" rule } [ ";" ]
	rule   = rate { rate } [ "@" window { "," window } ]
	rate   = "none" | size "/s" | number "r/s" (also "record/s", "records/s")
	window = HH:MM-HH:MM, local time; 24:00 may end one, and 22:00-06:00 goes over midnight

   A size has the units of parse_size. At any time the first rule counts whose window it is, and
   where none is nothing is limited: "5MB/s @08:00-18:00; 50MB/s 2000r/s". The error sentence says
   what is wrong and what may stand there. @gives *ret; rates_fini @thread any */
int rates_parse(const char *text, struct rates *ret, struct err *err);

/* Is it such a text? @thread any */
int rates_check(const char *text, struct err *err);

/* The rule for a minute of the day (0 to 1439), NULL: nothing is limited then. @borrows rates
 * @thread any */
const struct rates_rule *rates_at(const struct rates *rates, int minute);

/* Minutes since midnight of local time. @thread any */
int rates_minute(int64_t wall_ms);

/* Is nothing ever limited? @thread any */
bool rates_are_none(const struct rates *rates);

/* Frees what it holds and clears it. */
void rates_fini(struct rates *rates);

#endif
