/* Until: where a one shot stops to read each partition of the source. */
#include "mirror/until.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/offsets.h"

struct until *
until_new(bool has_ends)
{
	struct until *u = mem_zero(1, sizeof(*u));

	u->has_ends = has_ends;
	return u;
}

void
until_free(struct until **until)
{
	struct until *u = *until;

	if (!u)
		return;
	for (size_t i = 0; i < u->count; i++)
		free(u->items[i].topic);
	free(u->items);
	free(u);
	*until = NULL;
}

struct until_partition *
until_add(struct until *u, const char *topic, int32_t partition)
{
	struct until_partition *p;

	/* Room for 1, 2, 4, ... */
	if ((u->count & (u->count - 1)) == 0)
		u->items = mem_resize(u->items, u->count ? u->count * 2 : 1, sizeof(*u->items));
	p = &u->items[u->count++];
	*p = (struct until_partition){mem_strdup(topic), partition, -1, -1, -1};
	return p;
}

static int
compare(const void *a, const void *b)
{
	const struct until_partition *x = a, *y = b;

	return offsets_order(x->topic, x->partition, y->topic, y->partition);
}

void
until_sort(struct until *u)
{
	if (u->count)
		qsort(u->items, u->count, sizeof(*u->items), compare);
}

struct until_partition *
until_find(const struct until *u, const char *topic, int32_t partition)
{
	struct until_partition wanted = {.topic = (char *)(uintptr_t)topic, .partition = partition};

	return u->count ? bsearch(&wanted, u->items, u->count, sizeof(wanted), compare) : NULL;
}

int64_t
until_end(const struct until *u, const char *topic, int32_t partition)
{
	const struct until_partition *p;

	if (!u || !u->has_ends)
		return -1;
	p = until_find(u, topic, partition);
	return p ? p->end : 0;
}

/* Where the group began to read. */
static int64_t
first_offset(const struct until_partition *p)
{
	return p->start > p->begin ? p->start : p->begin;
}

bool
until_was_done(const struct until_partition *p)
{
	return p->end >= 0 && first_offset(p) >= p->end;
}

int64_t
until_to_read(const struct until_partition *p)
{
	return p->end > first_offset(p) ? p->end - first_offset(p) : 0;
}

int64_t
until_not_read_again(const struct until_partition *p)
{
	return p->start > p->begin && p->begin >= 0 ? p->start - p->begin : 0;
}
