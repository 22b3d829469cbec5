/* The tester: runs test files of scripts, in states made by the same code as production's. */
#include "script/tester.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "script/state.h"

/* All cases of a file may take so long together. */
#define TEST_MS 60000

/* A script under test: made by a case, in the state of the test file. */
struct subject {
	struct script *script;
	struct script_world *world;
	lua_State *L;	/* the test file's, asked for partition counts */
	int partitions; /* registry of L: topic -> count */
	struct config config;
};

/* A record's headers, as _message. */
struct test_headers {
	size_t count;
	struct script_header *items;
};

static bool
header_of_test(
	void *message, size_t i, const char **ret_name, const void **ret_value, size_t *ret_size)
{
	const struct test_headers *headers = message;

	if (i >= headers->count)
		return false;
	*ret_name = headers->items[i]._name;
	*ret_value = headers->items[i]._value;
	*ret_size = (size_t)headers->items[i]._value_size;
	return true;
}

static const struct script_headers_of headers_of = {.at = header_of_test};

static int32_t
partitions_of_test(void *arg, const char *topic)
{
	struct subject *t = arg;
	int32_t count;

	lua_rawgeti(t->L, LUA_REGISTRYINDEX, t->partitions);
	lua_getfield(t->L, -1, topic);
	count = lua_isnumber(t->L, -1) ? (int32_t)lua_tointeger(t->L, -1) : -1;
	lua_pop(t->L, 2);
	return count;
}

/* The state that the running function belongs to. */
static struct script *
owner_of(lua_State *L)
{
	return lua_touserdata(L, lua_upvalueindex(1));
}

static struct subject *
subject_at(lua_State *L, int at)
{
	return luaL_checkudata(L, at, "subject");
}

static int
free_subject(lua_State *L)
{
	struct subject *t = subject_at(L, 1);

	script_free(&t->script);
	script_world_free(&t->world);
	config_extra_fini(&t->config.script.extra);
	return 0;
}

/* The parameters that the table at index holds. */
static void
take_params(lua_State *L, int at, struct config_script *script)
{
	for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 3)) {
		lua_pushvalue(L, -2);
		lua_pushvalue(L, -2);
		config_extra_set(&script->extra, lua_tostring(L, -2), lua_tostring(L, -1), "test");
	}
}

/* Initializes the script, with what the script of the subject at index (if there is one) hands
 * over. */
static int
init_subject(struct subject *t, lua_State *L, int before, struct err *err)
{
	char *saved = NULL;
	int status;

	if (!lua_isnoneornil(L, before))
		script_close(subject_at(L, before)->script, "reload", &saved);
	status = script_init(t->script, saved, err);
	free(saved);
	return status;
}

/* open(file, params, args, partitions, mocks[, subject]): a script of its own, loaded and
   initialized; nil and why not. With a subject it is a reload of that one's script. */
static int
open_subject(lua_State *L)
{
	struct script *owner = owner_of(L);
	struct subject *t = lua_newuserdata(L, sizeof(*t));
	struct script_options options = {.file = luaL_checkstring(L, 1),
		.headers = &headers_of,
		.reason = SCRIPT_AT_TEST,
		.streams = 1,
		.partitions_of = partitions_of_test,
		.partitions_arg = t};
	struct err err;

	*t = (struct subject){
		.L = L, .world = script_world_new(), .config = *owner->options.config};
	luaL_getmetatable(L, "subject");
	lua_setmetatable(L, -2);
	t->config.script.extra = (struct config_extra){0};
	t->config.script.args = (char *)(uintptr_t)luaL_optstring(L, 3, NULL);
	take_params(L, 2, &t->config.script);
	lua_pushvalue(L, 4);
	t->partitions = luaL_ref(L, LUA_REGISTRYINDEX);
	lua_pushvalue(L, 5);
	options.mocks = saved_text(L);
	lua_pop(L, 1);
	options.config = &t->config;
	options.world = t->world;
	t->script = script_load(&options, &err);
	free((char *)(uintptr_t)options.mocks);
	if (t->script && init_subject(t, L, 6, &err) == 0)
		return 1;
	lua_pushnil(L);
	lua_pushstring(L, err.text);
	return 2;
}

