/* A JSON document while it is written. */
#ifndef BASE_DOCUMENT_H
#define BASE_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

/* Zero-initialised is empty. Commas are put where they belong; names come before values within {}.
   @thread any, one at a time */
struct document {
	struct text text;
	bool wants_comma;
};

/* '{' or '[', and '}' or ']'. Text that must be JSON already goes in with document_raw. */
void document_open(struct document *document, char bracket);
void document_close(struct document *document, char bracket);

/* The name of the value that comes next, and opening what stands behind it at once. */
void document_name(struct document *document, const char *name);
void document_open_named(struct document *document, const char *name, char bracket);

/* Values. NULL is null; bytes that are no UTF-8 become U+FFFD; a real that is no number is null, as
   is a negative one with _known. */
void document_string(struct document *document, const char *s);
void document_int(struct document *document, int64_t n);
void document_uint(struct document *document, uint64_t n);
void document_real(struct document *document, double n);
void document_bool(struct document *document, bool b);
void document_null(struct document *document);
void document_raw(struct document *document, const char *json);

/* A name and its value. _known: null when it is negative, which says unknown. */
void document_add_string(struct document *document, const char *name, const char *s);
void document_add_int(struct document *document, const char *name, int64_t n);
void document_add_uint(struct document *document, const char *name, uint64_t n);
void document_add_real(struct document *document, const char *name, double n);
void document_add_bool(struct document *document, const char *name, bool b);
void document_add_known_int(struct document *document, const char *name, int64_t n);
void document_add_known_real(struct document *document, const char *name, double n);
/* A wall clock's milliseconds as text; 0 is null. */
void document_add_time(struct document *document, const char *name, int64_t wall_ms);

/* The finished document, which leaves it empty. @gives memory for free() */
char *document_take(struct document *document);

#endif
