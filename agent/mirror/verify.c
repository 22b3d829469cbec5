/* Verifying: reads both clusters and compares what is at the target with what the plan and the
   script make of the source. */
#include "mirror/verify.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mirror/topics.h"
#include "mirror/verify_state.h"

void
verify_note(struct verify *v, const char *format, ...)
{
	struct verify_report *report = v->report;
	struct text text = {0};
	va_list args;

	va_start(args, format);
	text_vprintf(&text, format, args);
	va_end(args);
	report->notes = mem_resize(report->notes, report->note_count + 1, sizeof(*report->notes));
	report->notes[report->note_count++] = text_take(&text);
}

void
verify_feed(struct verify_source *s, const char *name, uint32_t target)
{
	struct verify_feeds *f = &s->feeds;

	f->items = mem_grow(f->items, &f->capacity, f->count, sizeof(*f->items));
	f->items[f->count++] = (struct verify_feed){name, target};
}

/* Room for all partitions of the topics, then one range for each of them. */
static void
add_ranges(struct verify_side *side, struct verify_source *source, const char *topic,
	int32_t partitions, uint32_t target)
{
	side->ranges = mem_resize(
		side->ranges, side->count + (size_t)partitions + 1, sizeof(*side->ranges));
	for (int32_t i = 0; i < partitions; i++)
		side->ranges[side->count++] = (struct verify_range){
			.source = source, .topic = topic, .partition = i, .target = target};
}

static void
list_sources(struct verify *v)
{
	const struct plan *plan = v->options->plan;

	v->sources = mem_zero(plan->mirrored + 1, sizeof(*v->sources));
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_topic *t = &plan->topics[i];
		struct verify_source *s = &v->sources[v->source_count];

		if (!t->target)
			continue;
		s->topic = t;
		v->source_count++;
		add_ranges(&v->source, s, t->name, t->partitions, UINT32_MAX);
	}
}

/* Topics of the target to which records may go: those of the plan, and with a script any. */
static void
list_targets(struct verify *v)
{
	const struct plan *plan = v->options->plan;
	const char *letters = v->options->config->mirror.dead_letter_topic;

	for (size_t i = 0; i < plan->target_count; i++) {
		const struct plan_partitions *t = &plan->targets[i];
		bool is_wanted = v->options->script && !topics_is_internal(t->name);

		for (size_t n = 0; n < v->source_count && !is_wanted; n++)
			is_wanted = !strcmp(v->sources[n].topic->target, t->name);
		if (is_wanted || (letters && !strcmp(letters, t->name)))
			add_ranges(&v->target, NULL, t->name, t->partitions, UINT32_MAX);
	}
}

/* About how many records a topic of the source has in its window. */
static uint64_t
count_records(const struct verify *v, const struct verify_source *s)
{
	uint64_t records = 0;

	for (size_t i = 0; i < v->source.count; i++)
		if (v->source.ranges[i].source == s)
			records += (uint64_t)(v->source.ranges[i].end - v->source.ranges[i].from);
	return records;
}

/* All topics that the plan names are in the audit before the first record, so that what is known of
   their partitions is known for all that goes there. */
static void
prepare_audit(struct verify *v)
{
	struct audit_options options = v->options->audit;

	options.topics = v->source_count;
	v->expect = expect_new(v->options->config, v->options->plan, v->options->script);
	v->audit = audit_new(&options);
	for (size_t i = 0; i < v->source_count; i++) {
		struct verify_source *s = &v->sources[i];

		s->target = audit_topic(v->audit, s->topic->target, s->topic->target_partitions,
			s->topic->rule == PLAN_BY_KEY ? s->topic->partitions : 1,
			count_records(v, s), expect_knows_partition(v->expect, s->topic, true),
			expect_knows_partition(v->expect, s->topic, false));
		verify_feed(s, s->topic->target, s->target);
	}
}

/* What goes where is known when the source was read the first time. */
static void
name_targets(struct verify *v)
{
	for (size_t i = 0; i < v->target.count; i++)
		v->target.ranges[i].target = audit_find_topic(v->audit, v->target.ranges[i].topic);
}

/* What this look has to read of one side. */
static uint64_t
amount(const struct verify *v, const struct verify_side *side)
{
	uint64_t records = 0;

	for (size_t i = 0; i < side->count; i++)
		if (verify_wants(v, &side->ranges[i]))
			records += (uint64_t)(side->ranges[i].end - side->ranges[i].from);
	return records;
}

static struct verify_place
place_of(const struct verify *v, const struct lineup_entry *e)
{
	const struct verify_side *side;

	if (!e)
		return (struct verify_place){0};
	side = e->side == LINEUP_FOUND ? &v->target : &v->source;
	return (struct verify_place){side->ranges[e->range].topic, side->ranges[e->range].partition,
		e->offset, e->content, e->key_size, e->value_size};
}

