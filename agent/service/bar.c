/* The bar: one line on a terminal's stderr that says how far a one shot is, drawn over itself. */
#include "service/bar.h"

#include <string.h>
#include <unistd.h>

#include "base/log_file.h"
#include "base/progress.h"

static bool is_drawn, is_ended;

void
bar_draw(const struct oneshot *oneshot)
{
	struct oneshot_progress o;
	struct progress progress;
	struct text text = {0};

	if (!oneshot || is_ended || !isatty(STDERR_FILENO) ||
		log_file_format_stderr(NULL) != LOG_FORMAT_HUMAN)
		return;
	oneshot_progress(oneshot, &o);
	if (!o.has_ends)
		return;
	progress = (struct progress){.done = (uint64_t)(o.to_read - o.left),
		.total = (uint64_t)o.to_read,
		.per_second = o.per_second,
		.eta_ms = o.eta_ms,
		.last = "commits"};
	log_file_share_line(true);
	is_drawn = true;
	text_puts(&text, PROGRESS_CLEAR);
	progress_put(&text, &progress, progress_columns(STDERR_FILENO, 0));
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
	log_file_write_stderr(PROGRESS_CLEAR, strlen(PROGRESS_CLEAR));
}
