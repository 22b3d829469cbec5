/* Orders: what the main thread tells a worker. */
#ifndef MIRROR_ORDER_H
#define MIRROR_ORDER_H

#include <stdbool.h>

#include "base/mailbox.h"
#include "mirror/held.h"
#include "mirror/limits.h"
#include "mirror/pauses.h"
#include "mirror/plan.h"
#include "mirror/ranges.h"

enum order_kind {
	ORDER_TOPICS,
	ORDER_BROKERS,
	ORDER_LIMIT,
	ORDER_LIMITS,
	ORDER_PAUSES,
	ORDER_PREPARE,
	ORDER_DECIDE,
	ORDER_ROLLBACK,
	ORDER_TAP,
	ORDER_RETRY,
	ORDER_HELD,
	ORDER_RANGES,
	ORDER_REMADE,
	ORDER_STOP,
	ORDER_LEAVE
};

/* A message of the worker's mailbox; see worker.h for what each kind asks. */
struct order {
	struct message message;
	int64_t number;	 /* LIMIT: bytes; STOP: ms; TAP: samples */
	bool no_headers; /* LIMIT */
	size_t count;
	char **names;
	const struct plan
		*routes; /* TOPICS, DECIDE, ROLLBACK; NULL otherwise, and for a DECIDE that drops */
	struct limits *limits;	     /* LIMITS */
	const struct pauses *pauses; /* PAUSES */
	struct ranges *ranges;	     /* RANGES */
	struct held_question *held;  /* HELD */
};

/* With copies of the names. @gives the order; order_post or order_free */
struct order *order_new(enum order_kind kind, const char *const *names, size_t count);

/* @takes order @thread any */
void order_post(struct order *order, struct mailbox *mailbox);

/* Does the order hold the same names as the other one? */
bool order_has_names(const struct order *order, const struct order *other);

/* An order of the same names as from, in place of *to, which is freed; NULL is accepted there. */
void order_take_names(struct order **to, const struct order *from);

/* Frees it with what it holds. */
void order_free(struct order *order);

#endif
