/* The script: one Lua state with the user's script in it, one generation of one thread. */
#include "script/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "script/digest.h"
#include "script/state.h"
#include "script/watchdog.h"
#include "script/world.h"

/* init may take so many times the limit of a batch: it reads files. */
#define INIT_TIMES 10

/* The keys of the table that a script returns. */
static const struct {
	const char *name;
	int type;
} keys[] = {
	[SCRIPT_TOPICS] = {"topics", LUA_TFUNCTION},
	[SCRIPT_ROUTE] = {"route", LUA_TFUNCTION},
	[SCRIPT_PARTITION] = {"partition", LUA_TFUNCTION},
	[SCRIPT_RECORD] = {"record", LUA_TFUNCTION},
	[SCRIPT_TIMERS] = {"timers", LUA_TTABLE},
	[SCRIPT_CLOSE] = {"close", LUA_TFUNCTION},
	{"init", LUA_TFUNCTION},
	{"api", LUA_TNUMBER},
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static const char *
key_name(size_t i, void *arg)
{
	(void)arg;
	return i < KEYS ? keys[i].name : NULL;
}

static int64_t
limit_of(const struct script *s)
{
	return s->options.config->script.time_limit_ms;
}

int
script_run_file(struct script *s, const char *text, size_t size, int results, struct err *err)
{
	char *chunk;
	int status;

	if (size > 0 && text[0] == '\033')
		return err_set(err, "%s: is bytecode; a script is a text file", s->file);
	chunk = mem_printf("@%s", s->name);
	status = luaL_loadbuffer(s->L, text, size, chunk);
	free(chunk);
	if (status) {
		err_set(err, "%s", lua_tostring(s->L, -1));
		lua_pop(s->L, 1);
		return -1;
	}
	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->private);
	lua_getfield(s->L, -1, "globals");
	lua_setfenv(s->L, -3);
	lua_pop(s->L, 1);
	return state_call(s, 0, results, limit_of(s) * INIT_TIMES, err);
}

/* Pushes a field of the table on the stack as it stands there: a metatable of the script's might
   raise, which nothing here could catch. */
static void
push_field(lua_State *L, const char *name)
{
	lua_pushstring(L, name);
	lua_rawget(L, -2);
}

/* Is every key of the table on the stack one that there is? */
static int
check_keys(struct script *s, struct err *err)
{
	lua_State *L = s->L;

	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL,
			   *near;
		size_t i = 0;

		while (name && i < KEYS && strcmp(keys[i].name, name) != 0)
			i++;
		if (name && i < KEYS && lua_type(L, -1) == keys[i].type)
			continue;
		near = name && i == KEYS ? parse_nearest(name, key_name, NULL) : NULL;
		if (!name)
			err_set(err, "%s: the table that it returns has a key that is no name",
				s->name);
		else if (i == KEYS)
			err_set(err, "%s: there is no hook '%s'%s%s%s", s->name, name,
				near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		else
			err_set(err, "%s: '%s' must be a %s, not a %s", s->name, name,
				lua_typename(L, keys[i].type), luaL_typename(L, -1));
		lua_pop(L, 2);
		return -1;
	}
	return 0;
}

static int
check_api(struct script *s, struct err *err)
{
	int version;

	push_field(s->L, "api");
	version = (int)lua_tointeger(s->L, -1);
	lua_pop(s->L, 1);
	if (version != 1)
		return err_set(err, "%s: the table that it returns must say api = 1", s->name);
	return 0;
}

/* The i-th timer, on the stack: { every = seconds, run = function }. */
static int
take_timer(struct script *s, int i, struct err *err)
{
	lua_State *L = s->L;
	struct script_timer *timer = &s->timers[s->timer_count];
	double every = 0;
	int top = lua_gettop(L);

	for (lua_pushnil(L); lua_istable(L, -2) && lua_next(L, -2); lua_pop(L, 1)) {
		const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";

		if (strcmp(name, "every") != 0 && strcmp(name, "run") != 0)
			return err_set(err, "%s: timer %d has '%s'; there are every and run",
				s->name, i, name);
	}
	lua_settop(L, top);
	if (lua_istable(L, -1)) {
		push_field(L, "every");
		every = lua_tonumber(L, -1);
		lua_pop(L, 1);
		push_field(L, "run");
	}
	if (!(every >= 0.01 && every <= 86400) || !lua_isfunction(L, -1))
		return err_set(err,
			"%s: timer %d must be { every = SECONDS, run = FUNCTION } with 0.01 to "
			"86400 "
			"seconds",
			s->name, i);
	timer->ref = luaL_ref(L, LUA_REGISTRYINDEX);
	timer->every_ms = (int64_t)(every * 1000);
	timer->next = clock_ms() + timer->every_ms;
	s->timer_count++;
	return 0;
}

