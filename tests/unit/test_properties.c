/* config/properties and config/placeholder: Java's line rules, INI sections, values that stand
 * elsewhere. */
#include "config/properties.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/placeholder.h"
#include "unit.h"

/* All properties as "section|key|value@line" lines, then problems as "!" or "?" and origin and
 * text. @gives a string */
static char *
dump(const char *bytes, size_t n, enum properties_format format)
{
	struct properties properties = {0};
	struct problems problems = {0};
	struct text text = {0};

	properties_read_text("f", bytes, n, format, &properties, &problems);
	properties_mark_passed(&properties, format == PROPERTIES_INI, &problems);
	for (size_t i = 0; i < properties.count; i++) {
		const struct property *p = &properties.items[i];

		text_printf(&text, "%s%s|%s|%s@%s;", p->is_passed ? "-" : "", p->section, p->key,
			p->value, p->origin + 2);
	}
	for (size_t i = 0; i < problems.count; i++)
		text_printf(&text, "%c%s: %s;", problems.items[i].is_error ? '!' : '?',
			problems.items[i].origin, problems.items[i].text);
	properties_fini(&properties);
	problems_fini(&problems);
	return text_take(&text);
}

/* The comments on java.util.Properties.load say the same of each row. */
static const struct {
	const char *text, *expected;
} java_cases[] = {
	{"", ""},
	{"a=b", "|a|b@1;"},
	{"a=b\n", "|a|b@1;"},
	{"a = b", "|a|b@1;"},
	{"a: b", "|a|b@1;"},
	{"a b c", "|a|b c@1;"},
	{"a\tb", "|a|b@1;"},
	{"a", "|a|@1;"},
	{"a=", "|a|@1;"},
	{"a==b", "|a|=b@1;"},
	{"a = = b", "|a|= b@1;"},
	{"a   :   b", "|a|b@1;"},
	{"  \t a=b", "|a|b@1;"},
	{"a=b  \n", "|a|b  @1;"},
	{"host:9092 = x", "|host|9092 = x@1;"},
	{"a\\=b=c", "|a=b|c@1;"},
	{"a\\:b\\ c=d", "|a:b c|d@1;"},
	{"# x=y\n! x=y\n  # x=y\na=b", "|a|b@4;"},
	{"a=# no comment ;x", "|a|# no comment ;x@1;"},
	{"; a=b", "|;|a=b@1;"},
	{"a=b\\\nc", "|a|bc@1;"},
	{"a=b\\\n   c\\\n\td\ne=f", "|a|bcd@1;|e|f@4;"},
	{"a=b\\\\\nc=d", "|a|b\\@1;|c|d@2;"},
	{"a=b\\\\\\\nc=d", "|a|b\\c=d@1;"},
	{"a=b\\", "|a|b@1;"},
	{"a=b\\\n# c", "|a|b# c@1;"},
	{"\\\n# x\na=b", "|a|b@3;"},
	{"a=b\\\n\nc=d", "|a|b@1;|c|d@3;"},
	{"a=b\r\nc=d\r\n", "|a|b@1;|c|d@2;"},
	{"a=b\rc=d", "|a|b@1;|c|d@2;"},
	{"a=b\\\r\n  c", "|a|bc@1;"},
	{"a=\\tx\\n\\q", "|a|\tx\nq@1;"},
	{"a=\\u0041\\u00f1\\u20ac", "|a|A\xc3\xb1\xe2\x82\xac@1;"},
	{"a=\\ud83d\\ude00", "|a|\xf0\x9f\x98\x80@1;"},
	{"\\u0061=b", "|a|b@1;"},
	{"a=\xc3\xb1", "|a|\xc3\xb1@1;"},
	{"\xef\xbb\xbf"
	 "a=b",
		"|a|b@1;"},
	{"a=1\nb=2\na=3", "-|a|1@1;|b|2@2;|a|3@3;"},
	{"a=x ;y", "|a|x ;y@1;"},
	{"a=\\u12", "!f:1: '\\u' needs four hexadecimal digits;"},
	{"b=1\na=\\uzzzz\nc=2", "|b|1@1;|c|2@3;!f:2: '\\u' needs four hexadecimal digits;"},
	{"a=\\ud83d", "!f:1: '\\ud83d' is half of a surrogate pair;"},
	{"a=\\ude00", "!f:1: '\\ude00' is half of a surrogate pair;"},
	{"a=\\u0000", "!f:1: '\\u0000' cannot be part of a name or value;"},
	{"=b", "!f:1: a value without a name before it;"},
	{"[consumer]\na=b", "|a|b@2;?f:1: a section of an INI file in a properties file "
			    "has no effect (an INI "
			    "file is given with --config);"},
};

