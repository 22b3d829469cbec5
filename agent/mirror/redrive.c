/* The redrive: what is in the dead-letter topic goes through the plan and the script as they are
   now, to where it belongs. */
#include "mirror/redrive.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/admin.h"
#include "kafka/group_offsets.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "mirror/expect.h"
#include "mirror/letter.h"

#define CALL_MS 10000
#define BUFFER (8 * 1024 * 1024)
#define WAIT_MS 200
/* A target that takes no record for so long is said to be away. */
#define PATIENCE_MS 60000
/* What is given up comes back within this time, or its memory is left to the end of the process. */
#define ABANDON_MS 2000

/* A partition of the dead-letter topic. */
struct span {
	int32_t partition;
	int64_t at, end, committed;
	bool is_open;
};

struct redrive {
	const struct redrive_options *options;
	struct redrive_report *report;
	const char *letters; /* the topic */
	struct admin *admin;
	struct reader *reader;
	struct producer *producer;
	struct expect *expect;
	struct span *spans;
	size_t count, open;
	/* Of the dead letter that is being dealt with: */
	struct record *record;
	char reason[1000], error[64]; /* it fails again; reason "": it does not */
	struct err *fatal;	      /* the caller's */
	bool is_over;		      /* it is set */
};

/* One record for the target. */
struct sending {
	const char *topic;
	int32_t partition;
	struct record record; /* with its headers */
};

enum sent { SENT_ACKED, SENT_REFUSED, SENT_FATAL };

char *
redrive_group(const struct config *config)
{
	return mem_printf("%s-redrive", config->source.group_id);
}

/* Waits for what became of the one record that is on its way. false: nothing came in time. */
static bool
wait_delivery(struct redrive *d, struct delivery *ret, int64_t until)
{
	struct pollfd fd = {.fd = producer_fd(d->producer), .events = POLLIN};

	while (producer_deliveries(d->producer, ret, 1) == 0) {
		if (clock_ms() >= until)
			return false;
		poll(&fd, 1, 50);
	}
	return true;
}

/* What may still be on its way is taken back, for its memory is about to go. */
static enum sent
give_up(struct redrive *d, struct sending *s, const char *reason)
{
	struct delivery delivery;

	err_set(d->fatal,
		"the target does not take a record for %s: %s; what was sent before it is done, "
		"start again to go on",
		s->topic, reason);
	d->is_over = true;
	producer_abandon(d->producer);
	while (producer_outstanding(d->producer) > 0 &&
		wait_delivery(d, &delivery, clock_ms() + ABANDON_MS))
		record_release(NULL, delivery.headers);
	record_release(NULL, s->record.headers);
	s->record.headers = NULL;
	return SENT_FATAL;
}

/* One try. The delivery says what became of it; no room, or no answer, is AGAIN. */
static void
try_once(struct redrive *d, struct sending *s, int64_t until, struct delivery *ret)
{
	struct target_topic *topic = producer_topic(d->producer, s->topic);
	enum send_result result = producer_send(
		d->producer, topic, PRODUCER_SINGLE, s->partition, &s->record, d, ret);

	if (result == SEND_FAILED)
		return;
	if (result == SEND_QUEUED && wait_delivery(d, ret, until)) {
		s->record.headers = ret->headers;
		return;
	}
	/* What is queued, and is not answered, ends it: until is over. */
	if (result == SEND_FULL)
		producer_deliveries(d->producer, ret, 1);
	*ret = (struct delivery){
		.verdict = DELIVERY_AGAIN, .reason = "it does not answer", .error = "_TIMED_OUT"};
}

/* Sends a record and waits for its acknowledgement. What it says when it is refused is in
   d->reason. Frees the record's headers. */
static enum sent
send_record(struct redrive *d, struct sending *s)
{
	int64_t until = clock_ms() + PATIENCE_MS;
	const char *failure;
	struct delivery delivery = {0};

	do {
		try_once(d, s, until, &delivery);
		failure = producer_failure(d->producer);
		if (delivery.verdict != DELIVERY_AGAIN || failure)
			break;
		poll(NULL, 0, WAIT_MS);
	} while (clock_ms() < until);
	if (failure || delivery.verdict == DELIVERY_AGAIN)
		return give_up(d, s, failure ? failure : delivery.reason);
	record_release(NULL, s->record.headers);
	s->record.headers = NULL;
	if (delivery.verdict == DELIVERY_ACKED)
		return SENT_ACKED;
	snprintf(d->reason, sizeof(d->reason), "%s", delivery.reason);
	snprintf(d->error, sizeof(d->error), "%s", delivery.error);
	return SENT_REFUSED;
}

/* Puts the dead letter at the end of its topic again, with these headers. @takes headers */
static void
put_back(struct redrive *d, void *headers)
{
	struct sending s = {
		.topic = d->letters, .partition = PRODUCER_BY_KEY, .record = *d->record};

	if (d->options->is_dry) {
		record_release(NULL, headers);
		return;
	}
	s.record.message = NULL;
	s.record.headers = headers;
	if (send_record(d, &s) == SENT_REFUSED)
		give_up(d, &s, d->reason);
}

