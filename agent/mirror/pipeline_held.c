/* The pipeline's held partitions: at which record each of them stands, for an operator who looks at
 * it, and what the operator decides. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "mirror/held.h"
#include "mirror/pipeline_state.h"
#include "mirror/tap.h"

/* More of a key, a value and a header is not shown, nor more headers. */
#define SHOWN 1024
#define HEADER_SHOWN 256
#define HEADERS_SHOWN 16

void
standing_set(struct standing *s, struct flight *f, struct output *output, const char *reason,
	const char *error)
{
	standing_clear(s);
	*s = (struct standing){f, output, mem_strdup(reason), mem_strdup(error ? error : "")};
}

void
standing_clear(struct standing *s)
{
	free(s->reason);
	free(s->error);
	*s = (struct standing){0};
}

/* Where a partition stands: the first of these, in the order of its records. NULL: at no record. */
static struct standing *
standing_of(struct partition *p)
{
	if (p->state == PARTITION_HELD && p->refused.flight)
		return &p->refused;
	return p->is_script_held && p->failing.flight ? &p->failing : NULL;
}

/* Where what stands there was to go; NULL: nowhere that is known. */
static const char *
target_name(const struct partition *p, const struct standing *s)
{
	const struct target_topic *target = s->output ? s->output->target : p->route->target;

	return target ? target_topic_name(target) : NULL;
}

static void
put_headers(struct text *out, void *message)
{
	const char *name;
	const void *value;
	size_t size, count = 0;

	text_puts(out, ",\"headers\":[");
	for (; record_header(message, count, &name, &value, &size); count++) {
		if (count >= HEADERS_SHOWN)
			continue;
		text_puts(out, count > 0 ? ",{" : "{");
		json_put_field(out, "name", name, "");
		tap_put_bytes(out, "value", value, size, HEADER_SHOWN, false);
		text_putc(out, '}');
	}
	text_printf(out, "],\"header_count\":%zu", count);
}

/* The record of the source, and what was made of it where that is something else. */
static void
put_record(struct text *out, const struct partition *p, const struct standing *s)
{
	struct record r;

	record_restore(&r, s->flight->message, NULL);
	text_putc(out, ',');
	json_put_field(out, "destination", target_name(p, s), ",");
	/* Clients of version 1 ask for this name. */
	json_put_field(out, "target_topic", target_name(p, s), "");
	text_puts(out, ",\"timestamp\":");
	if (r.timestamp < 0)
		text_puts(out, "null");
	else
		text_printf(out, "%lld", (long long)r.timestamp);
	tap_put_bytes(out, "key", r.key, r.key_size, SHOWN, true);
	tap_put_bytes(out, "value", r.value, r.value_size, SHOWN, true);
	put_headers(out, r.message);
	text_puts(out, ",\"output\":");
	if (s->output)
		tap_put_output(out, s->output);
	else
		text_puts(out, "null");
}

/* A partition that stands at a record (s), or at a gap (NULL). @gives a JSON object */
static char *
describe(const struct partition *p, const struct standing *s)
{
	struct text out = {0};
	char reason[METER_REASON], since[CLOCK_TEXT_SIZE];

	text_putc(&out, '{');
	json_put_field(&out, "topic", p->topic, "");
	text_printf(&out, ",\"partition\":%d,\"offset\":%lld,", (int)p->number,
		(long long)(s ? s->flight->offset : p->gap->position));
	json_put_field(&out, "kind", !s ? "gap" : s == &p->refused ? "target" : "script", ",");
	meter_reason(p->meter, reason);
	json_put_field(&out, "reason", s ? s->reason : reason, ",");
	json_put_field(&out, "error", s && *s->error ? s->error : NULL, "");
	text_putc(&out, ',');
	json_put_field(&out, "since", clock_print(p->held_since, since), "");
	if (s)
		put_record(&out, p, s);
	else
		text_printf(&out, ",\"goes_on_at\":%lld", (long long)p->gap->gap.go_on);
	text_putc(&out, '}');
	return text_take(&out);
}

static bool
is_meant(const struct partition *p, const struct held_question *q)
{
	return !*q->topic ||
	       (!strcmp(p->topic, q->topic) && (q->partition < 0 || q->partition == p->number));
}

static void
show(struct pipeline *pl, const struct held_question *q, struct held_answer *a)
{
	for (struct partition *p = pl->partitions; p; p = p->next) {
		struct standing *s = standing_of(p);

		if (!is_meant(p, q))
			continue;
		a->is_here = true;
		if (!s && !partition_is_gap_held(p))
			continue;
		if (a->count < HELD_MOST)
			held_answer_add(a, describe(p, s));
		else
			a->left_out++;
	}
}