/* Keeps a finding, up to the limit of its topic. */
static void
on_finding(const struct finding *f, void *arg)
{
	struct verify *v = arg;
	struct verify_report *report = v->report;
	const struct lineup_entry *e = f->expected ? f->expected : f->found;

	while (v->found_count <= e->topic) {
		v->found = mem_resize(v->found, v->found_count + 1, sizeof(*v->found));
		v->found[v->found_count++] = 0;
	}
	if (v->found[e->topic]++ >= v->options->audit.limit)
		return;
	report->findings =
		mem_resize(report->findings, report->finding_count + 1, sizeof(*report->findings));
	report->findings[report->finding_count++] = (struct verify_finding){.kind = f->kind,
		.is_tolerated = v->options->audit.tolerates[f->kind],
		.has_key = e->has_key,
		.key = e->has_key ? e->group : 0,
		.source = place_of(v, f->expected),
		.target = place_of(v, f->found),
		.before = place_of(v, f->before)};
}

/* The script's answers of the first look count, not those of the others. */
static void
note_script(struct verify *v)
{
	const struct expect_counts *c = expect_counts(v->expect);

	if (v->held > 0)
		verify_note(v,
			"The script gives no answer for %llu records, so that they cannot be "
			"compared; the last one: %s.",
			(unsigned long long)v->held, c->reason);
	if (c->moved > 0 &&
		(v->options->from_ms != VERIFY_ALWAYS || v->options->to_ms != VERIFY_ALWAYS))
		verify_note(v,
			"The script gives %llu records another timestamp: some may be inside "
			"the window on one side only. Compare without a window of time.",
			(unsigned long long)c->moved);
	if (c->dropped > 0)
		verify_note(v, "%llu records of the source are left out by the script.",
			(unsigned long long)c->dropped);
	if (c->loops > 0)
		verify_note(v,
			"%llu records of the source are left out because they came from the "
			"target (loop.drop).",
			(unsigned long long)c->loops);
}

/* The first look at everything, then others at what differs. */
static int
look(struct verify *v, struct err *err)
{
	v->is_first = true;
	v->total = amount(v, &v->source);
	for (size_t i = 0; i < v->target.count; i++)
		v->total += (uint64_t)(v->target.ranges[i].end - v->target.ranges[i].from);
	if (verify_read(v, &v->source, err) < 0)
		return -1;
	note_script(v);
	name_targets(v);
	v->total = v->done + amount(v, &v->target);
	if (verify_read(v, &v->target, err) < 0)
		return -1;
	v->is_first = false;
	for (int n = 0; audit_next_look(v->audit, on_finding, v); n++) {
		if (n == 0)
			verify_learn_compaction(v);
		v->total = v->done + amount(v, &v->source) + amount(v, &v->target);
		if (verify_read(v, &v->source, err) < 0 || verify_read(v, &v->target, err) < 0)
			return -1;
	}
	return 0;
}

/* Topics of the source that go to this one, with commas, and their records. */
static void
sum_sources(const struct verify *v, uint32_t target, struct verify_topic *t)
{
	struct text names = {0};

	for (size_t i = 0; i < v->source_count; i++) {
		if (v->sources[i].target != target)
			continue;
		text_printf(&names, "%s%s", names.length > 0 ? "," : "", v->sources[i].topic->name);
		t->records += v->sources[i].records;
	}
	t->sources = text_take(&names);
}

/* Sentences that come from what was found in a topic. */
static void
note_topic(struct verify *v, const struct verify_topic *t)
{
	if (t->is_missing && t->sum.expected > 0)
		verify_note(v, "The target has no topic %s.", t->name);
	if (t->sum.is_append)
		verify_note(v,
			"Timestamps of %s are not compared: the target writes its own "
			"(message.timestamp.type=LogAppendTime).",
			t->name);
	if (t->sum.is_changing)
		verify_note(v,
			"%s cannot be compared for certain: the script's answers, or the log, "
			"were not the same when they were read again.",
			t->name);
	if (t->sum.unplaced > 0)
		verify_note(v,
			"For %llu records with a key in %s it was not compared in which "
			"partition they are: the rule leaves it open.",
			(unsigned long long)t->sum.unplaced, t->name);
	if (t->sum.untold > 0)
		verify_note(v,
			"Of the records that need not be at the target yet %llu are more than "
			"--memory holds: what is there of them counts among those of %s.",
			(unsigned long long)t->sum.untold, t->name);
	if (t->sum.unordered > 0)
		verify_note(v,
			"The order of %llu records with a key in %s was not compared: it takes "
			"more memory than --memory allows.",
			(unsigned long long)t->sum.unordered, t->name);
	if (t->sum.looked < t->sum.differing)
		verify_note(v,
			"%zu of %zu ranges of keys in %s differ, and %zu of them were looked "
			"into: there are more differences than were counted.",
			t->sum.differing, t->sum.ranges, t->name, t->sum.looked);
	if (t->sum.kinds[FINDING_COMPACTED] > 0)
		verify_note(v,
			"%llu records of %s are on one side only because compaction has taken "
			"them away on the other: a later one of their key makes up for them.",
			(unsigned long long)t->sum.kinds[FINDING_COMPACTED], t->name);
	if (t->is_shared && t->sum.kinds[FINDING_UNEXPECTED] > 0)
		verify_note(v,
			"%s takes dead letters that the target's refusals made, or of other "
			"mirrors: unexpected records there are no difference.",
			t->name);
}

