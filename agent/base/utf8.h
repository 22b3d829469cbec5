/* UTF-8: whether bytes are characters. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at s, of which size bytes are there; 0 when no whole character of UTF-8
   stands there (cut, overlong, a surrogate, beyond U+10FFFF), or size is 0. @thread any */
size_t utf8_length(const char *s, size_t size);

/* Is all of a string UTF-8? @thread any */
bool utf8_is_valid(const char *s);

#endif
