/* JSON paths: one value out of JSON text, without decoding the rest. */
#include "script/jsonpath.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Nested deeper than this it is taken for no JSON, as lua-cjson does at 1000. */
#define DEPTH_MOST 1000

struct step {
	const char *key;
	size_t size;
	int64_t index; /* of an array's element, -1: the key is no number */
};

struct script_json_path {
	char *text;
	size_t count;
	struct step steps[];
};

/* Types as struct script_value has them. */
enum { TYPE_NOT_JSON = -1, TYPE_NONE, TYPE_STRING, TYPE_NUMBER, TYPE_FALSE, TYPE_TRUE, TYPE_NULL, TYPE_NESTED };

struct scan {
	const char *at, *end;
	const struct script_json_path *path;
	struct script_value *found;
	bool has_escapes; /* the string that was found must be resolved */
};

static int64_t
index_of(const char *key, size_t size)
{
	int64_t n = 0;

	if (size == 0 || size > 9)
		return -1;
	for (size_t i = 0; i < size; i++) {
		if (key[i] < '0' || key[i] > '9')
			return -1;
		n = n * 10 + (key[i] - '0');
	}
	return n;
}

struct script_json_path *
jsonpath_new(const char *text, size_t size)
{
	size_t count = 1, n = 0, begin = 0;
	struct script_json_path *path;

	for (size_t i = 0; i < size; i++)
		count += text[i] == '.';
	path = mem_zero(1, sizeof(*path) + count * sizeof(struct step));
	path->text = mem_strndup(text, size);
	path->count = count;
	for (size_t i = 0; i <= size; i++) {
		if (i < size && text[i] != '.')
			continue;
		path->steps[n++] = (struct step){.key = path->text + begin,
			.size = i - begin,
			.index = index_of(text + begin, i - begin)};
		begin = i + 1;
	}
	return path;
}

void
jsonpath_free(struct script_json_path *path)
{
	if (!path)
		return;
	free(path->text);
	free(path);
}

static void
skip_blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
		s->at++;
}

static bool
take(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind the backslash. */
static bool
skip_escape(struct scan *s)
{
	if (s->at == s->end)
		return false;
	if (*s->at != 'u')
		return strchr("\"\\/bfnrt", *s->at) && *s->at++ != '\0';
	s->at++;
	for (int i = 0; i < 4; i++, s->at++)
		if (s->at == s->end || hex_digit(*s->at) < 0)
			return false;
	return true;
}

/* From the quote on; *ret gets what is between the quotes. */
static bool
scan_string(struct scan *s, struct script_value *ret, bool *ret_has_escapes)
{
	const char *begin = ++s->at;

	*ret_has_escapes = false;
	while (s->at < s->end && *s->at != '"') {
		unsigned char c = (unsigned char)*s->at++;

		if (c < 0x20)
			return false;
		if (c != '\\')
			continue;
		*ret_has_escapes = true;
		if (!skip_escape(s))
			return false;
	}
	ret->_type = TYPE_STRING;
	ret->_bytes = begin;
	ret->_size = (size_t)(s->at - begin);
	return take(s, '"');
}

static bool
skip_digits(struct scan *s)
{
	const char *begin = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > begin;
}

static bool
scan_number(struct scan *s, struct script_value *ret)
{
	const char *begin = s->at;
	char copy[64];
	size_t size;

	take(s, '-');
	if (!take(s, '0') && !skip_digits(s))
		return false;
	if (take(s, '.') && !skip_digits(s))
		return false;
	if (s->at < s->end && (*s->at | 0x20) == 'e') {
		s->at++;
		if (!take(s, '-'))
			take(s, '+');
		if (!skip_digits(s))
			return false;
	}
	size = (size_t)(s->at - begin);
	ret->_type = TYPE_NUMBER;
	ret->_bytes = begin;
	ret->_size = size;
	if (size >= sizeof(copy))
		size = sizeof(copy) - 1;
	/* More digits than a double can tell apart do not change it. */
	memcpy(copy, begin, size);
	copy[size] = '\0';
	ret->_number = strtod(copy, NULL);
	return true;
}

static bool
scan_word(struct scan *s, const char *word, int type, struct script_value *ret)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return false;
	s->at += n;
	ret->_type = type;
	return true;
}

static bool scan_value(struct scan *s, size_t depth, bool is_on_path, struct script_value *ret);

/* Is this member, or element, the next step of the path? */
static bool
is_step(const struct scan *s, size_t depth, bool is_on_path, const struct script_value *key, int64_t index)
{
	const struct step *step;

	if (!is_on_path || depth >= s->path->count)
		return false;
	step = &s->path->steps[depth];
	if (!key)
		return step->index == index;
	return key->_size == step->size && !memcmp(key->_bytes, step->key, step->size);
}

static const char *resolve(const char *bytes, size_t size, size_t *ret_size);

