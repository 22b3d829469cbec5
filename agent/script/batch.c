/* The batch: the memory that a script's hooks fill while one batch runs, and the calls that do it.
 */
#include "script/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Longer reasons are cut: they are made of what a record holds. */
#define TEXT_MOST 1024

/* A record with more headers was made by a script that does not stop. */
#define HEADERS_MOST 10000

static int32_t
texts_add(struct texts *t, const char *text, size_t size)
{
	t->items = mem_grow(t->items, &t->capacity, t->count, sizeof(*t->items));
	t->items[t->count] = mem_strndup(text, size < TEXT_MOST ? size : TEXT_MOST);
	return (int32_t)t->count++;
}

static void
texts_clear(struct texts *t)
{
	while (t->count > 0)
		free(t->items[--t->count]);
}

void
batch_init(struct batch *b, size_t most, const struct script_headers_of *headers_of)
{
	*b = (struct batch){.most = most, .headers_of = headers_of};
	b->view._records = mem_zero(most, sizeof(*b->view._records));
}

void
batch_fini(struct batch *b)
{
	texts_clear(&b->reasons);
	texts_clear(&b->failures);
	free(b->reasons.items);
	free(b->failures.items);
	for (size_t i = 0; i < b->list_capacity; i++)
		free(b->lists[i].items);
	free(b->lists);
	free(b->view._emit);
	free(b->view._records);
}

void
batch_reset(struct batch *b, size_t count)
{
	texts_clear(&b->failures);
	b->emit_count = b->list_count = 0;
	b->view._first = b->view._done = b->view._at = 0;
	b->view._count = (int32_t)count;
	for (size_t i = 0; i < count; i++) {
		struct script_record *r = &b->view._records[i];

		r->_topic = 0;
		r->_header_list = r->_reason = r->_first_emit = -1;
		r->_emits = 0;
		r->_outcome = SCRIPT_KEEP;
		r->_changes = 0;
	}
}

int32_t
batch_text(struct batch *b, const char *text, size_t size)
{
	return texts_add(&b->reasons, text, size);
}

void
batch_forget_texts(struct batch *b)
{
	texts_clear(&b->reasons);
}

void
batch_renew(struct batch *b, int32_t i)
{
	struct script_record *r = &b->view._records[i];

	if (r->_changes)
		*r = b->view._original;
	r->_outcome = SCRIPT_KEEP;
	r->_topic = 0;
	r->_changes = 0;
	r->_emits = 0;
	r->_reason = r->_first_emit = r->_header_list = -1;
}

void
batch_fail(struct batch *b, int32_t i, const char *reason)
{
	struct script_record *r = &b->view._records[i];

	batch_renew(b, i);
	r->_outcome = SCRIPT_FAILED;
	r->_reason = texts_add(&b->failures, reason, strlen(reason));
}

const char *
batch_reason(const struct batch *b, const struct script_record *r)
{
	const struct texts *texts = r->_outcome == SCRIPT_FAILED ? &b->failures : &b->reasons;

	return r->_reason >= 0 ? texts->items[r->_reason] : "";
}

int32_t
batch_emit(struct batch *b, struct script_record *r)
{
	int32_t i = (int32_t)b->emit_count, last = r->_first_emit;

	b->view._emit =
		mem_grow(b->view._emit, &b->emit_capacity, b->emit_count, sizeof(*b->view._emit));
	b->view._emit[b->emit_count++] =
		(struct script_emit){._partition = -1, ._header_list = -1, ._next = -1};
	if (last < 0)
		r->_first_emit = i;
	else
		/* The emits of one record stand behind each other. */
		b->view._emit[i - 1]._next = i;
	r->_emits++;
	return i;
}

static struct header_list *
list_new(struct batch *b)
{
	size_t capacity = b->list_capacity;

	b->lists = mem_grow(b->lists, &b->list_capacity, b->list_count, sizeof(*b->lists));
	if (b->list_capacity > capacity)
		memset(b->lists + capacity, 0, (b->list_capacity - capacity) * sizeof(*b->lists));
	b->lists[b->list_count].count = 0;
	return &b->lists[b->list_count++];
}

static void
list_add(struct header_list *list, const struct script_header *header)
{
	list->items = mem_grow(list->items, &list->capacity, list->count, sizeof(*list->items));
	list->items[list->count++] = *header;
}

bool
batch_header_at(struct batch *b, struct script_record *r, int32_t i, struct script_header *ret)
{
	const char *name;
	const void *value;
	size_t size;

	if (i < 0)
		return false;
	if (r->_header_list >= 0) {
		const struct header_list *list = &b->lists[r->_header_list];

		if ((size_t)i >= list->count)
			return false;
		*ret = list->items[i];
		return true;
	}
	if (!b->headers_of || !b->headers_of->at(r->_message, (size_t)i, &name, &value, &size))
		return false;
	*ret = (struct script_header){name, value, (int32_t)strlen(name), (int32_t)size};
	return true;
}

int32_t
batch_header_list(struct batch *b, struct script_record *r)
{
	struct script_header header;
	struct header_list *list;

	if (r && r->_header_list >= 0)
		return r->_header_list;
	list = list_new(b);
	for (int32_t i = 0; r && batch_header_at(b, r, i, &header); i++)
		list_add(list, &header);
	if (r) {
		if (!r->_changes)
			b->view._original = *r;
		r->_header_list = (int32_t)(list - b->lists);
		r->_changes |= SCRIPT_CHANGED_HEADERS;
	}
	return (int32_t)(list - b->lists);
}

int32_t
batch_header_add(struct batch *b, int32_t number, const char *name, size_t name_size,
	const char *value, size_t value_size)
{
	const struct script_header header = {._name = name,
		._name_size = (int32_t)name_size,
		._value = value,
		._value_size = (int32_t)value_size};

	if (b->lists[number].count >= HEADERS_MOST)
		return -1;
	list_add(&b->lists[number], &header);
	return 0;
}

static bool
is_named(const struct script_header *header, const char *name, size_t size)
{
	return (size_t)header->_name_size == size && !memcmp(header->_name, name, size);
}

int32_t
batch_header_remove(struct batch *b, int32_t number, const char *name, size_t name_size)
{
	struct header_list *list = &b->lists[number];
	size_t kept = 0, count = list->count;

	for (size_t i = 0; i < count; i++)
		if (!is_named(&list->items[i], name, name_size))
			list->items[kept++] = list->items[i];
	list->count = kept;
	return (int32_t)(count - kept);
}

void
batch_header_replace(struct batch *b, int32_t number, size_t at)
{
	struct header_list *list = &b->lists[number];
	struct script_header header = list->items[list->count - 1];
	size_t kept = at + 1, count = list->count - 1;

	for (size_t i = at + 1; i < count; i++)
		if (!is_named(&list->items[i], header._name, (size_t)header._name_size))
			list->items[kept++] = list->items[i];
	list->items[at] = header;
	list->count = kept;
}
