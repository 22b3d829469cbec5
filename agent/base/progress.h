/* Progress: one line of a terminal that says how far something is, and how long it will take. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct progress {
	uint64_t done, total;
	double per_second;
	int64_t eta_ms;	  /* until all is done; -1: not known */
	const char *last; /* what goes on when all is done: "commits" */
};

/* To the first column, and what stands there is gone. */
#define PROGRESS_CLEAR "\r\x1b[K"

/* Adds the line, shorter than so many columns, so that it can be drawn over itself. @thread any */
void progress_put(struct text *out, const struct progress *progress, size_t columns);

/* How many columns the terminal at this descriptor has; 80 where it does not tell, otherwise where
   it is no terminal. @thread any */
size_t progress_columns(int fd, size_t otherwise);

#endif