/* One member of an object: its key and its value. */
static bool
scan_member(struct scan *s, size_t depth, bool is_on_path)
{
	struct script_value key, value;
	bool has_escapes, is_next;

	skip_blanks(s);
	if (s->at == s->end || *s->at != '"' || !scan_string(s, &key, &has_escapes))
		return false;
	if (has_escapes)
		key._bytes = resolve(key._bytes, key._size, &key._size);
	is_next = is_step(s, depth, is_on_path, &key, -1);
	/* A later member of the same name takes the place of what was found below an earlier one. */
	if (is_next)
		s->found->_type = TYPE_NONE;
	skip_blanks(s);
	return take(s, ':') && scan_value(s, depth + 1, is_next, &value);
}

static bool
scan_object(struct scan *s, size_t depth, bool is_on_path)
{
	s->at++;
	skip_blanks(s);
	if (take(s, '}'))
		return true;
	do {
		if (!scan_member(s, depth, is_on_path))
			return false;
		skip_blanks(s);
	} while (take(s, ','));
	return take(s, '}');
}

static bool
scan_array(struct scan *s, size_t depth, bool is_on_path)
{
	struct script_value value;
	int64_t index = 0;

	s->at++;
	skip_blanks(s);
	if (take(s, ']'))
		return true;
	do {
		if (!scan_value(s, depth + 1, is_step(s, depth, is_on_path, NULL, index), &value))
			return false;
		index++;
		skip_blanks(s);
	} while (take(s, ','));
	return take(s, ']');
}

static bool
scan_nested(struct scan *s, size_t depth, bool is_on_path, struct script_value *ret)
{
	const char *begin = s->at;

	if (depth > DEPTH_MOST ||
		!(*begin == '{' ? scan_object(s, depth, is_on_path) : scan_array(s, depth, is_on_path)))
		return false;
	*ret = (struct script_value){
		._type = TYPE_NESTED, ._bytes = begin, ._size = (size_t)(s->at - begin)};
	return true;
}

/* depth: how many steps of the path lead here, if is_on_path. */
static bool
scan_value(struct scan *s, size_t depth, bool is_on_path, struct script_value *ret)
{
	bool has_escapes = false, is_good = false;

	skip_blanks(s);
	if (s->at == s->end)
		return false;
	switch (*s->at) {
	case '"': is_good = scan_string(s, ret, &has_escapes); break;
	case '{':
	case '[': is_good = scan_nested(s, depth, is_on_path, ret); break;
	case 't': is_good = scan_word(s, "true", TYPE_TRUE, ret); break;
	case 'f': is_good = scan_word(s, "false", TYPE_FALSE, ret); break;
	case 'n': is_good = scan_word(s, "null", TYPE_NULL, ret); break;
	default: is_good = scan_number(s, ret);
	}
	if (is_good && is_on_path && depth == s->path->count) {
		*s->found = *ret;
		s->has_escapes = has_escapes;
	}
	return is_good;
}

static uint32_t
read_hex(const char *at)
{
	uint32_t code = 0;

	for (int i = 0; i < 4; i++)
		code = code << 4 | (uint32_t)hex_digit(at[i]);
	return code;
}

static char *
put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*out++ = (char)(0xe0 | code >> 12);
		} else {
			*out++ = (char)(0xf0 | code >> 18);
			*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (code & 0x3f));
	return out;
}

/* A \uXXXX, at behind the u; two of them when they are a pair. A half of a pair that stands alone becomes U+FFFD. */
static const char *
resolve_unicode(const char *at, const char *end, char **out)
{
	uint32_t code = read_hex(at), low;

	at += 4;
	if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
		low = read_hex(at + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			at += 6;
		}
	}
	if (code >= 0xd800 && code < 0xe000)
		code = 0xfffd;
	*out = put_utf8(*out, code);
	return at;
}

/* A string's bytes with its escapes resolved, in memory of this thread. They never get more. */
static const char *
resolve(const char *bytes, size_t size, size_t *ret_size)
{
	static _Thread_local char *room;
	static _Thread_local size_t room_size;
	const char *end = bytes + size;
	char *out;

	if (room_size < size + 8) {
		room_size = size * 2 + 64;
		room = mem_resize(room, room_size, 1);
	}
	out = room;
	for (const char *at = bytes; at < end;) {
		static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

		if (*at != '\\') {
			*out++ = *at++;
		} else if (at[1] == 'u') {
			at = resolve_unicode(at + 2, end, &out);
		} else {
			*out++ = to[strchr(from, at[1]) - from];
			at += 2;
		}
	}
	*ret_size = (size_t)(out - room);
	return room;
}

void
jsonpath_get(const char *bytes, size_t size, const struct script_json_path *path, struct script_value *ret)
{
	struct script_value whole;
	struct scan s = {.at = bytes, .end = bytes + size, .path = path, .found = ret};

	ret->_type = TYPE_NONE;
	if (scan_value(&s, 0, true, &whole)) {
		skip_blanks(&s);
		if (s.at == s.end) {
			if (ret->_type == TYPE_STRING && s.has_escapes)
				ret->_bytes = resolve(ret->_bytes, ret->_size, &ret->_size);
			return;
		}
	}
	ret->_type = TYPE_NOT_JSON;
}
