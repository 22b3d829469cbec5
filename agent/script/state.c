/* The state: a script's Lua state, its memory limit, its sandbox, and the one way into it. */
#include "script/state.h"

#include <ctype.h>
#include <errno.h>
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "script/embedded.h"
#include "script/library.h"
#include "script/watchdog.h"

/* Larger scripts and modules are refused. */
#define TEXT_MOST (16 * 1024 * 1024)

const char *
script_engine_version(void)
{
	return LUAJIT_VERSION;
}

static void *
allocate(void *arg, void *p, size_t old, size_t size)
{
	struct script *s = arg;
	void *q;

	if (!p)
		old = 0;
	if (size == 0) {
		free(p);
		s->memory -= old;
		return NULL;
	}
	if (size > old && s->is_limited && s->memory + (size - old) > s->memory_limit)
		return NULL;
	q = realloc(p, size);
	if (q)
		s->memory += size - old;
	return q;
}

int
state_read(const char *file, char **ret, size_t *ret_size, struct err *err)
{
	FILE *f = fopen(file, "r");
	char *text = NULL;
	size_t n = 0, capacity = 0, got;

	if (!f)
		return err_set(err, "%s: cannot be read: %s", file, strerror(errno));
	do {
		if (capacity - n < 4096) {
			capacity = capacity ? capacity * 2 : 16384;
			text = mem_resize(text, capacity, 1);
		}
		got = fread(text + n, 1, capacity - n - 1, f);
		n += got;
	} while (got > 0 && n < TEXT_MOST);
	text[n] = '\0';
	if (ferror(f) || n >= TEXT_MOST) {
		err_set(err, "%s: cannot be read: %s", file,
			ferror(f) ? "it is not a text file" : "it is larger than 16 MiB");
		free(text);
		text = NULL;
	}
	fclose(f);
	if (!text)
		return -1;
	*ret = text;
	*ret_size = n;
	return 0;
}

