/* What came of a call to the target that belongs to a transaction, or to taking partitions over. */
#ifndef KAFKA_OUTCOME_H
#define KAFKA_OUTCOME_H

enum outcome {
	OUTCOME_DONE,
	OUTCOME_AGAIN,	/* not now: make the same call again */
	OUTCOME_ABORT,	/* the transaction must be taken back */
	OUTCOME_LOST,	/* the client can do nothing more: it was fenced, say */
	OUTCOME_REFUSED /* the target will not have it, as it is set up */
};

#endif
