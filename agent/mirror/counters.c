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
