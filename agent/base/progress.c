/* Progress: one line of a terminal that says how far something is, and how long it will take. */
#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/amount.h"

/* Where the terminal does not tell. */
#define COLUMNS 80
/* What the bar itself takes at least, or is left out, and at most. */
#define LEAST 10
#define MOST 40
/* The percent, brackets, blanks, and the last column, in which some terminals begin a new line. */
#define AROUND 10

static void
put_numbers(struct text *out, const struct progress *p)
{
	amount_put_count(out, (double)p->done);
	text_puts(out, " of ");
	amount_put_count(out, (double)p->total);
	text_puts(out, "  ");
	amount_put_count(out, p->per_second);
	text_puts(out, "/s  ");
	if (p->done >= p->total) {
		text_puts(out, p->last);
	} else if (p->eta_ms >= 0) {
		amount_put_span(out, (double)((p->eta_ms + 999) / 1000));
		text_puts(out, " left");
	} else {
		text_puts(out, "waits");
	}
}

static void
put_bar(struct text *out, double share, size_t width)
{
	size_t full = (size_t)(share * (double)width);

	text_putc(out, '[');
	for (size_t i = 0; i < width; i++)
		text_putc(out, i < full ? '=' : i == full ? '>' : ' ');
	text_puts(out, "] ");
}

void
progress_put(struct text *out, const struct progress *p, size_t columns)
{
	double share = p->done < p->total ? (double)p->done / (double)p->total : 1;
	struct text numbers = {0};
	size_t from = out->length, width;

	put_numbers(&numbers, p);
	width = columns > numbers.length + AROUND ? columns - numbers.length - AROUND : 0;
	text_printf(out, "%3d%% ", (int)(share * 100));
	if (width >= LEAST)
		put_bar(out, share, width > MOST ? MOST : width);
	text_add(out, numbers.s, numbers.length);
	if (out->length - from >= columns && columns > 0) {
		out->length = from + columns - 1;
		out->s[out->length] = '\0';
	}
	text_fini(&numbers);
}

size_t
progress_columns(int fd, size_t otherwise)
{
	struct winsize size = {0};

	if (!isatty(fd))
		return otherwise;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS;
}
