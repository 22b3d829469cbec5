/* Memory: allocations that end the process when a small one fails, and a growing string. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* jemalloc(3). NULL: not linked. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *given, size_t given_size)
	__attribute__((weak));

/* Four heaps, not four for each processor: what each keeps adds up, and threads have what they need
   at hand mostly. What is free longer than two seconds goes back to the system while that heap is
   used; pieces from 8 MiB on go back at once. Measured in tests/bench/README.md. Only jemalloc
   refers to it. */
__attribute__((used)) const char *malloc_conf = "narenas:4,dirty_decay_ms:2000";

static void *
need(void *p, size_t size)
{
	if (p || size == 0)
		return p;
	fprintf(stderr, "reflejo: out of memory (%zu bytes)\n", size);
	abort();
}

void *
mem_alloc(size_t size)
{
	return need(malloc(size ? size : 1), size);
}

void *
mem_zero(size_t count, size_t size)
{
	return need(calloc(count ? count : 1, size ? size : 1), count);
}

void *
mem_resize(void *p, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return need(NULL, SIZE_MAX);
	return need(realloc(p, count && size ? count * size : 1), count * size);
}

char *
mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *
mem_strndup(const char *s, size_t n)
{
	size_t length = strnlen(s, n);
	char *copy = mem_alloc(length + 1);

	memcpy(copy, s, length);
	copy[length] = '\0';
	return copy;
}

const char *
mem_allocator(void)
{
	static _Thread_local char name[64];
	const char *version;
	size_t size = sizeof(version);

	if (!mallctl || mallctl("version", &version, &size, NULL, 0))
		return "libc";
	snprintf(name, sizeof(name), "jemalloc %.*s", (int)strcspn(version, "-"), version);
	return name;
}

char *
mem_printf(const char *fmt, ...)
{
	struct text text = {0};
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&text, fmt, ap);
	va_end(ap);
	return text_take(&text);
}

void
mem_wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void *
mem_grow(void *array, size_t *capacity, size_t count, size_t size)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity ? *capacity * 2 : 8;
	return mem_resize(array, *capacity, size);
}

/* Room for n more bytes and the NUL. */
static void
text_reserve(struct text *text, size_t n)
{
	size_t wanted = text->length + n + 1;

	if (wanted <= text->capacity)
		return;
	if (wanted < text->capacity * 2)
		wanted = text->capacity * 2;
	text->s = mem_resize(text->s, wanted, 1);
	text->capacity = wanted;
}

void
text_add(struct text *text, const void *bytes, size_t n)
{
	text_reserve(text, n);
	if (n)
		memcpy(text->s + text->length, bytes, n);
	text->length += n;
	text->s[text->length] = '\0';
}

void
text_puts(struct text *text, const char *s)
{
	text_add(text, s, strlen(s));
}

void
text_putc(struct text *text, char c)
{
	text_add(text, &c, 1);
}

void
text_printf(struct text *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(text, fmt, ap);
	va_end(ap);
}

void
text_vprintf(struct text *text, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return;
	text_reserve(text, (size_t)n);
	vsnprintf(text->s + text->length, (size_t)n + 1, fmt, ap);
	text->length += (size_t)n;
}

char *
text_take(struct text *text)
{
	char *s = text->s ? text->s : mem_strdup("");

	*text = (struct text){0};
	return s;
}

void
text_fini(struct text *text)
{
	free(text->s);
	*text = (struct text){0};
}