/* A field of the table at index as bytes; NULL: null, or not there. */
static const char *
bytes_of(lua_State *L, int at, const char *name, int32_t *ret_size)
{
	size_t size = 0;
	const char *bytes;

	lua_getfield(L, at, name);
	bytes = lua_tolstring(L, -1, &size);
	*ret_size = (int32_t)size;
	/* The table keeps it. */
	lua_pop(L, 1);
	return bytes;
}

static double
number_of(lua_State *L, int at, const char *name, double otherwise)
{
	double number;

	lua_getfield(L, at, name);
	number = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : otherwise;
	lua_pop(L, 1);
	return number;
}

/* The list { { name, value }, ... } in the field headers. */
static void
take_headers(lua_State *L, int at, struct test_headers *ret)
{
	size_t size;

	lua_getfield(L, at, "headers");
	ret->count = lua_istable(L, -1) ? lua_objlen(L, -1) : 0;
	ret->items = mem_zero(ret->count, sizeof(*ret->items));
	for (size_t i = 0; i < ret->count; i++) {
		lua_rawgeti(L, -1, (int)i + 1);
		lua_rawgeti(L, -1, 1);
		lua_rawgeti(L, -2, 2);
		ret->items[i]._name = lua_tostring(L, -2);
		ret->items[i]._value = lua_tolstring(L, -1, &size);
		ret->items[i]._value_size = (int32_t)size;
		lua_pop(L, 3);
	}
	lua_pop(L, 1);
}

static void
set_bytes(lua_State *L, const char *name, const void *bytes, int32_t size)
{
	if (!bytes)
		return;
	lua_pushlstring(L, bytes, (size_t)size);
	lua_setfield(L, -2, name);
}

/* The table of an output, on the stack: what it has of key, value, headers, ... */
static void
push_output(struct subject *t, lua_State *L, const char *kind)
{
	(void)t;
	lua_newtable(L);
	lua_pushstring(L, kind);
	lua_setfield(L, -2, "kind");
}

static void
set_headers(struct subject *t, lua_State *L, struct script_record *r, int32_t list)
{
	struct script_record shown = *r;
	struct script_header header;

	shown._header_list = list;
	lua_newtable(L);
	for (int32_t i = 0; batch_header_at(&t->script->batch, &shown, i, &header); i++) {
		lua_newtable(L);
		lua_pushlstring(L, header._name, (size_t)header._name_size);
		lua_rawseti(L, -2, 1);
		if (header._value) {
			lua_pushlstring(L, header._value, (size_t)header._value_size);
			lua_rawseti(L, -2, 2);
		}
		lua_rawseti(L, -2, i + 1);
	}
	lua_setfield(L, -2, "headers");
}

static void
set_place(struct subject *t, lua_State *L, int32_t topic, int32_t partition)
{
	lua_pushstring(L,
		script_topic_name(t->script, topic ? topic : t->script->batch.view._target_topic));
	lua_setfield(L, -2, "topic");
	/* -1: by key */
	lua_pushinteger(L, partition);
	lua_setfield(L, -2, "partition");
}

static void
push_record(struct subject *t, lua_State *L, struct script_record *r)
{
	push_output(t, L, "record");
	set_bytes(L, "key", r->_key, r->_key_size);
	set_bytes(L, "value", r->_value, r->_value_size);
	set_headers(t, L, r, r->_header_list);
	set_place(t, L, r->_topic, r->_partition);
	lua_pushnumber(L, r->_timestamp);
	lua_setfield(L, -2, "timestamp");
}

static void
push_emit(struct subject *t, lua_State *L, struct script_record *r, const struct script_emit *e)
{
	struct script_record as = *r;

	if (e->_changes & SCRIPT_CHANGED_KEY) {
		as._key = e->_key;
		as._key_size = e->_key_size;
	}
	if (e->_changes & SCRIPT_CHANGED_VALUE) {
		as._value = e->_value;
		as._value_size = e->_value_size;
	}
	if (e->_changes & SCRIPT_CHANGED_TIMESTAMP)
		as._timestamp = e->_timestamp;
	if (e->_changes & SCRIPT_CHANGED_TOPIC)
		as._topic = e->_topic;
	if (e->_changes & SCRIPT_CHANGED_HEADERS)
		as._header_list = e->_header_list;
	if (e->_changes & SCRIPT_CHANGED_PARTITION)
		as._partition = e->_partition;
	as._changes |= e->_changes;
	push_record(t, L, &as);
}

