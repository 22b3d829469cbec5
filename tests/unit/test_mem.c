/* Unit tests of memory, the growing string, and errors. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

TEST(text_grows_and_stays_terminated)
{
	struct text text = {0};

	for (int i = 0; i < 10000; i++)
		text_printf(&text, "%d,", i % 10);
	CHECK_INT(text.length, 20000);
	CHECK_INT(strlen(text.s), 20000);
	CHECK(!strncmp(text.s, "0,1,2,3,", 8));
	text_fini(&text);
	CHECK(text.s == NULL);
}

TEST(text_holds_nul_bytes)
{
	struct text text = {0};

	text_add(&text, "a\0b", 3);
	text_putc(&text, 'c');
	CHECK_INT(text.length, 4);
	CHECK(!memcmp(text.s, "a\0bc", 5));
	text_fini(&text);
}

TEST(text_take_gives_an_empty_string_instead_of_null)
{
	struct text text = {0};
	char *s = text_take(&text);

	CHECK_STR(s, "");
	free(s);
}

TEST(strndup_stops_at_the_end_of_the_string)
{
	char *cut = mem_strndup("abcdef", 3), *whole = mem_strndup("ab", 10);

	CHECK_STR(cut, "abc");
	CHECK_STR(whole, "ab");
	free(cut);
	free(whole);
}

TEST(grow_keeps_what_is_there)
{
	size_t capacity = 0;
	int *numbers = NULL;

	for (int i = 0; i < 1000; i++) {
		numbers = mem_grow(numbers, &capacity, (size_t)i, sizeof(*numbers));
		numbers[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		CHECK_INT(numbers[i], i);
	free(numbers);
}

TEST(an_error_is_prefixed_and_cut_but_never_overrun)
{
	struct err err;
	char long_text[3000];

	CHECK_INT(err_set(&err, "no %s", "luck"), -1);
	CHECK_INT(err_prefix(&err, "file:%d: ", 3), -1);
	CHECK_STR(err.text, "file:3: no luck");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	err_set(&err, "%s", long_text);
	CHECK_INT(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, "front ");
	CHECK_INT(strlen(err.text), sizeof(err.text) - 1);
	CHECK(!strncmp(err.text, "front xxx", 9));
	CHECK_INT(err_set(NULL, "nobody wants it"), -1);
}

TEST(the_allocator_has_a_name)
{
	/* The unit tests are not linked with jemalloc. */
	CHECK_STR(mem_allocator(), "libc");
}
