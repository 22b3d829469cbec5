/* The names of the topics that a script uses, by handle. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "script/state.h"

/* More than this are most likely made of keys or values, and would never end. */
#define NAMES_MOST 10000

/* Kafka's rule (org.apache.kafka.common.internals.Topic): 1 to 249 of these, and neither "." nor
 * "..". */
bool
names_is_topic(const char *name, size_t size)
{
	if (size == 0 || size > 249 ||
		(name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.'))))
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

static uint32_t
hash_of(const char *name, size_t size)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	return hash;
}

/* The slot of a name, or the free one where it belongs. */
static uint32_t *
find_slot(const struct names *n, const char *name, size_t size)
{
	size_t i = hash_of(name, size) & (n->slot_count - 1);

	for (; n->slots[i]; i = (i + 1) & (n->slot_count - 1)) {
		const char *item = n->items[n->slots[i]];

		if (!strncmp(item, name, size) && !item[size])
			break;
	}
	return &n->slots[i];
}

static void
make_room(struct names *n)
{
	if ((n->count + 1) * 2 <= n->slot_count)
		return;
	free(n->slots);
	n->slot_count = n->slot_count ? n->slot_count * 2 : 64;
	n->slots = mem_zero(n->slot_count, sizeof(*n->slots));
	for (size_t i = 1; i < n->count; i++)
		*find_slot(n, n->items[i], strlen(n->items[i])) = (uint32_t)i;
}

int32_t
names_intern(struct names *n, const char *name, size_t size, bool is_made)
{
	uint32_t *slot;

	if (is_made && !names_is_topic(name, size))
		return -1;
	if (n->count == 0) {
		n->items = mem_grow(n->items, &n->capacity, 0, sizeof(*n->items));
		n->items[n->count++] = NULL;
	}
	make_room(n);
	slot = find_slot(n, name, size);
	if (*slot)
		return (int32_t)*slot;
	if (is_made && n->made_count == NAMES_MOST)
		return -2;
	n->made_count += is_made;
	n->items = mem_grow(n->items, &n->capacity, n->count, sizeof(*n->items));
	n->items[n->count] = mem_strndup(name, size);
	*slot = (uint32_t)n->count;
	return (int32_t)n->count++;
}

void
names_fini(struct names *n)
{
	for (size_t i = 1; i < n->count; i++)
		free(n->items[i]);
	free(n->items);
	free(n->slots);
}
