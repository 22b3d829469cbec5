/* JSON text: stepping over its values, and the bytes of its strings and numbers. */
#ifndef SCRIPT_JSON_H
#define SCRIPT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/* How deep arrays and objects may stand inside each other. */
#define JSON_DEPTH_MAX 1000

/* Steps over blanks. @thread any, as all here */
const char *json_blanks(const char *p, const char *end);

/* Steps over the value, or the string, that begins at p: where it ends, or NULL when what stands
   there is none. Strings are looked at for their form only, not whether they are UTF-8. */
const char *json_value(const char *p, const char *end);
const char *json_string(const char *p, const char *end);

/* Can these bytes stand between quotes as they are: no quote, backslash or control character? */
bool json_is_plain(const char *p, const char *end);

/* What stands between the quotes of a string that json_string accepted, unescaped into text; a lone
   surrogate becomes U+FFFD. */
void json_unescape(const char *p, const char *end, struct text *text);

/* The number of a text that json_value accepted. */
double json_number(const char *p, const char *end);

#endif
