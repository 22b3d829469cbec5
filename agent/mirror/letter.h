/* Letters: what a dead letter says of itself, in headers behind those of the record that was put
   aside. */
#ifndef MIRROR_LETTER_H
#define MIRROR_LETTER_H

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

#endif
