/* The seat of one state in the world: who writes a cell, who asked, and what went wrong. */
#ifndef SCRIPT_SEAT_H
#define SCRIPT_SEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct script_world;

/* Belongs to its state's thread; world and stream never change. */
struct script_seat {
	struct script_world *world;
	int32_t stream;	  /* -1: the main thread's state */
	uint64_t order;	  /* of those that took over, later ones are higher; 0: it has not */
	char *script;	  /* as the log names it */
	struct err err;	  /* of the call that failed last */
	struct text text; /* the text of the value that was read last */
	struct script_seat *next;
};

/* Where a script finds the seat of its state, which may sit late or never. */
struct script_place {
	struct script_seat *seat; /* NULL: it does not sit */
	bool is_in_force;	  /* the script has taken over */
};

#endif
