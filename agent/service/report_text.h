/* The text of a report, for people. */
#ifndef SERVICE_REPORT_TEXT_H
#define SERVICE_REPORT_TEXT_H

#include "base/mem.h"
#include "service/group_sync.h"
#include "service/report_rows.h"

/* What was left out, and why. */
struct report_left {
	char *topic; /* NULL: of none */
	char *why;
	int32_t partition; /* -1: of none */
};

/* What the text is made of; all is borrowed. */
struct report_summary {
	const struct report_rows *rows;
	const struct report_row *sum;
	const struct report_left *left;
	size_t left_count;
	const struct group_sync_message *groups; /* the last pass over them; NULL: there was none */
	int status;
	const char *why;  /* it ended */
	const char *file; /* where the rest stands; NULL: nowhere */
};

/* Adds the text: whether it is complete, numbers over all, a line for each topic, and what was left
   out; of many topics, or reasons, the first ones. */
void report_text_put(struct text *out, const struct report_summary *summary);

#endif
