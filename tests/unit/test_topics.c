/* mirror/topics and mirror/javaregex: the verdicts of java.util.regex, MirrorMaker's rewriting, the
 * sentences. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "mirror/topics.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/mem.h"
#include "mirror/javaregex.h"
#include "unit.h"

#define CORPUS "tests/unit/data/topics-java.tsv"

/* Undoes the escapes of the corpus in place. */
static void
unescape(char *field)
{
	char *out = field;

	for (char *s = field; *s; s++) {
		if (*s != '\\' || !s[1]) {
			*out++ = *s;
			continue;
		}
		s++;
		*out++ = *s == 't' ? '\t' : *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s;
	}
	*out = '\0';
}

/* What a pattern says of a name: 1, 0, or E when PCRE2 does not take it. */
static char
run_pattern(const char *pattern, const char *name)
{
	int error, rc;
	size_t at;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
		PCRE2_ANCHORED | PCRE2_NO_AUTO_POSSESS, &error, &at, NULL);
	pcre2_match_data *match;

	if (!code)
		return 'E';
	match = pcre2_match_data_create(1, NULL);
	rc = pcre2_match(code, (PCRE2_SPTR)name, strlen(name), 0, 0, match, NULL);
	pcre2_match_data_free(match);
	pcre2_code_free(code);
	return rc >= 0 ? '1' : rc == PCRE2_ERROR_NOMATCH ? '0' : '?';
}

/* The verdict of the translation alone, without MirrorMaker's rewriting. */
static char
verdict(const char *expression, const char *name)
{
	char *pattern = javaregex_translate(expression, NULL);
	char result = pattern ? run_pattern(pattern, name) : 'E';

	free(pattern);
	return result;
}

/* The verdict of the filter as it is used. */
static char
filter_verdict(const char *expression, const char *name)
{
	struct topics *topics = topics_new(expression, false, false, NULL);
	int rc = topics ? topics_match(topics, name, NULL) : 'E';

	topics_free(&topics);
	return rc == 1 ? '1' : rc == 0 ? '0' : rc == 'E' ? 'E' : '?';
}

static bool
is_rewritten(const char *expression)
{
	char *text = topics_rewrite(expression);
	bool differs = strcmp(text, expression) != 0;

	free(text);
	return differs;
}

/* One line of the corpus. Returns whether it was a row. */
static bool
check_row(char *line, int number)
{
	char *name = strchr(line, '\t'), *expected = name ? strchr(name + 1, '\t') : NULL;
	char got;

	if (*line == '#' || !expected)
		return false;
	*name++ = '\0';
	*expected++ = '\0';
	unescape(line);
	unescape(name);
	got = verdict(line, name);
	if (got == *expected && !is_rewritten(line))
		got = filter_verdict(line, name);
	if (!CHECK_INT(got, *expected))
		printf("# " CORPUS ":%d: \"%s\" on %s\n", number, line, name);
	return true;
}

TEST(corpus_has_the_verdicts_of_java)
{
	FILE *file = fopen(CORPUS, "r");
	char *line = NULL;
	size_t size = 0;
	int rows = 0, number = 0;

	if (!CHECK(file))
		return;
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		rows += check_row(line, ++number);
	}
	free(line);
	fclose(file);
	CHECK(rows >= 1500);
}