static void
fail(struct redrive *d, const char *reason, const char *error)
{
	snprintf(d->reason, sizeof(d->reason), "%s", reason);
	snprintf(d->error, sizeof(d->error), "%s", error);
}

/* The headers that a record for the target has, where it came from included. @gives headers */
static void *
headers_of(struct redrive *d, const struct expected *x)
{
	void *headers = NULL;
	const char *name;
	const void *value;
	size_t size;

	if (x->header_list < 0)
		headers = record_copy_headers(d->record->message);
	for (size_t i = 0; x->header_list >= 0 && script_header(d->options->script, x->header_list,
							  i, &name, &value, &size);
		i++)
		record_add_header(&headers, name, value, size);
	if (x->origin)
		record_set_header(&headers, d->options->config->mirror.provenance_header, x->origin,
			x->origin_size);
	return headers;
}

/* What the plan and the script make of the record. */
static void
on_expected(const struct expected *x, void *arg)
{
	struct redrive *d = arg;
	struct sending s = {.topic = x->topic,
		.partition = x->partition,
		.record = {.key = x->key,
			.key_size = x->key_size,
			.value = x->value,
			.value_size = x->value_size,
			.timestamp = x->timestamp}};

	if (x->reason)
		fail(d, x->reason, x->error);
	if (x->reason || d->is_over || d->options->is_dry)
		return;
	s.record.headers = headers_of(d, x);
	send_record(d, &s);
}

/* Shows the record to the script, and sends what comes of it. */
static void
run(struct redrive *d, const struct letter_origin *origin)
{
	const struct plan_topic *topic = plan_find(d->options->plan, origin->topic);
	struct record r = *d->record;
	const struct expect_counts *counts = expect_counts(d->expect);

	if (!topic || !topic->target) {
		fail(d,
			"its topic is not mirrored now: add it to whitelist, or look at reflejo "
			"plan",
			LETTER_NOT_MIRRORED);
		return;
	}
	if (origin->partition >= topic->partitions) {
		fail(d, "its topic does not have that partition now; it stays a dead letter",
			LETTER_NOT_MIRRORED);
		return;
	}
	r.offset = origin->offset;
	r.partition = (int32_t)origin->partition;
	expect_forget(d->expect);
	expect_run(d->expect, topic, r.partition, &r, 1, on_expected, d);
	if (counts->held > 0)
		fail(d, counts->reason, LETTER_SCRIPT_FAILED);
	else if (counts->dropped + counts->loops > 0 && !d->reason[0])
		d->report->dropped++;
	else if (!d->reason[0] && !d->is_over)
		d->report->sent++;
}

/* It failed again: a dead letter of the same record, which says why now. */
static void
say_failed(struct redrive *d, const struct letter_origin *origin)
{
	const struct script *script = d->options->script;
	const struct letter letter = {.topic = origin->topic,
		.partition = (int32_t)origin->partition,
		.offset = origin->offset,
		.script = script ? script_name(script) : NULL,
		.generation = script ? script_generation(script) : 0,
		.reason = d->reason,
		.error = d->error};
	void *headers = record_copy_headers(d->record->message);
	char *sentence = mem_printf("%s partition %lld offset %lld: %s (%s)", origin->topic,
		(long long)origin->partition, (long long)origin->offset, d->reason, d->error);

	letter_write(&letter, &headers);
	d->report->failed++;
	d->options->failed(sentence, d->options->arg);
	put_back(d, headers);
	free(sentence);
}

static bool
is_meant(const struct redrive_options *o, const struct letter_origin *origin)
{
	return (!o->topic || !strcmp(o->topic, origin->topic)) &&
	       (!o->reason || !strcmp(o->reason, origin->error) ||
		       strstr(origin->reason, o->reason));
}

static void
take_record(struct redrive *d, struct record *record)
{
	struct letter_origin origin;

	d->record = record;
	d->reason[0] = d->error[0] = '\0';
	if (!letter_read(record->message, &origin)) {
		d->report->foreign++;
		return;
	}
	d->report->read++;
	if (!is_meant(d->options, &origin)) {
		d->report->left++;
		put_back(d, record_copy_headers(record->message));
		return;
	}
	record_keep_headers(record->message, origin.own);
	run(d, &origin);
	if (d->reason[0] && !d->is_over)
		say_failed(d, &origin);
}

static void
finish(struct redrive *d, struct span *s)
{
	s->at = s->end;
	s->is_open = false;
	d->open--;
	reader_stop(d->reader, d->letters, s->partition);
}

static int
take_item(struct redrive *d, struct reader_item *item, struct err *err)
{
	struct span *s = item->owner;

	if (!s->is_open)
		return 0;
	if (item->kind == READER_TROUBLE)
		return err_set(err, "%s", item->reason);
	if (item->kind == READER_RECORD && item->record.offset < s->end) {
		take_record(d, &item->record);
		if (d->is_over)
			return -1;
		s->at = item->record.offset + 1;
	}
	if (item->kind == READER_END || item->record.offset >= s->end - 1)
		finish(d, s);
	return 0;
}

