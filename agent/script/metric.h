/* Metrics of scripts: counters and gauges with one cell for each state that counts, summed when
 * they are read. */
#ifndef SCRIPT_METRIC_H
#define SCRIPT_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "script/library.h"
#include "script/seat.h"

/* As many as all scripts of the process may have: names, and sets of label values of all names
 * together. */
#define METRIC_NAMES_MAX 200
#define METRIC_SERIES_MAX 2000
#define METRIC_LABELS_MAX 8
#define METRIC_LABEL_SIZE_MAX 128

/* One number with its name, as a scrape shows it. */
struct script_metric {
	const char *name, *help;
	bool is_counter;
	const char *const *label_names, *const *label_values;
	size_t labels;
	double value;
};

/* All metrics. May be used by all threads. */
struct metrics;

/* @gives the metrics; metrics_free, after all seats have left */
struct metrics *metrics_new(void);
void metrics_free(struct metrics **metrics);

/* The cell of this name and these label values for this seat, made if need be; only the seat's
   thread may write it. Lives until metrics_leave. NULL: a name breaks Prometheus' rules, is one of
   the agent's own, was of the other kind or had other labels, or there are too many. @thread any */
struct script_cell *metrics_cell(struct metrics *metrics, const struct script_seat *seat,
	const struct script_metric *wanted, struct err *err);

/* Frees a seat's cells; what its counters have counted stays. @thread any */
void metrics_leave(struct metrics *metrics, const struct script_seat *seat);

/* Calls fn for every number, those of one name after each other. Counters: the sum over all states,
   those that are gone included. Gauges: the sum over streams, for each what its latest state says
   (newest(arg, seat): is it that?). The metric lives until fn returned, which must not call the
   library. @thread any */
void metrics_each(struct metrics *metrics,
	void (*fn)(void *arg, const struct script_metric *metric),
	bool (*newest)(const struct script_seat *seat), void *arg);

#endif
