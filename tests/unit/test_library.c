/* Unit tests of the library as scripts see it: the examples that stand beside its functions, and
 * what they leave out. */
#include "tests/unit/unit.h"

#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/options.h"
#include "script/world.h"

/* One script at a time, from a file in a folder of its own. */
struct fixture {
	char folder[64], *path;
	struct config config;
	struct script_world *world;
};

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	CHECK(file && fputs(text, file) >= 0 && !fclose(file));
}

static void
open_fixture(struct fixture *f)
{
	static struct config_pair params[] = {{"tenant", "acme", ""}, {"n", " 1e3 ", ""},
		{"bad", "x1", ""}, {"yes", "TRUE", ""}, {"list", " a, b,,c ,", ""}};
	char *folder;

	memset(f, 0, sizeof(*f));
	options_set_defaults(&f->config);
	free(f->config.script.libs);
	f->config.script.libs = mem_strdup("io,os");
	f->config.script.extra.items = params;
	f->config.script.extra.count = sizeof(params) / sizeof(params[0]);
	snprintf(f->folder, sizeof(f->folder), "/tmp/reflejo-unit-XXXXXX");
	folder = mkdtemp(f->folder);
	CHECK(folder != NULL);
	f->path = mem_printf("%s/s.lua", f->folder);
	f->world = script_world_new();
}

static void
close_fixture(struct fixture *f)
{
	char *map = mem_printf("%s/map.csv", f->folder);

	script_world_free(&f->world);
	unlink(map);
	unlink(f->path);
	rmdir(f->folder);
	free(map);
	free(f->path);
	options_fini(&f->config);
}

static bool
header_at(void *message, size_t i, const char **ret_name, const void **ret_value, size_t *ret_size)
{
	static const char *const names[] = {"source", "authorization"}, *const values[] = {
										"crm", "s3cret"};

	(void)message;
	if (i >= 2)
		return false;
	*ret_name = names[i];
	*ret_value = values[i];
	*ret_size = strlen(values[i]);
	return true;
}

static const struct script_headers_of headers = {header_at};

/* The record that examples are given: orders, partition 3, offset 42. */
static void
fill(struct script_record *r)
{
	static const char value[] = "{\"customer\":{\"id\":\"42\"}}";

	r->_key = "k1";
	r->_key_size = 2;
	r->_value = value;
	r->_value_size = sizeof(value) - 1;
	r->_message = NULL;
	r->_offset = 42;
	r->_timestamp = 1600000000000;
	r->_timestamp_type = 1;
}

/* Runs a script with init, and its record hook over one record. What went wrong, or "". @gives a
 * string */
static char *
run(struct fixture *f, const char *text)
{
	const struct script_options options = {.config = &f->config,
		.file = f->path,
		.world = f->world,
		.headers = &headers,
		.streams = 1};
	struct script *script;
	struct err err = {""};
	char *result;

	write_text(f->path, text);
	script = script_load(&options, &err);
	if (!script || script_init(script, NULL, &err))
		result = mem_strdup(err.text);
	else if (script_has(script, SCRIPT_RECORD)) {
		struct script_batch *batch = script_batch(script, 1, "orders", 3, "orders");
		fill(&batch->_records[0]);
		script_run(script);
		result = mem_strdup(batch->_records[0]._outcome == SCRIPT_FAILED
					    ? script_reason_text(script, &batch->_records[0])
					    : "");
	} else {
		result = mem_strdup("");
	}
	script_free(&script);
	return result;
}

static void
check_run(struct fixture *f, const char *name, const char *before, const char *body,
	const char *after)
{
	char *text = mem_printf("local mirror = require 'mirror'\n%s\n%s\n%s", before, body, after);
	char *result = run(f, text);

	if (!CHECK_STR(result, ""))
		printf("# %s: %s\n", name, body);
	free(result);
	free(text);
}

static void
check_example(struct fixture *f, const char *name, const char *body, bool needs_record)
{
	if (needs_record)
		check_run(f, name, "return { api = 1, record = function(r)", body, "end }");
	else
		check_run(f, name, "do", body, "end return { api = 1 }");
}

