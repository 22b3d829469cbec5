/* The stamp of a file: what tells that it is another one, or has another content. */
#include "service/stamp.h"

#include <sys/stat.h>

bool
stamp_changed(struct file_stamp *stamp, const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0 || (st.st_mtim.tv_sec == stamp->changed.tv_sec &&
					   st.st_mtim.tv_nsec == stamp->changed.tv_nsec &&
					   st.st_size == stamp->size && st.st_ino == stamp->inode))
		return false;
	*stamp = (struct file_stamp){st.st_mtim, st.st_size, st.st_ino};
	return true;
}
