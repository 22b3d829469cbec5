/* One of the two clusters as the scout knows it: its client, when to look at it again, and whether
 * it answers. */
#ifndef SERVICE_SIDE_H
#define SERVICE_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "kafka/admin.h"

/* What does not work at a side is said again by the next look that comes so much later (ms): a look
   takes five seconds and a pause of one, and then nothing is silent for ten. */
#define SIDE_SAY_MS 3500

/* All calls: @thread scout */
struct side {
	struct admin *admin; /* NULL until it could be opened */
	char *brokers;	     /* "host:port,..."; NULL while not known */
	struct mailbox *notices;
	int64_t due, next_say;		  /* clock_ms: the next look; not to be said again before */
	int64_t topics_due;		  /* when its topics are to be listed */
	bool is_source, is_down, is_told; /* told: the main thread knows whether it answers */
};

/* brokers is copied, NULL: not known yet. @borrows notices */
void side_init(struct side *side, bool is_source, const char *brokers, struct mailbox *notices);

/* Frees what it holds, but for the client. */
void side_fini(struct side *side);

/* It did not answer, for this reason: looked at again soon; said in the log, at least every eight
   seconds, and told as SCOUT_SIDE. */
void side_down(struct side *side, const char *reason);

/* It answered. */
void side_up(struct side *side);

/* Somebody met trouble with it: look before the time is over. */
void side_look_soon(struct side *side);

#endif