TEST(java_lines)
{
	for (size_t i = 0; i < sizeof(java_cases) / sizeof(*java_cases); i++) {
		char *found = dump(java_cases[i].text, strlen(java_cases[i].text), PROPERTIES_JAVA);

		CHECK_STR(found, java_cases[i].expected);
		free(found);
	}
}

TEST(ini_lines)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"[mirror]\nnum.streams = 4", "mirror|num.streams|4@2;"},
		{"[ mirror ]  \na=b\n[log]\na=c", "mirror|a|b@2;log|a|c@4;"},
		{"; comment\n[m]\n ; a\na = x ;y", "m|a|x ;y@4;"},
		{"[m]\na=x\\\n  [y]\n", "m|a|x[y]@2;"},
		{"[m]\na=1\na=2",
			"-m|a|1@2;m|a|2@3;?f:3: 'a' stands at f:2 already; the last one counts;"},
		{"[m]\na=1\n[n]\na=2", "m|a|1@2;n|a|2@4;"},
		{"a=b\ne=f\n[m]\nc=d",
			"m|c|d@4;!f:1: a key before the first [section]; write [mirror], "
			"[consumer], "
			"[producer] or [log] above it;"},
		{"[m\na=b", "!f:1: a section is written as [name] and nothing else;!f:2: a key "
			    "before the "
			    "first [section]; write [mirror], [consumer], [producer] or [log] "
			    "above it;"},
		{"[a section whose name is longer than the fifty bytes inih keeps]\na=b",
			"a section whose name is longer than the fifty bytes inih keeps|a|b@2;"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *found = dump(cases[i].text, strlen(cases[i].text), PROPERTIES_INI);

		CHECK_STR(found, cases[i].expected);
		free(found);
	}
}

TEST(long_lines)
{
	struct text text = {0};
	struct properties properties = {0};
	struct problems problems = {0};

	text_puts(&text, "a=");
	for (int i = 0; i < 100000; i++)
		text_puts(&text, "host:9092,");
	properties_read_text("f", text.s, text.length, PROPERTIES_JAVA, &properties, &problems);
	CHECK_INT(problems.count, 0);
	CHECK_INT(properties.count, 1);
	CHECK_STR(properties_get(&properties, "", "a"), text.s + 2);
	properties_fini(&properties);
	text_fini(&text);
}

TEST(hostile_texts)
{
	struct text text = {0};
	char *found = dump("a=b\nc=\0d\ne=f", 12, PROPERTIES_JAVA);

	CHECK_STR(found, "|a|b@1;!f:2: a NUL byte: this is not a text file;");
	free(found);
	for (int i = 0; i < 1000; i++)
		text_puts(&text, "a=\\u\n");
	found = dump(text.s, text.length, PROPERTIES_JAVA);
	CHECK(strstr(found, "f:20: too many problems; the rest of the file is not read"));
	CHECK(!strstr(found, "f:21"));
	free(found);
	text.length = 0;
	for (int i = 0; i <= PROPERTIES_MAX_KEYS; i++)
		text_printf(&text, "k%d=\n", i);
	found = dump(text.s, text.length, PROPERTIES_JAVA);
	CHECK(strstr(found, "f:5001: more than 5000 keys"));
	free(found);
	text_fini(&text);
}

/* A file of the test's own with these bytes. @gives its path; unlink it */
static char *
write_file(const char *bytes, size_t n)
{
	const char *directory = getenv("TMPDIR");
	char *path = mem_printf("%s/reflejo-test-XXXXXX", directory ? directory : "/tmp");
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, bytes, n), n);
	close(fd);
	return path;
}

TEST(unreadable_files)
{
	char *large = write_file("", 0), *sentence;
	struct properties properties = {0};
	struct problems problems = {0};

	CHECK_INT(truncate(large, 100000000), 0);
	sentence = mem_printf("'%s' is larger than 4096 KiB, which no configuration is; is it the "
			      "right file?",
		large);
	CHECK_INT(properties_read(large, PROPERTIES_JAVA, &properties, &problems), -1);
	CHECK_INT(properties_read("/", PROPERTIES_JAVA, &properties, &problems), -1);
	CHECK_INT(properties_read("/nowhere/at/all", PROPERTIES_INI, &properties, &problems), -1);
	CHECK_INT(problems.count, 3);
	CHECK_INT(properties.count, 0);
	CHECK_STR(problems.items[0].text, sentence);
	CHECK_STR(problems.items[1].text, "'/' is a directory, not a file");
	CHECK_STR(
		problems.items[2].text, "cannot read '/nowhere/at/all': No such file or directory");
	unlink(large);
	free(large);
	free(sentence);
	problems_fini(&problems);
}

