/* The hooks that are asked when topics or partitions change: topics, route and partition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/rates.h"
#include "base/settings.h"
#include "script/state.h"

/* A table that raises when it is asked for a field which no hook is given. */
static void
push_given(struct script *s)
{
	lua_newtable(s->L);
	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->strict);
	lua_setmetatable(s->L, -2);
}

static void
push_topic(struct script *s, const struct script_topic *topic)
{
	lua_State *L = s->L;

	push_given(s);
	lua_pushstring(L, topic->name);
	lua_setfield(L, -2, "name");
	if (topic->partitions >= 0) {
		lua_pushinteger(L, topic->partitions);
		lua_setfield(L, -2, "partitions");
	}
	lua_pushboolean(L, topic->is_internal);
	lua_setfield(L, -2, "internal");
}

/* Calls a hook with the one or two tables on the stack; leaves its answer. */
static int
ask(struct script *s, enum script_hook hook, int args, struct err *err)
{
	lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->hooks[hook]);
	lua_insert(s->L, -1 - args);
	return state_call(s, args, 1, s->options.config->script.time_limit_ms, err);
}

/* The answer on the stack is none that the hook may give. */
static int
refuse(struct script *s, const char *hook, const char *may, struct err *err)
{
	err_set(err, "%s: %s must return %s, not a %s", s->name, hook, may,
		luaL_typename(s->L, -1));
	return -1;
}

int
script_topics(struct script *s, const struct script_topic *topic, struct err *err)
{
	int verdict = -1;

	if (!script_has(s, SCRIPT_TOPICS))
		return -1;
	push_topic(s, topic);
	if (ask(s, SCRIPT_TOPICS, 1, err) < 0)
		return -2;
	if (lua_isboolean(s->L, -1))
		verdict = lua_toboolean(s->L, -1);
	else if (!lua_isnil(s->L, -1))
		verdict = refuse(s, "topics()", "true, false or nothing", err) - 1;
	lua_pop(s->L, 1);
	return verdict;
}

static int
take_name(struct script *s, struct script_route *ret, struct err *err)
{
	size_t size;
	const char *name = lua_tolstring(s->L, -1, &size);

	/* Not kept by handle: there are as many names as topics, which are not bounded. */
	if (!names_is_topic(name, size))
		return err_set(err,
			"%s: route() returns '%s', which cannot be a topic's name: Kafka takes 1 "
			"to 249 "
			"letters, digits, dots, dashes and underscores",
			s->name, name);
	snprintf(ret->topic, sizeof(ret->topic), "%s", name);
	return 0;
}

struct words {
	const char *const *names;
	size_t count;
};

static const char *
word_at(size_t i, void *arg)
{
	const struct words *words = arg;

	return i < words->count ? words->names[i] : NULL;
}

/* "; did you mean 'topic'?" into out, or what there is instead: "; there are ...". */
static const char *
advice(const char *word, const char *const *names, size_t count, char out[200])
{
	struct words words = {names, count};
	const char *near = parse_nearest(word, word_at, &words);
	size_t n;

	if (near) {
		snprintf(out, 200, "; did you mean '%s'?", near);
		return out;
	}
	n = (size_t)snprintf(out, 200, "; there %s", count == 1 ? "is" : "are");
	for (size_t i = 0; i < count && n < 200; i++)
		n += (size_t)snprintf(out + n, 200 - n, "%s %s", i ? "," : "", names[i]);
	return out;
}

/* The name of each rule, as partitions = "..." has it. */
static const char *const rules[] = {
	[SCRIPT_BY_KEY] = "key",
	[SCRIPT_PRESERVE] = "preserve",
	[SCRIPT_MAP] = "map",
	[SCRIPT_ROUND_ROBIN] = "round.robin",
	[SCRIPT_CRC32] = "crc32",
};

#define RULES (sizeof(rules) / sizeof(*rules) - SCRIPT_BY_KEY)

static int
take_rule(struct script *s, struct script_route *ret, struct err *err)
{
	const char *name = lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : NULL;
	char more[200];

	for (int i = SCRIPT_BY_KEY; name && i <= SCRIPT_CRC32; i++) {
		if (strcmp(rules[i], name) != 0)
			continue;
		ret->rule = (enum script_rule)i;
		return 0;
	}
	if (!name)
		return err_set(err, "%s: a route's partitions must be a string, not a %s", s->name,
			luaL_typename(s->L, -1));
	return err_set(err, "%s: a route's partitions cannot be '%s'%s", s->name, name,
		advice(name, rules + SCRIPT_BY_KEY, RULES, more));
}

