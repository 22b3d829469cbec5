/* Fuzz target: any bytes as a line and as a file of login modules. What comes out has classes, and
   values for its options. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/jaas.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool is_true)
{
	if (!is_true)
		abort();
}

static void
parse_as(enum jaas_form form, const char *text)
{
	struct jaas jaas;
	struct err err = {""};

	if (jaas_parse(text, form, &jaas, &err)) {
		require(*err.text);
		return;
	}
	require(form == JAAS_FILE || jaas.count > 0);
	for (size_t i = 0; i < jaas.count; i++) {
		const struct jaas_module *module = &jaas.modules[i];

		require(module->context && module->class && module->line > 0);
		for (size_t o = 0; o < module->count; o++)
			require(module->options[o].value &&
				jaas_get(module, module->options[o].name));
	}
	jaas_fini(&jaas);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	parse_as(JAAS_LINE, text);
	parse_as(JAAS_FILE, text);
	free(text);
	return 0;
}
