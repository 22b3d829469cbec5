/* Unit tests of JSON paths: values, what is not there, and what is not JSON. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "script/json.h"
#include "script/jsonpath.h"

#define NOT_JSON "not JSON"
#define ABSENT "absent"

/* What stands at the path, as one text: kind and value. */
static char *
get(const char *path, const char *json, size_t size)
{
	static const char *const words[] = {
		"none", "null", "false", "true", "number", "string", "array", "object"};
	struct script_value v = {0};
	struct err err;
	struct script_path *p = jsonpath_new(path, strlen(path), &err);
	char *copy, *result;
	int found;

	if (!p)
		return mem_strdup(err.text);
	/* Memory of exactly this size, so that a sanitizer sees a step too far. */
	copy = mem_alloc(size + !size);
	memcpy(copy, json, size);
	found = jsonpath_get(p, copy, size, &v);
	if (found <= 0)
		result = mem_strdup(found ? NOT_JSON : ABSENT);
	else if (v._kind == SCRIPT_NUMBER)
		result = mem_printf("number %.17g", v._number);
	else if (v._kind >= SCRIPT_STRING)
		result = mem_printf("%s %.*s", words[v._kind], (int)v._size, v._text);
	else
		result = mem_strdup(words[v._kind]);
	free(copy);
	jsonpath_free(p);
	return result;
}

static const struct row {
	const char *path, *json, *expected;
} rows[] = {
	{"a", "{\"a\":1}", "number 1"},
	{"a", " {\n\t\"a\" : 1 }\r\n", "number 1"},
	{"a.b", "{\"a\":{\"b\":\"x\"}}", "string x"},
	{"b", "{\"a\":{\"b\":\"x\"}}", ABSENT},
	{"a.b.c", "{\"a\":{\"b\":\"x\"}}", ABSENT},
	{"a", "[1,2]", ABSENT},
	{"0", "[1,2]", "number 1"},
	{"1", "[1,2]", "number 2"},
	{"2", "[1,2]", ABSENT},
	{"01", "[1,2]", ABSENT},
	{"-1", "[1,2]", ABSENT},
	{"0", "[]", ABSENT},
	{"a", "{}", ABSENT},
	{"a.1.b", "{\"a\":[0,{\"b\":true}]}", "true"},
	{"1", "{\"1\":false}", "false"},
	{"a", "{\"a\":null}", "null"},
	{"a", "{\"a\":\"\"}", "string "},
	{"a", "{\"a\":[1, 2]}", "array [1, 2]"},
	{"a", "{\"a\":{\"b\":{}}}", "object {\"b\":{}}"},
	{"a", "1", ABSENT},
	{"a", "\"a\"", ABSENT},
	/* of two the last one counts */
	{"a", "{\"a\":1,\"a\":2}", "number 2"},
	{"a.b", "{\"a\":{\"b\":1},\"a\":{}}", ABSENT},
	{"a.b", "{\"a\":{\"b\":1},\"a\":5}", ABSENT},
	{"a.b", "{\"a\":5,\"a\":{\"b\":1}}", "number 1"},
	{"a.b", "{\"a\":{\"b\":1},\"c\":{\"b\":2}}", "number 1"},
	/* names with dots, backslashes, escapes */
	{"a\\.b", "{\"a.b\":1}", "number 1"},
	{"a\\\\b", "{\"a\\\\b\":1}", "number 1"},
	{"a", "{\"\\u0061\":1}", "number 1"},
	{"\xc3\xa9", "{\"\\u00E9\":1}", "number 1"},
	{"\xc3\xa9", "{\"\xc3\xa9\":1}", "number 1"},
	/* strings */
	{"a", "{\"a\":\"x\\n\\t\\\"\\\\\\/\\b\\f\\r\"}", "string x\n\t\"\\/\b\f\r"},
	{"a", "{\"a\":\"\\u0041\\u00e9\\u20ac\"}", "string A\xc3\xa9\xe2\x82\xac"},
	{"a", "{\"a\":\"\\ud83d\\ude00!\"}", "string \xf0\x9f\x98\x80!"},
	{"a", "{\"a\":\"\\ud83d\"}", "string \xef\xbf\xbd"},
	{"a", "{\"a\":\"\\ude00x\"}", "string \xef\xbf\xbdx"},
	{"a", "{\"a\":\"\\ud83d\\u0041\"}",
		"string \xef\xbf\xbd"
		"A"},
	{"a", "{\"a\":\"long enough to be stepped over eight by eight\"}",
		"string long enough to be stepped over eight by eight"},
	/* numbers */
	{"a", "{\"a\":-0.5e-3}", "number -0.00050000000000000001"},
	{"a", "{\"a\":123456789012345}", "number 123456789012345"},
	{"a", "{\"a\":9007199254740993}", "number 9007199254740992"},
	{"a", "{\"a\":1E2}", "number 100"},
	{"a", "{\"a\":-7}", "number -7"},
	/* not JSON, wherever that shows */
	{"a", "", NOT_JSON},
	{"a", " ", NOT_JSON},
	{"a", "nonsense", NOT_JSON},
	{"a", "{\"a\":1", NOT_JSON},
	{"a", "{\"a\":1}}", NOT_JSON},
	{"a", "{\"a\":1} x", NOT_JSON},
	{"a", "{\"a\":1,}", NOT_JSON},
	{"a", "{\"a\":1,\"b\":[1,]}", NOT_JSON},
	{"a", "{\"a\":1,\"b\":tru}", NOT_JSON},
	{"a", "{\"a\":1,\"b\"}", NOT_JSON},
	{"a", "{\"a\":1 \"b\":2}", NOT_JSON},
	{"a", "{a:1}", NOT_JSON},
	{"a", "{'a':1}", NOT_JSON},
	{"a", "[1 2]", NOT_JSON},
	{"a", "[1,2}", NOT_JSON},
	{"a", "{\"b\":[1,2}]", NOT_JSON},
	{"a", "{\"a\":01}", NOT_JSON},
	{"a", "{\"a\":+1}", NOT_JSON},
	{"a", "{\"a\":1.}", NOT_JSON},
	{"a", "{\"a\":.5}", NOT_JSON},
	{"a", "{\"a\":1e}", NOT_JSON},
	{"a", "{\"a\":-}", NOT_JSON},
	{"a", "{\"a\":NaN}", NOT_JSON},
	{"a", "{\"a\":0x10}", NOT_JSON},
	{"a", "{\"a\":\"\n\"}", NOT_JSON},
	{"a", "{\"a\":\"12345678\t\"}", NOT_JSON},
	{"a", "{\"a\":\"\\x\"}", NOT_JSON},
	{"a", "{\"a\":\"\\u12\"}", NOT_JSON},
	{"a", "{\"a\":\"\\", NOT_JSON},
	{"a", "{\"a\":\"x", NOT_JSON},
	{"a", "{\"a\":", NOT_JSON},
	{"a", "{", NOT_JSON},
	{"a", "[", NOT_JSON},
	{"a", "\xef\xbb\xbf{}", NOT_JSON},
	{"a", "{\"a\":1}//", NOT_JSON},
};

