/* Letters: what a dead letter says of itself, in headers behind those of the record that was put
   aside. */
#ifndef MIRROR_LETTER_H
#define MIRROR_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In this order. Where it came from: */
#define LETTER_TOPIC "reflejo.topic"
#define LETTER_PARTITION "reflejo.partition"
#define LETTER_OFFSET "reflejo.offset"
/* Which script there was, by its file's name and the count of those taken since the start of the
   process (as in /status); not there without a record hook. */
#define LETTER_SCRIPT "reflejo.script"
#define LETTER_GENERATION "reflejo.script.generation"
/* Why, for people, and for programs: Kafka's name of the target's error, or one of those below. */
#define LETTER_REASON "reflejo.reason"
#define LETTER_ERROR "reflejo.error"

#define LETTER_SCRIPT_FAILED "SCRIPT_FAILED"
#define LETTER_SCRIPT_PUT_ASIDE "SCRIPT_DEAD_LETTER" /* r:dead_letter() */
#define LETTER_SCRIPT_NEVER_ENDED "SCRIPT_NEVER_ENDED"
#define LETTER_NOT_MIRRORED "NOT_MIRRORED" /* redrive: nothing takes it now */

/* One to be written. */
struct letter {
	const char *topic;
	int32_t partition;
	int64_t offset;
	const char *script; /* NULL: none */
	int64_t generation;
	const char *reason, *error; /* error: NULL or "": it has no name */
};

/* Adds it to the library's headers (kafka/record.h). @thread owner */
void letter_write(const struct letter *letter, void **headers);

/* What one says. */
struct letter_origin {
	char topic[250];
	int64_t partition, offset;
	size_t own; /* so many headers before are the record's */
	char reason[400], error[64];
};

/* Reads a consumer's message; false: it is no dead letter. @thread owner */
bool letter_read(void *message, struct letter_origin *ret);

#endif
