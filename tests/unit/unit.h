/* The unit test harness: TEST bodies register themselves, main runs them and prints TAP.
 *
 * A program may be given words: only tests whose name contains one of them run. A CHECK that fails
 * prints where and what, and the test goes on. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct unit_test {
	const char *name;
	void (*run)(void);
	struct unit_test *next;
};

static struct unit_test *unit_first, **unit_end = &unit_first;
static int unit_failures; /* of the running test */

/* TEST(name) { body }: name is a C identifier that says what must hold. */
#define TEST(name)                                                         \
	static void unit_##name(void);                                     \
	__attribute__((constructor)) static void unit_add_##name(void)     \
	{                                                                  \
		static struct unit_test test = {#name, unit_##name, NULL}; \
		*unit_end = &test;                                         \
		unit_end = &test.next;                                     \
	}                                                                  \
	static void unit_##name(void)

#define CHECK(condition) unit_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(actual, expected) \
	unit_check_int((int64_t)(actual), (int64_t)(expected), __FILE__, __LINE__, #actual)
#define CHECK_STR(actual, expected) \
	unit_check_str((actual), (expected), __FILE__, __LINE__, #actual)

__attribute__((unused)) static bool
unit_check(bool holds, const char *file, int line, const char *text)
{
	if (holds)
		return true;
	unit_failures++;
	printf("# %s:%d: does not hold: %s\n", file, line, text);
	return false;
}

__attribute__((unused)) static bool
unit_check_int(int64_t actual, int64_t expected, const char *file, int line, const char *text)
{
	if (actual == expected)
		return true;
	unit_failures++;
	printf("# %s:%d: %s is %" PRId64 ", not %" PRId64 "\n", file, line, text, actual, expected);
	return false;
}

__attribute__((unused)) static bool
unit_check_str(
	const char *actual, const char *expected, const char *file, int line, const char *text)
{
	if (actual == expected || (actual && expected && !strcmp(actual, expected)))
		return true;
	unit_failures++;
	printf("# %s:%d: %s is\n#   %s\n# not\n#   %s\n", file, line, text,
		actual ? actual : "NULL", expected ? expected : "NULL");
	return false;
}

static bool
unit_is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(name, argv[i]))
			return true;
	return argc < 2;
}

int
main(int argc, char **argv)
{
	int number = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct unit_test *t = unit_first; t; t = t->next) {
		if (!unit_is_wanted(t->name, argc, argv))
			continue;
		unit_failures = 0;
		t->run();
		number++;
		failed += unit_failures > 0;
		printf("%s %d - %s\n", unit_failures ? "not ok" : "ok", number, t->name);
	}
	printf("1..%d\n", number);
	return failed > 0;
}

#endif
