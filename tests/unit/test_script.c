/* Scripts: what is loaded and refused, and what a record hook may do. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tests/unit/script_rig.h"

static const struct rig_header headers[] = {
	{"a", "1", 1}, {"n", NULL, -1}, {"a", "two", 3}, {"e", "", 0}};

/* Most rows see the first; the others are what a record may look like besides. */
static const struct rig_record records[] = {
	{"key", "value", 3, 5, headers, 4, 100, 1000, 1},
	{NULL, "", -1, 0, NULL, 0, 101, -1, 0},
	{"", NULL, 0, -1, NULL, 0, 102, 2000, 2},
	{"k\0y", "v\0\xff", 3, 3, NULL, 0, 4503599627370497, 3000, 1},
};

TEST(load_refuses_what_is_no_script)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"return", "must return a table"},
		{"return 1", "must return a table"},
		{"return {}", "api = 1"},
		{"return { api = 2 }", "api = 1"},
		{"return { api = '1' }", "'api' must be a number, not a string"},
		{"return { api = 1, rekord = print }", "'rekord'; did you mean 'record'?"},
		{"return { api = 1, [1] = print }", "a key that is no name"},
		{"return { api = 1, record = 1 }", "'record' must be a function, not a number"},
		{"return { api = 1, timers = 1 }", "'timers' must be a table"},
		{"return { api = 1, timers = { { every = 0, run = print } } }", "timer 1"},
		{"return { api = 1, timers = { { every = 1 } } }", "timer 1"},
		{"return { api = 1, timers = { { every = 1, run = print, now = 1 } } }", "'now'"},
		{"return { api = 1, timers = { { every = 0/0, run = print } } }", "timer 1"},
		{"return { api = 1, timers = { every = 1, run = print } }", "timers is a list"},
		{"x = 1", "s.lua:1: "},
		{"local a\n= = 2", "s.lua:2: "},
		{"\n\nreturn undefined", "s.lua:3: 'undefined' is not defined"},
		{"error 'stop here'", "s.lua:1: stop here"},
		{"error({})", "s.lua"},
		{"error(setmetatable({}, { __tostring = error }))", "s.lua"},
		{"\33LJ\2", "bytecode"},
		{"require 'nothere'", "nothere"},
		{"require 'mirror.loop'", "mirror.loop"},
		{"local function f() return f() + 1 end f()", "stack overflow"},
		{"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end",
			"not enough memory"},
	};
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "memory.limit", "16MiB");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (CHECK(!rig_load(&rig, rows[i].text)))
			check_contains(rig.err.text, rows[i].error, rows[i].text);
		else
			printf("# %s\n", rows[i].text);
		CHECK(!strchr(rig.err.text, '\n'));
	}
	rig_fini(&rig);
}

/* What a table does when it is asked for a name that it has not, as strict ones do, is no affair of
   ours: it must neither end the process nor make up hooks. */
TEST(tables_with_metatables_are_taken_as_they_stand)
{
	struct rig rig;

	rig_init(&rig);
	if (!CHECK(rig_load(&rig,
		    "local strict = { __index = function(_, name) error('no ' .. name) end }\n"
		    "return setmetatable({ api = 1, record = function(r) r.key = 'x' end,\n"
		    "  timers = setmetatable({ setmetatable({ every = 1, run = print }, strict) }, "
		    "strict) }, strict)")))
		printf("# %s\n", rig.err.text);
	rig_run(&rig, records, 1);
	rig_check(&rig, 0, "keep key='x'", "a strict table");
	rig_fini(&rig);
}

TEST(load_says_which_file_is_missing)
{
	struct rig rig;
	const struct script_options options = {.config = &rig.config, .file = "/nonexistent/s.lua"};

	rig_init(&rig);
	CHECK(!script_load(&options, &rig.err));
	check_contains(rig.err.text, "/nonexistent/s.lua", "a missing file");
	rig_fini(&rig);
}

