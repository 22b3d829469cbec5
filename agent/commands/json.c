/* JSON on stdout, for the subcommands that have --json. */
#include "commands/json.h"

#include <stddef.h>
#include <stdio.h>

/* Length of the UTF-8 character at s, 0 when there is none. */
static size_t
utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] >= 0xf5 || (s[0] >= 0x80 && s[0] < 0xc2))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

void
json_print_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putchar('"');
	while (*s) {
		size_t n = utf8_length(s);

		if (n == 0)
			fputs("\\ufffd", stdout);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			printf("\\u%04x", *s);
		else
			fwrite(s, 1, n, stdout);
		s += n ? n : 1;
	}
	putchar('"');
}

void
json_print_field(const char *name, const char *value, const char *after)
{
	printf("\"%s\":", name);
	if (value)
		json_print_text(value);
	else
		fputs("null", stdout);
	fputs(after, stdout);
}
