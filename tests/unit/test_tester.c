/* Tests of the runner of test files: what must pass, what must fail, and what a failure says. */
#include "script/tester.h"

#include "tests/unit/script_rig.h"
#include "tests/unit/unit.h"

/* All cases of a file: "name" of those that passed, "name: why" of the others, each on a line. */
static void
note(const char *name, const char *why, void *arg)
{
	struct text *text = arg;

	text_printf(text, "%s%s%s\n", name, why ? ": " : "", why ? why : "");
}

/* Runs test text against a script text, with the compiler and without. */
static void
check_file(const char *script, const char *test, const char *expected)
{
	static const char *const modes[] = {"on", "off"};

	for (int i = 0; i < 2; i++) {
		struct rig rig;
		struct text text = {0};
		struct err err = {""};
		char *path, *got;

		rig_init(&rig);
		rig_set(&rig, "jit", modes[i]);
		rig_write(&rig, "s.lua", script, strlen(script));
		rig_write(&rig, "s_test.lua", test, strlen(test));
		path = mem_printf("%s/s_test.lua", rig.folder);
		if (tester_run(&rig.config, path, note, &text, &err) < 0)
			text_printf(&text, "%s\n", err.text);
		got = text_take(&text);
		CHECK_STR(got, expected);
		free(got);
		free(path);
		rig_fini(&rig);
	}
}

#define BEGIN "local t = require 'mirror.test' t.script 's.lua' "

static const char upper[] = "return { api = 1, record = function(r) r.key = r.key:upper() end }";

TEST(cases_pass_and_fail)
{
	check_file(upper,
		BEGIN
		"t.case 'right' { input = { topic = 'a', key = 'k' }, expect = { { key = 'K' } } } "
		"t.case 'wrong' { input = { topic = 'a', key = 'k' }, expect = { { key = 'k' } } } "
		"t.case 'fewer' { input = { topic = 'a', key = 'k' } } "
		"t.case 'more' { input = { topic = 'a', key = 'k' }, expect = { {}, {} } } "
		"t.case 'none' { input = { topic = 'a' }, expect = { t.error 'nil value' } } ",
		"right\n"
		"wrong: key: expected \"k\", got \"K\"\n"
		"fewer: not expected: a record to a with key \"K\"\n"
		"more: output 2: expected a record to any topic, and there is none\n"
		"none\n");
}

TEST(a_partition_of_the_route_is_seen)
{
	check_file("return { api = 1, route = function(t) return { partitions = 'preserve' } end }",
		BEGIN
		"t.case 'right' { input = { topic = 'a', partition = 3 }, expect = { { partition = "
		"3 } } } "
		"t.case 'wrong' { input = { topic = 'a', partition = 3 }, expect = { { partition = "
		"t.by_key } } } ",
		"right\nwrong: partition: expected by key, got 3\n");
}

TEST(parameters_hold_for_the_cases_behind_them)
{
	check_file("local p = require('mirror').param if p.b then error 'b is one too many' end "
		   "return { api = 1, record = function(r) r.key = p.a end }",
		BEGIN "t.param { a = 1 } "
		      "t.case 'first' { input = { topic = 'a' }, expect = { { key = '1' } } } "
		      "t.param { a = 2 } "
		      "t.case 'second' { input = { topic = 'a' }, expect = { { key = '2' } } } "
		      "t.case 'own' { param = { a = 3 }, input = { topic = 'a' }, expect = { { key "
		      "= '3' } } } "
		      "t.case 'none' { param = { a = t.null }, input = { topic = 'a' }, expect = { "
		      "{ key = "
		      "t.null } } } "
		      "t.case 'still' { input = { topic = 'a' }, expect = { { key = '2' } } } "
		      "t.case 'refused' { param = { b = 1 }, refused = 'one too many' } "
		      "t.case 'not refused' { refused = 'one too many' } "
		      "t.case 'otherwise' { param = { b = 1 }, refused = 'too few' } ",
		"first\nsecond\nown\nnone\nstill\nrefused\n"
		"not refused: expected the script to be refused with \"one too many\", and it was "
		"loaded\n"
		"otherwise: refused: expected \"too few\", got \"s.lua:1: b is one too many\"\n");
}

TEST(a_reload_hands_over)
{
	check_file("local n = 0 return { api = 1, init = function(ctx) n = ctx.saved and "
		   "ctx.saved.n or 0 "
		   "end, record = function(r) n = n + 1 r.key = tostring(n) end, close = "
		   "function(why) "
		   "return { n = why == 'reload' and n or nil } end }",
		BEGIN "local function key(s) return s.run({ topic = 'a' })[1].key end "
		      "t.check('counts on', function(s) t.equal(key(s), '1') s.reload() "
		      "t.equal(key(s), '2') "
		      "end) "
		      "t.check('begins anew', function(s) t.equal(key(s), '1') end) ",
		"counts on\nbegins anew\n");
}

TEST(what_is_not_mirrored_gives_false)
{
	check_file(
		"return { api = 1, record = function(r) local v "
		"if r.key == 'drop' then v = r:drop 'd' elseif r.key == 'dead' then v = "
		"r:dead_letter 'l' "
		"else v = r:retry(5) end if v ~= false then error 'not false' end return v end }",
		BEGIN "t.case 'all' { inputs = { { topic = 'a', key = 'drop' }, { topic = 'a', key "
		      "= 'dead' }, "
		      "{ topic = 'a', key = 'retry' } }, expect = { t.drop 'd', t.dead_letter 'l', "
		      "t.retry(5) } } ",
		"all\n");
}