/* Every one raises, and says by which key it could be allowed or why it is not. */
TEST(sandbox_refuses_what_could_do_harm)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"io.open('/etc/passwd')", "script.libs"},
		{"os.execute('true')", "script.libs"},
		{"os.exit(0)", "script.libs"},
		{"os.getenv('HOME')", "script.libs"},
		{"debug.sethook()", "script.libs"},
		{"jit.off()", "script.libs"},
		{"package.loadlib('x', 'y')", "script.libs"},
		{"loadfile('x')", "script.libs"},
		{"dofile('x')", "script.libs"},
		{"require 'ffi'", "script.libs"},
		{"require 'io'", "script.libs"},
		{"require 'debug'", "script.libs"},
		{"require 'jit'", "script.libs"},
		{"require 'package'", "script.libs"},
		{"require 'jit.opt'", "jit.opt"},
		{"require '../x'", "../x"},
		{"require '.x'", ".x"},
		{"require '/etc/x'", "/etc/x"},
		{"string.dump(print)", "dump"},
		{"(''):dump()", "dump"},
		{"collectgarbage('stop')", "collectgarbage"},
		{"getfenv(0)", "getfenv"},
		{"setfenv(1, {})", "setfenv"},
		{"newproxy(true)", "newproxy"},
		{"module 'x'", "module"},
		{"assert(load('\\27LJ'))", "bytecode"},
		{"assert(loadstring('\\27LJ'))", "bytecode"},
		{"assert(load('x = 1', '=s.lua'))()", "'x'"},
		{"new_global = 1", "'new_global'"},
		{"_G.new_global = 1", "'new_global'"},
		{"local x = old_global", "'old_global'"},
		{"string.nothing()", "nothing"},
		{"mirror.log.info 'x'", "write local mirror = require \"mirror\""},
		{"json.decode '{}'", "write local json = require \"mirror.json\""},
		{"require('mirror').jsn.decode '{}'", "mirror has no 'jsn'; did you mean 'json'?"},
		{"require('mirror').json.decod '{}'", "mirror.json has no 'decod'; did you mean "
						      "'decode'?"},
		{"require('mirror').log.inf 'x'", "mirror.log has no 'inf'; did you mean 'info'?"},
		{"require('mirror.filter').nonne()",
			"mirror.filter has no 'nonne'; did you mean 'none'?"},
	};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (CHECK(!rig_load(&rig, rows[i].text)))
			check_contains(rig.err.text, rows[i].error, rows[i].text);
		else
			printf("# %s\n", rows[i].text);
		check_contains(rig.err.text, "s.lua:1: ", rows[i].text);
	}
	rig_fini(&rig);
}

TEST(libs_opens_what_it_names_and_no_more)
{
	static const struct {
		const char *libs, *text;
	} rows[] = {
		{"io", "assert(io.open) assert(loadfile) assert(require 'io' == io)"},
		{"os", "assert(os.getenv)"},
		{"debug", "assert(debug.getinfo) assert(require 'debug' == debug)"},
		{"jit", "assert(jit.version) assert(require 'jit' == jit)"},
		{"ffi", "assert(require('ffi').new)"},
		{"package.loadlib", "assert(package.loadlib)"},
		{"ffi, io os", "assert(io and os.getenv and require 'ffi')"},
		{"base string table math bit os.time os.date os.clock", "assert(os.time() > 0)"},
		{"", "assert(os.time() > 0 and os.clock() and os.date() and bit.bor(1, 2) == 3)"},
		{"", "assert(string.format('%d', 1) == '1' and table.concat { 'a' } == 'a')"},
		{"", "assert(math.floor(1.5) == 1 and assert(load 'return 7')() == 7)"},
		{"", "assert(select(2, pcall(error, 'x')) == 'x')"},
		{"", "assert(require('mirror').args == nil)"},
	};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = mem_printf("%s return { api = 1 }", rows[i].text);

		rig_set(&rig, "libs", rows[i].libs);
		if (!CHECK(rig_load(&rig, text)))
			printf("# libs=%s: %s\n", rows[i].libs, rig.err.text);
		free(text);
	}
	rig_set(&rig, "libs", "io jitt");
	CHECK(!rig_load(&rig, "return { api = 1 }"));
	check_contains(rig.err.text, "'jitt'", "libs");
	check_contains(rig.err.text, "did you mean 'jit'?", "libs");
	rig_fini(&rig);
}