static struct script *
script_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static const struct embedded *
find_embedded(const char *name)
{
	for (const struct embedded *e = embedded_files; e->name; e++)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

/* Where require looks: script.path, or the script's own folder. @gives a string */
static char *
module_file(const struct script *s, const char *name)
{
	const char *path = s->options.config->script.path;
	struct text file = {0};

	if (path)
		text_printf(&file, "%s/", path);
	else
		text_printf(&file, "%.*s", (int)(s->name - s->file), s->file);
	for (const char *c = name; *c; c++)
		text_putc(&file, *c == '.' ? '/' : *c);
	text_puts(&file, ".lua");
	return text_take(&file);
}

/* For the development of the library: where script.path is given and has the module, that one
   stands in front of the embedded one. false: it has none. */
static bool
push_override(lua_State *L, const char *name)
{
	struct script *s = script_of(L);
	struct err err;
	size_t size;
	char *file, *text;
	bool is_there;

	if (!s->options.config->script.path)
		return false;
	file = module_file(s, name);
	is_there = state_read(file, &text, &size, &err) == 0;
	free(file);
	if (!is_there)
		return false;
	/* Nothing may raise while text is ours. */
	s->is_limited = false;
	lua_pushlstring(L, text, size);
	s->is_limited = true;
	free(text);
	return true;
}

/* embedded(name): the text of a module that scripts may require; nil. */
static int
lua_embedded(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct embedded *e = find_embedded(name);

	static const char *const internal[] = {"mirror.errors", "mirror.loop", "mirror.sandbox"};

	if (!e || !strncmp(name, "ffi.", 4))
		return 0;
	for (size_t i = 0; i < sizeof(internal) / sizeof(*internal); i++)
		if (!strcmp(name, internal[i]))
			return 0;
	if (!push_override(L, name))
		lua_pushlstring(L, e->text, e->size);
	return 1;
}

static const char *
last_part(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}
/* read_module(name): text and the file's name; nil and why not. */
static int
lua_read_module(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	struct script *s = script_of(L);
	bool is_name = isalnum((unsigned char)*name) || *name == '_';
	struct err err;
	size_t size;
	char *file, *text;

	for (const char *c = name; *c; c++)
		is_name &= isalnum((unsigned char)*c) || *c == '_' || *c == '-' ||
			   (*c == '.' && c[1] != '.' && c[1]);
	if (!is_name) {
		lua_pushnil(L);
		lua_pushfstring(L, "'%s' cannot be a module's name", name);
		return 2;
	}
	file = module_file(s, name);
	if (state_read(file, &text, &size, &err) < 0) {
		lua_pushnil(L);
		lua_pushfstring(L, "the module '%s' is not there: %s", name, err.text);
	} else {
		/* Nothing may raise while text is ours: these two are small, or the limit's own
		 * affair below. */
		s->is_limited = false;
		lua_pushlstring(L, text, size);
		lua_pushstring(L, last_part(file));
		s->is_limited = true;
		free(text);
	}
	free(file);
	return 2;
}

struct candidates {
	lua_State *L;
	int first, last; /* tables on the stack */
};

/* The i-th string key of the tables; a short life, so a slow way. */
static const char *
key_at(size_t i, void *arg)
{
	struct candidates *c = arg;
	lua_State *L = c->L;
	const char *found = NULL;

	for (int t = c->first; t <= c->last && !found; t++) {
		for (lua_pushnil(L); lua_next(L, t); lua_pop(L, 1)) {
			if (lua_type(L, -2) != LUA_TSTRING || i-- > 0)
				continue;
			found = lua_tostring(L, -2);
			lua_pop(L, 2);
			break;
		}
	}
	return found;
}

/* nearest(name, table...): "; did you mean 'x'?", or "". */
static int
lua_nearest(lua_State *L)
{
	struct candidates c = {L, 2, lua_gettop(L)};
	const char *near = NULL;

	if (lua_type(L, 1) == LUA_TSTRING)
		near = parse_nearest(lua_tostring(L, 1), key_at, &c);
	if (near)
		lua_pushfstring(L, "; did you mean '%s'?", near);
	else
		lua_pushliteral(L, "");
	return 1;
}

/* print(text): to the log, since stdout is nobody's. */
static int
lua_print(lua_State *L)
{
	LOG(EVENT_script_info, F_STR("script", script_of(L)->name),
		F_STR("text", luaL_checkstring(L, 1)));
	return 0;
}

/* relieve(): collects all garbage, for which there may be no room otherwise. */
static int
lua_relieve(lua_State *L)
{
	struct script *s = script_of(L);

	s->is_limited = false;
	lua_gc(L, LUA_GCCOLLECT, 0);
	s->is_limited = true;
	return 0;
}

/* fail(i, text): the record's hook failed. */
static int
lua_fail(lua_State *L)
{
	batch_fail(&script_of(L)->batch, (int32_t)lua_tointeger(L, 1), luaL_checkstring(L, 2));
	return 0;
}

static void
set_function(struct script *s, const char *name, lua_CFunction function)
{
	lua_pushlightuserdata(s->L, s);
	lua_pushcclosure(s->L, function, 1);
	lua_setfield(s->L, -2, name);
}

static void
set_pointer(struct script *s, const char *name, const void *p)
{
	lua_pushlightuserdata(s->L, (void *)(uintptr_t)p);
	lua_setfield(s->L, -2, name);
}

static void
set_text(struct script *s, const char *name, const char *text)
{
	lua_pushstring(s->L, text);
	lua_setfield(s->L, -2, name);
}

/* What script.libs may name: the first ones are there without it. */
static const char *const lib_names[] = {"base", "string", "table", "math", "bit", "os.time",
	"os.date", "os.clock", "ffi", "io", "os", "debug", "package.loadlib", "jit", NULL};

static const char *
lib_name(size_t i, void *arg)
{
	(void)arg;
	return lib_names[i];
}

static int
check_libs(const struct script *s, struct err *err)
{
	const char *at = s->options.config->script.libs, *near;
	char name[64];

	for (size_t n, i; at && *at; at += n + strspn(at + n, ", ")) {
		n = strcspn(at, ", ");
		snprintf(name, sizeof(name), "%.*s", (int)n, at);
		for (i = 0; lib_names[i] && strcmp(lib_names[i], name) != 0;)
			i++;
		if (n == 0 || lib_names[i])
			continue;
		near = parse_nearest(name, lib_name, NULL);
		return err_set(err, "script.libs: there is no '%s'%s%s%s", name,
			near ? "; did you mean '"
			     : "; there are ffi, io, os, debug, package.loadlib and jit",
			near ? near : "", near ? "'?" : "");
	}
	return 0;
}

/* script.libs as a set. */
static void
push_libs(struct script *s)
{
	const char *at = s->options.config->script.libs;

	lua_newtable(s->L);
	while (at && *at) {
		size_t n = strcspn(at, ", ");

		lua_pushlstring(s->L, at, n);
		lua_pushboolean(s->L, 1);
		if (n > 0)
			lua_settable(s->L, -3);
		else
			lua_pop(s->L, 2);
		at += n + strspn(at + n, ", ");
	}
	lua_getfield(s->L, -1, "ffi");
	lua_setfield(s->L, -3, "allows_ffi");
	lua_setfield(s->L, -2, "libs");
}

static void
push_params(struct script *s)
{
	const struct config_script *c = &s->options.config->script;

	lua_newtable(s->L);
	for (size_t i = 0; i < c->extra.count; i++)
		set_text(s, c->extra.items[i].name, c->extra.items[i].value);
	lua_setfield(s->L, -2, "params");
}

/* The table that the embedded modules are given; left on the stack. */
static void
push_private(struct script *s)
{
	lua_newtable(s->L);
	set_function(s, "embedded", lua_embedded);
	set_function(s, "read_module", lua_read_module);
	set_function(s, "nearest", lua_nearest);
	set_function(s, "print", lua_print);
	set_function(s, "fail", lua_fail);
	set_function(s, "relieve", lua_relieve);
	set_pointer(s, "calls_pointer", script_calls());
	set_pointer(s, "library_pointer", script_library_calls());
	set_pointer(s, "world_pointer", s->options.world);
	set_pointer(s, "script_pointer", s);
	set_pointer(s, "place_pointer", &s->place);
	set_pointer(s, "batch_pointer", &s->batch.view);
	set_text(s, "name", s->name);
	set_text(s, "file", s->file);
	set_text(s, "args", s->options.config->script.args);
	lua_pushinteger(s->L, s->options.stream);
	lua_setfield(s->L, -2, "stream");
	lua_pushinteger(s->L, s->options.streams);
	lua_setfield(s->L, -2, "streams");
	lua_pushinteger(s->L, s->options.config->script.emit_limit);
	lua_setfield(s->L, -2, "emit_limit");
	saved_push(s->L, s->options.mocks);
	lua_setfield(s->L, -2, "mocks");
	push_libs(s);
	push_params(s);
	/* cjson is linked in; it makes its table like any library. */
	lua_pushcfunction(s->L, luaopen_cjson);
	lua_call(s->L, 0, 1);
	lua_setfield(s->L, -2, "cjson");
	lua_pushvalue(s->L, -1);
	s->private = luaL_ref(s->L, LUA_REGISTRYINDEX);
}

/* What is declared to FFI, and compared: a header that the compiler reads in another way than
   LuaJIT would have scripts read other memory than meant.

   No trace is stitched around a call of a C function (minstitch): Debian's LuaJIT of 2022 then
   compiles recursive code that calls table.sort and the like to something else; test_library's
   row "JSON written often and deep" showed tables silently taken for empty. */
static const char prepare[] =
	"local private, jit_on, size_record, size_emit, size_batch = ...\n"
	"local ffi = require 'ffi'\n"
	"private.ffi = ffi\n"
	"for _, name in ipairs { 'view', 'calls', 'library' } do "
	"ffi.cdef(private.declarations(name)) end\n"
	"private.calls = ffi.cast('const struct script_calls *', private.calls_pointer)\n"
	"private.library = ffi.cast('const struct script_library_calls *', "
	"private.library_pointer)\n"
	"private.world = ffi.cast('struct script_world *', private.world_pointer)\n"
	"private.place = ffi.cast('struct script_place *', private.place_pointer)\n"
	"private.script = ffi.cast('struct script *', private.script_pointer)\n"
	"private.batch = ffi.cast('struct script_batch *', private.batch_pointer)\n"
	"private.null = setmetatable({}, { __tostring = function() return 'mirror.null' end,\n"
	"  __newindex = function() error('mirror.null cannot be changed', 2) end })\n"
	"assert(ffi.sizeof 'struct script_record' == size_record, 'script_record')\n"
	"assert(ffi.sizeof 'struct script_emit' == size_emit, 'script_emit')\n"
	"assert(ffi.sizeof 'struct script_batch' == size_batch, 'script_batch')\n"
	"if jit_on then require('jit.opt').start('minstitch=1000000', 'maxtrace=8000', "
	"'maxrecord=16000', 'maxmcode=16384', 'maxsnap=1000')\n"
	"else jit.off() end\n";

/* declarations(name): a header's FFI part. */
static int
lua_declarations(lua_State *L)
{
	char name[64];
	const struct embedded *e;

	snprintf(name, sizeof(name), "ffi.%s", luaL_checkstring(L, 1));
	e = find_embedded(name);
	lua_pushlstring(L, e ? e->text : "", e ? e->size : 0);
	return 1;
}

/* Runs an embedded module with private, leaving its result. */
static int
run_embedded(struct script *s, const char *name)
{
	const struct embedded *e = find_embedded(name);

	char chunk[80];

	/* errors.lua knows our own functions by this. */
	snprintf(chunk, sizeof(chunk), "=lua/mirror/%s.lua", strchr(name, '.') + 1);
	if (luaL_loadbuffer(s->L, e->text, e->size, chunk))
		return -1;
	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->private);
	return lua_pcall(s->L, 1, 1, 0) ? -1 : 0;
}

