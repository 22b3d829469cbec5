/* Verifying: reads partitions and gives their records to the audit. */
#include <string.h>

#include "base/clock.h"
#include "mirror/letter.h"
#include "mirror/verify_state.h"

#define WAIT_MS 200
/* A cluster that gives nothing for so long is said to be away. */
#define PATIENCE_MS 60000
#define PROGRESS_MS 200

bool
verify_wants(const struct verify *v, const struct verify_range *r)
{
	if (r->from >= r->end)
		return false;
	if (!r->source)
		return r->target != UINT32_MAX && audit_wants_topic(v->audit, r->target);
	for (size_t i = 0; i < r->source->feeds.count; i++)
		if (audit_wants_topic(v->audit, r->source->feeds.items[i].target))
			return true;
	return v->is_first;
}

/* The topic of the audit that a record goes to. A script may name one that was not heard of yet. */
static uint32_t
target_of(struct verify *v, struct verify_source *s, const char *name)
{
	const char *letters = v->options->config->mirror.dead_letter_topic;
	const struct plan_topic *rule = name == letters ? NULL : s->topic;
	uint32_t target;

	/* A name is the same pointer every time. */
	for (size_t i = 0; i < s->feeds.count; i++)
		if (s->feeds.items[i].name == name)
			return s->feeds.items[i].target;
	target = audit_find_topic(v->audit, name);
	if (target == UINT32_MAX)
		target = audit_topic(v->audit, name, plan_target_partitions(v->options->plan, name),
			1, s->records, expect_knows_partition(v->expect, rule, true),
			expect_knows_partition(v->expect, rule, false));
	verify_feed(s, name, target);
	return target;
}

/* A record of the source was run through the script: where it must be. */
static void
on_expected(const struct expected *x, void *arg)
{
	struct verify *v = arg;
	struct verify_range *r = v->current;

	audit_expected(v->audit, target_of(v, r->source, x->topic), x,
		(uint32_t)(r - v->source.ranges), v->is_newer);
}

static bool
is_in_window(const struct verify *v, const struct record *r)
{
	const struct verify_options *o = v->options;

	return (o->from_ms == VERIFY_ALWAYS || r->timestamp >= o->from_ms) &&
	       (o->to_ms == VERIFY_ALWAYS || r->timestamp < o->to_ms);
}

/* Records of the source on one side of the group's position. */
static void
tell(struct verify *v, struct verify_range *r, const struct record *records, size_t count)
{
	uint64_t held = expect_counts(v->expect)->held;

	if (count == 0)
		return;
	v->current = r;
	v->is_newer = records[0].offset >= r->until;
	if (v->is_first && !v->is_newer)
		r->source->records += count;
	expect_run(v->expect, r->source->topic, r->partition, records, count, on_expected, v);
	if (v->is_first && !v->is_newer)
		v->held += expect_counts(v->expect)->held - held;
}

static void
take_source(struct verify *v, struct verify_range *r, const struct record *records, size_t count)
{
	size_t older = 0;

	while (older < count && records[older].offset < r->until)
		older++;
	tell(v, r, records, older);
	tell(v, r, records + older, count - older);
}

static void
take_target(struct verify *v, struct verify_range *r, const struct record *records, size_t count)
{
	const char *letters = v->options->config->mirror.dead_letter_topic;
	bool is_letters = letters && !strcmp(r->topic, letters);
	struct fingerprint fp;
	const char *name;
	const void *value;
	size_t size;

	for (size_t i = 0; i < count; i++) {
		const struct record *x = &records[i];

		if (expect_is_others(v->expect, x)) {
			v->others += v->is_first;
			continue;
		}
		fingerprint_begin(&fp, x->key, x->key_size, x->value, x->value_size);
		for (size_t n = 0; record_header(x->message, n, &name, &value, &size); n++)
			if (!is_letters || strcmp(name, LETTER_GENERATION) != 0)
				fingerprint_header(&fp, name, value, size);
		fingerprint_end(&fp, x->timestamp);
		audit_found(v->audit, r->target, &fp, r->partition,
			(uint32_t)(r - v->target.ranges), x->offset,
			x->timestamp_type == RECORD_TIMESTAMP_APPEND);
	}
}

