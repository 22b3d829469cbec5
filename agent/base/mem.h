/* Memory: allocations that end the process when a small one fails, and a growing string. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

/* Like malloc, calloc, realloc, strdup, strndup, but never NULL: a failure ends the process with
   one line on stderr. For sizes of our own making; a size that comes from outside must be checked
   before.
   @gives memory for free(). @thread any */
void *mem_alloc(size_t size);
void *mem_zero(size_t count, size_t size);
void *mem_resize(void *p, size_t count, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* The allocator that the program is linked with, "jemalloc 5.3.0"; "libc" where that is all there
   is (MALLOC=libc, sanitizers). @borrows until this thread asks again @thread any */
const char *mem_allocator(void);

/* What jemalloc reads before anything is allocated; MALLOC_CONF in the environment wins over it. */
extern const char *malloc_conf;

/* A fresh string made by printf rules. @gives memory for free(). @thread any */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Overwrites a secret string with zeros, frees it and clears the pointer. NULL is accepted. @thread
   any */
void mem_wipe(char **s);

/* Makes room for one more element: doubles *capacity (from 8) when count has reached it. Returns
   the new array; `a = mem_grow(a, &cap, n, sizeof(*a))`. @thread any */
void *mem_grow(void *array, size_t *capacity, size_t count, size_t size);

/* A string that grows. Zero-initialised is empty; s is NULL until something was added, then always
   NUL-terminated; length does not count the NUL (the text may hold others). */
struct text {
	char *s;
	size_t length, capacity;
};

/* Add bytes, a C string, one char, or a printf result at the end. @thread any */
void text_add(struct text *text, const void *bytes, size_t n);
void text_puts(struct text *text, const char *s);
void text_putc(struct text *text, char c);
void text_printf(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *text, const char *fmt, va_list ap);

/* Hands the string over ("" instead of NULL) and leaves text empty. @gives memory for free() */
char *text_take(struct text *text);

/* Frees the string and leaves text empty. */
void text_fini(struct text *text);

#endif
