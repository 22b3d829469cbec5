/* The characters of a Java expression: decoded, quotes resolved, read through a cursor. */
#ifndef MIRROR_JAVAREGEX_TEXT_H
#define MIRROR_JAVAREGEX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An expression as characters. Past the end stand zeros, as many as anyone looks for. */
struct expression {
	int32_t *chars;
	uint32_t *where; /* the number, from 1, of each character in what was typed */
	size_t count, capacity;
	size_t cursor;
	bool comments; /* (?x): blanks and #... to the end of the line are passed over */
};

/* Decodes UTF-8 (a bad byte counts as one character that matches nothing) and turns \Q...\E into
   escaped characters. Free with expression_fini. */
void expression_init(struct expression *e, const char *utf8);
void expression_fini(struct expression *e);

/* The character at the cursor, and the one `ahead` of it, whatever it is. */
int32_t expression_at(const struct expression *e, size_t ahead);

/* The same after passing over what (?x) ignores; the cursor moves there. */
int32_t expression_peek(struct expression *e);

/* One on, then peek; and peek, then one on. */
int32_t expression_next(struct expression *e);
int32_t expression_read(struct expression *e);

/* Is the cursor behind the last character? */
bool expression_is_over(const struct expression *e);

/* The number, from 1, of the character at a cursor position, for messages. */
size_t expression_number(const struct expression *e, size_t cursor);

#endif
