/* The log's file: where lines go, and what form they have there. */
#ifndef BASE_LOG_FILE_H
#define BASE_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

/* Writes a line, which ends with a newline, by one write(2). -1 with errno when it was not written
   as a whole; the next one begins a line of its own nevertheless. @thread any */
int log_file_write(const char *line, size_t size);

/* The same to stderr, wherever the log goes; errors are nobody's business then. @thread any */
void log_file_write_stderr(const char *line, size_t size);

/* Does the log go to stderr? @thread any */
bool log_file_is_stderr(void);

/* While shared, each line to stderr first clears what stands in the terminal's last line: something
   that is drawn there again and again. @thread any */
void log_file_share_line(bool shared);

/* The form of lines there, never AUTO, and whether they are in colour (NULL: never mind). @thread
 * any */
enum log_format log_file_format(bool *ret_is_coloured);

/* The same for a line to stderr. @thread any */
enum log_format log_file_format_stderr(bool *ret_is_coloured);

/* Was the file removed, so that nobody can read what is written? Its name may be another by now.
   @thread main */
bool log_file_is_removed(void);

/* What log_open was given last, for people; "stderr" for none. @gives a string @thread any */
char *log_file_name(void);

#endif
