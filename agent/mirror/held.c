/* Held: what an operator asks about the records at which partitions are held, and what a stream
   answers. */
#include "mirror/held.h"

#include <stdlib.h>

#include "base/mem.h"

struct held_answer *
held_answer_new(const struct held_question *question)
{
	struct held_answer *a = mem_zero(1, sizeof(*a));

	a->id = question->id;
	return a;
}

void
held_answer_add(struct held_answer *a, char *item)
{
	a->items = mem_resize(a->items, a->count + 1, sizeof(*a->items));
	a->items[a->count++] = item;
}

void
held_answer_free(struct held_answer **answer)
{
	struct held_answer *a = *answer;

	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++)
		free(a->items[i]);
	free(a->items);
	free(a);
	*answer = NULL;
}