static int
take_create_partitions(struct script *s, struct script_route *ret, struct err *err)
{
	double count = lua_type(s->L, -1) == LUA_TNUMBER ? lua_tonumber(s->L, -1) : 0;

	if (!(count >= 1 && count <= 1000000) || count != (int32_t)count)
		return err_set(
			err, "%s: create.partitions must be a whole number from 1 on", s->name);
	ret->create_partitions = (int32_t)count;
	return 0;
}

static int
take_create_replication(struct script *s, struct script_route *ret, struct err *err)
{
	double count = lua_type(s->L, -1) == LUA_TNUMBER ? lua_tonumber(s->L, -1) : 0;

	if (!(count == -1 || (count >= 1 && count <= 32767)) || count != (int32_t)count)
		return err_set(err,
			"%s: create.replication must be a whole number from 1 on, or -1 for the "
			"default of the target's brokers",
			s->name);
	ret->create_replication = (int32_t)count;
	return 0;
}

/* One entry of the table create.configs; name and value are on the stack. */
static int
take_setting(struct script *s, struct settings *settings, struct err *err)
{
	lua_State *L = s->L;
	int type = lua_type(L, -1);

	if (lua_type(L, -2) != LUA_TSTRING)
		return err_set(err, "%s: create.configs needs names: { [\"retention.ms\"] = 1000 }",
			s->name);
	if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
		return err_set(err,
			"%s: %s of create.configs must be a string, a number or a "
			"boolean, not a %s",
			s->name, lua_tostring(L, -2), luaL_typename(L, -1));
	/* The value is copied: what lua_next has on the stack must not change its type. */
	if (type == LUA_TBOOLEAN) {
		settings_set(
			settings, lua_tostring(L, -2), lua_toboolean(L, -1) ? "true" : "false");
		return 0;
	}
	lua_pushvalue(L, -1);
	settings_set(settings, lua_tostring(L, -3), lua_tostring(L, -1));
	lua_pop(L, 1);
	return 0;
}

/* Does the text say the same settings? A value with ",NAME=" in it would become two. */
static bool
is_told_by(const struct settings *settings, const char *text)
{
	struct settings told;
	bool is_same;

	if (settings_parse(text, &told, NULL) < 0)
		return false;
	is_same = told.count == settings->count && !told.copies_source;
	settings_fini(&told);
	return is_same;
}

/* The table on the stack as a text; NULL on error. @gives a string */
static char *
configs_of_table(struct script *s, struct err *err)
{
	struct settings settings = {0};
	char *text = NULL;
	int rc = 0;

	for (lua_pushnil(s->L); rc == 0 && lua_next(s->L, -2); lua_pop(s->L, 1))
		rc = take_setting(s, &settings, err);
	if (rc < 0)
		lua_pop(s->L, 1);
	else
		text = settings.count ? settings_text(&settings) : mem_strdup("none");
	if (text && !is_told_by(&settings, text)) {
		err_set(err, "%s: create.configs has a name or value with a comma and = in it",
			s->name);
		free(text);
		text = NULL;
	}
	settings_fini(&settings);
	return text;
}

static int
take_create_configs(struct script *s, struct script_route *ret, struct err *err)
{
	struct settings settings;
	struct err why;
	char *text;
	int rc = 0;

	if (lua_istable(s->L, -1))
		text = configs_of_table(s, err);
	else if (lua_type(s->L, -1) == LUA_TSTRING)
		text = mem_strdup(lua_tostring(s->L, -1));
	else
		return err_set(err, "%s: create.configs must be a table or a string, not a %s",
			s->name, luaL_typename(s->L, -1));
	if (!text)
		return -1;
	if (settings_parse(text, &settings, &why) < 0)
		rc = err_set(err, "%s: create.configs %s", s->name, why.text);
	else
		settings_fini(&settings);
	if (rc == 0 && strlen(text) > SCRIPT_CONFIGS_MOST)
		rc = err_set(err, "%s: create.configs can have %d characters at most", s->name,
			SCRIPT_CONFIGS_MOST);
	if (rc == 0)
		snprintf(ret->create_configs, sizeof(ret->create_configs), "%s", text);
	free(text);
	return rc;
}

static int
take_topic(struct script *s, struct script_route *ret, struct err *err)
{
	if (lua_type(s->L, -1) != LUA_TSTRING)
		return err_set(err, "%s: a route's topic must be a string, not a %s", s->name,
			luaL_typename(s->L, -1));
	return take_name(s, ret, err);
}

/* How each field of a table is taken; the value is on the stack. */
typedef int take_field(struct script *s, struct script_route *ret, struct err *err);

