/* The library's C side: what lua/mirror.lua and its modules ask of C, through LuaJIT's FFI. */
#ifndef SCRIPT_LIBRARY_H
#define SCRIPT_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/calls.h"

struct lua_State;

/* FFI begin */

struct script_regex;
struct script_json_path;
struct script_shared;
struct script_map;

/* A value found in JSON text, or kept in a shared dictionary. */
struct script_value {
	const char *_bytes; /* of a string; of JSON's objects and arrays their text */
	size_t _size;
	double _number;
	int32_t _type; /* below 0: see the call; 0 nothing there, 1 string, 2 number, 3 false, 4 true, 5 null, 6 object or
			  array */
};

/* None of them calls back into Lua. Bytes that are given out live until the next call of the same thread. */
struct script_library_calls {
	double (*now_ms)(void);
	/* level 0 debug to 3 error; repeated: calls of that site that were not logged since its last line */
	void (*log)(struct script *script, int32_t level, const char *text, double repeated);

	int32_t (*murmur2)(const void *bytes, size_t size);
	uint32_t (*crc32)(const void *bytes, size_t size);
	uint32_t (*fnv1a)(const void *bytes, size_t size);
	uint64_t (*xxhash)(const void *bytes, size_t size);
	void (*sha256)(const void *bytes, size_t size, unsigned char *ret);
	void (*hmac)(const void *key, size_t key_size, const void *bytes, size_t size, unsigned char *ret);
	/* Gives the size; ret needs room for (size + 2) / 3 * 4, or size, bytes. -1: it is no base64. */
	int32_t (*base64_encode)(const char *bytes, size_t size, char *ret);
	int32_t (*base64_decode)(const char *bytes, size_t size, char *ret);

	/* NULL: why stands in error. flags: letters of i m s x u */
	struct script_regex *(*regex_new)(
		const char *pattern, size_t size, const char *flags, char *error, size_t error_size);
	void (*regex_free)(struct script_regex *regex);
	/* From byte `from` on: how many groups there are, counting the whole as one, and where each begins and ends (-1: it
	   took no part) in groups, which has room for 32; 0: no match; -1: it would take too long. */
	int32_t (*regex_match)(
		struct script_regex *regex, const char *bytes, size_t size, size_t from, int32_t *groups);

	/* Lives as long as the script. NULL: there are too many */
	struct script_json_path *(*json_path)(struct script *script, const char *text, size_t size);
	/* _type -1: the bytes are not JSON */
	void (*json_get)(const char *bytes, size_t size, const struct script_json_path *path,
		struct script_value *ret);

	/* A cell of this stream's own; NULL: why stands in error. kind 0 counter, 1 gauge. labels: a="b",c="d" */
	double *(*metric)(struct script *script, int32_t kind, const char *name, const char *help,
		const char *labels, char *error, size_t error_size);

	/* The process's dictionary of that name */
	struct script_shared *(*shared_open)(struct script *script, const char *name);
	void (*shared_get)(struct script_shared *shared, const char *key, size_t size, struct script_value *ret);
	/* ttl_ms 0: for ever. only_new: not when there is one. 1 done, 0 there was one, -1 no room */
	int32_t (*shared_set)(struct script_shared *shared, const char *key, size_t size,
		const struct script_value *value, double ttl_ms, bool only_new);
	/* The sum; ret _type -1: what is there is no number, -2: no room */
	void (*shared_incr)(struct script_shared *shared, const char *key, size_t size, double by, double ttl_ms,
		struct script_value *ret);
	bool (*shared_delete)(struct script_shared *shared, const char *key, size_t size);

	/* A look-up file, loaded once a process; NULL: why stands in error. separator 0: whole lines are keys */
	struct script_map *(*map_open)(
		struct script *script, const char *file, char separator, char *error, size_t error_size);
	/* The column of a key's row, the first behind the key being 1; _type 0: no such key, or column */
	void (*map_get)(
		struct script_map *map, const char *key, size_t size, int32_t column, struct script_value *ret);
	int32_t (*map_count)(struct script_map *map);
};

/* FFI end */

/* The table. */
const struct script_library_calls *script_library_calls(void);

/* Opens lua-cjson, which is linked in: leaves its table. */
int script_open_cjson(struct lua_State *L);

#endif