static int
take_timers(struct script *s, struct err *err)
{
	lua_State *L = s->L;
	int count, top;

	push_field(L, "timers");
	top = lua_gettop(L);
	count = lua_istable(L, -1) ? (int)lua_objlen(L, -1) : 0;
	for (lua_pushnil(L); lua_istable(L, top) && lua_next(L, top); lua_pop(L, 1))
		if (lua_type(L, -2) != LUA_TNUMBER)
			return err_set(err,
				"%s: timers is a list of { every = SECONDS, run = FUNCTION }, and "
				"'%s' "
				"is no number in a list",
				s->name,
				lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?");
	lua_settop(L, top);
	s->timers = mem_zero((size_t)count, sizeof(*s->timers));
	for (int i = 1; i <= count; i++) {
		lua_rawgeti(L, top, i);
		if (take_timer(s, i, err) < 0)
			return -1;
		lua_settop(L, top);
	}
	lua_pop(L, 1);
	return 0;
}

/* Makes the function that runs record over a batch. */
static int
make_loop(struct script *s, struct err *err)
{
	lua_State *L = s->L;

	if (s->hooks[SCRIPT_RECORD] == LUA_NOREF)
		return 0;
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->private);
	lua_getfield(L, -1, "loop");
	lua_remove(L, -2);
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->hooks[SCRIPT_RECORD]);
	if (state_call(s, 1, 1, limit_of(s), err) < 0)
		return -1;
	s->run = luaL_ref(L, LUA_REGISTRYINDEX);
	return 0;
}

/* Looks the hooks up, once. The table is on the stack. */
static int
take_hooks(struct script *s, struct err *err)
{
	lua_State *L = s->L;

	if (!lua_istable(L, -1))
		return err_set(err,
			"%s: a script must return a table with its hooks, and this one returns a "
			"%s",
			s->name, luaL_typename(L, -1));
	if (check_keys(s, err) < 0 || check_api(s, err) < 0 || take_timers(s, err) < 0)
		return -1;
	for (int i = 0; i < SCRIPT_HOOKS; i++) {
		push_field(L, keys[i].name);
		if (!lua_isnil(L, -1))
			s->hooks[i] = luaL_ref(L, LUA_REGISTRYINDEX);
		else
			lua_pop(L, 1);
	}
	push_field(L, "init");
	s->init = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_pop(L, 1);
	return make_loop(s, err);
}

static const char *
last_part(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

struct script *
script_new(const struct script_options *options)
{
	struct script *s = mem_zero(1, sizeof(*s));
	const struct config_script *c = &options->config->script;

	s->options = *options;
	s->file = mem_strdup(options->file ? options->file : c->file);
	s->name = last_part(s->file);
	s->memory_limit = (size_t)c->memory_limit;
	s->run = s->init = LUA_NOREF;
	for (int i = 0; i < SCRIPT_HOOKS; i++)
		s->hooks[i] = LUA_NOREF;
	batch_init(&s->batch, (size_t)c->batch_records, options->headers);
	s->batch.view._stops_on_error =
		!strcmp(c->on_error, "pause") || !strcmp(c->on_error, "stop");
	watchdog_watch(s);
	return s;
}

struct script *
script_load(const struct script_options *options, struct err *err)
{
	struct script *s = script_new(options);
	char *text = NULL;
	size_t size;

	if (state_read(s->file, &text, &size, err) == 0)
		digest_xxhash(text, size, s->digest);
	if (!text || state_open(s, err) < 0 || script_run_file(s, text, size, 1, err) < 0 ||
		take_hooks(s, err) < 0)
		script_free(&s);
	free(text);
	return s;
}

void
script_take_over(struct script *s)
{
	world_promote(&s->place);
}

void
script_set_generation(struct script *s, int64_t generation)
{
	s->generation = generation;
}

int64_t
script_generation(const struct script *s)
{
	return s->generation;
}

void
script_free(struct script **script)
{
	struct script *s = *script;

	if (!s)
		return;
	watchdog_unwatch(s);
	state_close(s);
	batch_fini(&s->batch);
	names_fini(&s->names);
	free(s->timers);
	free(s->file);
	free(s);
	*script = NULL;
}

static void
set_number(lua_State *L, const char *name, int number)
{
	lua_pushinteger(L, number);
	lua_setfield(L, -2, name);
}

int
script_init(struct script *s, const char *saved, struct err *err)
{
	static const char *const reasons[] = {
		[SCRIPT_AT_START] = "start",
		[SCRIPT_AT_RELOAD] = "reload",
		[SCRIPT_AT_CHECK] = "check",
		[SCRIPT_AT_TEST] = "test",
		[SCRIPT_AT_PLAN] = "plan",
	};
	lua_State *L = s->L;

	lua_rawgeti(L, LUA_REGISTRYINDEX, s->init);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		return 0;
	}
	lua_newtable(L);
	if (s->options.stream >= 0)
		set_number(L, "stream", s->options.stream);
	set_number(L, "streams", s->options.streams);
	lua_pushstring(L, reasons[s->options.reason]);
	lua_setfield(L, -2, "reason");
	lua_pushstring(L, s->options.config->script.args);
	lua_setfield(L, -2, "args");
	saved_push(L, saved);
	lua_setfield(L, -2, "saved");
	return state_call(s, 1, 0, limit_of(s) * INIT_TIMES, err);
}