TEST(require_finds_modules_beside_the_script)
{
	static const char module[] = "local M = {} function M.twice(x) return 2 * x end return M";
	static const char global[] = "leak = 1";
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "calc.lua", module, sizeof(module) - 1);
	rig_write(&rig, "leaks.lua", global, sizeof(global) - 1);
	rig_write(&rig, "coded.lua", "\33LJ\2", 4);
	CHECK(rig_load(&rig,
		"local c = require 'calc' assert(c.twice(2) == 4 and require 'calc' == c) "
		"return { api = 1 }"));
	CHECK_STR(rig.err.text, "");
	CHECK(!rig_load(&rig, "require 'leaks'"));
	check_contains(rig.err.text, "leaks.lua:1: 'leak'", "a module's global");
	CHECK(!rig_load(&rig, "require 'coded'"));
	check_contains(rig.err.text, "bytecode", "a module of bytecode");
	rig_fini(&rig);
}

TEST(a_path_that_is_given_stands_in_front_of_the_library)
{
	static const char module[] = "return { is_mine = true }";
	static const char script[] =
		"assert(require('mirror.sample').is_mine == %s) return { api = 1 }";
	char text[200], folder[100];
	struct rig rig;

	rig_init(&rig);
	snprintf(folder, sizeof(folder), "%s/mirror", rig.folder);
	CHECK(mkdir(folder, 0700) == 0);
	rig_write(&rig, "mirror/sample.lua", module, sizeof(module) - 1);
	snprintf(text, sizeof(text), script, "nil");
	CHECK(rig_load(&rig, text) || strstr(rig.err.text, "is_mine"));
	rig_set(&rig, "path", rig.folder);
	snprintf(text, sizeof(text), script, "true");
	CHECK(rig_load(&rig, text));
	CHECK_STR(rig.err.text, "");
	/* What is not there comes from the library. */
	CHECK(rig_load(&rig, "assert(require('mirror.mask')) return { api = 1 }"));
	snprintf(folder, sizeof(folder), "%s/mirror/sample.lua", rig.folder);
	unlink(folder);
	snprintf(folder, sizeof(folder), "%s/mirror", rig.folder);
	rmdir(folder);
	rig_fini(&rig);
}

/* The outcome of the first record. */
TEST(record_fields_and_outcomes)
{
	static const struct {
		const char *body, *outcome;
	} rows[] = {
		{"", "keep"},
		{"return nil", "keep"},
		{"return true", "keep"},
		{"return false", "drop"},
		{"r:drop 'why'", "drop(why)"},
		{"return r:drop()", "drop"},
		{"r:drop 'why' return true", "drop(why)"},
		{"r:dead_letter 'why'", "dead(why)"},
		{"r:dead_letter 'why' return false", "dead(why)"},
		{"r:retry(50)", "retry 50"},
		{"r.key = 'x' r:retry(50)", "retry 50"},
		{"r.key = 'x'", "keep key='x'"},
		{"r.key = ''", "keep key=''"},
		{"r.key = nil", "keep key=null"},
		{"r.key = mirror.null", "keep key=null"},
		{"r.key = 'a\\0b'", "keep key='a\\x00b'"},
		{"r.value = r.value .. '!'", "keep value='value!'"},
		{"r.value = nil r.value = 'y'", "keep value='y'"},
		{"r.value = nil assert(r.tombstone and r.value == nil and r.value_size == nil)",
			"keep value=null"},
		{"r.key = 'abc' assert(r.key == 'abc' and r.key_size == 3)", "keep key='abc'"},
		{"r.timestamp = 5", "keep timestamp=5"},
		{"r.timestamp = nil assert(r.timestamp == nil)", "keep timestamp=-1"},
		{"r.timestamp = mirror.null", "keep timestamp=-1"},
		{"r.timestamp = 1700000000000", "keep timestamp=1700000000000"},
		{"r.topic = 'other' assert(r.topic == 'other')", "keep topic=other"},
		{"r.topic = mirror.topic 'other'", "keep topic=other"},
		{"r.partition = 7 assert(r.partition == 7)", "keep partition=7"},
		{"r.partition = nil", "keep partition=-1"},
		{"r.partition = mirror.null", "keep partition=-1"},
		{"r.partition = r:key_partition(6)", "keep partition=1"},
		{"assert(r.topic == 'target' and r.source_topic == 'source' and r.source_partition "
		 "== 3)",
			"keep"},
		{"assert(r.offset == 100 and r.timestamp == 1000 and r.timestamp_type == 'create')",
			"keep"},
		{"assert(r.key == 'key' and r.value == 'value' and r.partition == nil)", "keep"},
		{"assert(r.key_size == 3 and r.value_size == 5 and not r.tombstone)", "keep"},
		{"assert(r:key_has_prefix 'ke' and r:key_has_prefix '' and not r:key_has_prefix "
		 "'keys')",
			"keep"},
		{"assert(r:key_equals 'key' and not r:key_equals 'ke' and not r:key_equals(nil))",
			"keep"},
		{"assert(r:value_contains 'alu' and not r:value_contains 'x')", "keep"},
		{"assert(mirror.partitions 'six' == 6 and mirror.partitions 'seven' == nil)",
			"keep"},
		{"r:emit { topic = 'other' }", "keep + topic=other"},
		{"r:emit { key = 'x', value = mirror.null } return false",
			"drop + key='x' value=null"},
		{"r:emit { partition = 2, timestamp = 9 } r:emit {}",
			"keep + timestamp=9 partition=2 +"},
		{"r:emit { headers = { { 'x', 'y' }, { 'x', mirror.null } } }",
			"keep + headers=[x='y' x=null]"},
		{"r:emit { headers = {} }", "keep + headers=[]"},
		{"r:emit { partition = mirror.null, timestamp = mirror.null }",
			"keep + timestamp=-1 partition=-1"},
	};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!CHECK(rig_load_body(&rig, rows[i].body))) {
			printf("# %s\n", rig.err.text);
			continue;
		}
		rig_run(&rig, records, 1);
		CHECK_INT(rig.batch->_done, 1);
		rig_check(&rig, 0, rows[i].outcome, rows[i].body);
	}
	rig_fini(&rig);
}

