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

#endif
