/* Outputs: the records that are produced for one record of the source, when it is not simply
 * mirrored as it is. */
#ifndef MIRROR_OUTPUT_H
#define MIRROR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/producer.h"
#include "mirror/tracker.h"

/* Ask for a partition by the route's rule, when it is sent. */
#define OUTPUT_BY_ROUTE (-10)

/* One record to produce. key and value point into the source's message, or into the bytes of its
 * outputs. */
struct output {
	struct flight *flight;
	struct target_topic *target;
	void *headers; /* the library's; NULL: none, or with the producer for now */
	const void *key, *value;
	int64_t timestamp;     /* ms, -1: none */
	int64_t target_offset; /* ACKED: the one that it got, -1: not told */
	uint32_t key_size, value_size;
	int32_t wanted;	   /* a partition of the target, PRODUCER_BY_KEY or OUTPUT_BY_ROUTE */
	int32_t partition; /* the one it went to, -1 while unknown */
	uint8_t state;	   /* enum flight_state */
	bool is_dead_letter;
};

/* All of one flight, in the order in which they are sent. The flight is SENT while one of them is,
   ACKED when all are ACKED or DONE. @thread owner of the flight, for all calls */
struct outputs {
	uint32_t count, sent; /* sent: in state SENT */
	uint32_t bytes;	  /* what they hold besides the source's message, bookkeeping included */
	char *free, *end; /* room for bytes that is left */
	struct output items[];
};

/* Room for most outputs and for room bytes of keys and values. @gives the outputs; the flight owns
 * them */
struct outputs *outputs_new(struct flight *flight, size_t most, size_t room);

/* The next one, zeroed but for flight and partition. There must be room. */
struct output *outputs_add(struct outputs *outputs);

/* Copies bytes into the room; NULL stays NULL. */
const void *outputs_copy(struct outputs *outputs, const void *bytes, size_t size);

/* Frees and clears, headers included. NULL is accepted. */
void outputs_free(struct outputs **outputs);

/* An output's state moves; its flight's follows. */
void output_set(struct output *output, enum flight_state state);

/* Is one of them acknowledged? NULL: no. */
bool outputs_any_acked(const struct outputs *outputs);

/* Is any of it at the target, by its word? On its way there, or there? */
bool flight_has_acked(const struct flight *flight);
bool flight_is_at_target(const struct flight *flight);

/* What was acknowledged is to be sent again, the flight's own record included. */
void flight_take_back(struct flight *flight);

/* Is there something of this flight to be sent? Raw flights have nothing yet. */
bool flight_is_due(const struct flight *flight);

/* What a producer carries for a flight, and gives back with the delivery: the flight itself, or one
 * of its outputs. */
void *output_opaque(struct output *output);
struct flight *opaque_flight(void *opaque, struct output **ret_output);

#endif
