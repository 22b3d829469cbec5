/* What is wrong with a configuration: collected, then shown all at once. */
#include "config/problems.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"

static void
add(struct problems *problems, const char *origin, bool is_error, const char *fmt, va_list ap)
{
	struct text text = {0};
	struct problem *problem;

	problems->items = mem_grow(
		problems->items, &problems->capacity, problems->count, sizeof(*problems->items));
	problem = &problems->items[problems->count++];
	text_vprintf(&text, fmt, ap);
	problem->origin = origin ? mem_strdup(origin) : NULL;
	problem->text = text_take(&text);
	problem->is_error = is_error;
	problems->errors += is_error;
}

void
problems_error(struct problems *problems, const char *origin, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(problems, origin, true, fmt, ap);
	va_end(ap);
}

void
problems_warn(struct problems *problems, const char *origin, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(problems, origin, false, fmt, ap);
	va_end(ap);
}

void
problems_print(const struct problems *problems, FILE *out)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->items[i];

		fprintf(out, "%s%s%s%s\n", problem->is_error ? "" : "warning: ",
			problem->origin ? problem->origin : "", problem->origin ? ": " : "",
			problem->text);
	}
}

void
problems_fini(struct problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->items[i].origin);
		free(problems->items[i].text);
	}
	free(problems->items);
	*problems = (struct problems){0};
}
