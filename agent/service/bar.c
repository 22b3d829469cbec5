/* The bar: one line on a terminal's stderr that says how far a one shot is, drawn over itself. */
#include "service/bar.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/amount.h"
#include "base/log_file.h"

/* Where nothing else is known; and what the bar itself takes at least, or is left out. */
#define COLUMNS 80
#define LEAST 10
/* To the first column, and what stands there is gone. */
#define CLEAR "\r\x1b[K"

static bool is_drawn, is_ended;

static size_t
measure(void)
{
	struct winsize size = {0};

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return COLUMNS;
}

static void
put_numbers(struct text *out, const struct oneshot_progress *p)
{
	amount_put_count(out, (double)(p->to_read - p->left));
	text_puts(out, " of ");
	amount_put_count(out, (double)p->to_read);
	text_puts(out, "  ");
	amount_put_count(out, p->per_second);
	text_puts(out, "/s  ");
	if (p->left == 0) {
		text_puts(out, "commits");
	} else if (p->eta_ms >= 0) {
		amount_put_span(out, (double)((p->eta_ms + 999) / 1000));
		text_puts(out, " left");
	} else {
		text_puts(out, "waits");
	}
}

void
bar_put(struct text *out, const struct oneshot_progress *p, size_t columns)
{
	double share = p->to_read > 0 ? (double)(p->to_read - p->left) / (double)p->to_read : 1;
	struct text numbers = {0};
	size_t from = out->length, width, full;

	put_numbers(&numbers, p);
	/* The percent, the numbers, brackets, blanks, and the last column, in which some terminals
	   begin a new line. */
	width = columns > numbers.length + 10 ? columns - numbers.length - 10 : 0;
	if (width > 40)
		width = 40;
	text_printf(out, "%3d%% ", (int)(share * 100));
	if (width >= LEAST) {
		full = (size_t)(share * (double)width);
		text_putc(out, '[');
		for (size_t i = 0; i < width; i++)
			text_putc(out, i < full ? '=' : i == full ? '>' : ' ');
		text_puts(out, "] ");
	}
	text_add(out, numbers.s, numbers.length);
	if (out->length - from >= columns && columns > 0) {
		out->length = from + columns - 1;
		out->s[out->length] = '\0';
	}
	text_fini(&numbers);
}

void
bar_draw(const struct oneshot *oneshot)
{
	struct oneshot_progress progress;
	struct text text = {0};

	if (!oneshot || is_ended || !isatty(STDERR_FILENO) ||
		log_file_format_stderr(NULL) != LOG_FORMAT_HUMAN)
		return;
	oneshot_progress(oneshot, &progress);
	if (!progress.has_ends)
		return;
	log_file_share_line(true);
	is_drawn = true;
	text_puts(&text, CLEAR);
	bar_put(&text, &progress, measure());
	log_file_write_stderr(text.s, text.length);
	text_fini(&text);
}

void
bar_end(void)
{
	is_ended = true;
	if (!is_drawn)
		return;
	is_drawn = false;
	log_file_share_line(false);
	log_file_write_stderr(CLEAR, strlen(CLEAR));
}
