/* The linked librdkafka: its version, and the calls that only newer ones have. */
#ifndef KAFKA_LIBRARY_H
#define KAFKA_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/* "2.0.2": the version that is linked at run time, not the one of the headers. @thread any */
const char *library_version(void);

/* Is the linked library at least this version? @thread any */
bool library_at_least(int major, int minor, int patch);

/* A call that only newer libraries have than those whose headers it is built with. */
struct library_call {
	const char *name;
	void *ret; /* a pointer to a function, as the address of that pointer */
};

/* Looks all of them up. false: the linked library lacks one, and none may be called. @thread any */
bool library_find(const struct library_call *calls, size_t count);

/* A sentence about a version that is known to misbehave for a mirror (librdkafka.md chapter 10),
   NULL when there is none. @thread any */
const char *library_warning(void);

/* A sentence about brokers that refuse whatever the library says by SCRAM, with the right password
   as well; NULL when there are none. @thread any */
const char *library_scram_trouble(void);

/* Does the library know this client property, and would it take this value? For config/javaprops.
   Returns 1 when it takes it, 0 when the name is unknown, -1 when it refuses the value (the reason
   in why). @thread any */
int library_knows_property(const char *name, const char *value, char *why, size_t why_size);

/* Waits until the library's threads of clients that were let go are gone, at most timeout_ms.
 * Returns whether they are. @blocks */
bool library_wait(int timeout_ms);

#endif