TEST(headers_are_an_ordered_multimap)
{
	static const struct {
		const char *body, *outcome;
	} rows[] = {
		{"assert(h:get 'a' == 'two' and h:get 'x' == nil and h:get 'e' == '')", "keep"},
		{"assert(h:get 'n' == mirror.null and h:count() == 4)", "keep"},
		{"local all = h:all 'a' assert(#all == 2 and all[1] == '1' and all[2] == 'two')",
			"keep"},
		{"assert(h:all('n')[1] == mirror.null and #h:all 'x' == 0)", "keep"},
		{"local s = '' for n, v in h:each() do s = s .. n .. '=' .. tostring(v) .. ' ' end "
		 "assert(s == 'a=1 n=mirror.null a=two e= ', s)",
			"keep"},
		{"local n = 0 for a in h:each() do for b in h:each() do n = n + 1 end end assert(n "
		 "== 16)",
			"keep"},
		{"h:add('b', 'x')", "keep headers=[a='1' n=null a='two' e='' b='x']"},
		{"h:add('b', nil) h:add('b', mirror.null) h:add('b', '')",
			"keep headers=[a='1' n=null a='two' e='' b=null b=null b='']"},
		{"h:set('a', 'x')", "keep headers=[a='x' n=null e='']"},
		{"h:set('b', 'x')", "keep headers=[a='1' n=null a='two' e='' b='x']"},
		{"assert(h:remove 'a' == 2 and h:remove 'a' == 0 and h:count() == 2)",
			"keep headers=[n=null e='']"},
		{"assert(h:remove 'x' == 0)", "keep"},
		{"h:remove 'a' h:remove 'n' h:remove 'e' assert(h:get 'a' == nil)",
			"keep headers=[]"},
		{"h:set('a', 'x') assert(h:get 'a' == 'x' and #h:all 'a' == 1)",
			"keep headers=[a='x' n=null e='']"},
		{"h:set('e', h:get 'a') h:add(r.key, r.value)",
			"keep headers=[a='1' n=null a='two' e='two' key='value']"},
		{"h:add('a', 'x') r:emit { headers = { { 'a', h:get 'a' } } }",
			"keep headers=[a='1' n=null a='two' e='' a='x'] + headers=[a='x']"},
		{"h:add('a', 'x') error 'no'", "failed(s.lua:3: no)"},
		{"error('s.lua: no', 0)", "failed(s.lua: no (called from s.lua:3))"},
	};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *body = mem_printf("local h = r.headers %s", rows[i].body);

		if (CHECK(rig_load_body(&rig, body))) {
			rig_run(&rig, records, 1);
			rig_check(&rig, 0, rows[i].outcome, rows[i].body);
		}
		free(body);
	}
	rig_fini(&rig);
}

