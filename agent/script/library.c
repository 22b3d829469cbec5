/* The library's C side: what lua/mirror.lua and its modules ask of C, through LuaJIT's FFI. */
#include "script/library.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "script/digest.h"
#include "script/jsonpath.h"
#include "script/regex.h"
#include "script/state.h"
#include "script/world.h"

/* Paths of JSON that one script may use; more are most likely made of keys or values. */
#define PATHS_MOST 10000

/* lua-cjson's; it has no header. */
int luaopen_cjson(lua_State *L);

int
script_open_cjson(lua_State *L)
{
	return luaopen_cjson(L);
}

static double
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static void
log_text(struct script *s, int32_t level, const char *text, double repeated)
{
	static const enum log_event events[] = {
		EVENT_script_debug, EVENT_script_info, EVENT_script_warn, EVENT_script_says};
	const struct log_field fields[] = {
		F_STR("script", s->name), F_STR("text", text), F_INT("repeated", (int64_t)repeated)};

	log_write(events[level], NULL, fields, repeated > 0 ? 3 : 2);
}

static int32_t
base64_encode(const char *bytes, size_t size, char *ret)
{
	/* The call writes a zero byte behind it, for which there may be no room. */
	char *room = mem_alloc((size + 2) / 3 * 4 + 1);
	int n = EVP_EncodeBlock((unsigned char *)room, (const unsigned char *)bytes, (int)size);

	memcpy(ret, room, (size_t)n);
	free(room);
	return n;
}

static int32_t
base64_decode(const char *bytes, size_t size, char *ret)
{
	unsigned char *room = mem_alloc(size + 4);
	int n = size % 4 == 0 ? EVP_DecodeBlock(room, (const unsigned char *)bytes, (int)size) : -1;

	/* It counts what = stands for. */
	for (size_t i = size; n > 0 && i > 0 && bytes[i - 1] == '=' && size - i < 2; i--)
		n--;
	if (n > 0)
		memcpy(ret, room, (size_t)n);
	free(room);
	return n;
}

static struct script_json_path *
json_path(struct script *s, const char *text, size_t size)
{
	if (s->path_count == PATHS_MOST)
		return NULL;
	s->paths = mem_grow(s->paths, &s->path_capacity, s->path_count, sizeof(*s->paths));
	s->paths[s->path_count] = jsonpath_new(text, size);
	return s->paths[s->path_count++];
}

static double *
metric(struct script *s, int32_t kind, const char *name, const char *help, const char *labels, char *error,
	size_t error_size)
{
	return world_metric(
		s->options.world, s->options.stream, kind, name, help, labels, error, error_size);
}

static struct script_shared *
shared_open(struct script *s, const char *name)
{
	return world_shared(s->options.world, name);
}

/* Relative to the script's folder. */
static struct script_map *
map_open(struct script *s, const char *file, char separator, char *error, size_t error_size)
{
	char *path = *file == '/' ? mem_strdup(file)
				  : mem_printf("%.*s%s", (int)(s->name - s->file), s->file, file);
	struct lookup *lookup = world_lookup(s->options.world, path, separator, error, error_size);
	struct script_map *view = lookup ? lookup_view(lookup) : NULL;

	free(path);
	if (!view)
		return NULL;
	s->maps = mem_grow(s->maps, &s->map_capacity, s->map_count, sizeof(*s->maps));
	s->maps[s->map_count++] = view;
	return view;
}

void
library_fini(struct script *s)
{
	for (size_t i = 0; i < s->path_count; i++)
		jsonpath_free(s->paths[i]);
	for (size_t i = 0; i < s->map_count; i++)
		lookup_view_free(s->maps[i]);
	free(s->paths);
	free(s->maps);
}

const struct script_library_calls *
script_library_calls(void)
{
	static const struct script_library_calls calls = {
		.now_ms = now_ms,
		.log = log_text,
		.murmur2 = digest_murmur2,
		.crc32 = digest_crc32,
		.fnv1a = digest_fnv1a,
		.xxhash = digest_xxhash,
		.sha256 = digest_sha256,
		.hmac = digest_hmac,
		.base64_encode = base64_encode,
		.base64_decode = base64_decode,
		.regex_new = regex_new,
		.regex_free = regex_free,
		.regex_match = regex_match,
		.json_path = json_path,
		.json_get = jsonpath_get,
		.metric = metric,
		.shared_open = shared_open,
		.shared_get = shared_get,
		.shared_set = shared_set,
		.shared_incr = shared_incr,
		.shared_delete = shared_delete,
		.map_open = map_open,
		.map_get = lookup_get,
		.map_count = lookup_count,
	};

	return &calls;
}
