/* Findings: what a look at a cluster found, step by step, each a word and a sentence. */
#include "kafka/findings.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

const char *
finding_word(enum finding_verdict verdict)
{
	static const char *const words[FINDING_VERDICTS] = {
		[FINDING_OK] = "ok",
		[FINDING_WARNING] = "warning",
		[FINDING_FAILED] = "FAILED",
		[FINDING_SKIPPED] = "skipped",
		[FINDING_UNCHECKED] = "not checked",
	};

	return words[verdict];
}

/* Bytes of brokers stand in what is found, and must not steer a terminal: control characters, and
   what is no character, become blanks and question marks. */
static void
clean(char *s)
{
	for (size_t n; *s; s += n) {
		const unsigned char *c = (const unsigned char *)s;

		n = utf8_length(s, strnlen(s, 4));
		if (n > 0 && *c >= ' ' && *c != 0x7f && !(c[0] == 0xc2 && c[1] < 0xa0))
			continue;
		n = n ? n : 1;
		memset(s, *c == '\t' || *c == '\n' || *c == '\r' ? ' ' : '?', n);
	}
}

/* @takes finding's strings */
static void
take(struct findings *findings, struct finding finding)
{
	findings->items = mem_grow(
		findings->items, &findings->capacity, findings->count, sizeof(*findings->items));
	findings->items[findings->count++] = finding;
}

void
findings_add(struct findings *findings, const char *place, const char *step,
	enum finding_verdict verdict, const char *fmt, ...)
{
	struct text text = {0};
	struct finding finding;
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(&text, fmt, ap);
	va_end(ap);
	finding = (struct finding){mem_strdup(place), mem_strdup(step), verdict, text_take(&text)};
	clean(finding.place);
	clean(finding.text);
	take(findings, finding);
}

void
findings_soften(struct findings *findings, const char *more)
{
	for (size_t i = 0; i < findings->count; i++) {
		struct finding *f = &findings->items[i];
		char *text = f->text;

		if (f->verdict != FINDING_FAILED)
			continue;
		f->verdict = FINDING_WARNING;
		f->text = mem_printf("%s; %s", text, more);
		free(text);
	}
}

void
findings_append(struct findings *to, struct findings *from)
{
	for (size_t i = 0; i < from->count; i++)
		take(to, from->items[i]);
	free(from->items);
	*from = (struct findings){0};
}

size_t
findings_count(const struct findings *findings, enum finding_verdict verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->items[i].verdict == verdict;
	return count;
}

void
findings_fini(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->items[i].place);
		free(findings->items[i].step);
		free(findings->items[i].text);
	}
	free(findings->items);
	*findings = (struct findings){0};
}
