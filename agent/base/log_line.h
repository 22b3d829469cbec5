/* Log lines: the forms in which an event is written. */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include "base/log.h"
#include "base/mem.h"

/* One event with its facts. */
struct log_line {
	int64_t wall_ms;
	const struct log_event_info *info;
	const struct log_field *fields;
	size_t count;
	uint64_t repeated; /* 0: not said */
};

/* Adds the line, without a newline, and with none inside. format is not AUTO; is_coloured adds a
   terminal's colours to HUMAN lines. @thread any */
void log_line_put(
	struct text *out, const struct log_line *line, enum log_format format, bool is_coloured);

#endif
