/* JSON paths: the value at "a.b.0" of a JSON text, found over the bytes in place, without building
 * the document. */
#ifndef SCRIPT_JSONPATH_H
#define SCRIPT_JSONPATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "script/library.h"

/* A path that was read; holds what it found last. One thread at a time. */
struct script_path;

/* Names with dots between them: in an object the member of that name, in an array the element of
   that number, counted from 0. "\." is a dot and "\\" a backslash of a name; a name that is "*"
   alone stands for every member or element (for jsonpath_spans only). NULL: not a path. @gives the
   path; jsonpath_free */
struct script_path *jsonpath_new(const char *path, size_t size, struct err *err);
void jsonpath_free(struct script_path *path);

/* Has the path a "*"? */
int jsonpath_is_many(const struct script_path *path);

/* Finds the value: 1 and *ret, 0 nothing is there, -1 the text as a whole is not JSON (RFC 8259; of
   strings only the form is looked at, not whether they are UTF-8). Of members of the same name the
   last one counts. Strings come unescaped, a lone surrogate as U+FFFD; arrays and objects as their
   JSON text. ret->_text lives as long as the JSON text and until the path's next search. */
int jsonpath_get(struct script_path *path, const char *json, size_t size, struct script_value *ret);

/* Finds all values, members that a later one of the same name hides included: how many, -1: not
   JSON. *ret lives until the path's next search; spans stand in the order of the text and do not
   overlap. */
int32_t jsonpath_spans(
	struct script_path *path, const char *json, size_t size, const struct script_span **ret);

#endif
