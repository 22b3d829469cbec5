/* Unit tests of the line that says how far something is. */
#include "tests/unit/unit.h"

#include "base/progress.h"

static struct progress
progress(uint64_t total, uint64_t left, double per_second, int64_t eta_ms)
{
	return (struct progress){.done = total - left,
		.total = total,
		.per_second = per_second,
		.eta_ms = eta_ms,
		.last = "commits"};
}

TEST(says_how_far_it_is)
{
	static const struct {
		uint64_t total, left;
		double per_second;
		int64_t eta_ms;
		const char *line;
	} rows[] = {
		{0, 0, 0, 0,
			"100% [========================================] 0 of 0  0/s  commits"},
		{1000, 1000, 0, -1,
			"  0% [>                                       ] 0 of 1.0k  0/s  waits"},
		{1000, 500, 100, 5000,
			" 50% [====================>                   ] 500 of 1.0k  100/s  5.0 s "
			"left"},
		{1000, 1, 100, 10,
			" 99% [=======================================>] 999 of 1.0k  100/s  1.0 s "
			"left"},
		{5000000, 0, 300000, 0,
			"100% [========================================] 5.0M of 5.0M  300k/s  "
			"commits"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct progress p =
			progress(rows[i].total, rows[i].left, rows[i].per_second, rows[i].eta_ms);
		struct text text = {0};

		progress_put(&text, &p, 100);
		CHECK_STR(text.s, rows[i].line);
		text_fini(&text);
	}
}

TEST(keeps_within_the_terminal)
{
	struct progress p = progress(123456789, 98765432, 54321, 1818181);

	for (size_t columns = 1; columns < 120; columns++) {
		struct text text = {0};

		progress_put(&text, &p, columns);
		CHECK(text.length < columns);
		text_fini(&text);
	}
}
