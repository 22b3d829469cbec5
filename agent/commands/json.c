/* JSON on stdout, for the subcommands that have --json. */
#include "commands/json.h"

#include <stdio.h>

#include "base/json.h"

static void
print(struct text *text)
{
	fwrite(text->s, 1, text->length, stdout);
	text_fini(text);
}

void
json_print_text(const char *text)
{
	struct text out = {0};

	json_put_text(&out, text);
	print(&out);
}

void
json_print_field(const char *name, const char *value, const char *after)
{
	struct text out = {0};

	json_put_field(&out, name, value, after);
	print(&out);
}