/* @stack nothing to: the sandbox's globals, in private.globals; the loop's maker in private.loop */
static int
open_all(struct script *s)
{
	lua_State *L = s->L;

	luaL_openlibs(L);
	push_private(s);
	set_function(s, "declarations", lua_declarations);
	lua_pop(L, 1);
	if (luaL_loadbuffer(L, prepare, sizeof(prepare) - 1, "=lua/prepare"))
		return -1;
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->private);
	lua_pushboolean(L, !strcmp(s->options.config->script.jit, "on"));
	lua_pushinteger(L, (lua_Integer)sizeof(struct script_record));
	lua_pushinteger(L, (lua_Integer)sizeof(struct script_emit));
	lua_pushinteger(L, (lua_Integer)sizeof(struct script_batch));
	if (lua_pcall(L, 5, 0, 0))
		return -1;
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->private);
	if (run_embedded(s, "mirror.errors") < 0)
		return -1;
	lua_pop(L, 1);
	lua_getfield(L, -1, "on_error");
	s->on_error = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_getfield(L, -1, "strict");
	s->strict = luaL_ref(L, LUA_REGISTRYINDEX);
	if (run_embedded(s, "mirror.loop") < 0)
		return -1;
	lua_setfield(L, -2, "loop");
	if (run_embedded(s, "mirror.sandbox") < 0)
		return -1;
	lua_setfield(L, -2, "globals");
	lua_pop(L, 1);
	return 0;
}

