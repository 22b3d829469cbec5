/* What reflejo verify shows. For commands/verify*.c. */
#ifndef COMMANDS_VERIFY_VIEW_H
#define COMMANDS_VERIFY_VIEW_H

#include <stddef.h>

#include "base/mem.h"
#include "mirror/verify.h"

/* Adds the report for people, its table in lines of at most width characters. @thread any */
void verify_view_text(const struct verify_report *report, size_t width, struct text *out);

/* Adds it as one line of JSON. @thread any */
void verify_view_json(const struct verify_report *report, struct text *out);

/* Adds how far it is, for one line of a terminal. seconds: since it began. @thread any */
void verify_view_progress(uint64_t done, uint64_t total, double seconds, struct text *out);

#endif
