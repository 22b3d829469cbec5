/* What is wrong with a configuration: collected, then shown all at once. */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct problem {
	char *origin;  /* "reflejo.ini:14", "--num.streams", or NULL */
	char *text;    /* a finished sentence without the origin */
	bool is_error; /* false: a warning */
};

struct problems {
	struct problem *items;
	size_t count, capacity;
	size_t errors;
	bool wants_usage; /* the problem is best answered by the usage text (no arguments at all, a
			     missing file flag) */
};

/* Adds one. origin may be NULL; the text is made by printf rules. */
void problems_error(struct problems *problems, const char *origin, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void problems_warn(struct problems *problems, const char *origin, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints "origin: text" lines in order, warnings with "warning: " in front. */
void problems_print(const struct problems *problems, FILE *out);

/* Frees what it holds. */
void problems_fini(struct problems *problems);

#endif