/* Takes the fields of the table on the stack; what says what the table is. */
static int
take_fields(struct script *s, const char *what, const char *const *names, take_field *const *takers,
	size_t count, struct script_route *ret, struct err *err)
{
	lua_State *L = s->L;
	char more[200];

	if (!lua_istable(L, -1))
		return err_set(err, "%s: %s must be a table, not a %s", s->name, what,
			luaL_typename(L, -1));
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		const char *name =
			lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "[number]";
		size_t i = 0;

		while (i < count && strcmp(names[i], name) != 0)
			i++;
		if (i < count && takers[i](s, ret, err) == 0)
			continue;
		if (i == count)
			err_set(err, "%s: %s has no field '%s'%s", s->name, what, name,
				advice(name, names, count, more));
		lua_pop(L, 2);
		return -1;
	}
	return 0;
}

static int
take_limit(struct script *s, struct script_route *ret, struct err *err)
{
	const char *text = lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : NULL;
	struct err why;

	if (!text)
		return err_set(err, "%s: a route's limit must be a string, not a %s", s->name,
			luaL_typename(s->L, -1));
	if (rates_check(text, &why) < 0)
		return err_set(err, "%s: a route's limit cannot be '%.*s': %s", s->name,
			RATES_TEXT_MOST, text, why.text);
	snprintf(ret->limit, sizeof(ret->limit), "%s", text);
	return 0;
}

static int
take_create(struct script *s, struct script_route *ret, struct err *err)
{
	static const char *const names[] = {"partitions", "replication", "configs"};
	static take_field *const takers[] = {
		take_create_partitions, take_create_replication, take_create_configs};

	return take_fields(
		s, "a route's create", names, takers, sizeof(takers) / sizeof(takers[0]), ret, err);
}

static int
take_route(struct script *s, struct script_route *ret, struct err *err)
{
	static const char *const names[] = {"topic", "partitions", "create", "limit"};
	static take_field *const takers[] = {take_topic, take_rule, take_create, take_limit};

	return take_fields(s, "a route", names, takers, 4, ret, err);
}

static int
take_answer(struct script *s, struct script_route *ret, struct err *err)
{
	switch (lua_type(s->L, -1)) {
	case LUA_TNIL: return 0;
	case LUA_TSTRING: return take_name(s, ret, err);
	case LUA_TTABLE: return take_route(s, ret, err);
	case LUA_TBOOLEAN:
		if (!lua_toboolean(s->L, -1)) {
			ret->is_refused = true;
			return 0;
		}
	}
	return refuse(s, "route()", "a name, a table, false or nothing", err);
}

int
script_route(struct script *s, const struct script_topic *topic, struct script_route *ret,
	struct err *err)
{
	int status;

	*ret = (struct script_route){.rule = SCRIPT_RULE_NONE};
	if (!script_has(s, SCRIPT_ROUTE))
		return 0;
	push_topic(s, topic);
	if (ask(s, SCRIPT_ROUTE, 1, err) < 0)
		return -1;
	status = take_answer(s, ret, err);
	lua_pop(s->L, 1);
	return status;
}

/* src of the partition hook. */
static void
push_source(struct script *s, const struct script_topic *topic, int32_t partition)
{
	lua_State *L = s->L;

	push_given(s);
	lua_pushstring(L, topic->name);
	lua_setfield(L, -2, "topic");
	lua_pushinteger(L, partition);
	lua_setfield(L, -2, "partition");
	lua_pushinteger(L, topic->partitions);
	lua_setfield(L, -2, "partitions");
}

static void
push_target(struct script *s, const struct script_topic *topic)
{
	lua_State *L = s->L;

	push_given(s);
	lua_pushstring(L, topic->name);
	lua_setfield(L, -2, "topic");
	if (topic->partitions <= 0)
		return;
	lua_pushinteger(L, topic->partitions);
	lua_setfield(L, -2, "partitions");
}

int
script_partition(struct script *s, const struct script_topic *source, int32_t partition,
	const struct script_topic *target, int32_t *ret, struct err *err)
{
	double number = -1;
	int status = 0;

	if (!script_has(s, SCRIPT_PARTITION))
		return err_set(err,
			"%s: partitions are to be mapped, but the script has no partition hook",
			s->name);
	push_source(s, source, partition);
	push_target(s, target);
	if (ask(s, SCRIPT_PARTITION, 2, err) < 0)
		return -1;
	if (lua_type(s->L, -1) == LUA_TNUMBER)
		number = lua_tonumber(s->L, -1);
	else if (!lua_isnil(s->L, -1))
		status = refuse(s, "partition()", "a number or nothing", err);
	if (status == 0 && lua_type(s->L, -1) == LUA_TNUMBER &&
		(number < 0 || number > INT32_MAX || number != (int32_t)number))
		status = err_set(err, "%s: partition() returns %.14g, which is no partition",
			s->name, number);
	lua_pop(s->L, 1);
	if (status == 0)
		*ret = (int32_t)number;
	return status;
}
