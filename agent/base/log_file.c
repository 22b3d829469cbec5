/* The log's file: where lines go, and what form they have there. */
#include "base/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/progress.h"

/* What lines look like: a format, and whether they are in colour. Found out when the first
   line needs it, and anew when the log goes elsewhere. */
#define STYLE_UNKNOWN (-1)
#define STYLE_COLOUR 0x100

static _Atomic int log_fd = STDERR_FILENO;
static _Atomic int wanted = LOG_FORMAT_AUTO, style = STYLE_UNKNOWN;
static _Atomic bool is_cut;    /* the last line was not written to its end */
static _Atomic bool is_shared; /* stderr's last line may hold something else */
static pthread_mutex_t path_lock = PTHREAD_MUTEX_INITIALIZER;
static char *log_path; /* main thread only, but for log_file_name */

/* The environment says which file is the journal, for those whose stderr was not turned
   elsewhere. */
static bool
is_journal(int fd)
{
	const char *s = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return s && sscanf(s, "%ju:%ju", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
	       st.st_dev == device && st.st_ino == inode;
}

/* By no-color.org and by terminfo's name for terminals that can do nothing. */
static bool
wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

static int
style_of(int fd)
{
	bool is_terminal = isatty(fd);
	int format = atomic_load(&wanted);

	if (format == LOG_FORMAT_AUTO)
		format = is_terminal	  ? LOG_FORMAT_HUMAN
			 : is_journal(fd) ? LOG_FORMAT_JOURNAL
					  : LOG_FORMAT_KV;
	if (format == LOG_FORMAT_HUMAN && is_terminal && wants_colour())
		format |= STYLE_COLOUR;
	return format;
}

static enum log_format
format_of(int now, bool *ret_is_coloured)
{
	if (ret_is_coloured)
		*ret_is_coloured = now & STYLE_COLOUR;
	return (enum log_format)(now & ~STYLE_COLOUR);
}

enum log_format
log_file_format(bool *ret_is_coloured)
{
	int now = atomic_load_explicit(&style, memory_order_relaxed);

	if (now == STYLE_UNKNOWN) {
		int unknown = STYLE_UNKNOWN;

		now = style_of(atomic_load(&log_fd));
		atomic_compare_exchange_strong(&style, &unknown, now);
	}
	return format_of(now, ret_is_coloured);
}

enum log_format
log_file_format_stderr(bool *ret_is_coloured)
{
	return format_of(style_of(STDERR_FILENO), ret_is_coloured);
}

void
log_set_format(enum log_format format)
{
	atomic_store(&wanted, (int)format);
	atomic_store(&style, style_of(atomic_load(&log_fd)));
}

bool
log_file_is_stderr(void)
{
	return atomic_load(&log_fd) == STDERR_FILENO;
}

void
log_file_share_line(bool shared)
{
	atomic_store(&is_shared, shared);
}

int
log_file_write(const char *line, size_t size)
{
	int fd = atomic_load(&log_fd);
	bool was_cut = atomic_load(&is_cut) && atomic_exchange(&is_cut, false);
	/* In the line's own write, so that nothing of another thread comes between. */
	const char *first = was_cut					     ? "\n"
			    : fd == STDERR_FILENO && atomic_load(&is_shared) ? PROGRESS_CLEAR
									     : "";
	struct iovec parts[] = {
		{(void *)(uintptr_t)first, strlen(first)}, {(void *)(uintptr_t)line, size}};
	ssize_t n;

	do
		n = *first ? writev(fd, parts, 2) : write(fd, line, size);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)(size + parts[0].iov_len))
		return 0;
	if (n < 0) {
		if (was_cut)
			atomic_store(&is_cut, true);
		return -1;
	}
	/* What took a part has no room for the rest, and would only say so when it is asked again.
	 */
	atomic_store(&is_cut, true);
	errno = ENOSPC;
	return -1;
}

void
log_file_write_stderr(const char *line, size_t size)
{
	if (write(STDERR_FILENO, line, size) < 0)
		errno = 0;
}

/* Puts fd in the place of the current descriptor. Another thread may just be writing: the number
   stays valid because dup2 replaces what it stands for. */
static void
use_fd(int fd)
{
	int old = atomic_load(&log_fd);

	if (old == STDERR_FILENO || fd == STDERR_FILENO) {
		atomic_store(&log_fd, fd);
	} else {
		dup3(fd, old, O_CLOEXEC);
		close(fd);
	}
	atomic_store(&style, style_of(atomic_load(&log_fd)));
	atomic_store(&is_cut, false);
}

static void
remember(const char *path)
{
	char *old = log_path, *copy = path ? mem_strdup(path) : NULL;

	pthread_mutex_lock(&path_lock);
	log_path = copy;
	pthread_mutex_unlock(&path_lock);
	free(old);
}

char *
log_file_name(void)
{
	char *copy;

	pthread_mutex_lock(&path_lock);
	copy = mem_strdup(log_path && !log_file_is_stderr() ? log_path : "stderr");
	pthread_mutex_unlock(&path_lock);
	return copy;
}

int
log_open(const char *path, struct err *err)
{
	int fd;

	if (!path) {
		use_fd(STDERR_FILENO);
		remember(NULL);
		return 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_set(err, "cannot open the log file %s: %s", path, strerror(errno));
	use_fd(fd);
	if (path != log_path)
		remember(path);
	return 0;
}

int
log_reopen(struct err *err)
{
	return log_path ? log_open(log_path, err) : 0;
}

bool
log_file_is_removed(void)
{
	struct stat st;
	int fd = atomic_load(&log_fd);

	return fd != STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_nlink == 0;
}
