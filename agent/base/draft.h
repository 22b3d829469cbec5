/* A draft: a file that is written beside its place, and takes that when all of it is on the disk.
 */
#ifndef BASE_DRAFT_H
#define BASE_DRAFT_H

#include <sys/types.h>

#include "base/err.h"

/* The draft of path is PATH.PID.new, a file of this process, so that others may write the same path
   at the same time and whoever reads it always finds all of one. Errors are the system's reason
   alone: the caller knows what for. All of them @blocks on the disk @thread any */

/* Writes the draft anew, with all of text; nobody's link is followed. mode: its rights, as 0600.
   Nothing is left of it after an error. */
int draft_write(const char *path, const char *text, mode_t mode, struct err *err);

/* The draft becomes the file, in the place of one that was there. Gone after an error. */
int draft_keep(const char *path, struct err *err);

/* Takes the draft away; none is accepted. */
void draft_drop(const char *path);

#endif
