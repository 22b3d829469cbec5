/* The process: what the kernel says it uses, and whether others may look into it. */
#ifndef SERVICE_PROCESS_H
#define SERVICE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process_usage {
	double cpu_seconds; /* user and system, all threads */
	int64_t resident_bytes, open_fds, max_fds;
};

/* Whether the kernel may write the memory of this process, with its passwords, keys and records, to
   a core file, and let others of the same user look into it. A program that was just started may be
   looked into. */
void process_allow_dumps(bool allow);

/* Reads /proc; what cannot be read is 0. @thread any */
void process_usage(struct process_usage *ret);

#endif
