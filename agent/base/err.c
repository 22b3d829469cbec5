/* One error: a finished sentence, made where the facts are. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int
err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	struct err head;
	va_list ap;
	int n;

	if (!err)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(head.text, sizeof(head.text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(head.text))
		snprintf(head.text + n, sizeof(head.text) - (size_t)n, "%s", err->text);
	*err = head;
	return -1;
}
