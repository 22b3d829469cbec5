/* Calls: what the record's Lua side (lua/mirror/loop.lua) asks of C, through LuaJIT's FFI. */
#include "script/calls.h"

#include <string.h>

#include "script/digest.h"
#include "script/state.h"

static int32_t
intern(struct script *s, const char *name, size_t size)
{
	return names_intern(&s->names, name, size, true);
}

static int32_t
partitions(struct script *s, const char *topic)
{
	return s->options.partitions_of ? s->options.partitions_of(s->options.partitions_arg, topic)
					: -1;
}

static int32_t
text(struct script *s, const char *bytes, size_t size)
{
	return batch_text(&s->batch, bytes, size);
}

static void
forget_texts(struct script *s)
{
	batch_forget_texts(&s->batch);
}

static void
renew(struct script *s, int32_t i)
{
	batch_renew(&s->batch, i);
}

static int32_t
emit(struct script *s, struct script_record *record)
{
	return batch_emit(&s->batch, record);
}

static int32_t
header_list(struct script *s, struct script_record *record)
{
	return batch_header_list(&s->batch, record);
}

static int32_t
header_add(struct script *s, int32_t list, const char *name, size_t name_size, const char *value,
	size_t value_size)
{
	return batch_header_add(&s->batch, list, name, name_size, value, value_size);
}

static void
header_replace(struct script *s, int32_t list, int32_t at)
{
	batch_header_replace(&s->batch, list, (size_t)at);
}

static int32_t
header_remove(struct script *s, int32_t list, const char *name, size_t name_size)
{
	return batch_header_remove(&s->batch, list, name, name_size);
}

static bool
header_at(struct script *s, struct script_record *record, int32_t i, struct script_header *header)
{
	return batch_header_at(&s->batch, record, i, header);
}

static int32_t
header_count(struct script *s, struct script_record *record)
{
	struct script_header header;
	int32_t n = 0;

	while (batch_header_at(&s->batch, record, n, &header))
		n++;
	return n;
}

static int32_t
header_find(struct script *s, struct script_record *record, int32_t i, int32_t step,
	const char *name, size_t name_size, struct script_header *header)
{
	for (; batch_header_at(&s->batch, record, i, header); i += step)
		if ((size_t)header->_name_size == name_size &&
			!memcmp(header->_name, name, name_size))
			return i;
	return -1;
}

static bool
same(const char *bytes, const char *prefix, size_t size)
{
	return !memcmp(bytes, prefix, size);
}

static bool
contains(const char *bytes, size_t size, const char *part, size_t part_size)
{
	return memmem(bytes, size, part, part_size) != NULL;
}

const struct script_calls *
script_calls(void)
{
	static const struct script_calls calls = {
		.intern = intern,
		.topic_name = script_topic_name,
		.partitions = partitions,
		.text = text,
		.forget_texts = forget_texts,
		.renew = renew,
		.emit = emit,
		.header_list = header_list,
		.header_add = header_add,
		.header_replace = header_replace,
		.header_remove = header_remove,
		.header_at = header_at,
		.header_find = header_find,
		.header_count = header_count,
		.same = same,
		.contains = contains,
		.murmur2 = digest_murmur2,
	};

	return &calls;
}
