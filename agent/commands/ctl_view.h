/* What reflejo ctl shows of the agent's documents. For commands/ctl*.c. */
#ifndef COMMANDS_CTL_VIEW_H
#define COMMANDS_CTL_VIEW_H

#include <stddef.h>

#include "base/mem.h"

/* Adds the status (schema Status of conf/openapi.yaml) in lines of at most width characters. What
   is missing is shown as "-"; a text that is no such document as one sentence. @thread any */
void ctl_view_status(const char *document, size_t width, struct text *out);

/* Adds the plan (schema Plan) likewise. @thread any */
void ctl_view_plan(const char *document, size_t width, struct text *out);

/* Adds the consumer groups (schema Groups) likewise. @thread any */
void ctl_view_groups(const char *document, size_t width, struct text *out);

#endif
