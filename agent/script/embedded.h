/* Embedded: the Lua modules and FFI declarations that are inside the program; made by
 * tests/tools/embed. */
#ifndef SCRIPT_EMBEDDED_H
#define SCRIPT_EMBEDDED_H

#include <stddef.h>

/* "mirror.json", or "ffi.view" for a C header's FFI part. text ends with a zero byte that size does
 * not count. */
struct embedded {
	const char *name, *text;
	size_t size;
};

/* Ends with an entry whose name is NULL. */
extern const struct embedded embedded_files[];

#endif
