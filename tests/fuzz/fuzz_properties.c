/* Fuzz target: any bytes as a properties file and as an INI file. Neither may crash, and what comes
   out keeps its promises. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool is_true)
{
	if (!is_true)
		abort();
}

static void
read_as(enum properties_format format, const char *bytes, size_t size)
{
	struct properties properties = {0};
	struct problems problems = {0};

	properties_read_text("fuzz", bytes, size, format, &properties, &problems);
	properties_mark_passed(&properties, true, &problems);
	require(properties.count <= PROPERTIES_MAX_KEYS);
	for (size_t i = 0; i < properties.count; i++) {
		const struct property *p = &properties.items[i];

		require(*p->key && p->value && !strncmp(p->origin, "fuzz:", 5));
		require(p->is_passed ||
			!strcmp(properties_get(&properties, p->section, p->key), p->value));
	}
	for (size_t i = 0; i < problems.count; i++) {
		/* A problem without a line is inih's, and there must be none. */
		require(!strncmp(problems.items[i].origin, "fuzz:", 5));
		require(*problems.items[i].text);
	}
	properties_fini(&properties);
	problems_fini(&problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as(PROPERTIES_JAVA, (const char *)data, size);
	read_as(PROPERTIES_INI, (const char *)data, size);
	return 0;
}
