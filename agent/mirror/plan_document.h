/* The plan as a JSON document, for reflejo plan --json and GET /plan. */
#ifndef MIRROR_PLAN_DOCUMENT_H
#define MIRROR_PLAN_DOCUMENT_H

#include <stddef.h>

#include "mirror/plan.h"

/* As conf/openapi.yaml describes Plan, one topic a line. @gives the text @thread any */
char *plan_document(const struct plan *plan);

/* Problems of all its topics together. @thread any */
size_t plan_problem_count(const struct plan *plan);

#endif
