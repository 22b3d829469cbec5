/* Orders: what the main thread tells a worker. */
#include "mirror/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct order *
order_new(enum order_kind kind, const char *const *names, size_t count)
{
	struct order *o = mem_zero(1, sizeof(*o));

	o->message.kind = (int)kind;
	o->count = count;
	o->names = mem_zero(count, sizeof(*o->names));
	for (size_t i = 0; i < count; i++)
		o->names[i] = mem_strdup(names[i]);
	return o;
}

void
order_post(struct order *o, struct mailbox *mailbox)
{
	mailbox_post(mailbox, &o->message);
}

bool
order_has_names(const struct order *order, const struct order *other)
{
	if (order->count != other->count)
		return false;
	for (size_t i = 0; i < order->count; i++)
		if (strcmp(order->names[i], other->names[i]) != 0)
			return false;
	return true;
}

void
order_take_names(struct order **to, const struct order *from)
{
	struct order *fresh = order_new(
		(enum order_kind)from->message.kind, (const char *const *)from->names, from->count);

	if (*to)
		order_free(*to);
	*to = fresh;
}

void
order_free(struct order *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->names[i]);
	free(o->names);
	plan_release(&o->routes);
	limits_release(&o->limits);
	pauses_release(&o->pauses);
	free(o->ranges);
	free(o->held);
	free(o);
}
