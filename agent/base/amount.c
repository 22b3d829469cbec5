/* Amounts for people: few digits and a unit. */
#include "base/amount.h"

#include <math.h>
#include <stdbool.h>

static bool
is_unknown(double n)
{
	return !isfinite(n) || n < 0;
}

/* Three digits at most, one behind the point where there are less than two before it. */
static void
put_scaled(struct text *out, double n, const char *blank, const char *const *units)
{
	int i = 0;

	/* What would be rounded to 1000 takes the next unit. */
	for (; n >= 999.5 && units[i + 1]; i++)
		n /= 1000;
	text_printf(out, i > 0 && n < 9.95 ? "%.1f%s%s" : "%.0f%s%s", n, blank, units[i]);
}

void
amount_put_count(struct text *out, double n)
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P", NULL};

	if (is_unknown(n))
		text_putc(out, '-');
	else
		put_scaled(out, n, "", units);
}

void
amount_put_bytes(struct text *out, double n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", NULL};

	if (is_unknown(n))
		text_putc(out, '-');
	else
		put_scaled(out, n, " ", units);
}

void
amount_put_span(struct text *out, double seconds)
{
	long s;

	if (is_unknown(seconds) || seconds > 1e12)
		text_putc(out, '-');
	else if (seconds < 0.9995)
		text_printf(out, "%.0f ms", seconds * 1000);
	else if (seconds < 9.95)
		text_printf(out, "%.1f s", seconds);
	else if ((s = lround(seconds)) < 60)
		text_printf(out, "%ld s", s);
	else if (s < 3600)
		text_printf(out, "%ldm %lds", s / 60, s % 60);
	else if (s < 86400)
		text_printf(out, "%ldh %ldm", s / 3600, s / 60 % 60);
	else
		text_printf(out, "%ldd %ldh", s / 86400, s / 3600 % 24);
}
