/* What a script hands to its successor: plain data as a text. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "script/state.h"

/* Deeper tables are not plain, or contain themselves. */
#define DEPTH_MOST 32

/* The forms: n nil, t true, f false, dNUMBER; for a number, sSIZE:BYTES for a string, {key value
 * ...} for a table. */

static bool
write_value(lua_State *L, int at, struct text *out, int depth)
{
	const char *bytes;
	size_t size;

	switch (lua_type(L, at)) {
	case LUA_TNIL: text_putc(out, 'n'); return true;
	case LUA_TBOOLEAN: text_putc(out, lua_toboolean(L, at) ? 't' : 'f'); return true;
	case LUA_TNUMBER: text_printf(out, "d%.17g;", lua_tonumber(L, at)); return true;
	case LUA_TSTRING:
		bytes = lua_tolstring(L, at, &size);
		text_printf(out, "s%zu:", size);
		for (size_t i = 0; i < size; i++)
			text_printf(out, "%02x", (unsigned char)bytes[i]);
		return true;
	case LUA_TTABLE: break;
	default: return false;
	}
	if (depth == DEPTH_MOST || !lua_checkstack(L, 4))
		return false;
	text_putc(out, '{');
	for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
		int top = lua_gettop(L);

		if (write_value(L, top - 1, out, depth + 1) && write_value(L, top, out, depth + 1))
			continue;
		lua_pop(L, 2);
		return false;
	}
	text_putc(out, '}');
	return true;
}

char *
saved_text(lua_State *L)
{
	struct text out = {0};

	if (write_value(L, lua_gettop(L), &out, 0))
		return text_take(&out);
	text_fini(&out);
	return NULL;
}

static int
digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* sSIZE:HEX; pushes the bytes. */
static bool
read_string(lua_State *L, const char **at)
{
	char *end, *bytes;
	size_t size = strtoull(*at, &end, 10);

	if (end == *at || *end != ':' || strspn(end + 1, "0123456789abcdef") / 2 < size)
		return false;
	bytes = mem_alloc(size + 1);
	end++;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(digit(end[2 * i]) << 4 | digit(end[2 * i + 1]));
	lua_pushlstring(L, bytes, size);
	free(bytes);
	*at = end + 2 * size;
	return true;
}

/* Pushes one value; false, and nothing pushed, when the text is none of ours. */
static bool
read_value(lua_State *L, const char **at, int depth)
{
	double number;
	char *end;

	switch (*(*at)++) {
	case 'n': lua_pushnil(L); return true;
	case 't': lua_pushboolean(L, 1); return true;
	case 'f': lua_pushboolean(L, 0); return true;
	case 's': return read_string(L, at);
	case 'd':
		number = strtod(*at, &end);
		if (end == *at || *end != ';')
			return false;
		lua_pushnumber(L, number);
		*at = end + 1;
		return true;
	case '{': break;
	default: return false;
	}
	if (depth > DEPTH_MOST || !lua_checkstack(L, 4))
		return false;
	lua_newtable(L);
	while (**at != '}') {
		int top = lua_gettop(L);

		/* nil and nan cannot be keys. */
		if (!read_value(L, at, depth + 1) || lua_isnil(L, -1) || !lua_equal(L, -1, -1) ||
			!read_value(L, at, depth + 1)) {
			lua_settop(L, top - 1);
			return false;
		}
		lua_rawset(L, top);
	}
	(*at)++;
	return true;
}

void
saved_push(lua_State *L, const char *text)
{
	int top = lua_gettop(L);

	if (text && read_value(L, &text, 0) && !*text)
		return;
	lua_settop(L, top);
	lua_pushnil(L);
}
