/* JSON paths: the value at "a.b.0" of a JSON text, found over the bytes in place, without building
 * the document. */
#include "script/jsonpath.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "script/json.h"

/* Names in a path. The search calls itself once for each. */
#define NAMES_MAX 64

struct name {
	char *text;
	size_t size;
	int64_t index; /* the element meant when an array stands here, -1: none */
	bool is_any;
};

struct script_path {
	struct name names[NAMES_MAX];
	size_t count;
	bool is_many;
	struct text unescaped; /* the value, or a member's name while it is looked at */
	struct script_span *spans;
	size_t span_count, span_capacity;
};

/* One search. */
struct search {
	struct script_path *path;
	const char *begin, *end;
	bool takes_all; /* members that a later one of the same name hides, too */
};

/* A name's number as an index, -1 when it is none: leading zeros make it a name only. */
static int64_t
index_of(const char *text, size_t size)
{
	int64_t index = 0;

	if (!size || size > 9 || (size > 1 && *text == '0'))
		return -1;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		index = index * 10 + (text[i] - '0');
	}
	return index;
}

static int
add_name(struct script_path *path, const char *from, size_t size, struct err *err)
{
	struct name *name = &path->names[path->count];
	struct text text = {0};

	if (!size)
		return err_set(
			err, "a name between dots is empty; write names with one dot between them");
	if (path->count == NAMES_MAX)
		return err_set(err, "there are more than %d names", NAMES_MAX);
	name->is_any = size == 1 && *from == '*';
	for (size_t i = 0; i < size; i++) {
		if (from[i] == '\\' && ++i == size) {
			text_fini(&text);
			return err_set(err, "it ends in a backslash; write \\\\ for one");
		}
		text_putc(&text, from[i]);
	}
	name->size = text.length;
	name->text = text_take(&text);
	name->index = index_of(name->text, name->size);
	path->is_many |= name->is_any;
	path->count++;
	return 0;
}

static int
parse(struct script_path *path, const char *text, size_t size, struct err *err)
{
	size_t first = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\') {
			i++;
		} else if (text[i] == '.') {
			if (add_name(path, text + first, i - first, err))
				return -1;
			first = i + 1;
		}
	}
	return add_name(path, text + first, size - first, err);
}

struct script_path *
jsonpath_new(const char *text, size_t size, struct err *err)
{
	struct script_path *path = mem_zero(1, sizeof(*path));

	if (parse(path, text, size, err)) {
		err_prefix(
			err, "\"%.*s\" is not a JSON path: ", (int)(size < 100 ? size : 100), text);
		jsonpath_free(path);
		return NULL;
	}
	return path;
}

void
jsonpath_free(struct script_path *path)
{
	if (!path)
		return;
	for (size_t i = 0; i < path->count; i++)
		free(path->names[i].text);
	text_fini(&path->unescaped);
	free(path->spans);
	free(path);
}

int
jsonpath_is_many(const struct script_path *path)
{
	return path->is_many;
}

static enum script_kind
kind_of(char first)
{
	switch (first) {
	case '{': return SCRIPT_OBJECT;
	case '[': return SCRIPT_ARRAY;
	case '"': return SCRIPT_STRING;
	case 't': return SCRIPT_TRUE;
	case 'f': return SCRIPT_FALSE;
	case 'n': return SCRIPT_NULL;
	default: return SCRIPT_NUMBER;
	}
}

static void
add_span(struct search *search, const char *first, const char *end)
{
	struct script_path *path = search->path;

	path->spans =
		mem_grow(path->spans, &path->span_capacity, path->span_count, sizeof(*path->spans));
	path->spans[path->span_count++] = (struct script_span){
		(int32_t)(first - search->begin), (int32_t)(end - search->begin), kind_of(*first)};
}

/* Is the string [p, end), quotes included, this name? */
static bool
is_name(struct search *search, const struct name *name, const char *p, const char *end)
{
	struct text *text = &search->path->unescaped;
	size_t size = (size_t)(end - p) - 2;

	if (name->is_any)
		return true;
	if (!memchr(p + 1, '\\', size))
		return size == name->size && !memcmp(p + 1, name->text, size);
	text->length = 0;
	json_unescape(p + 1, end - 1, text);
	return text->length == name->size && !memcmp(text->s, name->text, name->size);
}

