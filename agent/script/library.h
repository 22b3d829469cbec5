/* The library: what the modules written in Lua (lua/mirror.lua, lua/mirror/) call in C. The part
   between the two FFI lines is given to LuaJIT's ffi.cdef as it stands.

   A module is called as chunk(private) with Lua's own globals and finds in private: ffi, library
   (script_library_calls()), world (the struct script_world), null (mirror.null), cjson (what
   luaopen_cjson gave), topic(name), partitions(topic), value_of(r) and key_of(r) -> pointer or nil,
   size; params (a table of texts), args, stream, streams, file (the script's path), name (its last
   part); now, if tests set the clock. */
#ifndef SCRIPT_LIBRARY_H
#define SCRIPT_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

struct lua_State;

/* FFI begin */

/* Opaque to Lua. */
struct script_world;
struct script_seat;
struct script_place;
struct script_path;
struct script_regex;
struct script_shared;
struct script_map;
struct script_site;

/* A counter's or gauge's number in one state: written by that state only. */
struct script_cell {
	double _value;
};

/* A value on its way to Lua. */
struct script_value {
	const char *_text; /* of strings; of JSON arrays and objects their text */
	double _number;
	int32_t _size;
	int32_t _kind; /* enum script_kind */
};

/* Where something stands in a text: [_first, _end). */
struct script_span {
	int32_t _first, _end;
	int32_t _kind; /* enum script_kind */
};

/* Bytes are given with their size. Where a call fails, script_library_calls()->error(seat) is the
 * sentence. */
struct script_library_calls {
	/* Digests; see digest.h. out has the room that is named there. */
	int32_t (*murmur2)(const char *bytes, size_t size);
	uint32_t (*crc32)(const char *bytes, size_t size);
	uint32_t (*fnv1a)(const char *bytes, size_t size);
	uint32_t (*fnv1a_sarama)(const char *bytes, size_t size);
	double (*fraction)(const char *bytes, size_t size, double seed); /* [0, 1), by XXH64 */
	void (*xxhash)(const char *bytes, size_t size, char *out);
	int (*sha256)(const char *bytes, size_t size, char *out);
	int (*hmac)(const char *key, size_t key_size, const char *bytes, size_t size, char *out);
	void (*hex)(const char *bytes, size_t size, char *out);
	int32_t (*unhex)(const char *text, size_t size, char *out);
	int32_t (*base64)(const char *bytes, size_t size, int url, char *out);
	int32_t (*unbase64)(const char *text, size_t size, char *out);

	/* A state's seat in the world: sit before all that follows, rise when the state is closed.
	   stream as in struct script_options. */
	struct script_seat *(*sit)(struct script_world *world, int32_t stream, const char *script,
		struct script_place *place);
	void (*rise)(struct script_seat *seat);
	const char *(*error)(struct script_seat *seat);

	/* Regular expressions; NULL: error. Captures are pairs in offsets, -1 where a group took no
	 * part. */
	struct script_regex *(*regex_new)(
		struct script_seat *seat, const char *pattern, size_t size, const char *flags);
	void (*regex_free)(struct script_regex *regex);
	int32_t (*regex_match)(struct script_seat *seat, struct script_regex *regex,
		const char *text, size_t size,
		size_t from); /* groups that were tried and the whole; 0: no; -1: error */
	const int32_t *(*regex_offsets)(const struct script_regex *regex);
	int32_t (*regex_group)(
		const struct script_regex *regex, const char *name); /* -1: none such */

	/* JSON; see jsonpath.h. */
	struct script_path *(*path_new)(struct script_seat *seat, const char *path, size_t size);
	void (*path_free)(struct script_path *path);
	int (*path_is_many)(const struct script_path *path);
	int (*path_get)(
		struct script_path *path, const char *json, size_t size, struct script_value *ret);
	int32_t (*path_spans)(struct script_path *path, const char *json, size_t size,
		const struct script_span **ret);

	int (*is_plain)(const char *bytes, size_t size); /* needs no escape in JSON */

	/* Counters (kind 0) and gauges (1); NULL: error. */
	struct script_cell *(*cell)(struct script_seat *seat, int kind, const char *name,
		const char *help, const char *const *label_names, const char *const *label_values,
		size_t labels);

	/* Dictionaries. ttl_ms 0: for ever. set: 1 done, 0 there is one (only_absent), -1 error;
	   get and remove: 1 or 0; increase: 0 or -1. What get gives lives until the seat's next
	   get. */
	struct script_shared *(*shared)(struct script_seat *seat, const char *name, double bytes);
	int (*shared_get)(struct script_seat *seat, struct script_shared *shared, const char *key,
		size_t key_size, struct script_value *ret);
	int (*shared_set)(struct script_seat *seat, struct script_shared *shared, const char *key,
		size_t key_size, const struct script_value *value, double ttl_ms, int only_absent);
	int (*shared_increase)(struct script_seat *seat, struct script_shared *shared,
		const char *key, size_t key_size, double by, double ttl_ms, double *ret);
	int (*shared_remove)(struct script_shared *shared, const char *key, size_t key_size);

	/* Look-up files; see lookup.h. map: NULL: error. row: its number, -1: there is none; valid,
	   as what field gives, until the next row of this map. */
	struct script_map *(*map)(struct script_seat *seat, const char *path, int format,
		char separator, const char *key, const char *value);
	void (*map_free)(struct script_map *map);
	int32_t (*map_row)(struct script_map *map, const char *key, size_t key_size);
	int32_t (*map_columns)(const struct script_map *map);
	int32_t (*map_rows)(struct script_map *map);
	int32_t (*map_value_column)(const struct script_map *map);
	int32_t (*map_field)(
		const struct script_map *map, int32_t row, int32_t column, const char **ret);
	int32_t (*map_name)(const struct script_map *map, int32_t column, const char **ret);

	/* The log: a site, by its source:line, that may speak once a second. shows: is the level
	   logged at all? wants says whether it
	   may now and notes it; say writes the line. */
	struct script_site *(*site)(struct script_seat *seat, const char *at);
	int (*shows)(int level);
	int (*wants)(struct script_site *site, int level);
	void (*say)(
		struct script_seat *seat, struct script_site *site, int level, const char *message);

	double (*wall_ms)(void);  /* since 1970 */
	double (*clock_ms)(void); /* never jumps */
};

/* FFI end */

/* What a script_value or script_span holds. */
enum script_kind {
	SCRIPT_NONE,
	SCRIPT_NULL,
	SCRIPT_FALSE,
	SCRIPT_TRUE,
	SCRIPT_NUMBER,
	SCRIPT_STRING,
	SCRIPT_ARRAY,
	SCRIPT_OBJECT
};

/* The calls; never NULL. All may be called by any thread, a seat and what was made with it by one
 * at a time. */
const struct script_library_calls *script_library_calls(void);

/* lua-cjson's own: opens the module private.cjson. */
int luaopen_cjson(struct lua_State *state);

#endif
