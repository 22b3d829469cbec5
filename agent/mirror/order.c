/* Orders: what the main thread tells a worker. */
#include "mirror/order.h"

#include <stdlib.h>

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

void
order_free(struct order *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->names[i]);
	free(o->names);
	plan_release(&o->routes);
	free(o);
}
