/* The one shot: how far the mirror is on the way to its end, and when it is there. */
#ifndef SERVICE_ONESHOT_H
#define SERVICE_ONESHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "mirror/meter.h"
#include "mirror/until.h"

struct agent;

/* @thread main for all calls */
struct oneshot;

/* @takes until @gives the one shot; oneshot_free */
struct oneshot *oneshot_new(struct until *until);
/* Frees and clears. NULL is accepted. */
void oneshot_free(struct oneshot **oneshot);

/* Where it ends. @borrows oneshot */
const struct until *oneshot_until(const struct oneshot *oneshot);

/* Looks at the survey, asks the source where the group stands, and stops the agent when the end is
   reached. Does nothing where there is no one shot. */
void oneshot_every_second(struct agent *agent);

/* The scout's answer. @takes message */
void oneshot_take(struct agent *agent, struct message *message);

/* The last pass over the consumer groups has come to an end. */
void oneshot_on_groups(struct oneshot *oneshot);

/* The agent begins to stop: remembers what does not move, and why. */
void oneshot_note_stop(struct agent *agent);

/* A stream has ended: what it committed last is known now. oneshot may be NULL. */
void oneshot_note_meters(struct oneshot *oneshot, const struct meters *meters);

/* Has it ended by itself? NULL has not. */
bool oneshot_is_reached(const struct oneshot *oneshot);

/* How far it is. Offsets, of which some may be no records. */
struct oneshot_progress {
	bool has_ends;	       /* false: until.idle alone, so that nothing else is known */
	int64_t to_read, left; /* when it began, over all partitions; and now */
	double per_second;     /* of late; 0: nothing moves */
	int64_t eta_ms;	       /* -1: not known */
	size_t partitions, done;
};
void oneshot_progress(const struct oneshot *oneshot, struct oneshot_progress *ret);

/* Calls fn for everything that was left out when it ended, and says why; partition -1: of none.
   Call it when all streams have ended. @borrows the texts until fn returns */
typedef void oneshot_left(const char *topic, int32_t partition, const char *why, void *arg);
void oneshot_each_left(const struct agent *agent, oneshot_left *fn, void *arg);

/* What the group has committed of a partition, as far as is known here: -1: nothing. */
int64_t oneshot_committed(const struct oneshot *oneshot, const struct until_partition *partition);

#endif