/* @gives a sentence */
static char *
not_held(const struct partition *p)
{
	const struct flight *first = tracker_next(p->tracker, NULL);
	int64_t next = first ? first->offset : tracker_position(p->tracker);

	if (next < 0)
		return mem_printf("%s partition %d is not held; nothing of it was read yet",
			p->topic, (int)p->number);
	return mem_printf("%s partition %d is not held; what it settles next is at offset %lld",
		p->topic, (int)p->number, (long long)next);
}

/* Why nothing is done about the record that was named, as a finished sentence; NULL: it may be.
   @gives a string */
static char *
why_not(const struct pipeline *pl, struct partition *p, const struct held_question *q)
{
	const struct standing *s = standing_of(p);
	int number = (int)p->number;
	const char *topic = p->topic;

	if (p->is_quiet)
		return mem_printf("%s partition %d is being handed over; look at it again where it "
				  "is read then",
			topic, number);
	if (!s && partition_is_gap_held(p))
		return mem_printf("%s partition %d stands at a gap before offset %lld, where there "
				  "is no record; reflejo ctl resume %s:%d goes on behind it",
			topic, number, (long long)p->gap->position, topic, number);
	if (!s)
		return not_held(p);
	if (s->flight->offset != q->offset)
		return mem_printf("%s partition %d is held at offset %lld, not at %lld", topic,
			number, (long long)s->flight->offset, (long long)q->offset);
	if (q->ask != HELD_DEAD_LETTER)
		return NULL;
	if (!pl->config->mirror.dead_letter_topic)
		return mem_strdup("there is no dead-letter topic: set dead.letter.topic and start "
				  "again, or leave the record out with reflejo ctl skip");
	if (s->output && s->output->is_dead_letter)
		return mem_printf("what the target refuses is the dead letter itself; mend %s and "
				  "use reflejo ctl resume, or leave the record out with reflejo "
				  "ctl skip",
			target_topic_name(s->output->target));
	return NULL;
}

static void
say(const struct partition *p, const struct standing *s, const struct held_question *q)
{
	LOG(q->ask == HELD_SKIP ? EVENT_record_skipped : EVENT_record_put_aside,
		F_STR("topic", p->topic), F_INT("partition", p->number), F_INT("offset", q->offset),
		F_STR("by", q->by), F_STR("error", s->error), F_STR("reason", s->reason));
}

void
partition_offer_again(struct pipeline *pl, struct partition *p)
{
	partition_lift_bars(p);
	if (p->state != PARTITION_HELD)
		return;
	partition_set_state(pl, p, PARTITION_RECOVERING);
	partition_forget_reason(p);
	p->resume_at = 0;
}

/* Leaves out what stands there, or turns it into a dead letter, and the partition goes on. */
static void
decide(struct pipeline *pl, struct partition *p, struct standing *s, enum held_ask ask)
{
	struct flight *f = s->flight;
	struct output *output = s->output;

	if (ask == HELD_DEAD_LETTER) {
		flight_to_dead_letter(pl, p, f, output, s->reason, s->error);
	} else {
		partition_count_dropped(pl, p, f, FATE_FAILED, "skipped by an operator");
		tally_run_end(&pl->drops);
		if (output)
			output_set(output, FLIGHT_DONE);
		else
			tracker_set(f, FLIGHT_DONE);
	}
	if (s == &p->refused)
		partition_offer_again(pl, p);
	else
		partition_take_decided(pl, p);
}

struct held_answer *
pipeline_ask_held(struct pipeline *pl, const struct held_question *q)
{
	struct held_answer *a = held_answer_new(q);
	struct partition *p;
	char *refusal;

	if (q->ask == HELD_SHOW) {
		show(pl, q, a);
		return a;
	}
	p = pipeline_find(pl, q->topic, q->partition);
	if (!p)
		return a;
	a->is_here = true;
	refusal = why_not(pl, p, q);
	a->is_refused = refusal != NULL;
	if (refusal) {
		held_answer_add(a, refusal);
		return a;
	}
	say(p, standing_of(p), q);
	decide(pl, p, standing_of(p), q->ask);
	held_answer_add(
		a, q->ask == HELD_SKIP
			   ? mem_printf("the record at offset %lld of %s partition %d is left out",
				     (long long)q->offset, p->topic, (int)p->number)
			   : mem_printf("the record at offset %lld of %s partition %d goes to %s",
				     (long long)q->offset, p->topic, (int)p->number,
				     pl->config->mirror.dead_letter_topic));
	return a;
}
