/* Newer: records that may be at the target and need not, counted by content in bounded memory. */
#include "mirror/newer.h"

#include <stdlib.h>

#include "base/mem.h"

#define FIRST_SLOTS 1024

struct slot {
	uint64_t content; /* 0: empty */
	uint64_t count;	  /* may have come down to 0 */
};

struct newer {
	struct slot *slots;
	size_t room, used, most; /* slots: a power of two; taken; the most that may be */
	size_t count;
};

struct newer *
newer_new(size_t bytes)
{
	struct newer *n = mem_zero(1, sizeof(*n));

	n->room = FIRST_SLOTS;
	n->slots = mem_zero(n->room, sizeof(*n->slots));
	n->most = bytes / sizeof(*n->slots);
	return n;
}

void
newer_free(struct newer **newer)
{
	if (!*newer)
		return;
	free((*newer)->slots);
	free(*newer);
	*newer = NULL;
}

/* The slot of that content, or the empty one where it belongs. Contents are hashes: their low bits
   spread. */
static struct slot *
find(const struct newer *n, uint64_t content)
{
	size_t i = (size_t)content & (n->room - 1);

	while (n->slots[i].content && n->slots[i].content != content)
		i = (i + 1) & (n->room - 1);
	return &n->slots[i];
}

/* Twice as many slots; false: they would be too many. */
static bool
grow(struct newer *n)
{
	struct slot *old = n->slots;
	size_t room = n->room;

	/* The old ones are there too while they move. */
	if (room * 3 > n->most)
		return false;
	n->room = room * 2;
	n->slots = mem_zero(n->room, sizeof(*n->slots));
	for (size_t i = 0; i < room; i++)
		if (old[i].content)
			*find(n, old[i].content) = old[i];
	free(old);
	return true;
}

bool
newer_add(struct newer *n, uint64_t content)
{
	struct slot *s = find(n, content);

	if (!s->content && n->used * 4 >= n->room * 3) {
		if (!grow(n))
			return false;
		s = find(n, content);
	}
	n->used += !s->content;
	s->content = content;
	s->count++;
	n->count++;
	return true;
}

bool
newer_take(struct newer *n, uint64_t content)
{
	struct slot *s = find(n, content);

	if (!s->content || s->count == 0)
		return false;
	s->count--;
	return true;
}

size_t
newer_count(const struct newer *n)
{
	return n->count;
}
