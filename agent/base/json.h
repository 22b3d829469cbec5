/* JSON: values written at the end of a text; always valid JSON in UTF-8, whatever bytes come. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>

#include "base/mem.h"

/* A string with its quotes. Each byte that is no UTF-8 becomes U+FFFD, control characters \u00XX.
   @thread any */
void json_put_bytes(struct text *out, const char *bytes, size_t size);

/* The same of a C string; NULL is null. @thread any */
void json_put_text(struct text *out, const char *s);

/* A number with so many digits behind the point; null when it is not finite. @thread any */
void json_put_real(struct text *out, double number, int digits);

/* "name": and the text as json_put_text has it, and what stands behind it. @thread any */
void json_put_field(struct text *out, const char *name, const char *value, const char *after);

#endif
