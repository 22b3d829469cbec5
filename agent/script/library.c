/* The library: what the modules written in Lua call in C, as one table of functions. */
#include "script/library.h"

#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "script/digest.h"
#include "script/json.h"
#include "script/jsonpath.h"
#include "script/regex.h"
#include "script/world.h"

static const char *
error_of(struct script_seat *seat)
{
	return seat->err.text;
}

static struct script_regex *
make_regex(struct script_seat *seat, const char *pattern, size_t size, const char *flags)
{
	return regex_new(pattern, size, flags, &seat->err);
}

static int32_t
match(struct script_seat *seat, struct script_regex *regex, const char *text, size_t size,
	size_t from)
{
	return regex_match(regex, text, size, from, &seat->err);
}

static struct script_path *
make_path(struct script_seat *seat, const char *path, size_t size)
{
	return jsonpath_new(path, size, &seat->err);
}

static int
is_plain(const char *bytes, size_t size)
{
	return json_is_plain(bytes, bytes + size);
}

static struct script_cell *
make_cell(struct script_seat *seat, int kind, const char *name, const char *help,
	const char *const *label_names, const char *const *label_values, size_t labels)
{
	const struct script_metric wanted = {
		name, help, kind == 0, label_names, label_values, labels, 0};

	return metrics_cell(world_metrics(seat->world), seat, &wanted, &seat->err);
}

static struct script_shared *
open_shared(struct script_seat *seat, const char *name, double bytes)
{
	return shared_open(world_shared(seat->world), name, bytes, &seat->err);
}

static int
get_shared(struct script_seat *seat, struct script_shared *shared, const char *key, size_t key_size,
	struct script_value *ret)
{
	return shared_get(shared, key, key_size, &seat->text, ret);
}

static int
set_shared(struct script_seat *seat, struct script_shared *shared, const char *key, size_t key_size,
	const struct script_value *value, double ttl_ms, int only_absent)
{
	return shared_put(shared, key, key_size, value, ttl_ms, only_absent, &seat->err);
}

static int
increase_shared(struct script_seat *seat, struct script_shared *shared, const char *key,
	size_t key_size, double by, double ttl_ms, double *ret)
{
	return shared_increase(shared, key, key_size, by, ttl_ms, ret, &seat->err);
}

static int
remove_shared(struct script_shared *shared, const char *key, size_t key_size)
{
	return shared_remove(shared, key, key_size);
}

static struct script_map *
open_map(struct script_seat *seat, const char *path, int kind, char separator, const char *key,
	const char *value)
{
	const struct table_format format = {kind, separator, key, value};

	return lookup_open(world_lookups(seat->world), path, &format, &seat->err);
}

static int32_t
map_row(struct script_map *map, const char *key, size_t key_size)
{
	return table_find(lookup_table(map), key, key_size);
}

static int32_t
map_rows(struct script_map *map)
{
	return table_rows(lookup_table(map));
}

static int32_t
map_columns(const struct script_map *map)
{
	return table_columns(lookup_last(map));
}

static int32_t
map_value_column(const struct script_map *map)
{
	return table_value_column(lookup_last(map));
}

static int32_t
map_field(const struct script_map *map, int32_t row, int32_t column, const char **ret)
{
	return table_field(lookup_last(map), row, column, ret);
}

static int32_t
map_name(const struct script_map *map, int32_t column, const char **ret)
{
	return table_name(lookup_last(map), column, ret);
}

static struct script_site *
get_site(struct script_seat *seat, const char *at)
{
	return sites_get(world_sites(seat->world), at);
}

static int
shows(int level)
{
	return log_is_shown(level);
}

static int
wants(struct script_site *site, int level)
{
	return site_wants(site, level);
}

static void
say(struct script_seat *seat, struct script_site *site, int level, const char *message)
{
	site_say(site, level, seat->script, message);
}

/* LuaJIT gives out doubles as plain numbers, int64_t not. */
static double
wall_ms(void)
{
	return (double)clock_wall_ms();
}

static double
steady_ms(void)
{
	return (double)clock_ms();
}

const struct script_library_calls *
script_library_calls(void)
{
	static const struct script_library_calls calls = {
		.murmur2 = digest_murmur2,
		.crc32 = digest_crc32,
		.fnv1a = digest_fnv1a,
		.fnv1a_sarama = digest_fnv1a_sarama,
		.fraction = digest_fraction,
		.xxhash = digest_xxhash,
		.sha256 = digest_sha256,
		.hmac = digest_hmac,
		.hex = digest_hex,
		.unhex = digest_unhex,
		.base64 = digest_base64,
		.unbase64 = digest_unbase64,
		.sit = world_sit,
		.rise = world_rise,
		.error = error_of,
		.regex_new = make_regex,
		.regex_free = regex_free,
		.regex_match = match,
		.regex_offsets = regex_offsets,
		.regex_group = regex_group,
		.path_new = make_path,
		.path_free = jsonpath_free,
		.path_is_many = jsonpath_is_many,
		.path_get = jsonpath_get,
		.path_spans = jsonpath_spans,
		.is_plain = is_plain,
		.cell = make_cell,
		.shared = open_shared,
		.shared_get = get_shared,
		.shared_set = set_shared,
		.shared_increase = increase_shared,
		.shared_remove = remove_shared,
		.map = open_map,
		.map_free = lookup_close,
		.map_row = map_row,
		.map_rows = map_rows,
		.map_columns = map_columns,
		.map_value_column = map_value_column,
		.map_field = map_field,
		.map_name = map_name,
		.site = get_site,
		.shows = shows,
		.wants = wants,
		.say = say,
		.wall_ms = wall_ms,
		.clock_ms = steady_ms,
	};

	return &calls;
}
