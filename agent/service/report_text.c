/* The text of a report, for people. */
#include "service/report_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/amount.h"

/* Of more than so many the file has the rest. */
#define TOPICS_MOST 100
#define LEFT_MOST 50

static void
put_title(struct text *out, const struct report_summary *s)
{
	if (s->left_count > 0)
		text_printf(out, "one shot: %zu %s left out (status %d)", s->left_count,
			s->left_count == 1 ? "thing was" : "things were", s->status);
	else if (s->status != 0)
		text_printf(out, "one shot: it failed (status %d)", s->status);
	else
		text_puts(out, "one shot: everything is mirrored and committed");
	text_printf(out, "; it ended because %s\n", s->why && *s->why ? s->why : "it was told to");
}

/* "  name   number  " and what follows it. */
static void
put_number(struct text *out, const char *name, uint64_t number)
{
	text_printf(out, "  %-14s %14" PRIu64, name, number);
}

static void
put_rate(struct text *out, const struct report_row *sum)
{
	double seconds = report_row_seconds(sum);

	text_puts(out, ", ");
	amount_put_bytes(out, (double)sum->bytes);
	if (seconds <= 0)
		return;
	text_puts(out, " in ");
	amount_put_span(out, seconds);
	text_puts(out, ", ");
	amount_put_count(out, (double)sum->settled[FATE_MIRRORED] / seconds);
	text_puts(out, " records/s, ");
	amount_put_bytes(out, (double)sum->bytes / seconds);
	text_puts(out, "/s");
}

static void
put_drops(struct text *out, const struct report_row *sum)
{
	for (size_t i = 0; i < sum->drop_count; i++)
		text_printf(out, "  %14s %14" PRIu64 "  %s\n", "", sum->drops[i].count,
			*sum->drops[i].reason ? sum->drops[i].reason : "without a reason");
}

/* What was not the rule: nothing is said of what did not happen. */
static void
put_rest(struct text *out, const struct report_row *sum)
{
	const struct {
		const char *name;
		uint64_t count;
		const char *what;
	} rows[] = {
		{"dead letters", sum->settled[FATE_DEAD_LETTER],
			"are in the dead-letter topic instead"},
		{"sent again", sum->resent, "after an error"},
		{"given up", sum->given_up,
			"were on their way when a partition was taken, and "
			"are read by who has it next"},
		{"not read again", (uint64_t)sum->not_read_again,
			"offsets below the group's positions at the start"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].count == 0)
			continue;
		put_number(out, rows[i].name, rows[i].count);
		text_printf(out, "  %s\n", rows[i].what);
	}
}

static void
put_topic(struct text *out, const char *name, const struct report_row *sum)
{
	text_printf(out, "  %-40s %5zu %14" PRIu64 " %14" PRIu64 " %14" PRIu64 " %10" PRIu64 "\n",
		name, sum->partitions, sum->read, sum->settled[FATE_MIRRORED],
		sum->settled[FATE_DROPPED] + sum->settled[FATE_FAILED],
		sum->settled[FATE_DEAD_LETTER]);
}

static void
put_topics(struct text *out, const struct report_rows *rows)
{
	size_t topics = 0;

	if (rows->count)
		text_printf(out, "  %-40s %5s %14s %14s %14s %10s\n", "topic", "parts", "read",
			"mirrored", "dropped", "dead");
	for (size_t i = 0; i < rows->count; topics++) {
		const char *name = rows->items[i].topic;
		struct report_row sum = {.first_ms = INT64_MAX};

		for (; i < rows->count && !strcmp(rows->items[i].topic, name); i++)
			report_row_sum(&sum, &rows->items[i]);
		if (topics < TOPICS_MOST)
			put_topic(out, name, &sum);
		report_row_fini(&sum);
	}
	if (topics > TOPICS_MOST)
		text_printf(out, "  and %zu more\n", topics - TOPICS_MOST);
}

static void
put_groups(struct text *out, const struct group_sync_message *m)
{
	text_printf(out,
		"  consumer groups at the target: %u of %u; offsets: %u exact, %u bounds, %u "
		"unknown%s"
		"\n",
		m->synced, m->groups, m->qualities[OFFSET_EXACT], m->qualities[OFFSET_BOUND],
		m->qualities[OFFSET_UNKNOWN],
		m->qualities[OFFSET_UNKNOWN] > 0 ? " and not written" : "");
}

static void
put_left(struct text *out, const struct report_summary *s)
{
	if (s->left_count > 0)
		text_puts(out, "  left out:\n");
	for (size_t i = 0; i < s->left_count && i < LEFT_MOST; i++) {
		const struct report_left *l = &s->left[i];

		text_puts(out, "    ");
		if (l->topic)
			text_printf(out, "%s partition %d: ", l->topic, (int)l->partition);
		text_printf(out, "%s\n", l->why);
	}
	if (s->left_count > LEFT_MOST)
		text_printf(out, "    and %zu more\n", s->left_count - LEFT_MOST);
}

void
report_text_put(struct text *out, const struct report_summary *s)
{
	put_title(out, s);
	put_number(out, "read", s->sum->read);
	text_printf(out, "  records of %zu partitions\n", s->sum->partitions);
	put_number(out, "mirrored", s->sum->settled[FATE_MIRRORED]);
	put_rate(out, s->sum);
	text_putc(out, '\n');
	put_number(out, "dropped", s->sum->settled[FATE_DROPPED] + s->sum->settled[FATE_FAILED]);
	text_putc(out, '\n');
	put_drops(out, s->sum);
	put_rest(out, s->sum);
	put_topics(out, s->rows);
	if (s->groups)
		put_groups(out, s->groups);
	put_left(out, s);
	if (s->file)
		text_printf(out, "  partition by partition: %s\n", s->file);
}
