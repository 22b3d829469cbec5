/* The stamp of a file: what tells that it is another one, or has another content. */
#include "service/stamp.h"

#include <sys/stat.h>

static bool
is_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
stamp_changed(struct file_stamp *stamp, const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0 ||
		(is_time(&st.st_mtim, &stamp->written) && is_time(&st.st_ctim, &stamp->changed) &&
			st.st_size == stamp->size && st.st_ino == stamp->inode))
		return false;
	*stamp = (struct file_stamp){st.st_mtim, st.st_ctim, st.st_size, st.st_ino};
	return true;
}