/* Each fails the record with a message that begins with where it stands and has this in it. */
TEST(record_refuses_what_makes_no_sense)
{
	static const struct {
		const char *body, *error;
	} rows[] = {
		{"r.kay = 1", "'kay'; did you mean 'key'?"},
		{"local x = r.valu", "'valu'; did you mean 'value'?"},
		{"r:dropp()", "'dropp'; did you mean 'drop'?"},
		{"r.offset = 1", "offset cannot be changed"},
		{"r.source_topic = 'x'", "source_topic cannot be changed"},
		{"r.headers = {}", "headers"},
		{"r.headers.x = 1", "headers"},
		{"r.headers:gett 'x'", "'gett'; did you mean 'get'?"},
		{"r.headers:add(1, 'x')", "a header's name"},
		{"r.headers:add('', nil) r.headers:add('a\\0b', 'x')", "a header's name"},
		{"r.headers:add('a', 1)", "number"},
		{"r.headers:set('a', {})", "table"},
		{"r.key = 1", "a key must be a string or nil, not a number"},
		{"r.value = {}", "a value must be a string or nil, not a table"},
		{"r.partition = -1", "a partition"},
		{"r.partition = 1.5", "a partition"},
		{"r.partition = '1'", "a partition"},
		{"r.partition = 0/0", "a partition"},
		{"r.timestamp = 'now'", "a timestamp"},
		{"r.timestamp = -1", "a timestamp"},
		{"r.timestamp = 0/0", "a timestamp"},
		{"r.topic = nil", "a topic"},
		{"r.topic = 5", "a topic"},
		{"r.topic = ''", "name"},
		{"r.topic = '..'", "'..'"},
		{"r.topic = 'a b'", "'a b'"},
		{"r.topic = ('x'):rep(250)", "249"},
		{"r.topic = 'a\\0b'", "name"},
		{"r:retry(0)", "r:retry"},
		{"r:retry()", "r:retry"},
		{"r:emit()", "r:emit"},
		{"r:emit { topik = 'x' }", "'topik'; did you mean 'topic'?"},
		{"r:emit { 'x' }", "r:emit"},
		{"r:emit { key = 1 }", "a key"},
		{"r:emit { headers = { 'x' } }", "headers is a list"},
		{"r:emit { headers = { x = 'y' } }", "headers is a list"},
		{"r:emit { headers = { { 'x', 1 } } }", "a header's value"},
		{"r:emit { topic = '.' }", "'.'"},
		{"for i = 1, 17 do r:emit {} end", "script.emit.limit"},
		{"r:key_has_prefix()", "a prefix"},
		{"r:key_partition(0)", "key_partition"},
		{"r:key_partition(1.5)", "key_partition"},
		{"r:key_ptr()", "script.libs"},
		{"r:drop({})", "reason"},
		{"r.drop 'old'", "write r:drop(...), with a colon"},
		{"r.retry(1000)", "write r:retry(...), with a colon"},
		{"r.emit { topic = 'x' }", "write r:emit(...), with a colon"},
		{"r.headers.get 'a'", "write r.headers:get(...), with a colon"},
		{"r.headers.count()", "write r.headers:count(...), with a colon"},
		{"r:key_matches '^a'", "mirror.regex"},
		{"r:value_matches()", "mirror.regex"},
		{"r:key_matches {}", "mirror.regex"},
		{"return 1", "record() must return true, false or nothing, not a number"},
		{"return 'drop'", "not a string"},
		{"return {}", "not a table"},
		{"error()", "s.lua"},
		{"error({})", "s.lua"},
		{"error(nil)", "s.lua"},
		{"error(setmetatable({}, { __tostring = function() error 'x' end }))", "s.lua"},
		{"local function f() return f() + 1 end f()", "stack overflow"},
		{"require 'nothere'", "nothere"},
		{"coroutine.yield()", ""},
	};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *outcome;

		if (!CHECK(rig_load_body(&rig, rows[i].body))) {
			printf("# %s\n", rig.err.text);
			continue;
		}
		rig_run(&rig, records, 1);
		outcome = rig_outcome(&rig, 0);
		check_contains(outcome, "failed(s.lua", rows[i].body);
		check_contains(outcome, rows[i].error, rows[i].body);
		CHECK(!strchr(outcome, '\n'));
		CHECK_INT(rig.batch->_records[0]._changes, 0);
		CHECK_INT(rig.batch->_records[0]._emits, 0);
		CHECK_STR(rig.batch->_records[0]._key, "key");
	}
	rig_fini(&rig);
}

