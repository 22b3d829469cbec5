/* JSON paths: one value out of JSON text, without decoding the rest. */
#ifndef SCRIPT_JSONPATH_H
#define SCRIPT_JSONPATH_H

#include <stddef.h>

#include "script/library.h"

/* "customer.id", "items.0.price": keys and, in arrays, numbers from 0 on, with dots between them. A key that holds a
   dot cannot be named. @gives the path; jsonpath_free */
struct script_json_path *jsonpath_new(const char *text, size_t size);
void jsonpath_free(struct script_json_path *path);

/* The value at the path into *ret (see struct script_value); _type 0: not there, -1: the bytes are not JSON (RFC 8259, the
   whole of them is looked at). Of a key that stands twice the last counts. Strings have their escapes resolved; their
   bytes, and those of objects and arrays, live until the next call of the same thread, or as long as bytes. @thread any */
void jsonpath_get(
	const char *bytes, size_t size, const struct script_json_path *path, struct script_value *ret);

#endif
