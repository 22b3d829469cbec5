/* The hooks of a script but for record: what they are given, and what may be their answer. */
#include "tests/unit/unit.h"

#include "tests/unit/script_rig.h"

static void
route_text(struct rig *rig, const char *name, char *out, size_t size)
{
	const struct script_topic topic = {name, 6, false};
	struct script_route route;

	if (script_route(rig->script, &topic, &route, &rig->err) < 0)
		snprintf(out, size, "error %s", rig->err.text);
	else
		snprintf(out, size, "'%s' %s%d %d %s%d %s", route.topic,
			route.is_refused ? "refused " : "", (int)route.rule,
			(int)route.create_partitions, route.limit, (int)route.create_replication,
			route.create_configs);
}

TEST(route_answers)
{
	static const struct {
		const char *answer, *result;
	} rows[] = {
		{"nil", "'' 0 0"},
		{"'x.' .. t.name", "'x.orders' 0 0"},
		{"false", "'' refused 0 0"},
		{"{ topic = 'b' }", "'b' 0 0"},
		{"{ partitions = 'key' }", "'' 1 0"},
		{"{ partitions = 'preserve' }", "'' 2 0"},
		{"{ partitions = 'map' }", "'' 3 0"},
		{"{ partitions = 'round.robin' }", "'' 4 0"},
		{"{ partitions = 'crc32', create = { partitions = t.partitions } }", "'' 5 6"},
		{"{}", "'' 0 0"},
		{"{ limit = '5MB/s @08:00-18:00; none' }", "'' 0 0 5MB/s @08:00-18:00; none"},
		{"{ limit = 5 }", "error s.lua: a route's limit must be a string, not a number"},
		{"{ limit = '5MB' }",
			"error s.lua: a route's limit cannot be '5MB': '5MB' is not a rate: write"},
		{"{ limit = ('x'):rep(600) }", "a limit can have 500 characters at most"},
		{"true", "error s.lua"},
		{"5", "error s.lua"},
		{"''", "error s.lua"},
		{"'a b'", "'a b'"},
		{"{ topik = 'b' }", "'topik'; did you mean 'topic'?"},
		{"{ topic = 5 }", "error s.lua"},
		{"{ partitions = 'preserv' }", "did you mean 'preserve'?"},
		{"{ create = 5 }", "error s.lua"},
		{"{ create = { partitions = 1.5 } }", "error s.lua"},
		{"{ create = { partitions = 0 } }", "error s.lua"},
		{"{ create = { partition = 1 } }", "'partition'; did you mean 'partitions'?"},
		{"{ create = { replication = 3 } }", "'' 0 0 3 "},
		{"{ create = { replication = -1, configs = 'source' } }", "'' 0 0 -1 source"},
		{"{ create = { configs = { ['retention.ms'] = 86400000 } } }",
			"'' 0 0 0 retention.ms=86400000"},
		{"{ create = { configs = { ['cleanup.policy'] = 'compact,delete' } } }",
			"'' 0 0 0 cleanup.policy=compact,delete"},
		{"{ create = { configs = { ['preallocate'] = true } } }",
			"'' 0 0 0 preallocate=true"},
		{"{ create = { configs = {} } }", "'' 0 0 0 none"},
		{"{ create = { configs = 'sauce' } }",
			"error s.lua: create.configs must be none, source, or a list"},
		{"{ create = { configs = { a = '1,b=2' } } }", "with a comma and = in it"},
		{"{ create = { configs = { 'x' } } }", "create.configs needs names"},
		{"{ create = { configs = { x = {} } } }", "x of create.configs must be a string"},
		{"{ create = { configs = 5 } }", "create.configs must be a table or a string"},
		{"{ create = { configs = 'a=' .. ('x'):rep(2000) } }", "2000 characters at most"},
		{"{ create = { replication = 0 } }", "create.replication must be a whole number"},
		{"{ create = { replication = 'a' } }", "create.replication must be a whole number"},
		{"t.partition_s", "'partition_s'; did you mean 'partitions'?"},
		{"(error 'no')", "error s.lua:1: no"},
	};
	struct rig rig;
	char result[3000];

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = mem_printf(
			"return { api = 1, route = function(t) return %s end }", rows[i].answer);

		if (CHECK(rig_load(&rig, text))) {
			route_text(&rig, "orders", result, sizeof(result));
			check_contains(result, rows[i].result, rows[i].answer);
		}
		free(text);
	}
	rig_fini(&rig);
}

