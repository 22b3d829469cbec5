/* Unit tests of the regular expressions of scripts. */
#include "tests/unit/unit.h"

#include "script/regex.h"

static const struct row {
	const char *pattern, *flags, *text;
	int32_t groups; /* what regex_match returns */
	int32_t at[6];	/* of the whole and the groups */
} rows[] = {
	{"b+", "", "abbc", 1, {1, 3}},
	{"^b", "", "abbc", 0, {0}},
	{"B", "i", "abc", 1, {1, 2}},
	{"^b$", "", "a\nb", 0, {0}},
	{"^b$", "m", "a\nb", 1, {2, 3}},
	{"a.b", "", "a\nb", 0, {0}},
	{"a.b", "s", "a\nb", 1, {0, 3}},
	{"a b # blanks", "x", "ab", 1, {0, 2}},
	{"(a)|(b)", "", "b", 3, {0, 1, -1, -1, 0, 1}},
	{"(a)(b)?", "", "a", 3, {0, 1, 0, 1, -1, -1}},
	{"^.$", "", "\xc3\xa9", 0, {0}},
	{"^.$", "u", "\xc3\xa9", 1, {0, 2}},
	{".", "u", "\xff", 0, {0}},
	{"", "", "", 1, {0, 0}},
};

TEST(matches_and_groups)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct err err = {"-"};
		struct script_regex *re =
			regex_new(row->pattern, strlen(row->pattern), row->flags, &err);

		if (!CHECK(re != NULL))
			continue;
		CHECK_INT(regex_match(re, row->text, strlen(row->text), 0, &err), row->groups);
		for (int32_t k = 0; k < 2 * row->groups; k++)
			CHECK_INT(regex_offsets(re)[k], row->at[k]);
		regex_free(re);
	}
}

TEST(zero_bytes_are_bytes)
{
	struct err err;
	struct script_regex *re = regex_new("a\0b", 3, "", &err);

	CHECK_INT(regex_match(re, "xa\0b", 4, 0, &err), 1);
	CHECK_INT(regex_match(re, "xa\0c", 4, 0, &err), 0);
	CHECK_INT(regex_match(re, NULL, 0, 0, &err), 0);
	regex_free(re);
}

TEST(a_wrong_pattern_is_named_with_its_offset)
{
	struct err err;

	CHECK(!regex_new("a(b", 3, "", &err));
	CHECK(strstr(err.text, "\"a(b\"") && strstr(err.text, "offset 3"));
	CHECK(!regex_new("a", 1, "iq", &err));
	CHECK(strstr(err.text, "'q'") != NULL);
}

TEST(named_groups_have_numbers)
{
	struct err err;
	struct script_regex *re = regex_new("(?<region>x)(y)", 15, "", &err);

	CHECK_INT(regex_group(re, "region"), 1);
	CHECK_INT(regex_group(re, "other"), -1);
	regex_free(re);
}

TEST(backtracking_ends_in_an_error_that_says_so)
{
	static const char *const patterns[] = {
		"^(a+)+$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"};
	char text[64];

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct err err = {""};
		struct script_regex *re = regex_new(patterns[i], strlen(patterns[i]), "", &err);

		memset(text, i == 1 ? 'x' : 'a', sizeof(text));
		text[sizeof(text) - 1] = '!';
		if (regex_match(re, text, sizeof(text), 0, &err) < 0)
			CHECK(strstr(err.text, "match limit") && strstr(err.text, patterns[i]));
		else
			CHECK(i == 1); /* PCRE2 sees without trying that no y is there */
		regex_free(re);
	}
}
