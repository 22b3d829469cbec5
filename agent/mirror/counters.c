/* What one stream has counted: names of what is counted by number. */
#include "mirror/counters.h"

const char *
exact_state_name(enum exact_state state)
{
	static const char *const names[EXACT_STATES] = {[EXACT_OFF] = "off",
		[EXACT_PREPARING] = "preparing",
		[EXACT_OPENING] = "opening",
		[EXACT_FLOWING] = "flowing",
		[EXACT_DRAINING] = "draining",
		[EXACT_ENTERING] = "entering",
		[EXACT_COMMITTING] = "committing",
		[EXACT_ABORTING] = "aborting",
		[EXACT_TAKING_BACK] = "taking_back",
		[EXACT_RENEWING] = "renewing",
		[EXACT_FAILED] = "failed"};

	return state < EXACT_STATES ? names[state] : "off";
}

/* The picture is at the head of worker_exact.c. */
#define TO(state) (1U << EXACT_##state)
static const unsigned moves[EXACT_STATES] = {
	[EXACT_OFF] = TO(PREPARING),
	[EXACT_PREPARING] = TO(OPENING) | TO(FAILED),
	[EXACT_OPENING] = TO(FLOWING) | TO(RENEWING) | TO(FAILED),
	[EXACT_FLOWING] = TO(DRAINING) | TO(ABORTING) | TO(RENEWING) | TO(FAILED),
	[EXACT_DRAINING] = TO(ENTERING) | TO(FLOWING) | TO(ABORTING) | TO(RENEWING) | TO(FAILED),
	[EXACT_ENTERING] = TO(COMMITTING) | TO(ABORTING) | TO(FAILED),
	/* Never to ABORTING: whether it was committed is not known. */
	[EXACT_COMMITTING] = TO(FLOWING) | TO(RENEWING) | TO(FAILED),
	[EXACT_ABORTING] = TO(TAKING_BACK) | TO(RENEWING) | TO(FAILED),
	[EXACT_TAKING_BACK] = TO(FLOWING) | TO(RENEWING) | TO(FAILED),
	[EXACT_RENEWING] = TO(OPENING) | TO(FAILED),
};

bool
exact_state_may_follow(enum exact_state from, enum exact_state to)
{
	return moves[from] & 1U << to;
}