TEST(rewriting_is_that_of_mirrormaker)
{
	static const struct {
		const char *raw, *text;
	} rows[] = {
		{"testtopic", "testtopic"},
		{" a , b ", "a|b"},
		{"\t a\n", "a"},
		{"a\tb", "a\tb"},
		{"\"a,b\"", "a|b"},
		{"'a'", "a"},
		{"\"'\"a'\"'", "a"},
		{"\" a \"", "a"},
		{"a\"b", "a\"b"},
		{"a{2,3}", "a{2|3}"},
		{"\"\"", ""},
		{"'", ""},
		{"", ""},
		{" ", ""},
		{",", "|"},
		{"\"\ta\"", "\ta"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = topics_rewrite(rows[i].raw);

		CHECK_STR(text, rows[i].text);
		free(text);
	}
}

TEST(what_cannot_be_compiled_is_said_in_a_sentence)
{
	static const struct {
		const char *raw, *sentence;
	} rows[] = {
		{"*", "\"*\" is not a valid regular expression: at character 1: nothing stands "
		      "before * that "
		      "it could repeat; to take every topic write .*"},
		{"a,*b", "\"a|*b\" is not a valid regular expression: at character 3: nothing "
			 "stands before "
			 "* that it could repeat; * repeats what stands before it, for \"any "
			 "name\" write .*"},
		{"", "the topic expression is empty, so that it matches no topic; to take every "
		     "topic write .*"},
		{"a{2,3}", "\"a{2|3}\" is not a valid regular expression: at character 2: a comma "
			   "becomes | "
			   "here, so that {n,m} cannot be written; spell the repetition out"},
		{"(a|b", "\"(a|b\" is not a valid regular expression: at character 1: this group "
			 "lacks its )"},
		{"\\Qx\\E[a", "\"\\Qx\\E[a\" is not a valid regular expression: at character 6: "
			      "this class "
			      "lacks its ]"},
		{"a\\", "\"a\\\" is not a valid regular expression: at character 2: a backslash "
			"needs a "
			"character after it"},
		{"ab)c", "\"ab)c\" is not a valid regular expression: at character 3: there is no "
			 "( that this "
			 ") could close"},
		{"(?P<n>a)", "\"(?P<n>a)\" is not a valid regular expression: at character 1: Java "
			     "knows no "
			     "group that begins like this"},
		{"\\p{Foo}", "\"\\p{Foo}\" is not a valid regular expression: at character 1: Java "
			     "knows no "
			     "property Foo"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {.text = ""};

		CHECK(!topics_new(rows[i].raw, false, true, &err));
		CHECK_STR(err.text, rows[i].sentence);
	}
}

TEST(excluding_and_internal_topics)
{
	struct topics *all = topics_new(".*", false, true, NULL);
	struct topics *internal_too = topics_new(".*", false, false, NULL);
	struct topics *others = topics_new("a.*, b", true, true, NULL);

	CHECK_STR(topics_text(others), "a.*|b");
	CHECK_INT(topics_match(all, "__consumer_offsets", NULL), 0);
	CHECK_INT(topics_match(all, "__transaction_state", NULL), 0);
	CHECK_INT(topics_match(all, "__other", NULL), 1);
	CHECK_INT(topics_match(internal_too, "__consumer_offsets", NULL), 1);
	CHECK_INT(topics_match(others, "abc", NULL), 0);
	CHECK_INT(topics_match(others, "b", NULL), 0);
	CHECK_INT(topics_match(others, "c", NULL), 1);
	CHECK_INT(topics_match(others, "__consumer_offsets", NULL), 0);
	topics_free(&all);
	topics_free(&internal_too);
	topics_free(&others);
	topics_free(&others);
}

TEST(what_is_no_topic_name_never_matches)
{
	struct topics *all = topics_new("(?s).*", false, true, NULL);
	struct topics *none = topics_new("x", true, true, NULL);
	char name[300];

	memset(name, 'a', sizeof(name));
	name[JAVAREGEX_NAME_MAX] = '\0';
	CHECK_INT(topics_match(all, name, NULL), 1);
	name[JAVAREGEX_NAME_MAX] = 'a';
	name[JAVAREGEX_NAME_MAX + 1] = '\0';
	CHECK_INT(topics_match(all, name, NULL), 0);
	CHECK_INT(topics_match(none, name, NULL), 0);
	CHECK_INT(topics_match(all, "", NULL), 0);
	CHECK_INT(topics_match(all, "a\nb", NULL), 0);
	CHECK_INT(topics_match(all, "\xc3\xa9", NULL), 0);
	topics_free(&all);
	topics_free(&none);
}

TEST(endless_backtracking_is_an_error_for_that_name_only)
{
	struct topics *topics = topics_new("(?:(?:a|a)+)+[cd][xz]", false, true, NULL);
	struct err err = {.text = ""};

	CHECK_INT(topics_match(topics, "acx", &err), 1);
	CHECK_INT(topics_match(topics, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacy", &err),
		-1);
	CHECK(strstr(err.text, "takes too long to decide on topic aaaa"));
	CHECK_INT(topics_match(topics, "acx", &err), 1);
	topics_free(&topics);
}

/* Groups, classes and alternatives without end must neither overflow the stack nor the pattern. */
TEST(hostile_expressions_are_refused)
{
	static const char *const parts[] = {"(", "[", "(?<=", "[a&&", "(?:a|", "((?<!a*"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct text text = {0};
		struct err err = {.text = ""};

		for (int k = 0; k < 20000; k++)
			text_puts(&text, parts[i]);
		CHECK(!topics_new(text.s, false, true, &err));
		CHECK(strstr(err.text, "...\" is not a valid regular expression: at character "));
		text_fini(&text);
	}
}

/* expression, replacement, name, what becomes of it (NULL: it does not match) */
static const struct {
	const char *expression, *replacement, *name, *becomes;
} renames[] = {
	{"t\\.(.)", "$1.t", "t.a", "a.t"},
	{"(a)(b)?(c)", "$3-$2-$1-$0-$9", "ac", "c--a-ac-"},
	{"(?:x(y))z", "$1", "xyz", "y"},
	{"(?<n>a+)(?!b)(.*)", "$2$1", "aac", "caa"},
	{"(.*),(.)", "$1", "a,b", "a"},
	{"a", "\\$1\\\\$", "a", "$1\\$"},
	{"a", "", "a", ""},
	{"a", "b", "ab", NULL},
	{"(?<=(a{1,3}))b|(ab)", "[$1$2]", "ab", "[ab]"},
};

TEST(a_name_is_replaced_by_its_groups)
{
	for (size_t i = 0; i < sizeof(renames) / sizeof(renames[0]); i++) {
		struct err err = {""};
		struct topics *topics = topics_new_exact(renames[i].expression, &err);
		char *text = NULL;
		int verdict;

		if (!CHECK(topics != NULL))
			continue;
		verdict = topics_replace(
			topics, renames[i].name, renames[i].replacement, &text, &err);
		CHECK_INT(verdict, renames[i].becomes != NULL);
		CHECK_STR(text, renames[i].becomes);
		free(text);
		topics_free(&topics);
	}
	CHECK(topics_new_exact("(", &(struct err){""}) == NULL);
}