/* Examples of a file: comment lines behind "-- example:" or "-- record:". Returns how many. */
static int
check_examples(struct fixture *f, const char *path)
{
	FILE *file = fopen(path, "r");
	struct text body = {0};
	char line[1024], name[256] = "";
	bool is_in = false, needs_record = false;
	int count = 0;

	while (file && fgets(line, sizeof(line), file)) {
		bool begins = !strcmp(line, "-- example:\n") || !strcmp(line, "-- record:\n");
		bool goes_on = is_in && !strncmp(line, "--   ", 5);
		if (is_in && !goes_on) {
			char *text = text_take(&body);
			check_example(f, name, text, needs_record);
			free(text);
			is_in = false;
			count++;
		}
		if (!strncmp(line, "--- ", 4))
			snprintf(name, sizeof(name), "%s: %.*s", path, (int)strcspn(line + 4, ":"),
				line + 4);
		if (goes_on)
			text_puts(&body, line + 5);
		if (begins) {
			is_in = true;
			needs_record = line[3] == 'r';
		}
	}
	if (file)
		fclose(file);
	return count;
}

TEST(every_example_of_the_library_holds)
{
	struct fixture f;
	glob_t found;
	int count = 0;

	open_fixture(&f);
	CHECK_INT(glob("lua/*.lua", 0, NULL, &found), 0);
	CHECK_INT(glob("lua/mirror/*.lua", GLOB_APPEND, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		count += check_examples(&f, found.gl_pathv[i]);
	CHECK(count > 70);
	printf("# %d examples\n", count);
	globfree(&found);
	close_fixture(&f);
}

/* What must hold besides the examples: Lua with assert. */
static const struct {
	const char *name, *body;
} rows[] = {
	{"an empty match stands between characters",
		"local function all(re, s) return (re:gsub(s, '-')) end\n"
		"assert(all(mirror.regex('x*', 'u'), "
		"'a\\195\\169\\226\\130\\172\\240\\159\\152\\128') == "
		"'-a-\\195\\169-\\226\\130\\172-\\240\\159\\152\\128-')\n"
		"assert(all(mirror.regex('x*'), '\\195\\169') == '-\\195-\\169-')\n"
		"assert(all(mirror.regex('x*', 'u'), '\\128\\128') == '-\\128\\128-')"},
	{"parameters", "local p = mirror.param\n"
		       "assert(p.tenant == 'acme' and p.other == nil)\n"
		       "assert(p:number('n') == 1000 and p:bool('yes') == true)\n"
		       "local l = p:list('list') assert(#l == 3 and l[1] == 'a' and l[3] == 'c')\n"
		       "local ok, why = pcall(p.number, p, 'bad')\n"
		       "assert(not ok and why:find('param.bad must be a number', 1, true))\n"
		       "assert(not pcall(p.bool, p, 'bad'))\n"
		       "assert(not pcall(function() p.x = 1 end))"},
	{"replacements", "local re = mirror.regex\n"
			 "assert(re('b*'):gsub('abc', '-') == '-a--c-')\n"
			 "assert(re('x'):gsub('abc', '-') == 'abc')\n"
			 "assert(re('(?<a>.)(.)'):gsub('abcd', '${a}$$${2}') == 'a$bc$d')\n"
			 "assert(re('.'):gsub('abc', string.upper, 2) == 'ABc')\n"
			 "assert(re('(.)'):gsub('abc', function(c) if c == 'b' then return 'x' end "
			 "end) == 'axc')\n"
			 "assert(not pcall(function() return re('a'):gsub('a', '$1') end))\n"
			 "assert(not pcall(function() return re('a'):gsub('a', '${no}') end))\n"
			 "local a, b, c, d = re('(a)(b)?(c)(d)'):match('acd')\n"
			 "assert(a == 'a' and b == nil and c == 'c' and d == 'd')\n"
			 "assert(re('a'):match('b') == nil and re('a+'):match('baa') == 'aa')\n"
			 "assert(not re('a'):matches(nil))"},
	{"a pattern's error", "local ok, why = pcall(mirror.regex, 'a(b')\n"
			      "assert(not ok and why:find('offset 3', 1, true))\n"
			      "ok, why = pcall(function() return "
			      "mirror.regex('^(a+)+$'):matches(('a'):rep(60) .. '!') end)\n"
			      "assert(not ok and why:find('match limit', 1, true), why)"},
	{"globs",
		"local function m(glob, s) return mirror.patterns(glob):matches(s) end\n"
		"assert(m('a.b', 'a.b') and not m('a.b', 'axb') and not m('a', 'ab') and not "
		"m('a', 'a\\n'))\n"
		"assert(m('*', '') and m('a*', 'a\\nb') and m('?', '\\0') and not m('?', ''))\n"
		"assert(m('[!a-c]x', 'dx') and not m('[!a-c]x', 'bx') and m('[]]', ']') and "
		"m('[a', '[a'))\n"
		"assert(m('\\\\*', '*') and not m('\\\\*', 'x') and m('a(b)|c+$^', 'a(b)|c+$^'))\n"
		"assert(m('{a,b*}.c', 'bx.c') and not m('{a,b}', 'a,b') and m('a}', 'a}') and "
		"m('a,b', 'a,b'))\n"
		"assert(not mirror.patterns({}):matches(''))"},
	{"JSON written",
		"local json = require 'mirror.json'\n"
		"for _, n in ipairs { 0, -1, 0.1, 1e300, 2^53, 123456789012345678, 1/3, -1e-7 } "
		"do\n"
		"  assert(tonumber(json.encode(n)) == n, json.encode(n)) end\n"
		"assert(json.encode('a\\0\\n\\127\"\\\\') == "
		"'\"a\\\\u0000\\\\n\\127\\\\\"\\\\\\\\\"')\n"
		"for _, bad in ipairs { 0/0, 1/0, print, { 1, nil, 3 }, { 1, a = 2 }, { [{}] = 1 } "
		"} do\n"
		"  assert(not pcall(json.encode, bad)) end\n"
		"local t = {} t.t = t assert(not pcall(json.encode, t))\n"
		"assert(not pcall(json.encode, nil) and json.encode(mirror.null) == 'null')"},
	{"JSON written often and deep",
		"local json = require 'mirror.json'\n"
		"local function make(depth, width)\n"
		"  if depth == 0 then return { a = 1, b = 'x', c = {} } end\n"
		"  local t = { n = depth, list = { 1, 'two', false } }\n"
		"  for i = 1, width do t['k' .. i] = make(depth - 1, 1) end\n"
		"  return t end\n"
		"for _, depth in ipairs { 3, 40, 300, 900 } do\n"
		"  local t = make(depth, 2) local first = json.encode(t)\n"
		"  assert(select(2, first:gsub('\"n\":', '')) == 2 * depth - 1)\n"
		"  for i = 1, 100 do assert(json.encode(make(depth, 2)) == first) end\n"
		"  assert(json.encode(json.decode(first)) == first)\n"
		"end\n"
		"for i = 1, 100 do local t = {} t.t = t assert(not pcall(json.encode, t)) end"},
	{"JSON read",
		"local json = require 'mirror.json'\n"
		"assert(json.decode('null') == mirror.null and json.decode('\"x\"') == 'x')\n"
		"assert(json.decode('{\"a\":{\"b\":[null]}}').a.b[1] == mirror.null)\n"
		"for _, bad in ipairs { '', '{', '[NaN]', '[0x1]', '[1,]' } do\n"
		"  local v, why = json.decode(bad) assert(v == nil and why == 'not JSON', bad) "
		"end\n"
		"local v, kind = json.get('{\"a\":false}', 'a') assert(v == false and kind == "
		"'boolean')\n"
		"v, kind = json.get('{\"a\":[1]}', 'a') assert(v == '[1]' and kind == 'array')\n"
		"assert(not pcall(json.get, '{}', 'a..b') and not pcall(json.get, '{}', 'a.*'))\n"
		"for i = 1, 2000 do assert(json.get('[' .. ('0,'):rep(5) .. '1]', '5') == 1) "
		"json.get('{}', 'k' .. i) end"},
	{"dictionaries",
		"local d = mirror.shared('x', { bytes = 65536 })\n"
		"d:set('t', true) d:set('f', false) d:set('n', 1.5) d:set('s', 'a\\0b') d:set('e', "
		"'')\n"
		"assert(d:get('t') == true and d:get('f') == false and d:get('n') == 1.5)\n"
		"assert(d:get('s') == 'a\\0b' and d:get('e') == '')\n"
		"d:set('t', nil) assert(d:get('t') == nil)\n"
		"local ok, why = pcall(function() for i = 1, 1e5 do d:add('k' .. i, true) end "
		"end)\n"
		"assert(not ok and why:find('is full', 1, true))\n"
		"assert(not pcall(d.set, d, 'k', {}) and not pcall(d.set, d, 1, 1))"},
	{"metrics",
		"local f = mirror.counter('rows_total', 'rows', { 'a', 'b' })\n"
		"f:with('x', 1):inc() f:with('x', '1'):inc(2)\n"
		"assert(f:with('x', 1) == f:with('x', 1))\n"
		"assert(not pcall(f.with, f, 'x') and not pcall(f.with, f, 'x', {}))\n"
		"local c = mirror.counter('c_total', 'c')\n"
		"for _, bad in ipairs { -1, 0/0, 'x' } do assert(not pcall(c.inc, c, bad)) end\n"
		"assert(not pcall(mirror.counter, 'c', 'c') and not pcall(mirror.gauge, 'c_total', "
		"'c'))\n"
		"assert(not pcall(mirror.counter, 'd_total'))"},
	{"masks",
		"local mask = require 'mirror.mask'\n"
		"local function hide(paths, text) return (mask.fields(paths, "
		"mask.fixed('-'))(text)) end\n"
		"assert(hide({ 'a', 'a.b' }, '{\"a\":{\"b\":1},\"c\":2}') == "
		"'{\"a\":\"-\",\"c\":2}')\n"
		"assert(hide({ 'a' }, '{\"a\":1,\"a\":2}') == '{\"a\":\"-\",\"a\":\"-\"}')\n"
		"assert(hide({ 'b', 'a' }, '{ \"a\" : null, \"b\":true }') == '{ \"a\" : null, "
		"\"b\":\"-\" }')\n"
		"assert(hide({ 'x' }, '{\"a\":1}') == '{\"a\":1}' and hide({ 'x' }, '{') == nil)\n"
		"local seen mask.fields({ 'a' }, function(s) seen = s return s "
		"end)('{\"a\":\"\\\\u00e9\\\\n\"}')\n"
		"assert(seen == '\\195\\169\\n')\n"
		"assert(mask.last(2)('\\195\\169\\195\\169\\195\\169') == "
		"'*\\195\\169\\195\\169')\n"
		"assert(not pcall(mask.hash, ''))"},
	{"windows",
		"local window = require 'mirror.window'\n"
		"local s = window.seen { age_ms = 10, entries = 2 }\n"
		"assert(not s:check('a', nil, 0) and not s:check('b', nil, 1) and not s:check('c', "
		"nil, 2))\n"
		"assert(s:count() == 2 and s:check('b', nil, 3) and s:check('c', nil, 3))\n"
		"assert(not s:check('a', nil, 4) and not s:check('b', nil, 5) and s:check('a', "
		"nil, 6))\n"
		"for i = 1, 1000 do assert(not s:check('k' .. i, nil, 7)) end assert(s:count() == "
		"2)\n"
		"local c = window.count { every_ms = 10, entries = 1 }\n"
		"assert(c:add('a', 5, 3) == 5 and c:add('a', 5, 9) == 10 and c:add('a', 1, 25) == "
		"1)\n"
		"assert(not pcall(c.add, c, 'b', 1, 26) and c:add('b', 1, 31) == 1)\n"
		"assert(not pcall(window.seen, {}) and not pcall(window.seen, { age_ms = 0 }))"},
	{"look-up files", "local ok, why = pcall(mirror.map, 'none.csv')\n"
			  "assert(not ok and why:find('none.csv', 1, true))\n"
			  "local m = mirror.map('map.csv')\n"
			  "assert(m:get('b') == '2' and m:get('c') == nil and m:get(nil) == nil "
			  "and m:count() == 2)\n"
			  "assert(m:row('a')[1] == 'a' and m:row('c') == nil and m:has('a'))\n"
			  "assert(mirror.map('map.csv', { key = 2, value = 1 }):get('2') == 'b')\n"
			  "assert(mirror.map('map.csv', { format = 'lines' }):has('a,1'))\n"
			  "assert(not pcall(mirror.map, 'map.csv', { key = 3 }))"},
	{"wrong types",
		"for _, f in ipairs { mirror.murmur2, mirror.crc32, mirror.sha256, mirror.regex, "
		"mirror.shared,\n"
		"  mirror.map, mirror.counter, mirror.hex.encode, mirror.base64.decode } do\n"
		"  local ok, why = pcall(f, 5) assert(not ok and why:find('must be a string, not "
		"number', 1, true), why)\n"
		"end"},
};

TEST(what_the_examples_leave_out_holds)
{
	struct fixture f;
	char *map;

	open_fixture(&f);
	map = mem_printf("%s/map.csv", f.folder);
	write_text(map, "a,1\nb,2\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_example(&f, rows[i].name, rows[i].body, false);
	free(map);
	close_fixture(&f);
}

static void
find_rows(void *arg, const struct script_metric *metric)
{
	if (!strcmp(metric->name, "rows_total"))
		*(double *)arg += metric->value;
}

TEST(what_a_script_counted_is_read_after_it_has_gone)
{
	struct fixture f;
	double sum = 0;

	open_fixture(&f);
	check_example(&f, "counting",
		"local c = mirror.counter('rows_total', 'rows') for i = 1, 1000 do c:inc(2) end",
		false);
	check_example(
		&f, "counting in a record", "mirror.counter('rows_total', 'rows'):inc()", true);
	script_world_each_metric(f.world, find_rows, &sum);
	CHECK(sum == 2001);
	close_fixture(&f);
}

/* Line 3 is at fault; each error must say so, with these words. */
static const struct {
	const char *line, *words;
} faults[] = {
	{"mirror.regex('(')", "the regular expression \"(\" is wrong at offset 1"},
	{"mirror.regex('^(a+)+$'):matches(('a'):rep(60) .. '!')", "match limit"},
	{"mirror.regex('a'):gsub('a', '$1')", "no group 1"},
	{"mirror.regex('a'):gsub('a', '${x}')", "no group x"},
	{"mirror.patterns { '{a{b}' }", "that no } ends"},
	{"mirror.counter('c', 'c')", "ends in _total"},
	{"mirror.counter('c_total')", "help must be a string"},
	{"mirror.counter('c_total', 'c', { 'a' }):with(nil)", "the label a must be a string"},
	{"mirror.counter('c_total', 'c', { 'a' }):with('\\255')", "is not UTF-8"},
	{"mirror.counter('c_total', 'c'):inc(-1)", "a counter grows"},
	{"mirror.shared('d'):set('a', {})", "not a table"},
	{"mirror.shared('d'):add(1, 1)", "key must be a string"},
	{"mirror.shared('d'):set('a', 1, '5')", "ttl_ms must be a number"},
	{"mirror.shared('d'):add('a', 1, {})", "ttl_ms must be a number"},
	{"mirror.shared('d'):incr('a', '1')", "by must be a number"},
	{"mirror.shared('d'):incr('a', 1, '5')", "ttl_ms must be a number"},
	{"mirror.shared('d', { size = 5000 })", "there is no option 'size'"},
	{"mirror.map('x.csv', { headers = true })",
		"there is no option 'headers'; did you mean 'header'?"},
	{"require('mirror.window').seen { age_ms = 1, entrys = 5 }",
		"there is no option 'entrys'; did you mean 'entries'?"},
	{"require('mirror.window').count { every_ms = 1, entrys = 5 }",
		"there is no option 'entrys'; did you mean 'entries'?"},
	{"mirror.map('none.csv')", "No such file"},
	{"mirror.map('f', { format = 'x' })", "format is"},
	{"mirror.json.get('{}', 'a..b')", "is not a JSON path"},
	{"mirror.json.encode(print)", "nothing for a function"},
	{"mirror.sha256('a', 'x')", "the form is"},
	{"mirror.crc32(1)", "s must be a string, not number"},
	{"mirror.param:number('bad')", "param.bad must be a number"},
	{"require('mirror.mask').fields({ 'a.' }, print)", "is not a JSON path"},
	{"require('mirror.window').seen {}", "age_ms must be"},
	{"require('mirror.sample').by_key(2)", "part must be from 0 to 1"},
	{"require('mirror.filter').all(1)", "condition 1 must be a function"},
};

TEST(errors_name_the_line_of_the_script_and_what_is_wrong)
{
	struct fixture f;

	open_fixture(&f);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		char *text = mem_printf(
			"local mirror = require 'mirror'\n\nlocal x = %s\nreturn { api = 1 }",
			faults[i].line);
		char *result = run(&f, text);
		if (!CHECK(strstr(result, "s.lua:3:") && strstr(result, faults[i].words)))
			printf("# %s: %s\n", faults[i].line, result);
		free(result);
		free(text);
	}
	close_fixture(&f);
}