/* What the hook decided, on the stack: a list of outputs and of what is none. */
static void
push_outcome(struct subject *t, lua_State *L, struct script_record *r)
{
	static const char *const kinds[] = {"record", "drop", "dead_letter", "retry", "error"};
	int n = 0;

	lua_newtable(L);
	if (r->_outcome == SCRIPT_KEEP) {
		push_record(t, L, r);
	} else {
		push_output(t, L, kinds[r->_outcome]);
		lua_pushstring(L, script_reason_text(t->script, r));
		lua_setfield(L, -2, "reason");
		lua_pushinteger(L, r->_wait_ms);
		lua_setfield(L, -2, "wait_ms");
	}
	lua_rawseti(L, -2, ++n);
	for (int32_t i = r->_first_emit; i >= 0; i = script_emit_at(t->script, i)->_next) {
		push_emit(t, L, r, script_emit_at(t->script, i));
		lua_rawseti(L, -2, ++n);
	}
}

/* run(subject, record): the outcome of a record, as a list (without a record hook: it, as routed);
 * {topic, partition, key, ...} as tests write it. */
static int
run_subject(lua_State *L)
{
	struct subject *t = subject_at(L, 1);
	struct test_headers headers;
	struct script_batch *b;
	struct script_record *r;
	const char *topic, *routed;
	int32_t size;

	topic = bytes_of(L, 2, "topic", &size);
	routed = bytes_of(L, 2, "routed", &size);
	if (!topic)
		return luaL_error(L, "a record needs a topic");
	take_headers(L, 2, &headers);
	b = script_batch(t->script, 1, topic, (int32_t)number_of(L, 2, "partition", 0),
		routed ? routed : topic);
	r = b->_records;
	r->_key = bytes_of(L, 2, "key", &r->_key_size);
	r->_value = bytes_of(L, 2, "value", &r->_value_size);
	r->_offset = number_of(L, 2, "offset", 0);
	r->_timestamp = number_of(L, 2, "timestamp", -1);
	r->_timestamp_type = r->_timestamp < 0 ? 0 : 1;
	r->_partition = (int32_t)number_of(L, 2, "routed_partition", -1);
	r->_message = &headers;
	if (script_has(t->script, SCRIPT_RECORD))
		script_run(t->script);
	push_outcome(t, L, r);
	free(headers.items);
	return 1;
}

static struct script_topic
topic_at(lua_State *L, int at)
{
	return (struct script_topic){.name = luaL_checkstring(L, at),
		.partitions = (int32_t)luaL_optinteger(L, at + 1, 1),
		.is_internal = !strncmp(luaL_checkstring(L, at), "__", 2)};
}

/* topics(subject, name, partitions): true, false or nil; raises what the hook raises. */
static int
ask_topics(lua_State *L)
{
	struct subject *t = subject_at(L, 1);
	struct script_topic topic = topic_at(L, 2);
	struct err err;
	int verdict = script_topics(t->script, &topic, &err);

	if (verdict == -2)
		return luaL_error(L, "%s", err.text);
	if (verdict < 0)
		return 0;
	lua_pushboolean(L, verdict);
	return 1;
}

/* route(subject, name, partitions): the target's name and the rule's (nil: the configuration's), or
 * false. */
static int
ask_route(lua_State *L)
{
	static const char *const rules[] = {NULL, "key", "preserve", "map", "round.robin", "crc32"};
	struct subject *t = subject_at(L, 1);
	struct script_topic topic = topic_at(L, 2);
	struct script_route route;
	struct err err;

	if (script_route(t->script, &topic, &route, &err) < 0)
		return luaL_error(L, "%s", err.text);
	if (route.is_refused) {
		lua_pushboolean(L, 0);
		return 1;
	}
	lua_pushstring(L, route.topic[0] ? route.topic : topic.name);
	lua_pushstring(L, rules[route.rule]);
	return 2;
}

/* partition(subject, topic, partition, partitions, target topic, target partitions): the number, or
 * nil. */
static int
ask_partition(lua_State *L)
{
	struct subject *t = subject_at(L, 1);
	struct script_topic source = {
		luaL_checkstring(L, 2), (int32_t)luaL_checkinteger(L, 4), false};
	struct script_topic target = {
		luaL_checkstring(L, 5), (int32_t)luaL_checkinteger(L, 6), false};
	struct err err;
	int32_t to;

	if (script_partition(
		    t->script, &source, (int32_t)luaL_checkinteger(L, 3), &target, &to, &err) < 0)
		return luaL_error(L, "%s", err.text);
	if (to < 0)
		return 0;
	lua_pushinteger(L, to);
	return 1;
}

