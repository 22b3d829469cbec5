/* The seat of one state in the world: who writes a cell, who asked, and what went wrong. */
#ifndef SCRIPT_SEAT_H
#define SCRIPT_SEAT_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct script_world;

/* Belongs to its state's thread; world and stream never change. */
struct script_seat {
	struct script_world *world;
	int32_t stream;	  /* -1: the main thread's state */
	uint64_t order;	  /* later ones are higher, from 1 */
	char *script;	  /* as the log names it */
	struct err err;	  /* of the call that failed last */
	struct text text; /* the text of the value that was read last */
	struct script_seat *next;
};

#endif