/* A word that nobody reads would make a test that passes whatever the script does. */
TEST(slips_of_the_pen_are_errors)
{
	static const struct {
		const char *body, *why;
	} rows[] = {
		{"t.case 'c' { input = { topic = 'a', kay = 'k' }, expect = { {} } }",
			"c: an input has no field 'kay'; did you mean 'key'?\n"},
		{"t.case 'c' { input = { topic = 'a' }, expect = { { valu = 'x' } } }",
			"c: an expected record has no field 'valu'; did you mean 'value'?\n"},
		{"t.case 'c' { input = { topic = 'a' }, expekt = { {} } }",
			"c: a case has no field 'expekt'; did you mean 'expect'?\n"},
		{"t.case 'c' { input = { topic = 'a', key = 5 }, expect = { {} } }",
			"c: an input's key must be a string, not a number\n"},
		{"t.case 'c' { input = { topic = 'a', value = {} }, expect = { {} } }",
			"c: an input's value must be a string, not a table\n"},
		{"t.case 'c' { input = { topic = 'a', partition = '1' }, expect = { {} } }",
			"c: an input's partition must be a number, not a string\n"},
		{"t.case 'c' { input = { topic = 'a', headers = { h = 'x' } }, expect = { {} } }",
			"c: headers is a list of { name, value }\n"},
		{"t.case 'c' { input = { topic = 'a', headers = { { 'h', 1 } } }, expect = { {} } "
		 "}",
			"c: headers is a list of { name, value }\n"},
		{"t.case 'c' { input = { topic = 'a' }, expect = { topic = 'a' } }",
			"c: expect is a list: { { topic = ... }, ... }\n"},
		{"t.case 'c' { input = { topic = 'a' }, expect = t.drop 'x' }",
			"c: expect is a list: { { topic = ... }, ... }\n"},
		{"t.case 'c' { input = { topic = 'a' }, expect = { t.drop } }",
			"c: expected drop, got a record to a with key null\n"},
		{"t.case 'c' { inputs = { topic = 'a' }, expect = {} }",
			"c: inputs is a list: { { topic = ... }, ... }\n"},
		{"t.case 'c' { expect = {} }", "c: a case needs an input\n"},
		{"t.check('c', function(s) s.run { topic = 'a', kay = 'k' } end)",
			"c: an input has no field 'kay'; did you mean 'key'?\n"},
		{"t.check('c', function(s) s.rum { topic = 'a' } end)",
			"c: s_test.lua:1: there is no s.rum; did you mean 's.run'?\n"},
		{"t.case 'c' { input = { topic = 'a' }, expect = { {}, {} } }",
			"c: output 2: expected a record to any topic, and there is none\n"},
		{"t.kase 'c' {}", "s_test.lua:1: there is no t.kase; did you mean 't.case'?\n"},
		{"t.drop_all = 1", "s_test.lua:1: there is no t.drop_all\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *test = mem_printf("%s%s", BEGIN, rows[i].body);

		check_file("return { api = 1 }", test, rows[i].why);
		free(test);
	}
}

/* A made-up look-up file takes what the real one takes. */
TEST(a_made_up_map_refuses_what_a_file_refuses)
{
	check_file("local m = require('mirror').map 'f.csv' "
		   "return { api = 1, record = function(r) r.key = m:get(r.offset) end }",
		BEGIN "t.map('f.csv', { [1] = 'x' }) "
		      "t.case 'c' { input = { topic = 'a', offset = 1 }, expect = { {} } } ",
		"c: expected a record to any topic, got error (s.lua:1: key must be "
		"a string, not number)\n");
}

TEST(a_hook_that_fails_is_said_as_the_agent_says_it)
{
	check_file("return { api = 1, route = function(t) return { name = 'x' } end }",
		BEGIN "t.case 'c' { input = { topic = 'a' }, expect = { {} } }",
		"c: s.lua: a route has no field 'name'; there are topic, partitions, create, "
		"limit\n");
}

/* What is wrong with a line is said with its number; a record that is right has its outcome. */
TEST(each_line_of_records_is_looked_at)
{
	static const struct {
		const char *line, *says; /* behind the file's name */
	} rows[] = {
		{"null", ":2: is no JSON object"},
		{"5", ":2: is no JSON object"},
		{"[]", ":2: a record needs a topic"},
		{"{\"topic\":\"a\",\"value_b64\":5}", ":2: value_b64 is no base64"},
		{"{\"topic\":\"a\",\"partition\":1e300}",
			":2: an input's partition must be a whole number from 0 to 2147483647"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = mem_printf("{\"topic\":\"a\"}\n%s\n", rows[i].line), *path, *says;
		char *out = NULL;
		struct err err = {""};
		struct rig rig;

		rig_init(&rig);
		rig_write(&rig, "s.lua", upper, strlen(upper));
		rig_write(&rig, "r.jsonl", text, strlen(text));
		rig.config.script.file = mem_printf("%s/s.lua", rig.folder);
		path = mem_printf("%s/r.jsonl", rig.folder);
		says = mem_printf("%s%s", path, rows[i].says);
		CHECK_INT(tester_run_records(&rig.config, path, &out, &err), -1);
		CHECK_STR(err.text, says);
		free(says);
		free(path);
		free(text);
		rig_fini(&rig);
	}
}
