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

/* Lets threads share so many of the C library's heaps, if those are fewer than it would make: eight
   for each processor. What a heap has once had it seldom gives back, and threads of clients that
   come and go use one after the other. MALLOC_ARENA_MAX and GLIBC_TUNABLES in the environment win.
   Before threads are started. */
void mem_limit_heaps(int heaps);

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
