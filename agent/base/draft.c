/* A draft: a file that is written beside its place, and takes that when all of it is on the disk.
 */
#include "base/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* @gives a string */
static char *
draft_of(const char *path)
{
	return mem_printf("%s.%d.new", path, (int)getpid());
}

static bool
write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) == 0;
}

int
draft_write(const char *path, const char *text, mode_t mode, struct err *err)
{
	char *draft = draft_of(path);
	int fd, rc = 0;

	unlink(draft);
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0 || !write_all(fd, text))
		rc = err_set(err, "%s", strerror(errno));
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = err_set(err, "%s", strerror(errno));
	if (fd >= 0 && rc < 0)
		unlink(draft);
	free(draft);
	return rc;
}

int
draft_keep(const char *path, struct err *err)
{
	char *draft = draft_of(path);
	int rc = rename(draft, path);

	if (rc < 0) {
		err_set(err, "%s", strerror(errno));
		unlink(draft);
	}
	free(draft);
	return rc;
}

void
draft_drop(const char *path)
{
	char *draft = draft_of(path);

	unlink(draft);
	free(draft);
}
