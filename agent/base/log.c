/* The log: one line an event, `time level event key=value ...`, to stderr or a file. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static const struct log_event_info events[] = {
#define EVENT(name, level, help) {#name, LOG_LEVEL_##level, help},
#include "base/events.def"
#undef EVENT
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static _Atomic int shown_level = LOG_LEVEL_INFO;
static _Atomic int log_fd = STDERR_FILENO;
static char *log_path; /* main thread only */

const struct log_event_info *
log_event_info(enum log_event event)
{
	return &events[event];
}

void
log_set_level(enum log_level level)
{
	atomic_store(&shown_level, (int)level);
}

bool
log_is_shown(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&shown_level, memory_order_relaxed);
}

int
log_level_parse(const char *name)
{
	for (int i = 0; i < (int)(sizeof(level_names) / sizeof(level_names[0])); i++)
		if (!strcmp(name, level_names[i]))
			return i;
	return -1;
}

/* A bare word stays bare; everything else is quoted, so that a line can be split again. */
static bool
is_bare(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7f)
			return false;
	return true;
}

static void
put_text(struct text *line, const char *s)
{
	if (!s) {
		text_putc(line, '-');
		return;
	}
	if (is_bare(s)) {
		text_puts(line, s);
		return;
	}
	text_putc(line, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			text_printf(line, "\\%c", *s);
		else if (*s == '\n')
			text_puts(line, "\\n");
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			text_printf(line, "\\x%02x", (unsigned char)*s);
		else
			text_putc(line, *s);
	}
	text_putc(line, '"');
}

static void
put_field(struct text *line, const struct log_field *field)
{
	text_printf(line, " %s=", field->key);
	switch (field->type) {
	case LOG_FIELD_TEXT: put_text(line, field->text); break;
	case LOG_FIELD_INT: text_printf(line, "%" PRId64, field->i); break;
	case LOG_FIELD_UINT: text_printf(line, "%" PRIu64, field->u); break;
	case LOG_FIELD_REAL: text_printf(line, "%.1f", field->real); break;
	}
}

/* May this site speak now? If so, *ret_repeated is how many lines it swallowed. */
static bool
limit_pass(struct log_limit *limit, uint64_t *ret_repeated)
{
	int64_t now = clock_ms(), next = atomic_load(&limit->next_ms);

	if (now < next ||
		!atomic_compare_exchange_strong(&limit->next_ms, &next, now + limit->interval_ms)) {
		atomic_fetch_add(&limit->suppressed, 1);
		return false;
	}
	*ret_repeated = atomic_exchange(&limit->suppressed, 0);
	return true;
}

void
log_write(
	enum log_event event, struct log_limit *limit, const struct log_field *fields, size_t count)
{
	const struct log_event_info *info = &events[event];
	struct text line = {0};
	uint64_t repeated = 0;
	char now[CLOCK_TEXT_SIZE];

	if (!log_is_shown(info->level) || (limit && !limit_pass(limit, &repeated)))
		return;
	text_printf(&line, "%s %s %s", clock_print(clock_wall_ms(), now), level_names[info->level],
		info->name);
	for (size_t i = 0; i < count; i++)
		put_field(&line, &fields[i]);
	if (repeated)
		text_printf(&line, " repeated=%" PRIu64, repeated);
	text_putc(&line, '\n');
	/* A log that cannot be written must not stop the mirror. */
	if (write(atomic_load(&log_fd), line.s, line.length) < 0)
		errno = 0;
	text_fini(&line);
}

/* Puts fd in the place of the current descriptor. Another thread may just be writing: the number
   stays valid because dup2 replaces what it stands for. */
static void
use_fd(int fd)
{
	int old = atomic_load(&log_fd);

	if (old == STDERR_FILENO || fd == STDERR_FILENO) {
		atomic_store(&log_fd, fd);
		return;
	}
	dup3(fd, old, O_CLOEXEC);
	close(fd);
}

int
log_open(const char *path, struct err *err)
{
	int fd;

	if (!path) {
		use_fd(STDERR_FILENO);
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_set(err, "cannot open the log file %s: %s", path, strerror(errno));
	use_fd(fd);
	if (path != log_path) {
		free(log_path);
		log_path = mem_strdup(path);
	}
	return 0;
}

int
log_reopen(struct err *err)
{
	return log_path ? log_open(log_path, err) : 0;
}
