/* What reflejo verify shows. */
#include "commands/verify_view.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/amount.h"
#include "base/json.h"
#include "commands/table.h"

static const struct table_column columns[] = {
	{"TOPIC", TABLE_LEFT, TABLE_CUT_MIDDLE},
	{"DESTINATION", TABLE_LEFT, TABLE_CUT_MIDDLE},
	{"SOURCE", TABLE_RIGHT, TABLE_WHOLE},
	{"EXPECTED", TABLE_RIGHT, TABLE_WHOLE},
	{"TARGET", TABLE_RIGHT, TABLE_WHOLE},
	{"MISSING", TABLE_RIGHT, TABLE_WHOLE},
	{"DUPLICATED", TABLE_RIGHT, TABLE_WHOLE},
	{"DIFFERENT", TABLE_RIGHT, TABLE_WHOLE},
	{"REORDERED", TABLE_RIGHT, TABLE_WHOLE},
	{"MISPLACED", TABLE_RIGHT, TABLE_WHOLE},
	{"UNEXPECTED", TABLE_RIGHT, TABLE_WHOLE},
};

/* The columns of kinds, in the order of enum finding_kind. */
enum { KIND_COLUMNS = FINDING_UNEXPECTED + 1 };

static void
add_number(struct table *table, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	table_add(table, text);
}

static void
put_table(const struct verify_report *report, size_t width, struct text *out)
{
	struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));

	for (size_t i = 0; i < report->topic_count; i++) {
		const struct verify_topic *t = &report->topics[i];

		table_add(table, t->sources[0] ? t->sources : "-");
		table_add(table, t->name);
		add_number(table, t->records);
		add_number(table, t->sum.expected);
		add_number(table, t->sum.found);
		for (int kind = 0; kind < KIND_COLUMNS; kind++)
			add_number(table, t->sum.kinds[kind]);
	}
	table_put(&table, width, out);
}

static void
put_place(const struct verify_place *p, const char *side, struct text *out)
{
	if (p->topic)
		text_printf(
			out, "  %s %s:%d@%" PRId64, side, p->topic, (int)p->partition, p->offset);
}

static void
put_finding(const struct verify_finding *f, struct text *out)
{
	text_printf(out, "%-10s", finding_name(f->kind));
	put_place(&f->source, "source", out);
	put_place(&f->target, "target", out);
	put_place(&f->before, "behind", out);
	if (f->has_key)
		text_printf(out, "  key %016" PRIx64 " of %u B", f->key,
			f->source.topic ? f->source.key_size : f->target.key_size);
	if (f->source.topic)
		text_printf(out, "  content %016" PRIx64 ", value of %u B", f->source.hash,
			f->source.value_size);
	if (f->target.topic && f->target.hash != f->source.hash)
		text_printf(out, "%s %016" PRIx64 ", value of %u B",
			f->source.topic ? "  there" : "  content", f->target.hash,
			f->target.value_size);
	text_puts(out, f->is_tolerated ? "  (tolerated)\n" : "\n");
}

static void
put_verdict(const struct verify_report *report, struct text *out)
{
	uint64_t found = 0, tolerated = 0;

	for (size_t i = 0; i < report->topic_count; i++) {
		const struct verify_topic *t = &report->topics[i];

		found += t->sum.found;
		for (int kind = 0; kind < FINDING_KINDS; kind++)
			tolerated += t->sum.kinds[kind];
		tolerated -= t->differences;
	}
	if (report->differences > 0)
		text_printf(out, "%s%" PRIu64 " difference%s", report->is_whole ? "" : "at least ",
			report->differences, report->differences == 1 ? "" : "s");
	else if (!report->is_whole)
		text_puts(out, "not compared to the end");
	else if (tolerated > 0)
		text_printf(out, "the same but for %" PRIu64 " that are tolerated", tolerated);
	else
		text_puts(out, "the same");
	text_printf(out, ": %" PRIu64 " records of the source, %" PRIu64 " at the target, in ",
		report->records, found);
	amount_put_span(out, report->seconds);
	text_puts(out, "\n");
}