/* Replaces each % of text by path. @gives a string */
static char *
with_path(const char *text, const char *path)
{
	struct text out = {0};

	for (; *text; text++) {
		if (*text == '%')
			text_puts(&out, path);
		else
			text_putc(&out, *text);
	}
	return text_take(&out);
}

/* One text of properties whose key "k" must become the value, or an error that holds it; % is the
   path of a file that holds "user=ann\npass=secret\n". */
static void
check_placeholder(const char *lines, const char *path, const char *value, const char *error)
{
	char *text = with_path(lines, path), *sentence = error ? with_path(error, path) : NULL;
	struct properties properties = {0};
	struct problems problems = {0};

	properties_read_text("f", text, strlen(text), PROPERTIES_JAVA, &properties, &problems);
	placeholders_resolve(&properties, &problems);
	CHECK_INT(problems.count, error ? 1 : 0);
	if (error && problems.count)
		CHECK_STR(problems.items[0].text, sentence);
	if (!error)
		CHECK_STR(properties_get(&properties, "", "k"), value);
	properties_fini(&properties);
	problems_fini(&problems);
	free(text);
	free(sentence);
}

TEST(placeholders)
{
	static const char content[] = "user=ann\npass=secret\n";
	static const struct {
		const char *lines, *value, *error;
	} cases[] = {
		{"k=plain", "plain", NULL},
		{"k=@%", "user=ann\npass=secret", NULL},
		{"k=@@home", "@home", NULL},
		{"k=a@b", "a@b", NULL},
		{"k=${env:REFLEJO_TEST}", "from env", NULL},
		{"k=<${env:REFLEJO_TEST}>", "<from env>", NULL},
		{"k=${file:%}", "user=ann\npass=secret", NULL},
		{"k=${file:%:pass}", "secret", NULL},
		{"k=${file:%:user}:${file:%:pass}", "ann:secret", NULL},
		{"config.providers=x\nconfig.providers.x.class="
		 "org.apache.kafka.common.config.provider.FileConfigProvider\nk=${x:%:user}",
			"ann", NULL},
		{"k=${nocolon}", "${nocolon}", NULL},
		{"k=${env:unclosed", "${env:unclosed", NULL},
		{"k=$5 and {}", "$5 and {}", NULL},
		{"k=${env:REFLEJO_NONE}", NULL,
			"k: ${env:...}: the environment has no variable 'REFLEJO_NONE'"},
		{"k=${file:%:nothing}", NULL, "k: ${file:...}: '%' has no key 'nothing'"},
		{"k=${file:/nowhere:x}", NULL,
			"k: ${file:...}: cannot read '/nowhere': No such file or directory"},
		{"k=@/nowhere", NULL,
			"k: @ stands for the content of a file (@@ for an @ itself): cannot read "
			"'/nowhere': No such file or directory"},
		{"k=${vault:a:b}", NULL,
			"k: nobody provides '${vault:...}'; env, file and directory are known, and "
			"other "
			"names for them by config.providers"},
		{"k=${directory:/etc}", NULL,
			"k: ${directory:...}: the file's name is missing: write "
			"${directory:PATH:NAME}"},
	};
	char *path = write_file(content, sizeof(content) - 1);

	setenv("REFLEJO_TEST", "from env", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_placeholder(cases[i].lines, path, cases[i].value, cases[i].error);
	unlink(path);
	free(path);
}

TEST(a_passed_line_is_not_resolved)
{
	static const char lines[] = "k=@/nowhere\nk=ok";
	struct properties properties = {0};
	struct problems problems = {0};

	properties_read_text("f", lines, strlen(lines), PROPERTIES_JAVA, &properties, &problems);
	properties_mark_passed(&properties, false, &problems);
	placeholders_resolve(&properties, &problems);
	CHECK_INT(problems.count, 0);
	CHECK_STR(properties_get(&properties, "", "k"), "ok");
	properties_fini(&properties);
	problems_fini(&problems);
}
