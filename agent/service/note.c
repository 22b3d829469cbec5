/* A note: one line that outlives the process, saying that something was done and need not be again.
 */
#include "service/note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* The first line of the file; the second one is the note. */
#define HEAD "reflejo note 1\n"
/* Longer ones are none of ours. */
#define SIZE_MOST (1024 * 1024)

/* Reads all of an open file. @gives a string, NULL when it cannot be read or is too large */
static char *
read_all(int fd)
{
	struct text text = {0};
	char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0 && text.length < SIZE_MOST)
		text_add(&text, bytes, (size_t)n);
	if (n == 0)
		return text_take(&text);
	text_fini(&text);
	return NULL;
}

/* Opens it, if it is ours. -1: it is not there, or an error. */
static int
open_own(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_set(err, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (st.st_uid != getuid() && st.st_uid != 0)) {
		err_set(err, "%s: it is no file of the user that runs this", path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

int
note_read(const char *path, char **ret, struct err *err)
{
	const size_t head = sizeof(HEAD) - 1;
	int fd;
	char *text;

	*ret = NULL;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	fd = open_own(path, err);
	if (fd < 0)
		return -1;
	text = read_all(fd);
	close(fd);
	if (!text || strncmp(text, HEAD, head)) {
		free(text);
		return err_set(err, "%s: this is no note of reflejo's; name another file", path);
	}
	*ret = mem_strndup(text + head, strcspn(text + head, "\n"));
	free(text);
	return 0;
}

static char *
fresh_path(const char *path)
{
	return mem_printf("%s.new", path);
}

static bool
write_all(int fd, const char *text)
{
	FILE *f = fdopen(fd, "w");
	bool is_written;

	if (!f) {
		close(fd);
		return false;
	}
	fprintf(f, "%s%s\n", HEAD, text);
	is_written = fflush(f) == 0 && fsync(fd) == 0;
	return fclose(f) == 0 && is_written;
}

int
note_write(const char *path, const char *text, struct err *err)
{
	char *fresh = fresh_path(path);
	int fd, rc = 0;

	unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || !write_all(fd, text)) {
		rc = err_set(err, "%s: it cannot be written: %s", fresh, strerror(errno));
		if (fd >= 0)
			unlink(fresh);
	}
	free(fresh);
	return rc;
}

int
note_keep(const char *path, struct err *err)
{
	char *fresh = fresh_path(path);
	int rc = rename(fresh, path);

	if (rc < 0)
		err_set(err, "%s: it cannot be written: %s", path, strerror(errno));
	free(fresh);
	return rc;
}

void
note_drop(const char *path)
{
	char *text;

	if (note_read(path, &text, NULL) == 0 && text)
		unlink(path);
	free(text);
}