TEST(topics_and_partition_answer)
{
	const struct script_topic topic = {"orders", 6, true}, target = {"copy", 3, false};
	struct rig rig;
	int32_t number = 77;

	rig_init(&rig);
	CHECK(rig_load(&rig,
		"local answers = { yes = true, no = false, odd = 5 }\n"
		"return { api = 1, topics = function(t) if t.name == 'bad' then error 'x' end\n"
		"  if t.internal then return t.partitions == 6 end return answers[t.name] end,\n"
		"partition = function(src, dst) if src.partition == 5 then return nil end\n"
		"  if src.partition == 4 then return -1 end if src.partition == 3 then return 'x' "
		"end\n"
		"  assert(src.topic == 'orders' and src.partitions == 6 and dst.topic == 'copy')\n"
		"  return src.partition % dst.partitions end }"));
	CHECK(script_has(rig.script, SCRIPT_TOPICS) && script_has(rig.script, SCRIPT_PARTITION));
	CHECK(!script_has(rig.script, SCRIPT_ROUTE) && !script_has(rig.script, SCRIPT_RECORD));
	CHECK_INT(script_topics(rig.script, &topic, &rig.err), 1);
	CHECK_INT(script_topics(rig.script, &(struct script_topic){"yes", 1, false}, &rig.err), 1);
	CHECK_INT(script_topics(rig.script, &(struct script_topic){"no", 1, false}, &rig.err), 0);
	CHECK_INT(script_topics(rig.script, &(struct script_topic){"any", 1, false}, &rig.err), -1);
	CHECK_INT(script_topics(rig.script, &(struct script_topic){"odd", 1, false}, &rig.err), -2);
	check_contains(rig.err.text, "not a number", "odd");
	CHECK_INT(script_topics(rig.script, &(struct script_topic){"bad", 1, false}, &rig.err), -2);
	check_contains(rig.err.text, "s.lua:2: x", "bad");
	CHECK_INT(script_partition(rig.script, &topic, 2, &target, &number, &rig.err), 0);
	CHECK_INT(number, 2);
	CHECK_INT(script_partition(rig.script, &topic, 5, &target, &number, &rig.err), 0);
	CHECK_INT(number, -1);
	number = 77;
	CHECK_INT(script_partition(rig.script, &topic, 4, &target, &number, &rig.err), -1);
	CHECK_INT(script_partition(rig.script, &topic, 3, &target, &number, &rig.err), -1);
	CHECK_INT(number, 77);
	rig_fini(&rig);
}

/* What close returns is what the next init sees. */
TEST(saved_data_makes_the_round_trip)
{
	static const char check[] =
		"local function same(a, b) if type(a) ~= 'table' then return a == b end\n"
		"  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
		"  for k in pairs(b) do if a[k] == nil then return false end end return true end\n"
		"local data = %s\n"
		"return { api = 1, close = function(reason) assert(reason == 'reload') return data "
		"end,\n"
		"init = function(ctx) assert(ctx.reason == 'start' and ctx.stream == 0)\n"
		"  if ctx.saved ~= nil then assert(same(data, ctx.saved)) end end }";
	static const char *const rows[] = {"true", "false", "0", "-1.5", "1e300", "2^53", "1/0",
		"''", "'a\\0b\\255\"\\\\\\n'", "{}", "{ 1, 2, { 3 } }",
		"{ [true] = 'x', [1.5] = false }",
		"{ a = { b = { c = { d = 'deep' } } }, ['x y'] = 0.1 }", "('x'):rep(100000)"};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = mem_printf(check, rows[i]), *saved = NULL;

		CHECK(rig_load(&rig, text));
		CHECK_INT(script_init(rig.script, NULL, &rig.err), 0);
		script_close(rig.script, "reload", &saved);
		if (!CHECK(saved != NULL) ||
			!CHECK_INT(script_init(rig.script, saved, &rig.err), 0))
			printf("# %s: %s\n", rows[i], rig.err.text);
		free(saved);
		free(text);
	}
	rig_fini(&rig);
}

TEST(data_that_is_not_plain_is_not_handed_on)
{
	static const char *const rows[] = {"nil", "print", "{ print }", "{ { [print] = 1 } }",
		"loop", "error 'no'", "coroutine"};
	/* None of them was written by close. */
	static const char *const bad[] = {"", "x", "{", "{n", "{tn", "s5:61", "s1:zz",
		"s99999999999999999999:", "d", "tt", "{nt}", "{d", "s-1:"};
	struct rig rig;

	rig_init(&rig);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = mem_printf("local loop = {} loop[1] = loop\n"
					"return { api = 1, close = function() return %s end }",
			rows[i]);
		char *saved = text;

		CHECK(rig_load(&rig, text));
		script_close(rig.script, "reload", &saved);
		if (!CHECK(saved == NULL))
			printf("# %s gives %s\n", rows[i], saved);
		free(text);
	}
	CHECK(rig_load(&rig, "return { api = 1, init = function(c) assert(c.saved == nil) end }"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!CHECK_INT(script_init(rig.script, bad[i], &rig.err), 0))
			printf("# '%s': %s\n", bad[i], rig.err.text);
	rig_fini(&rig);
}

TEST(init_is_told_and_may_refuse)
{
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "args", "a b");
	CHECK(rig_load(&rig, "return { api = 1, init = function(ctx) assert(ctx.args == 'a b' and\n"
			     "ctx.streams == 1 and ctx.saved == nil) error 'not today' end }"));
	CHECK_INT(script_init(rig.script, NULL, &rig.err), -1);
	CHECK_STR(rig.err.text, "s.lua:2: not today");
	CHECK(rig_load(&rig, "return { api = 1 }"));
	CHECK_INT(script_init(rig.script, NULL, &rig.err), 0);
	CHECK_INT(script_run_timers(rig.script), -1);
	rig_fini(&rig);
}