/* The partition is read to its end. */
static void
finish(struct verify *v, struct verify_side *side, struct verify_range *r, size_t *open)
{
	v->done += (uint64_t)(r->end - r->at);
	r->at = r->end;
	r->is_open = false;
	reader_stop(side->reader, r->topic, r->partition);
	--*open;
}

/* A run of records of one partition. */
static void
take_run(struct verify *v, struct verify_side *side, struct verify_range *r,
	const struct reader_item *items, size_t count, size_t *open)
{
	struct record records[READER_AT_ONCE];
	int64_t at = r->at;
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct record *x = &items[i].record;

		if (x->offset < at || x->offset >= r->end)
			continue;
		at = x->offset + 1;
		v->bytes += x->key_size + x->value_size;
		if (is_in_window(v, x))
			records[n++] = *x;
	}
	v->done += (uint64_t)(at - r->at);
	r->at = at;
	if (r->source)
		take_source(v, r, records, n);
	else
		take_target(v, r, records, n);
	if (items[count - 1].record.offset >= r->end - 1)
		finish(v, side, r, open);
}

/* What is no record. */
static int
take_other(struct verify *v, struct verify_side *side, struct verify_range *r,
	const struct reader_item *item, size_t *open, struct err *err)
{
	if (item->kind == READER_TROUBLE)
		return err_set(err, "%s", item->reason);
	if (item->offset < r->end)
		return err_set(err,
			"%s partition %d of the %s ends at offset %lld now, and ended at %lld "
			"before: its log was cut while it was read; verify again",
			r->topic, (int)r->partition, r->source ? "source" : "target",
			(long long)item->offset, (long long)r->end);
	finish(v, side, r, open);
	return 0;
}

/* One after the other, in runs of one partition. */
static int
take_items(struct verify *v, struct verify_side *side, const struct reader_item *items,
	size_t count, size_t *open, struct err *err)
{
	size_t to;

	for (size_t from = 0; from < count; from = to) {
		struct verify_range *r = items[from].owner;

		for (to = from + 1; to < count && items[from].kind == READER_RECORD &&
				    items[to].kind == READER_RECORD && items[to].owner == r;)
			to++;
		if (!r->is_open)
			continue;
		if (items[from].kind == READER_RECORD)
			take_run(v, side, r, items + from, to - from, open);
		else if (take_other(v, side, r, &items[from], open, err) < 0)
			return -1;
	}
	return 0;
}

static void
tell_progress(struct verify *v)
{
	int64_t now = clock_ms();

	if (!v->options->progress || now < v->next_progress)
		return;
	v->next_progress = now + PROGRESS_MS;
	v->options->progress(v->done, v->total, v->options->progress_arg);
}

/* Starts all partitions. Returns how many there are, -1 on error. */
static int
start(struct verify *v, struct verify_side *side, size_t *open, struct err *err)
{
	for (size_t i = 0; i < side->count; i++) {
		struct verify_range *r = &side->ranges[i];

		if (!verify_wants(v, r))
			continue;
		if (reader_start(side->reader, r->topic, r->partition, r->from, r, err) < 0)
			return -1;
		r->at = r->from;
		r->is_open = true;
		++*open;
	}
	return 0;
}

/* Nothing came for a while. */
static int
check_silence(const struct verify_side *side, int64_t since, bool is_source, struct err *err)
{
	char failure[600];

	if (clock_ms() - since < PATIENCE_MS)
		return 0;
	reader_failure(side->reader, failure, sizeof(failure));
	return err_set(err, "the %s has given no records for %d seconds: %s",
		is_source ? "source" : "target", PATIENCE_MS / 1000,
		failure[0] ? failure : "have all its partitions a leader?");
}

int
verify_read(struct verify *v, struct verify_side *side, struct err *err)
{
	struct reader_item items[READER_AT_ONCE];
	size_t open = 0, n;
	int64_t since = clock_ms();
	int rc = start(v, side, &open, err);

	while (rc == 0 && open > 0) {
		n = reader_next(side->reader, items, READER_AT_ONCE, WAIT_MS);
		if (n > 0) {
			rc = take_items(v, side, items, n, &open, err);
			reader_release(items, n);
			since = clock_ms();
		} else {
			rc = check_silence(side, since, side == &v->source, err);
		}
		tell_progress(v);
	}
	return rc;
}
