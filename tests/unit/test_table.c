/* Amounts and tables for a terminal. */
#include "commands/table.h"

#include <math.h>
#include <stdlib.h>

#include "base/amount.h"
#include "tests/unit/unit.h"

static void
check_amount(void (*put)(struct text *out, double n), double n, const char *expected)
{
	struct text out = {0};

	put(&out, n);
	CHECK_STR(out.s, expected);
	text_fini(&out);
}

TEST(counts)
{
	check_amount(amount_put_count, 0, "0");
	check_amount(amount_put_count, 0.4, "0");
	check_amount(amount_put_count, 999.4, "999");
	check_amount(amount_put_count, 999.5, "1.0k");
	check_amount(amount_put_count, 9949, "9.9k");
	check_amount(amount_put_count, 9950, "10k");
	check_amount(amount_put_count, 999499, "999k");
	check_amount(amount_put_count, 999500, "1.0M");
	check_amount(amount_put_count, 35e9, "35G");
	check_amount(amount_put_count, 5e18, "5000P");
	check_amount(amount_put_count, -1, "-");
	check_amount(amount_put_count, NAN, "-");
	check_amount(amount_put_count, INFINITY, "-");
}

TEST(bytes_and_spans)
{
	check_amount(amount_put_bytes, 0, "0 B");
	check_amount(amount_put_bytes, 2345678, "2.3 MB");
	check_amount(amount_put_span, 0, "0 ms");
	check_amount(amount_put_span, 0.0124, "12 ms");
	check_amount(amount_put_span, 0.9994, "999 ms");
	check_amount(amount_put_span, 0.9996, "1.0 s");
	check_amount(amount_put_span, 9.94, "9.9 s");
	check_amount(amount_put_span, 9.96, "10 s");
	check_amount(amount_put_span, 59.4, "59 s");
	check_amount(amount_put_span, 59.6, "1m 0s");
	check_amount(amount_put_span, 7500, "2h 5m");
	check_amount(amount_put_span, 97200, "1d 3h");
	check_amount(amount_put_span, 1e300, "-");
	check_amount(amount_put_span, NAN, "-");
}

/* A table of three columns: a name, a number, a reason. */
static char *
make(size_t width, const char *const *cells)
{
	static const struct table_column columns[] = {{"NAME", TABLE_LEFT, TABLE_CUT_MIDDLE},
		{"N", TABLE_RIGHT, TABLE_WHOLE}, {"REASON", TABLE_LEFT, TABLE_CUT_END}};
	struct table *t = table_new(columns, 3);
	struct text out = {0};

	for (; *cells; cells++)
		table_add(t, *cells);
	table_put(&t, width, &out);
	CHECK(!t);
	return text_take(&out);
}

static void
check_table(size_t width, const char *const *cells, const char *expected)
{
	char *s = make(width, cells);

	CHECK_STR(s, expected);
	free(s);
}

TEST(a_table_is_as_wide_as_its_cells)
{
	check_table(80, (const char *const[]){"a", "1000", "x", "long", "1", "", NULL},
		"NAME     N  REASON\n"
		"a     1000  x\n"
		"long     1  \n");
	check_table(80, (const char *const[]){NULL}, "");
}

TEST(what_does_not_fit_is_cut)
{
	check_table(30,
		(const char *const[]){"abcdefghijklmnopqrst", "12", "because it does so", NULL},
		"NAME           N  REASON\n"
		"abcdef\u2026pqrst  12  because it \u2026\n");
	/* By characters, not bytes. */
	check_table(22,
		(const char *const[]){
			"\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4", "1",
			"\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac", NULL},
		"NAME       N  REASON\n"
		"\u00e4\u00f6\u00fc\u00e4\u2026\u00e4\u00f6\u00fc\u00e4  1  "
		"\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u2026\n");
	/* Whatever the width, a column that may be cut keeps some characters. */
	check_table(1, (const char *const[]){"abcdefghij", "123456789", "klmnopqrst", NULL},
		"NAME            N  REASON\n"
		"abc\u2026ij  123456789  klmno\u2026\n");
}
