/* Own files: what the program has kept for its next start, and reads only when nobody else wrote
 * it. They are written by base/draft.h. */
#include "base/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
own_file_open(const char *path, FILE **ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	*ret = NULL;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		err_set(err, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_uid != getuid() && st.st_uid != 0))
		err_set(err, "%s: it is no file of the user that runs this", path);
	else if (!(*ret = fdopen(fd, "r")))
		err_set(err, "%s: %s", path, strerror(errno));
	if (*ret)
		return 0;
	if (fd >= 0)
		close(fd);
	return -1;
}
