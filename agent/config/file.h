/* A file read whole, within a bound, with one sentence for everything that can be wrong with it. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stddef.h>

#include "base/err.h"

/* Reads all of path (a pipe too) up to max bytes; more is an error, as is a directory. The result
   has a NUL behind its *ret_length bytes. @blocks @gives *ret for free() */
int file_read(const char *path, size_t max, char **ret, size_t *ret_length, struct err *err);

#endif