static const char *find(struct search *search, const char *p, size_t level);

/* A member, from its name on; returns where it ends. */
static const char *
find_member(struct search *search, const char *p, size_t level)
{
	const char *name = p, *name_end = json_string(p, search->end);

	if (!name_end)
		return NULL;
	p = json_blanks(name_end, search->end);
	if (p == search->end || *p != ':')
		return NULL;
	p = json_blanks(p + 1, search->end);
	if (!is_name(search, &search->path->names[level], name, name_end))
		return json_value(p, search->end);
	/* The last one of a name counts, even if less is in it. */
	if (!search->takes_all)
		search->path->span_count = 0;
	return find(search, p, level + 1);
}

static const char *
find_element(struct search *search, const char *p, size_t level, int64_t index)
{
	const struct name *name = &search->path->names[level];

	if (name->is_any || name->index == index)
		return find(search, p, level + 1);
	return json_value(p, search->end);
}

/* An array or object; returns where it ends, NULL when it is not JSON. */
static const char *
find_inside(struct search *search, const char *p, size_t level)
{
	char closing = *p == '{' ? '}' : ']';

	p = json_blanks(p + 1, search->end);
	if (p < search->end && *p == closing)
		return p + 1;
	for (int64_t index = 0;; index++) {
		p = closing == '}' ? find_member(search, p, level)
				   : find_element(search, p, level, index);
		if (!p)
			return NULL;
		p = json_blanks(p, search->end);
		if (p == search->end)
			return NULL;
		if (*p == closing)
			return p + 1;
		if (*p != ',')
			return NULL;
		p = json_blanks(p + 1, search->end);
	}
}

/* A value that the names before level lead to. */
static const char *
find(struct search *search, const char *p, size_t level)
{
	const char *first = p;

	if (p == search->end)
		return NULL;
	if (level < search->path->count && (*p == '{' || *p == '['))
		return find_inside(search, p, level);
	p = json_value(p, search->end);
	if (p && level == search->path->count)
		add_span(search, first, p);
	return p;
}

/* The whole text; -1: not JSON. */
static int
run(struct script_path *path, const char *json, size_t size, bool takes_all)
{
	struct search search = {path, json, json + size, takes_all};
	const char *p;

	path->span_count = 0;
	if (size > INT32_MAX)
		return -1;
	p = find(&search, json_blanks(json, search.end), 0);
	return p && json_blanks(p, search.end) == search.end ? 0 : -1;
}

static void
read_string(struct script_path *path, const char *p, const char *end, struct script_value *ret)
{
	ret->_text = p + 1;
	ret->_size = (int32_t)(end - p - 2);
	if (!memchr(p + 1, '\\', (size_t)ret->_size))
		return;
	path->unescaped.length = 0;
	json_unescape(p + 1, end - 1, &path->unescaped);
	ret->_text = path->unescaped.s;
	ret->_size = (int32_t)path->unescaped.length;
}

int
jsonpath_get(struct script_path *path, const char *json, size_t size, struct script_value *ret)
{
	const char *p, *end;

	if (run(path, json, size, false))
		return -1;
	if (!path->span_count)
		return 0;
	p = json + path->spans[0]._first;
	end = json + path->spans[0]._end;
	*ret = (struct script_value){p, 0, (int32_t)(end - p), path->spans[0]._kind};
	if (ret->_kind == SCRIPT_STRING)
		read_string(path, p, end, ret);
	else if (ret->_kind == SCRIPT_NUMBER)
		ret->_number = json_number(p, end);
	return 1;
}

int32_t
jsonpath_spans(
	struct script_path *path, const char *json, size_t size, const struct script_span **ret)
{
	if (run(path, json, size, true))
		return -1;
	*ret = path->spans;
	return (int32_t)path->span_count;
}