void
verify_view_text(const struct verify_report *report, size_t width, struct text *out)
{
	put_table(report, width, out);
	for (size_t i = 0; i < report->finding_count; i++)
		put_finding(&report->findings[i], out);
	for (size_t i = 0; i < report->note_count; i++)
		text_printf(out, "! %s\n", report->notes[i]);
	put_verdict(report, out);
}

static void
json_place(const char *name, const struct verify_place *p, struct text *out)
{
	if (!p->topic)
		return;
	text_printf(out, ",\"%s\":{", name);
	json_put_field(out, "topic", p->topic, ",");
	text_printf(out,
		"\"partition\":%d,\"offset\":%" PRId64 ",\"content\":\"%016" PRIx64
		"\",\"key_bytes\":%u,\"value_bytes\":%u}",
		(int)p->partition, p->offset, p->hash, p->key_size, p->value_size);
}

static void
json_finding(const struct verify_finding *f, struct text *out)
{
	text_printf(out, "{\"kind\":\"%s\",\"tolerated\":%s", finding_name(f->kind),
		f->is_tolerated ? "true" : "false");
	if (f->has_key)
		text_printf(out, ",\"key\":\"%016" PRIx64 "\"", f->key);
	json_place("source", &f->source, out);
	json_place("target", &f->target, out);
	json_place("behind", &f->before, out);
	text_puts(out, "}");
}

static void
json_topic(const struct verify_topic *t, struct text *out)
{
	text_puts(out, "{");
	json_put_field(out, "destination", t->name, ",");
	json_put_field(out, "topics", t->sources, ",");
	text_printf(out,
		"\"source\":%" PRIu64 ",\"expected\":%" PRIu64 ",\"target\":%" PRIu64
		",\"newer\":%" PRIu64,
		t->records, t->sum.expected, t->sum.found, t->sum.newer);
	for (int kind = 0; kind < FINDING_KINDS; kind++)
		text_printf(out, ",\"%s\":%" PRIu64, finding_name((enum finding_kind)kind),
			t->sum.kinds[kind]);
	text_printf(out,
		",\"differences\":%" PRIu64
		",\"key_ranges\":%zu,\"differing_ranges\":%zu,\"looked_into\":%zu"
		",\"order_not_compared\":%" PRIu64 ",\"partition_not_compared\":%" PRIu64
		",\"timestamps_compared\":%s}",
		t->differences, t->sum.ranges, t->sum.differing, t->sum.looked, t->sum.unordered,
		t->sum.unplaced, t->sum.is_append ? "false" : "true");
}

void
verify_view_json(const struct verify_report *report, struct text *out)
{
	text_printf(out,
		"{\"same\":%s,\"complete\":%s,\"differences\":%" PRIu64 ",\"records\":%" PRIu64
		",\"not_acknowledged\":%" PRIu64 ",\"bytes_read\":%" PRIu64 ",\"seconds\":",
		report->differences == 0 && report->is_whole ? "true" : "false",
		report->is_whole ? "true" : "false", report->differences, report->records,
		report->beyond, report->bytes);
	json_put_real(out, report->seconds, 3);
	text_puts(out, ",\"topics\":[");
	for (size_t i = 0; i < report->topic_count; i++) {
		text_puts(out, i > 0 ? "," : "");
		json_topic(&report->topics[i], out);
	}
	text_puts(out, "],\"findings\":[");
	for (size_t i = 0; i < report->finding_count; i++) {
		text_puts(out, i > 0 ? "," : "");
		json_finding(&report->findings[i], out);
	}
	text_puts(out, "],\"notes\":[");
	for (size_t i = 0; i < report->note_count; i++) {
		text_puts(out, i > 0 ? "," : "");
		json_put_text(out, report->notes[i]);
	}
	text_puts(out, "]}\n");
}
