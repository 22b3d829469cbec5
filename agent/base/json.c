/* JSON: values written at the end of a text; always valid JSON in UTF-8, whatever bytes come. */
#include "base/json.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

/* Does the character steer a terminal? Those from U+0080 to U+009F do as well: U+009B is another
   ESC [. */
static bool
is_control(const char *s, size_t length)
{
	const unsigned char *c = (const unsigned char *)s;

	return (length == 1 && (c[0] < 0x20 || c[0] == 0x7f)) ||
	       (length == 2 && c[0] == 0xc2 && c[1] < 0xa0);
}

void
json_put_bytes(struct text *out, const char *s, size_t size)
{
	text_putc(out, '"');
	for (size_t n; size; s += n, size -= n) {
		n = utf8_length(s, size);
		if (n == 0) {
			text_puts(out, "\\ufffd");
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			text_printf(out, "\\%c", *s);
		} else if (is_control(s, n)) {
			text_printf(out, "\\u%04x", (unsigned char)s[n - 1]);
		} else {
			text_add(out, s, n);
		}
	}
	text_putc(out, '"');
}

void
json_put_text(struct text *out, const char *s)
{
	if (s)
		json_put_bytes(out, s, strlen(s));
	else
		text_puts(out, "null");
}

void
json_put_real(struct text *out, double number, int digits)
{
	if (isfinite(number))
		text_printf(out, "%.*f", digits, number);
	else
		text_puts(out, "null");
}

void
json_put_field(struct text *out, const char *name, const char *value, const char *after)
{
	json_put_text(out, name);
	text_putc(out, ':');
	json_put_text(out, value);
	text_puts(out, after);
}
