/* Outputs: the records that are produced for one record of the source, when it is not simply
 * mirrored as it is. */
#include "mirror/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/record.h"

/* Marks an opaque as an output's; flights and outputs are aligned to more than this. */
#define OUTPUT_BIT ((uintptr_t)1)

struct outputs *
outputs_new(struct flight *flight, size_t most, size_t room)
{
	size_t head = sizeof(struct outputs) + most * sizeof(struct output);
	struct outputs *o = mem_alloc(head + room);

	memset(o, 0, head);
	o->free = (char *)o + head;
	o->end = o->free + room;
	o->bytes = (uint32_t)(head + room);
	flight->outputs = o;
	for (size_t i = 0; i < most; i++)
		o->items[i].flight = flight;
	return o;
}

struct output *
outputs_add(struct outputs *o)
{
	struct output *output = &o->items[o->count++];

	output->partition = -1;
	return output;
}

const void *
outputs_copy(struct outputs *o, const void *bytes, size_t size)
{
	char *at = o->free;

	if (!bytes || size > (size_t)(o->end - at))
		return NULL;
	memcpy(at, bytes, size);
	o->free += size;
	return at;
}

void
outputs_free(struct outputs **outputs)
{
	struct outputs *o = *outputs;

	if (!o)
		return;
	for (uint32_t i = 0; i < o->count; i++)
		record_release(NULL, o->items[i].headers);
	free(o);
	*outputs = NULL;
}

/* What the flight's state must be, by its outputs'. */
static enum flight_state
state_of(const struct outputs *o)
{
	if (o->sent > 0)
		return FLIGHT_SENT;
	for (uint32_t i = 0; i < o->count; i++)
		if (o->items[i].state == FLIGHT_WAITING)
			return FLIGHT_WAITING;
	return FLIGHT_ACKED;
}

void
output_set(struct output *output, enum flight_state state)
{
	struct flight *f = output->flight;
	struct outputs *o = f->outputs;
	enum flight_state now;

	o->sent += state == FLIGHT_SENT;
	o->sent -= output->state == FLIGHT_SENT;
	output->state = (uint8_t)state;
	now = state_of(o);
	if (now != f->state)
		tracker_set(f, now);
}

bool
outputs_any_acked(const struct outputs *o)
{
	for (uint32_t i = 0; o && i < o->count; i++)
		if (o->items[i].state == FLIGHT_ACKED)
			return true;
	return false;
}

bool
flight_has_acked(const struct flight *f)
{
	return f->outputs ? outputs_any_acked(f->outputs) : f->state == FLIGHT_ACKED;
}

bool
flight_is_at_target(const struct flight *f)
{
	return f->state == FLIGHT_SENT || flight_has_acked(f);
}

void
flight_take_back(struct flight *f)
{
	for (uint32_t i = 0; f->outputs && i < f->outputs->count; i++)
		if (f->outputs->items[i].state == FLIGHT_ACKED)
			output_set(&f->outputs->items[i], FLIGHT_WAITING);
	if (!f->outputs && f->state == FLIGHT_ACKED)
		tracker_set(f, FLIGHT_WAITING);
}

bool
flight_is_due(const struct flight *f)
{
	if (f->is_raw)
		return false;
	if (!f->outputs)
		return f->state == FLIGHT_WAITING;
	for (uint32_t i = 0; i < f->outputs->count; i++)
		if (f->outputs->items[i].state == FLIGHT_WAITING)
			return true;
	return false;
}

void *
output_opaque(struct output *output)
{
	return (void *)((uintptr_t)output | OUTPUT_BIT);
}

struct flight *
opaque_flight(void *opaque, struct output **ret_output)
{
	uintptr_t bits = (uintptr_t)opaque;

	*ret_output = NULL;
	if (!(bits & OUTPUT_BIT))
		return opaque;
	*ret_output = (struct output *)(bits & ~OUTPUT_BIT);
	return (*ret_output)->flight;
}