int
state_open(struct script *s, struct err *err)
{
	if (check_libs(s, err) < 0)
		return -1;
	s->L = lua_newstate(allocate, s);
	if (!s->L)
		return err_set(
			err, "%s: no memory for a Lua state; raise script.memory.limit", s->file);
	if (open_all(s) == 0)
		return 0;
	err_set(err, "%s: the script's world cannot be made: %s", s->file, lua_tostring(s->L, -1));
	return -1;
}

void
state_close(struct script *s)
{
	if (s->L)
		lua_close(s->L);
	s->L = NULL;
}

/* The sentence of a call that failed, whose message is on the stack. */
static void
take_message(struct script *s, int status, struct err *err)
{
	const char *message = lua_tostring(s->L, -1);

	if (s->late[0])
		err_set(err, "%s: the script takes longer than script.time.limit.ms allows",
			s->late);
	else if (status == LUA_ERRMEM)
		err_set(err, "%s: not enough memory: it takes more than script.memory.limit allows",
			s->name);
	else if (status == LUA_ERRERR || !message)
		err_set(err,
			"%s: an error, and then another one while its message was made (stack "
			"overflow?)",
			s->name);
	else
		err_set(err, "%s%s%s", strchr(message, ':') ? "" : s->name,
			strchr(message, ':') ? "" : ": ", message);
	s->late[0] = '\0';
}

int
state_call(struct script *s, int args, int results, int64_t limit_ms, struct err *err)
{
	int at = lua_gettop(s->L) - args, status;

	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->on_error);
	lua_insert(s->L, at);
	watchdog_enter(s, limit_ms);
	s->is_limited = true;
	status = lua_pcall(s->L, args, results, at);
	s->is_limited = false;
	watchdog_leave(s);
	lua_remove(s->L, at);
	/* Garbage is not to use the limit up: a cycle begins now, not when the heap has doubled. */
	if (s->memory > s->memory_limit / 4 * 3)
		lua_gc(s->L, LUA_GCRESTART, 0);
	if (status == 0) {
		s->late[0] = '\0';
		return 0;
	}
	take_message(s, status, err);
	lua_pop(s->L, 1);
	if (status == LUA_ERRMEM)
		lua_gc(s->L, LUA_GCCOLLECT, 0);
	return -1;
}