TEST(values_by_path)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *found = get(rows[i].path, rows[i].json, strlen(rows[i].json));
		if (!CHECK_STR(found, rows[i].expected))
			printf("# in row %zu: %s of %s\n", i, rows[i].path, rows[i].json);
		free(found);
	}
}

TEST(every_text_cut_short_is_not_json)
{
	static const char json[] = "{\"a\":[1.5e3,\"x\\u0041\\n\",{\"b\":null}],\"c\":false}";

	for (size_t n = 0; n < sizeof(json) - 1; n++) {
		char *found = get("a.2.b", json, n);
		CHECK_STR(found, NOT_JSON);
		free(found);
	}
}

TEST(a_zero_byte_ends_nothing)
{
	char *found = get("a", "{\"a\":1}\0", 8);

	CHECK_STR(found, NOT_JSON);
	free(found);
}

TEST(depth_is_bounded)
{
	static const int depths[] = {1, 63, 64, 65, JSON_DEPTH_MAX, JSON_DEPTH_MAX + 1, 100000};

	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		struct text text = {0};
		char *found;

		for (int k = 0; k < depths[i]; k++)
			text_puts(&text, k % 2 ? "{\"a\":" : "[");
		text_puts(&text, "1");
		for (int k = depths[i]; k-- > 0;)
			text_putc(&text, k % 2 ? '}' : ']');
		/* Behind the outermost one, which the path goes into, one more may stand. */
		found = get("5", text.s, text.length);
		CHECK_STR(found, depths[i] <= JSON_DEPTH_MAX + 1 ? ABSENT : NOT_JSON);
		free(found);
		text_fini(&text);
	}
}

TEST(what_is_no_path_is_refused)
{
	static const char *const paths[] = {"", ".", "a.", ".a", "a..b", "a\\"};
	struct err err;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		CHECK(!jsonpath_new(paths[i], strlen(paths[i]), &err));
		CHECK(strstr(err.text, "is not a JSON path") != NULL);
	}
}

/* All that spans finds, with | between. */
static void
check_spans(const char *path, const char *json, const char *expected)
{
	const struct script_span *spans;
	struct text text = {0};
	struct err err;
	struct script_path *p = jsonpath_new(path, strlen(path), &err);
	int32_t n = jsonpath_spans(p, json, strlen(json), &spans);

	for (int32_t i = 0; i < n; i++) {
		if (i)
			text_putc(&text, '|');
		text_add(&text, json + spans[i]._first, (size_t)(spans[i]._end - spans[i]._first));
	}
	if (n < 0)
		text_puts(&text, NOT_JSON);
	CHECK_STR(text.s ? text.s : "", expected);
	text_fini(&text);
	jsonpath_free(p);
}

TEST(spans_find_everything_hidden_members_too)
{
	check_spans("a", "{\"a\":1, \"a\" : \"x\"}", "1|\"x\"");
	check_spans("a.b", "{\"a\":{\"b\":1},\"a\":{\"b\":[2]}}", "1|[2]");
	check_spans("*.b", "[{\"b\":1},{\"c\":2},{\"b\":3}]", "1|3");
	check_spans("a.*", "{\"a\":{\"x\":1,\"y\":{}}}", "1|{}");
	check_spans("*", "[]", "");
	check_spans("a", "{\"a\":1,", NOT_JSON);
}