static void
set_function(lua_State *L, struct script *s, const char *name, lua_CFunction function)
{
	lua_pushlightuserdata(L, s);
	lua_pushcclosure(L, function, 1);
	lua_setfield(L, -2, name);
}

/* A state for a test file: its private.tester can make scripts and run them. */
static struct script *
open_tester(
	const struct config *config, const char *file, struct script_world *world, struct err *err)
{
	const struct script_options options = {.config = config,
		.file = file,
		.world = world,
		.reason = SCRIPT_AT_TEST,
		.stream = -1,
		.streams = 1};
	struct script *s = script_new(&options);

	if (state_open(s, err) < 0) {
		script_free(&s);
		return NULL;
	}
	luaL_newmetatable(s->L, "subject");
	lua_pushcfunction(s->L, free_subject);
	lua_setfield(s->L, -2, "__gc");
	lua_pop(s->L, 1);
	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->private);
	lua_newtable(s->L);
	set_function(s->L, s, "open", open_subject);
	set_function(s->L, s, "run", run_subject);
	set_function(s->L, s, "topics", ask_topics);
	set_function(s->L, s, "route", ask_route);
	set_function(s->L, s, "partition", ask_partition);
	lua_setfield(s->L, -2, "tester");
	lua_pop(s->L, 1);
	return s;
}

/* Calls a function of private.tester that mirror.test has put there, with the arguments on the
 * stack. */
static int
call_tester(struct script *s, const char *name, int args, int results, struct err *err)
{
	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->private);
	lua_getfield(s->L, -1, "tester");
	lua_getfield(s->L, -1, name);
	lua_replace(s->L, -3);
	lua_pop(s->L, 1);
	if (lua_isnil(s->L, -1)) {
		lua_pop(s->L, 1 + args);
		return err_set(err, "%s: requires no mirror.test, so that it has no case", s->file);
	}
	lua_insert(s->L, -1 - args);
	return state_call(s, args, results, TEST_MS, err);
}

/* The list of { name, why } on the stack. Returns how many there are. */
static size_t
report_all(lua_State *L, tester_report *report, void *arg)
{
	size_t count = lua_objlen(L, -1);

	for (size_t i = 1; i <= count; i++) {
		lua_rawgeti(L, -1, (int)i);
		lua_rawgeti(L, -1, 1);
		lua_rawgeti(L, -2, 2);
		report(lua_tostring(L, -2), lua_tostring(L, -1), arg);
		lua_pop(L, 3);
	}
	return count;
}

int
tester_run(const struct config *config, const char *file, tester_report *report, void *arg,
	struct err *err)
{
	struct script_world *world = script_world_new();
	struct script *s = open_tester(config, file, world, err);
	char *text = NULL;
	size_t size;
	int rc = -1;

	if (s && state_read(s->file, &text, &size, err) == 0 &&
		script_run_file(s, text, size, 0, err) == 0 &&
		call_tester(s, "finish", 0, 1, err) == 0) {
		rc = 0;
		if (report_all(s->L, report, arg) == 0)
			rc = err_set(err, "%s: has no case", file);
	}
	free(text);
	script_free(&s);
	script_world_free(&world);
	return rc;
}

int
tester_run_records(
	const struct config *config, const char *records_file, char **ret, struct err *err)
{
	struct script_world *world = script_world_new();
	struct script *s = open_tester(config, config->script.file, world, err);
	static const char begin[] = "require 'mirror.test'";
	char *text = NULL;
	size_t size;
	int rc = -1;

	if (s && state_read(records_file, &text, &size, err) == 0 &&
		script_run_file(s, begin, sizeof(begin) - 1, 0, err) == 0) {
		lua_pushlstring(s->L, text, size);
		lua_pushstring(s->L, records_file);
		rc = call_tester(s, "records", 2, 1, err);
	}
	if (rc == 0)
		*ret = mem_strdup(lua_tostring(s->L, -1));
	free(text);
	script_free(&s);
	script_world_free(&world);
	return rc;
}
