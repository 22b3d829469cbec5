/* A file read whole, within a bound, with one sentence for everything that can be wrong with it. */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stddef.h>

#include "base/err.h"

/* Reads all of path (a pipe too) up to max bytes; more is an error, as is a directory. The result
   has a NUL behind its *ret_length bytes. @blocks @gives *ret for free() */
int file_read(const char *path, size_t max, char **ret, size_t *ret_length, struct err *err);

/* The same of a file that is read again whenever somebody renews it: a pipe or a device is an
   error, and nobody is waited for. Check only opens it. */
int file_read_lasting(
	const char *path, size_t max, char **ret, size_t *ret_length, struct err *err);
int file_check_lasting(const char *path, struct err *err);

/* Paths of files, each once. Zero-initialised: none. */
struct file_list {
	char **paths;
	size_t count;
};

/* From now on this thread's file_read and file_note put their paths into the list; NULL: no longer.
   @borrows list until then */
void file_note_into(struct file_list *list);

/* Notes a file that somebody else will read. */
void file_note(const char *path);

/* Frees what it holds and clears it. */
void file_list_fini(struct file_list *list);

#endif
