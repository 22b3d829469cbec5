/* Unit tests of JSON text and of UTF-8. */
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/utf8.h"

static const struct {
	const char *bytes;
	size_t length; /* of its first character */
} characters[] = {
	{"a", 1},
	{"\xc3\xb1", 2},
	{"\xe2\x82\xac", 3},
	{"\xef\xbf\xbf", 3},
	{"\xf0\x9f\x98\x80", 4},
	{"\xf4\x8f\xbf\xbf", 4},
	{"", 0},
	{"\x80", 0},
	{"\xc3", 0},
	{"\xc3(", 0},
	{"\xe2\x82", 0},
	{"\xff", 0},
	{"\xc0\x80", 0}, /* overlong, of each length */
	{"\xe0\x80\x80", 0},
	{"\xf0\x80\x80\x80", 0},
	{"\xed\xa0\x80", 0},	 /* a surrogate */
	{"\xf4\x90\x80\x80", 0}, /* behind the last character */
	{"\xf5\x80\x80\x80", 0},
};

TEST(only_whole_characters_are_utf8)
{
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
		const char *s = characters[i].bytes;

		if (!CHECK_INT(utf8_length(s, strlen(s)), characters[i].length))
			printf("# row %zu\n", i);
		CHECK_INT(utf8_is_valid(s), characters[i].length == strlen(s));
	}
	CHECK_INT(utf8_length("\xc3\xb1", 1), 0);
	CHECK(utf8_is_valid("a\xc3\xb1o") && !utf8_is_valid("a\xf1o"));
}

TEST(text_is_valid_json_whatever_bytes_come)
{
	struct text out = {0};

	json_put_text(&out, "a\"b\\c\n\x1b\x7f \xc3\xb1 \xf1o \xed\xa0\x80");
	CHECK_STR(out.s,
		"\"a\\\"b\\\\c\\u000a\\u001b\\u007f \xc3\xb1 \\ufffdo \\ufffd\\ufffd\\ufffd\"");
	text_fini(&out);
	/* Controls above ASCII steer a terminal as well. */
	json_put_text(&out, "\xc2\x80 \xc2\x9b"
			    "31m \xc2\x9f \xc2\xa0");
	CHECK_STR(out.s, "\"\\u0080 \\u009b31m \\u009f \xc2\xa0\"");
	text_fini(&out);
	json_put_bytes(&out, "a\0b\xc3", 4);
	CHECK_STR(out.s, "\"a\\u0000b\\ufffd\"");
	text_fini(&out);
	json_put_text(&out, NULL);
	json_put_text(&out, "");
	CHECK_STR(out.s, "null\"\"");
	text_fini(&out);
}

TEST(fields_and_numbers)
{
	struct text out = {0};

	json_put_field(&out, "a", "x", ",");
	json_put_field(&out, "b", NULL, "}");
	CHECK_STR(out.s, "\"a\":\"x\",\"b\":null}");
	text_fini(&out);
	json_put_real(&out, 2.25, 1);
	text_putc(&out, ' ');
	json_put_real(&out, -0.5, 3);
	text_putc(&out, ' ');
	json_put_real(&out, NAN, 1);
	text_putc(&out, ' ');
	json_put_real(&out, INFINITY, 1);
	CHECK_STR(out.s, "2.2 -0.500 null null");
	text_fini(&out);
}