static void
sum_topic(struct verify *v, uint32_t number)
{
	struct verify_report *report = v->report;
	struct verify_topic *t = &report->topics[report->topic_count++];
	const char *letters = v->options->config->mirror.dead_letter_topic;

	*t = (struct verify_topic){.name = mem_strdup(audit_topic_name(v->audit, number)),
		.sum = *audit_sum(v->audit, number)};
	sum_sources(v, number, t);
	t->sum.kinds[FINDING_DUPLICATED] += t->sum.repeated;
	t->is_missing = plan_target_partitions(v->options->plan, t->name) == 0;
	t->is_shared = letters && !strcmp(letters, t->name);
	for (int kind = 0; kind < FINDING_KINDS; kind++)
		if (!v->options->audit.tolerates[kind] &&
			!(t->is_shared && kind == FINDING_UNEXPECTED))
			t->differences += t->sum.kinds[kind];
	report->differences += t->differences;
	if (t->sum.looked < t->sum.differing || t->sum.is_changing)
		report->is_whole = false;
	note_topic(v, t);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct verify_topic *)a)->name, ((const struct verify_topic *)b)->name);
}

/* Where clusters mirror the same topics to each other. */
static void
note_others(struct verify *v)
{
	if (v->others > 0)
		verify_note(v,
			"%llu records at the target did not come from the source, by their header "
			"%s, and were not compared.",
			(unsigned long long)v->others,
			v->options->config->mirror.provenance_header);
}

static void
sum_up(struct verify *v)
{
	struct verify_report *report = v->report;
	const struct config_mirror *mirror = &v->options->config->mirror;
	size_t count = audit_topic_count(v->audit);

	report->is_whole = v->held == 0;
	report->bytes = v->bytes;
	report->beyond = v->beyond;
	for (size_t i = 0; i < v->source_count; i++)
		report->records += v->sources[i].records;
	report->topics = mem_zero(count + 1, sizeof(*report->topics));
	for (size_t i = 0; i < count; i++)
		sum_topic(v, (uint32_t)i);
	qsort(report->topics, report->topic_count, sizeof(*report->topics), by_name);
	if (v->beyond > 0)
		verify_note(v,
			"About %llu records of the source are behind %s: they need not be at the "
			"target yet, and were not compared.%s",
			(unsigned long long)v->beyond,
			v->options->until == VERIFY_END ? "the ends at the beginning"
							: "the group's positions",
			v->options->until == VERIFY_END ? "" : " --to end compares them too.");
	note_others(v);
	if (report->differences > 0 && !mirror->abort_on_send_failure)
		verify_note(v,
			"With abort.on.send.failure=false records that the target refused are "
			"missing there.");
}

static void
close_all(struct verify *v)
{
	reader_close(&v->source.reader);
	reader_close(&v->target.reader);
	audit_free(&v->audit);
	expect_free(&v->expect);
	for (size_t i = 0; i < v->source_count; i++)
		free(v->sources[i].feeds.items);
	free(v->sources);
	free(v->source.ranges);
	free(v->target.ranges);
	free(v->found);
}

int
verify_run(const struct verify_options *options, struct verify_report *ret, struct err *err)
{
	struct verify v = {.options = options, .report = ret};
	int64_t began = clock_ms();
	int rc;

	*ret = (struct verify_report){0};
	list_sources(&v);
	list_targets(&v);
	rc = verify_open(&v, err);
	if (rc == 0) {
		prepare_audit(&v);
		name_targets(&v);
		rc = look(&v, err);
	}
	if (rc == 0) {
		sum_up(&v);
		verify_note_gaps(&v);
	}
	ret->seconds = (double)(clock_ms() - began) / 1000;
	close_all(&v);
	if (rc < 0)
		verify_report_fini(ret);
	return rc;
}

void
verify_report_fini(struct verify_report *report)
{
	for (size_t i = 0; i < report->topic_count; i++) {
		free(report->topics[i].name);
		free(report->topics[i].sources);
	}
	for (size_t i = 0; i < report->note_count; i++)
		free(report->notes[i]);
	free(report->topics);
	free(report->findings);
	free(report->notes);
	*report = (struct verify_report){0};
}
