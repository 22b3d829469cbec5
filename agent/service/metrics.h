/* Metrics: what GET /metrics shows, in Prometheus' text format. */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include "base/mem.h"
#include "service/view.h"

/* A row of metrics.def. */
struct metric_info {
	const char *name, *type, *labels, *help; /* type: "counter" "gauge" "histogram" */
};

/* The i-th row, NULL after the last. @thread any */
const struct metric_info *metrics_at(size_t i);

/* Adds all metrics and what the script counts to text; about 1.5 KB a partition. @thread main */
void metrics_print(const struct view *view, struct text *text);

#endif
