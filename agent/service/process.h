/* The process: what the kernel says it uses. */
#ifndef SERVICE_PROCESS_H
#define SERVICE_PROCESS_H

#include <stdint.h>

struct process_usage {
	double cpu_seconds; /* user and system, all threads */
	int64_t resident_bytes, open_fds, max_fds;
};

/* Reads /proc; what cannot be read is 0. @thread any */
void process_usage(struct process_usage *ret);

#endif
