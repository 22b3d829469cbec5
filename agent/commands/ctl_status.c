/* reflejo ctl status, and plan: documents shown as tables, once or again and again. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "commands/ctl.h"
#include "commands/ctl_view.h"

/* Where nothing else is known, and the least that the tables are made for. */
#define WIDTH 80
/* Cursor to the top; what is left of a line; what is below; cursor hidden and shown. */
#define HOME "\x1b[H"
#define CLEAR_LINE "\x1b[K"
#define CLEAR_BELOW "\x1b[J"
#define CURSOR_OFF "\x1b[?25l"
#define CURSOR_ON "\x1b[?25h"

struct showing {
	const struct ctl *ctl;
	char *path;
	void (*view)(const char *document, size_t width, struct text *out);
	bool json;
	int64_t every_ms; /* 0: once */
};

static volatile sig_atomic_t is_interrupted;

static void
on_interrupt(int number)
{
	(void)number;
	is_interrupted = 1;
}

/* COLUMNS, the terminal, or 80. *ret_rows is 0 where there is no terminal. */
static size_t
measure(size_t *ret_rows)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	int64_t width = WIDTH;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	else if (columns)
		parse_int(columns, 1, 1000, &width, NULL);
	*ret_rows = size.ws_row;
	return width < WIDTH ? WIDTH : (size_t)width;
}

/* The document as it is to be shown. */
static void
put_view(const struct showing *s, const char *document, size_t width, struct text *out)
{
	if (!s->json) {
		s->view(document, width, out);
		return;
	}
	text_puts(out, document);
	if (!out->length || out->s[out->length - 1] != '\n')
		text_putc(out, '\n');
}

/* Over what stands there, line by line, so that nothing flickers; no more lines than the terminal
 * has. */
static void
draw(const char *view, size_t rows)
{
	struct text screen = {0};
	size_t lines = 0;

	text_puts(&screen, HOME);
	while (*view && (rows < 2 || ++lines < rows)) {
		size_t n = strcspn(view, "\n");

		text_add(&screen, view, n);
		text_puts(&screen, CLEAR_LINE "\n");
		view += n + (view[n] == '\n');
	}
	text_puts(&screen, *view ? "\u2026" CLEAR_LINE CLEAR_BELOW : CLEAR_BELOW);
	fwrite(screen.s, 1, screen.length, stdout);
	text_fini(&screen);
}

/* Asks and shows. Returns the exit status. */
static int
show(const struct showing *s)
{
	bool is_drawn = s->every_ms && isatty(STDOUT_FILENO);
	struct client_answer answer = {0};
	struct text out = {0};
	struct err err;
	size_t rows, width = measure(&rows);
	int status = CTL_DONE;

	if (ctl_ask(s->ctl, "GET", s->path, NULL, CTL_SOON, &answer, &err) < 0) {
		if (!is_drawn)
			return is_interrupted ? CTL_DONE : ctl_unreached(&err);
		text_printf(&out, "%s\n", err.text);
		status = CTL_UNREACHED;
	} else if (answer.status >= 300) {
		status = ctl_refused(&answer);
	} else {
		put_view(s, answer.body.s ? answer.body.s : "", width, &out);
	}
	if (is_drawn && out.s)
		draw(out.s, rows);
	else if (out.s)
		printf("%s%s", out.s, s->every_ms && !s->json ? "\n" : "");
	if (fflush(stdout) != 0)
		is_interrupted = 1;
	text_fini(&out);
	text_fini(&answer.body);
	return status;
}

/* Again and again, until Ctrl+C. On a terminal an agent that is away is waited for, once it was
 * seen. */
static int
watch(const struct showing *s)
{
	struct timespec pause = {s->every_ms / 1000, s->every_ms % 1000 * 1000000};
	struct sigaction action = {.sa_handler = on_interrupt};
	bool is_terminal = isatty(STDOUT_FILENO);
	int status;

	/* No SA_RESTART: it ends what is waited for. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (is_terminal)
		fputs(CURSOR_OFF "\x1b[2J", stdout);
	status = show(s);
	while (!is_interrupted &&
		(status == CTL_DONE || (is_terminal && status == CTL_UNREACHED))) {
		nanosleep(&pause, NULL);
		if (!is_interrupted)
			status = show(s);
	}
	if (is_terminal)
		fputs("\n" CURSOR_ON, stdout);
	fflush(stdout);
	return is_interrupted ? CTL_DONE : status;
}

/* [SECONDS] behind --watch. */
static void
take_seconds(struct showing *s, int *i, int argc, char **argv)
{
	s->every_ms = 2000;
	if (*i + 1 < argc &&
		parse_duration(argv[*i + 1], 1000, 100, 86400000, &s->every_ms, NULL) == 0)
		++*i;
}

int
ctl_status(const struct ctl *ctl, int argc, char **argv)
{
	struct showing s = {.ctl = ctl, .view = ctl_view_status};
	struct text path = {0};
	const char *topic = NULL;
	int status;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			s.json = true;
		else if (!strcmp(argv[i], "--watch"))
			take_seconds(&s, &i, argc, argv);
		else if (!topic && argv[i][0] != '-')
			topic = argv[i];
		else
			return ctl_usage(ctl);
	}
	text_puts(&path, topic ? "/status?topic=" : "/status");
	if (topic)
		client_escape(&path, topic);
	s.path = path.s;
	status = s.every_ms ? watch(&s) : show(&s);
	text_fini(&path);
	return status;
}

int
ctl_plan(const struct ctl *ctl, int argc, char **argv)
{
	char path[] = "/plan";
	struct showing s = {.ctl = ctl, .path = path, .view = ctl_view_plan};

	if (argc > 1 || (argc == 1 && strcmp(argv[0], "--json") != 0))
		return ctl_usage(ctl);
	s.json = argc == 1;
	return show(&s);
}

int
ctl_groups(const struct ctl *ctl, int argc, char **argv)
{
	char path[] = "/groups";
	struct showing s = {.ctl = ctl, .path = path, .view = ctl_view_groups};

	if (argc > 1 || (argc == 1 && strcmp(argv[0], "--json") != 0))
		return ctl_usage(ctl);
	s.json = argc == 1;
	return show(&s);
}
