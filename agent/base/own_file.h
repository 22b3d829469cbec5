/* Own files: what the program has kept for its next start, and reads only when nobody else wrote
 * it. They are written by base/draft.h. */
#ifndef BASE_OWN_FILE_H
#define BASE_OWN_FILE_H

#include <stdio.h>

#include "base/err.h"

/* Opens it for reading, if it is a file of this user's or of root's; no link is followed. *ret is
   NULL when there is none. The error begins with the path. @gives *ret; fclose @blocks on the disk
   @thread any */
int own_file_open(const char *path, FILE **ret, struct err *err);

#endif
