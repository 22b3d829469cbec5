/* The stamp of a file: what tells that it is another one, or has another content. */
#ifndef SERVICE_STAMP_H
#define SERVICE_STAMP_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Zeroed: of no file. */
struct file_stamp {
	struct timespec written, changed; /* the latter also by new rights */
	off_t size;
	ino_t inode;
};

/* Has the file changed since the last call with this stamp? One that is not there, as while an
   editor writes it anew, has not. @thread any */
bool stamp_changed(struct file_stamp *stamp, const char *file);

#endif
