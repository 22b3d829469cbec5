/* One error: a finished sentence, made where the facts are. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Long enough for a sentence with a path and a broker list; longer ones are cut. */
struct err {
	char text[1024];
};

/* Writes the sentence into err (which may be NULL: then nobody wants it). Always returns -1, so
   that a function can end with `return err_set(...)`. @thread any */
int err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts a prefix before the sentence already in err ("consumer.properties:3: "). Always returns -1.
   @thread any */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
