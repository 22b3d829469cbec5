/* What one stream has counted: written by its worker, read by the main thread. */
#ifndef MIRROR_COUNTERS_H
#define MIRROR_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Each cell has one writer, so relaxed loads and stores do; a reader may see cells of different
 * moments. */
/* What a stream's transactions are at. */
enum exact_state {
	EXACT_OFF,
	EXACT_PREPARING,   /* looks at the ledger's topic */
	EXACT_OPENING,	   /* a new writer is made known to the target */
	EXACT_FLOWING,	   /* a transaction is open */
	EXACT_DRAINING,	   /* it is about to end: what is on its way settles */
	EXACT_ENTERING,	   /* its positions are being written into the ledger */
	EXACT_COMMITTING,  /* it is being committed */
	EXACT_ABORTING,	   /* it is being taken back */
	EXACT_TAKING_BACK, /* it was, and what came of its records is awaited */
	EXACT_RENEWING,	   /* the writer is lost, and a new one is about to be made */
	EXACT_FAILED,	   /* the stream ends */
	EXACT_STATES
};

/* "flowing" and so on, as they are shown. @thread any */
const char *exact_state_name(enum exact_state state);

/* Is to a step that may come after from? @thread any */
bool exact_state_may_follow(enum exact_state from, enum exact_state to);

struct counters {
	_Atomic uint64_t records_read, bytes_read; /* taken from the source (key and value bytes) */
	_Atomic uint64_t records_mirrored,
		bytes_mirrored;		  /* acknowledged by the target, in the settled prefix */
	_Atomic uint64_t records_dropped; /* left out: refused by the target, or by the script */
	_Atomic uint64_t records_dead_lettered, records_emitted,
		records_retried; /* put aside; made besides the record itself; to be offered again
				  */
	_Atomic uint64_t script_errors;		    /* records for which the script failed */
	_Atomic uint64_t script_records, script_ns; /* shown to the record hook; time in it */
	_Atomic uint64_t script_heap;	 /* bytes of the Lua state, as of the last second */
	_Atomic uint64_t records_resent; /* sent once more */
	_Atomic uint64_t send_failures, commits, commit_failures, rebalances;
	/* Exactly once: committed; taken back; writers that were lost; others' that were fenced. */
	_Atomic uint64_t transactions, transactions_aborted, writers_lost, writers_fenced;
	_Atomic uint64_t transaction_state; /* enum exact_state; 0: not exactly once */
	_Atomic int64_t lag; /* records behind the source's end over all partitions; -1 unknown */
	_Atomic uint64_t partitions, partitions_held;
	_Atomic uint64_t is_unassigned;	 /* 1: the group has taken all partitions, and given none
					    for admin.stall.seconds */
	_Atomic uint64_t buffered_bytes; /* on their way now, bookkeeping included */
	_Atomic uint64_t buffer_bound;	 /* nothing more is read from here on */
};

/* Adds n to a cell. @thread the writer's */
static inline void
counter_add(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_store_explicit(
		cell, atomic_load_explicit(cell, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Reads a cell. @thread any */
static inline uint64_t
counter_get(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

#endif
