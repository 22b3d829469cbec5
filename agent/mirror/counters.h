/* What one stream has counted: written by its worker, read by the main thread. */
#ifndef MIRROR_COUNTERS_H
#define MIRROR_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* Each cell has one writer, so relaxed loads and stores do; a reader may see cells of different
 * moments. */
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
