/* A JSON document while it is written. */
#include "base/document.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"

/* What stands between this value and the one before. */
static void
begin_value(struct document *d)
{
	if (d->wants_comma)
		text_putc(&d->text, ',');
	d->wants_comma = true;
}

void
document_open(struct document *d, char bracket)
{
	begin_value(d);
	text_putc(&d->text, bracket);
	d->wants_comma = false;
}

void
document_close(struct document *d, char bracket)
{
	text_putc(&d->text, bracket);
	d->wants_comma = true;
}

void
document_name(struct document *d, const char *name)
{
	document_string(d, name);
	text_putc(&d->text, ':');
	d->wants_comma = false;
}

void
document_open_named(struct document *d, const char *name, char bracket)
{
	document_name(d, name);
	document_open(d, bracket);
}

void
document_string(struct document *d, const char *s)
{
	begin_value(d);
	json_put_text(&d->text, s);
}

void
document_int(struct document *d, int64_t n)
{
	begin_value(d);
	text_printf(&d->text, "%" PRId64, n);
}

void
document_uint(struct document *d, uint64_t n)
{
	begin_value(d);
	text_printf(&d->text, "%" PRIu64, n);
}

void
document_real(struct document *d, double n)
{
	if (!isfinite(n)) {
		document_null(d);
		return;
	}
	begin_value(d);
	/* Counts keep all their digits; of what was measured nine are enough. */
	text_printf(&d->text, n == floor(n) && fabs(n) < 9e15 ? "%.0f" : "%.9g", n);
}

void
document_bool(struct document *d, bool b)
{
	document_raw(d, b ? "true" : "false");
}

void
document_null(struct document *d)
{
	document_raw(d, "null");
}

void
document_raw(struct document *d, const char *json)
{
	begin_value(d);
	text_puts(&d->text, json);
}

void
document_add_string(struct document *d, const char *name, const char *s)
{
	document_name(d, name);
	document_string(d, s);
}

void
document_add_int(struct document *d, const char *name, int64_t n)
{
	document_name(d, name);
	document_int(d, n);
}

void
document_add_uint(struct document *d, const char *name, uint64_t n)
{
	document_name(d, name);
	document_uint(d, n);
}

void
document_add_real(struct document *d, const char *name, double n)
{
	document_name(d, name);
	document_real(d, n);
}

void
document_add_bool(struct document *d, const char *name, bool b)
{
	document_name(d, name);
	document_bool(d, b);
}

void
document_add_known_int(struct document *d, const char *name, int64_t n)
{
	document_name(d, name);
	if (n < 0)
		document_null(d);
	else
		document_int(d, n);
}

void
document_add_known_real(struct document *d, const char *name, double n)
{
	document_name(d, name);
	document_real(d, n < 0 ? NAN : n);
}

void
document_add_time(struct document *d, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	document_add_string(d, name, wall_ms ? clock_print(wall_ms, text) : NULL);
}

char *
document_take(struct document *d)
{
	d->wants_comma = false;
	return text_take(&d->text);
}
