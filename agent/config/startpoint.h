/* A start point: from where topics are read of which the group has no position (start.from). */
#ifndef CONFIG_STARTPOINT_H
#define CONFIG_STARTPOINT_H

#include <stdint.h>

#include "base/err.h"

enum startpoint_kind {
	STARTPOINT_COMMITTED, /* nothing is asked for: auto.offset.reset at the first start */
	STARTPOINT_EARLIEST,
	STARTPOINT_LATEST,
	STARTPOINT_TIMESTAMP, /* the first record of that time or later */
	STARTPOINT_DURATION,  /* the first record that is not older than so much */
	STARTPOINT_OFFSETS    /* what a file says, see config/offsets.h */
};

/* A text taken apart. */
struct startpoint {
	enum startpoint_kind kind;
	int64_t ms;	  /* TIMESTAMP: since 1970 UTC; DURATION: of that length */
	const char *path; /* OFFSETS; borrowed from the text */
};

/* Takes a text apart: committed, earliest, latest, timestamp:INSTANT, duration:DURATION (see
   base/instant.h) or offsets:FILE; the word in any case. The file is not looked at. The error
   sentence quotes the text and says what may stand there. @borrows text until *ret is done with
   @thread any */
int startpoint_parse(const char *text, struct startpoint *ret, struct err *err);

#endif
