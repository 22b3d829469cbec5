/* The rows of a report: what became of each partition, over all streams. For service/report*.c.
   @thread main for all calls */
#ifndef SERVICE_REPORT_ROWS_H
#define SERVICE_REPORT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mirror/meter.h"
#include "mirror/until.h"

/* How many were dropped for one reason. */
struct report_drop {
	char *reason; /* "": none was given */
	uint64_t count;
};

struct report_row {
	char *topic; /* "" in sums */
	int32_t partition;
	bool is_known; /* it was there when the one shot began; then: */
	int64_t begin, start, end, not_read_again;
	int64_t committed;   /* -1: nothing */
	int64_t first, last; /* offsets read and settled in this run; -1: none */
	int64_t first_ms, last_ms;
	uint64_t read, bytes, settled[METER_FATES], resent, given_up;
	struct report_drop *drops;
	size_t drop_count;
	size_t partitions; /* in sums */
};

struct report_rows {
	struct report_row *items; /* once sorted, by topic and partition */
	size_t count, capacity;
};

/* Adds what a stream has counted. */
void report_rows_add(struct report_rows *rows, const struct meters *meters);

/* Adds what is known of partitions that no stream has read as well, sorts, and makes one row of
   those of the same partition. until may be NULL. */
void report_rows_join(struct report_rows *rows, const struct until *until);

/* Adds a row's numbers to a sum, which begins zeroed but for first_ms = INT64_MAX. */
void report_row_sum(struct report_row *sum, const struct report_row *row);

/* Frees what a row, or all of them, hold. */
void report_row_fini(struct report_row *row);
void report_rows_fini(struct report_rows *rows);

/* For how long something was mirrored; 0: nothing was. */
double report_row_seconds(const struct report_row *row);

/* Is every record that was read in one of the counts, and only in one? */
bool report_row_agrees(const struct report_row *row);

#endif
