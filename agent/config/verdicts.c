/* Verdicts: what became of each line of the configuration, for `reflejo check`. */
#include "config/verdicts.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"

const char *
verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICT_COUNT] = {
		[VERDICT_SET] = "set",
		[VERDICT_TRANSLATED] = "translated",
		[VERDICT_HANDLED] = "handled",
		[VERDICT_IGNORED] = "ignored",
		[VERDICT_WARNED] = "warned",
		[VERDICT_REFUSED] = "refused",
	};

	return names[verdict];
}

void
verdicts_add(struct config_verdicts *verdicts, const char *origin, const char *section,
	const char *key, const char *shown, enum verdict verdict, const char *detail, ...)
{
	struct text text = {0};
	va_list ap;

	va_start(ap, detail);
	text_vprintf(&text, detail, ap);
	va_end(ap);
	verdicts->items = mem_grow(
		verdicts->items, &verdicts->capacity, verdicts->count, sizeof(*verdicts->items));
	verdicts->items[verdicts->count++] = (struct config_verdict){
		.origin = mem_strdup(origin),
		.section = mem_strdup(section),
		.key = mem_strdup(key),
		.shown = mem_strdup(shown),
		.verdict = verdict,
		.detail = text_take(&text),
	};
}

void
verdicts_free(struct config_verdicts **verdicts)
{
	if (!*verdicts)
		return;
	for (size_t i = 0; i < (*verdicts)->count; i++) {
		struct config_verdict *item = &(*verdicts)->items[i];

		free(item->origin);
		free(item->section);
		free(item->key);
		free(item->shown);
		free(item->detail);
	}
	free((*verdicts)->items);
	free(*verdicts);
	*verdicts = NULL;
}