TEST(records_of_every_shape_are_seen_as_they_are)
{
	static const char text[] =
		"local n = 0\n"
		"return { api = 1, record = function(r) n = n + 1\n"
		"if n == 2 then assert(r.key == nil and r.key_size == nil and r.value == '' and\n"
		"  r.value_size == 0 and not r.tombstone and r.timestamp == nil and\n"
		"  r.timestamp_type == 'none' and r.headers:count() == 0 and not r:key_has_prefix "
		"'' and\n"
		"  not r:key_equals '' and r:value_contains '' and r:key_partition(3) == nil) end\n"
		"if n == 3 then assert(r.key == '' and r.key_size == 0 and r.value == nil and\n"
		"  r.value_size == nil and r.tombstone and r.timestamp_type == 'append' and\n"
		"  r:key_has_prefix '' and r:key_equals '' and not r:value_contains '' and\n"
		"  r:key_partition(3) == 0x106e08d9 % 3) end\n"
		"if n == 4 then assert(r.key == 'k\\0y' and #r.value == 3 and r.offset == "
		"4503599627370497\n"
		"  and r:key_has_prefix 'k\\0' and r:value_contains '\\255') end\n"
		"end }";
	struct rig rig;

	rig_init(&rig);
	if (!CHECK(rig_load(&rig, text)))
		printf("# %s\n", rig.err.text);
	rig_run(&rig, records, 4);
	for (size_t i = 0; i < 4; i++)
		rig_check(&rig, i, "keep", "shapes");
	CHECK_INT(rig.batch->_done, 4);
	rig_fini(&rig);
}

/* A no-op hook leaves every byte of the in-fields alone. */
TEST(untouched_records_stay_untouched)
{
	struct rig rig;

	rig_init(&rig);
	CHECK(rig_load_body(&rig, "local k, v, h = r.key, r.value, r.headers:get 'a'"));
	rig_run(&rig, records, 4);
	for (size_t i = 0; i < 4; i++) {
		const struct script_record *r = &rig.batch->_records[i];

		CHECK(r->_key == (records[i].key_size < 0 ? NULL : records[i].key));
		CHECK(r->_value == (records[i].value_size < 0 ? NULL : records[i].value));
		CHECK_INT(r->_changes, 0);
		CHECK_INT(r->_header_list, -1);
		CHECK_INT(r->_topic, 0);
		CHECK_INT((int64_t)r->_timestamp, records[i].timestamp);
	}
	rig_fini(&rig);
}

/* A script that goes on after an error that it caught has what it had before the call. */
TEST(an_error_that_is_caught_leaves_nothing_half_made)
{
	static const struct {
		const char *body, *outcome;
	} rows[] = {
		{"pcall(r.emit, r, { topic = 'other', key = 1 })", "keep"},
		{"pcall(r.emit, r, { headers = { { 'x', 'y' }, { 'x', 1 } } })", "keep"},
		{"r:emit { key = 'a' } pcall(r.emit, r, { value = {} }) r:emit { key = 'b' }",
			"keep + key='a' + key='b'"},
		{"for i = 1, 100 do pcall(r.emit, r, { key = i }) end r:emit { key = 'a' }",
			"keep + key='a'"},
		{"pcall(function() r.key = 1 end)", "keep"},
		{"pcall(function() r.topic = '.' end)", "keep"},
		{"pcall(r.drop, r, {})", "keep"},
		{"pcall(r.retry, r, 0)", "keep"},
		{"pcall(r.headers.add, r.headers, 'x', 1)", "keep"},
		{"pcall(r.headers.set, r.headers, 'a', 1)", "keep"},
	};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (!CHECK(rig_load_body(&rig, rows[i].body)))
			continue;
		rig_run(&rig, records, 1);
		rig_check(&rig, 0, rows[i].outcome, rows[i].body);
	}
	rig_fini(&rig);
}