static void
say_raised(const struct script *s, const char *hook, const struct err *err)
{
	LOG(EVENT_script_error, F_STR("script", s->name), F_STR("hook", hook),
		F_STR("text", err->text));
}

void
script_close(struct script *s, const char *reason, char **ret_saved)
{
	struct err err;

	*ret_saved = NULL;
	if (s->hooks[SCRIPT_CLOSE] == LUA_NOREF)
		return;
	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->hooks[SCRIPT_CLOSE]);
	lua_pushstring(s->L, reason);
	if (state_call(s, 1, 1, limit_of(s), &err) < 0) {
		say_raised(s, "close", &err);
		return;
	}
	if (!lua_isnil(s->L, -1) && !(*ret_saved = saved_text(s->L)))
		LOG(EVENT_script_error, F_STR("script", s->name), F_STR("hook", "close"),
			F_STR("text",
				"what it returns is not plain data (strings, numbers, booleans "
				"and tables of them), so nothing is handed on"));
	lua_pop(s->L, 1);
}

bool
script_has(const struct script *s, enum script_hook hook)
{
	return s->hooks[hook] != LUA_NOREF;
}

void
script_set_partitions(
	struct script *s, int32_t (*partitions_of)(void *arg, const char *topic), void *arg)
{
	s->options.partitions_of = partitions_of;
	s->options.partitions_arg = arg;
}

const char *
script_name(const struct script *s)
{
	return s->name;
}

size_t
script_memory(const struct script *s)
{
	return s->memory;
}

const char *
script_topic_name(const struct script *s, int32_t handle)
{
	return handle > 0 && (size_t)handle < s->names.count ? s->names.items[handle] : NULL;
}

size_t
script_batch_size(const struct script *s)
{
	return s->batch.most;
}

struct script_batch *
script_batch(struct script *s, size_t count, const char *source_topic, int32_t source_partition,
	const char *target_topic)
{
	struct script_batch *b = &s->batch.view;

	batch_reset(&s->batch, count);
	b->_source_partition = source_partition;
	b->_source_topic = names_intern(&s->names, source_topic, strlen(source_topic), false);
	b->_target_topic = names_intern(&s->names, target_topic, strlen(target_topic), false);
	return b;
}

void
script_run(struct script *s)
{
	struct script_batch *b = &s->batch.view;
	struct err err;

	s->is_in_batch = true;
	while (b->_first < b->_count) {
		lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->run);
		if (state_call(s, 0, 0, limit_of(s), &err) == 0)
			break;
		/* What escapes from the loop (the time limit, most likely) belongs to the record it
		 * was at. */
		batch_fail(&s->batch, b->_at, err.text);
		b->_view._r = NULL;
		b->_done = b->_first = b->_at + 1;
		if (b->_stops_on_error)
			break;
	}
	s->is_in_batch = false;
}

const char *
script_reason_text(const struct script *s, const struct script_record *record)
{
	return batch_reason(&s->batch, record);
}

bool
script_header(const struct script *s, int32_t list, size_t i, const char **ret_name,
	const void **ret_value, size_t *ret_size)
{
	const struct header_list *l = &s->batch.lists[list];

	if (i >= l->count)
		return false;
	*ret_name = l->items[i]._name;
	*ret_value = l->items[i]._value;
	*ret_size = (size_t)l->items[i]._value_size;
	return true;
}

const struct script_emit *
script_emit_at(const struct script *s, int32_t i)
{
	return &s->batch.view._emit[i];
}

int64_t
script_run_timers(struct script *s)
{
	int64_t now = clock_ms(), next = -1;
	struct err err;

	for (size_t i = 0; i < s->timer_count; i++) {
		struct script_timer *timer = &s->timers[i];

		if (now >= timer->next) {
			lua_rawgeti(s->L, LUA_REGISTRYINDEX, timer->ref);
			if (state_call(s, 0, 0, limit_of(s), &err) < 0)
				say_raised(s, "timers", &err);
			timer->next = now + timer->every_ms;
		}
		if (next < 0 || timer->next - now < next)
			next = timer->next - now;
	}
	return next < 0 ? -1 : next > 0 ? next : 0;
}