/* Everything up to here is done. */
static int
commit(struct redrive *d, struct err *err)
{
	struct topic_partition *positions = mem_zero(d->count, sizeof(*positions));
	char *group = redrive_group(d->options->config);
	bool has_members = false;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < d->count; i++)
		if (d->spans[i].at > d->spans[i].committed)
			positions[n++] = (struct topic_partition){
				d->letters, d->spans[i].partition, d->spans[i].at};
	if (n > 0 && !d->options->is_dry)
		rc = group_offsets_write(d->admin, group, CALL_MS, positions, n, &has_members, err);
	if (has_members)
		err_set(err,
			"the group %s has members at the target: end them, it is this "
			"command's own",
			group);
	for (size_t i = 0; i < d->count && rc == 0; i++)
		d->spans[i].committed = d->spans[i].at;
	free(group);
	free(positions);
	return rc;
}

static int
read_all(struct redrive *d, struct err *err)
{
	struct reader_item items[READER_AT_ONCE];
	int64_t since = clock_ms();
	int rc = 0;

	while (d->open > 0 && rc == 0) {
		size_t n = reader_next(d->reader, items, READER_AT_ONCE, WAIT_MS);

		if (n == 0 && clock_ms() - since >= PATIENCE_MS)
			return err_set(err,
				"the target has given no records of %s for %d seconds; what was "
				"sent before is done, start again to go on",
				d->letters, PATIENCE_MS / 1000);
		for (size_t i = 0; i < n && rc == 0; i++)
			rc = take_item(d, &items[i], err);
		/* What was done before a failure is done. */
		if (n > 0 && commit(d, rc == 0 ? err : NULL) < 0)
			rc = -1;
		/* What could not be taken back still points into the items: they are left to the
		   end of the process. */
		if (producer_outstanding(d->producer) == 0)
			reader_release(items, n);
		if (n > 0)
			since = clock_ms();
	}
	return rc;
}

/* From where to where each partition is read. */
static int
find_spans(struct redrive *d, struct err *err)
{
	struct topic_partition *begins = mem_zero(d->count, sizeof(*begins));
	struct topic_partition *ends = mem_zero(d->count, sizeof(*ends));
	struct topic_partition *committed = mem_zero(d->count, sizeof(*committed));
	char *group = redrive_group(d->options->config);
	int rc = -1;

	for (size_t i = 0; i < d->count; i++)
		begins[i] = ends[i] = committed[i] =
			(struct topic_partition){d->letters, (int32_t)i, -1};
	if (reader_find(d->reader, READER_ENDS, ends, d->count, CALL_MS, err) == 0 &&
		reader_find(d->reader, READER_BEGINNING, begins, d->count, CALL_MS, err) == 0 &&
		group_offsets_read(d->admin, group, CALL_MS, committed, d->count, err) == 0)
		rc = 0;
	for (size_t i = 0; i < d->count && rc == 0; i++) {
		struct span *s = &d->spans[i];
		int64_t from = committed[i].offset > begins[i].offset ? committed[i].offset
								      : begins[i].offset;

		*s = (struct span){(int32_t)i, from, ends[i].offset, from, from < ends[i].offset};
		d->open += s->is_open;
		if (s->is_open)
			rc = reader_start(d->reader, d->letters, s->partition, from, s, err);
	}
	free(group);
	free(committed);
	free(ends);
	free(begins);
	return rc;
}

static int
open_clients(struct redrive *d, struct err *err)
{
	const struct config *config = d->options->config;

	d->admin = admin_open_target(config, err);
	if (!d->admin)
		return -1;
	d->reader = reader_open(CLIENT_TARGET, config, config->target.bootstrap_servers, BUFFER,
		READER_COMMITTED, err);
	if (!d->reader)
		return -1;
	d->producer = producer_new(config, "reflejo-redrive", false, err);
	return d->producer ? 0 : -1;
}

int
redrive_run(const struct redrive_options *o, struct redrive_report *report, struct err *err)
{
	struct redrive d = {.options = o,
		.report = report,
		.letters = o->config->mirror.dead_letter_topic,
		.fatal = err};
	int32_t partitions = plan_target_partitions(o->plan, d.letters);
	int rc = -1;

	*report = (struct redrive_report){0};
	if (partitions <= 0)
		return err_set(err,
			"the dead-letter topic %s is not at the target: nothing was put aside, or "
			"dead.letter.topic was another one",
			d.letters);
	d.count = (size_t)partitions;
	d.spans = mem_zero(d.count, sizeof(*d.spans));
	d.expect = expect_new(o->config, o->plan, o->script);
	expect_letters(d.expect);
	if (open_clients(&d, err) == 0 && find_spans(&d, err) == 0)
		rc = read_all(&d, err);
	producer_free(&d.producer);
	reader_close(&d.reader);
	admin_close(&d.admin);
	expect_free(&d.expect);
	free(d.spans);
	return rc;
}