/* r.headers, kept from one record to the next, is as r itself: the record that is there now. */
TEST(headers_that_are_kept_are_never_those_of_another_record)
{
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "on.error", "drop");
	CHECK(rig_load(&rig, "local kept\n"
			     "return { api = 1, record = function(r)\n"
			     "  if not kept then kept = r.headers return end\n"
			     "  r.key = 'mine'\n"
			     "  kept:add('n', tostring(r.offset))\n"
			     "  if r.offset == 102 then error 'no' end end }"));
	rig_run(&rig, records, 4);
	rig_check(&rig, 0, "keep", "the record that they were kept from");
	rig_check(&rig, 1, "keep key='mine' headers=[n='101']", "the next one");
	rig_check(&rig, 2, "failed(s.lua:6: no)", "one that fails");
	CHECK_STR(rig.batch->_records[2]._key, "");
	CHECK_INT(rig.batch->_records[2]._offset, 102);
	rig_check(&rig, 3, "keep key='mine' headers=[n='4.5035996273705e+15']", "the last one");
	rig_fini(&rig);
}

/* For every k: a record that fails leaves its neighbours as if they were alone. */
TEST(an_error_touches_its_own_record_only)
{
	struct rig rig;
	struct rig_record many[40];

	rig_init(&rig);
	rig_set(&rig, "on.error", "drop");
	CHECK(rig_load_body(&rig,
		"r.key = 'n' .. r.offset r.headers:add('x', r.key) r:emit { key = r.key }\n"
		"if r.offset % 7 == 3 then r.value = nil error('no ' .. r.offset) end\n"
		"r:emit { value = r.key }"));
	for (int i = 0; i < 40; i++) {
		many[i] = records[0];
		many[i].offset = i;
	}
	for (int run = 0; run < 5; run++) {
		rig_run(&rig, many, 40);
		CHECK_INT(rig.batch->_done, 40);
		for (int i = 0; i < 40; i++) {
			char *expected =
				i % 7 == 3
					? mem_printf("failed(s.lua:4: no %d)", i)
					: mem_printf("keep key='n%d' headers=[a='1' n=null a='two' "
						     "e='' x='n%d'] + key='n%d' + value='n%d'",
						  i, i, i, i);

			rig_check(&rig, (size_t)i, expected, "neighbours");
			free(expected);
		}
	}
	rig_fini(&rig);
}

TEST(the_loop_ends_where_the_policy_says)
{
	static const struct {
		const char *policy, *body;
		int done;
	} rows[] = {
		{"stop", "if r.offset == 102 then error 'x' end", 3},
		{"pause", "if r.offset == 102 then error 'x' end", 3},
		{"drop", "if r.offset == 102 then error 'x' end", 4},
		{"pass", "if r.offset == 102 then error 'x' end", 4},
		{"dead-letter", "if r.offset == 102 then return 5 end", 4},
		{"pause", "if r.offset == 102 then return 5 end", 3},
		{"drop", "if r.offset == 101 then r:retry(10) end", 2},
		{"drop", "if r.offset == 101 then r:retry(10) error 'x' end", 4},
	};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		rig_set(&rig, "on.error", rows[i].policy);
		CHECK(rig_load_body(&rig, rows[i].body));
		rig_run(&rig, records, 4);
		if (!CHECK_INT(rig.batch->_done, rows[i].done))
			printf("# %s: %s\n", rows[i].policy, rows[i].body);
	}
	rig_fini(&rig);
}

TEST(the_record_may_be_used_only_during_the_call)
{
	int64_t deadline = clock_ms() + 20000;
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "on.error", "drop");
	/* Kept in a timer's upvalue, the only hook that runs between two batches. */
	CHECK(rig_load(&rig,
		"local kept, headers, each, walk, said\n"
		"return { api = 1, record = function(r) kept, headers = r, r.headers each, walk = "
		"headers:each()\n"
		"  if said then error(said) end end,\n"
		"  timers = { { every = 0.01, run = function()\n"
		"    for _, use in ipairs { function() return kept.key end, function() kept.key = "
		"'x' end,\n"
		"      function() kept:drop() end, function() return headers:get 'a' end,\n"
		"      function() headers:add('a', 'b') end, function() kept:emit {} end,\n"
		"      function() return kept.headers end, function() each(walk) end } do\n"
		"      local ok, message = pcall(use)\n"
		"      assert(not ok and message:find('only while', 1, true), message)\n"
		"    end said = 'tried' end } } }"));
	rig_run(&rig, records, 1);
	rig_check(&rig, 0, "keep", "the first call");
	do {
		poll(NULL, 0, (int)script_run_timers(rig.script));
		rig_run(&rig, records, 1);
	} while (rig.batch->_records[0]._outcome == SCRIPT_KEEP && clock_ms() < deadline);
	check_contains(rig_outcome(&rig, 0), "tried", "the second call");
	rig_fini(&rig);
}

TEST(assigned_strings_live_until_the_next_batch)
{
	struct rig rig;
	struct rig_record many[256];

	rig_init(&rig);
	rig_set(&rig, "memory.limit", "64MiB");
	CHECK(rig_load_body(&rig,
		"r.key = ('k'):rep(100) .. r.offset r.value = ('v'):rep(2000) .. r.offset\n"
		"r.headers:add('h' .. r.offset, ('w'):rep(50) .. r.offset)\n"
		"r:emit { key = ('e'):rep(60) .. r.offset }"));
	for (int i = 0; i < 256; i++) {
		many[i] = records[1];
		many[i].offset = i;
	}
	for (int run = 0; run < 40; run++) {
		rig_run(&rig, many, 256);
		for (size_t i = 0; i < 256; i++) {
			const struct script_record *r = &rig.batch->_records[i];
			const struct script_emit *e;
			const char *name;
			const void *value;
			size_t size;

			if (!CHECK(r->_outcome == SCRIPT_KEEP && r->_first_emit >= 0))
				break;
			e = script_emit_at(rig.script, r->_first_emit);
			CHECK(r->_key[99] == 'k' && atoi(r->_key + 100) == (int)i);
			CHECK(r->_value[1999] == 'v' && atoi(r->_value + 2000) == (int)i);
			CHECK(e->_key[59] == 'e' && atoi(e->_key + 60) == (int)i);
			CHECK(script_header(rig.script, r->_header_list, 0, &name, &value, &size));
			CHECK(atoi(name + 1) == (int)i && atoi((const char *)value + 50) == (int)i);
		}
	}
	CHECK(script_memory(rig.script) < 64 * 1024 * 1024);
	rig_fini(&rig);
}

/* Where a failure is said to be, with a way through functions and modules. */
TEST(errors_name_their_place)
{
	static const char module[] =
		"local M = {}\nfunction M.fail()\n  error 'deep'\nend\nreturn M";
	struct rig rig;

	rig_init(&rig);
	rig_write(&rig, "helper.lua", module, sizeof(module) - 1);
	CHECK(rig_load(&rig,
		"local helper = require 'helper'\nlocal function f(x)\n  x.y = 1\nend\n"
		"return { api = 1, record = function(r)\n"
		"  if r.offset == 100 then helper.fail() return true end\n"
		"  f(nil)\n  return true\nend }"));
	rig_set(&rig, "on.error", "drop");
	rig_run(&rig, records, 1);
	check_contains(rig_outcome(&rig, 0), "failed(helper.lua:3: deep (called from s.lua:6)",
		"a module");
	rig_run(&rig, records + 1, 1);
	check_contains(rig_outcome(&rig, 0),
		"failed(s.lua:3: attempt to index local 'x' (a nil value) (called "
		"from s.lua:7)",
		"a function");
	rig_fini(&rig);
}
