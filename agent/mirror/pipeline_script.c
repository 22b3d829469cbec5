/* The pipeline's script: raw flights through the record hook, and what it decided into outputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "mirror/letter.h"
#include "mirror/pipeline_state.h"
#include "script/script.h"

/* Error sites whose lines are limited each by itself. */
#define SITES 64

/* What is being made of one record. */
struct making {
	struct pipeline *pl;
	struct partition *p;
	struct flight *f;
	const struct script_record *r;
	struct record source;
	const void *key, *value; /* as the hook left them */
	size_t key_size, value_size;
	bool is_alone;	    /* the flight has one output, which may take the source's headers */
	const char *origin; /* of flight_origin */
	size_t origin_size;
};

static struct target_topic *
topic_of(struct pipeline *pl, struct partition *p, int32_t handle)
{
	size_t i = (size_t)handle, had = pl->handle_count;

	if (handle <= 0)
		return p->route->target;
	while (pl->handle_count <= i)
		pl->handles = mem_grow(
			pl->handles, &pl->handle_count, pl->handle_count, sizeof(*pl->handles));
	memset(pl->handles + had, 0, (pl->handle_count - had) * sizeof(*pl->handles));
	if (!pl->handles[i])
		pl->handles[i] =
			producer_topic(pl->producer, script_topic_name(pl->script, handle));
	return pl->handles[i];
}

/* A list that the script has changed, as the library's. */
static void *
headers_of_list(struct pipeline *pl, int32_t list)
{
	const char *name;
	const void *value;
	size_t size;
	void *headers = NULL;

	for (size_t i = 0; script_header(pl->script, list, i, &name, &value, &size); i++)
		record_add_header(&headers, name, value, size);
	return headers;
}

static void *
source_headers(struct making *m)
{
	return m->is_alone ? record_take_headers(m->f->message)
			   : record_copy_headers(m->f->message);
}

/* A record whose key was rewritten stays where the old key's was: in a dry run that is said. */
static void
note_kept_partition(const struct making *m)
{
	enum plan_rule rule = m->p->route->topic->rule;

	if (m->pl->is_dry && (m->r->_changes & SCRIPT_CHANGED_KEY) &&
		!(m->r->_changes & SCRIPT_CHANGED_PARTITION) &&
		(rule == PLAN_PRESERVE || rule == PLAN_MAP))
		tally_add(TALLY_NOTE, "key changed, partition kept", 1);
}

/* The record itself, as the hook left it. */
static void
make_own(struct making *m)
{
	const struct script_record *r = m->r;
	struct output *o = outputs_add(m->f->outputs);

	note_kept_partition(m);
	o->target = topic_of(m->pl, m->p, r->_changes & SCRIPT_CHANGED_TOPIC ? r->_topic : 0);
	o->key = m->key;
	o->key_size = (uint32_t)m->key_size;
	o->value = m->value;
	o->value_size = (uint32_t)m->value_size;
	o->timestamp = (int64_t)r->_timestamp;
	o->wanted = r->_changes & SCRIPT_CHANGED_PARTITION ? r->_partition : OUTPUT_BY_ROUTE;
	o->headers = r->_changes & SCRIPT_CHANGED_HEADERS ? headers_of_list(m->pl, r->_header_list)
							  : source_headers(m);
	pipeline_mark(m->pl, &o->headers, m->origin, m->origin_size);
}

/* One more output: what the script gave for it, the rest from the record. */
static void
make_emit(struct making *m, const struct script_emit *e)
{
	const struct script_record *r = m->r;
	struct output *o = outputs_add(m->f->outputs);
	bool has_key = e->_changes & SCRIPT_CHANGED_KEY,
	     has_value = e->_changes & SCRIPT_CHANGED_VALUE;
	bool has_topic = e->_changes & SCRIPT_CHANGED_TOPIC;

	o->target = topic_of(m->pl, m->p,
		has_topic			     ? e->_topic
		: r->_changes & SCRIPT_CHANGED_TOPIC ? r->_topic
						     : 0);
	o->key = has_key ? outputs_copy(m->f->outputs, e->_key, (size_t)e->_key_size) : m->key;
	o->key_size = has_key ? (uint32_t)e->_key_size : (uint32_t)m->key_size;
	o->value = has_value ? outputs_copy(m->f->outputs, e->_value, (size_t)e->_value_size)
			     : m->value;
	o->value_size = has_value ? (uint32_t)e->_value_size : (uint32_t)m->value_size;
	o->timestamp =
		(int64_t)(e->_changes & SCRIPT_CHANGED_TIMESTAMP ? e->_timestamp : r->_timestamp);
	o->wanted = e->_changes & SCRIPT_CHANGED_PARTITION   ? e->_partition
		    : r->_changes & SCRIPT_CHANGED_PARTITION ? r->_partition
							     : OUTPUT_BY_ROUTE;
	o->headers = e->_changes & SCRIPT_CHANGED_HEADERS ? headers_of_list(m->pl, e->_header_list)
		     : r->_changes & SCRIPT_CHANGED_HEADERS
			     ? headers_of_list(m->pl, r->_header_list)
			     : source_headers(m);
	pipeline_mark(m->pl, &o->headers, m->origin, m->origin_size);
}

static struct target_topic *
dead_letter_topic(struct pipeline *pl)
{
	if (!pl->dead_letters && pl->config->mirror.dead_letter_topic)
		pl->dead_letters =
			producer_topic(pl->producer, pl->config->mirror.dead_letter_topic);
	return pl->dead_letters;
}

/* The original record, with its own headers, for the dead-letter topic, with where it came from and
   why. */
static void
make_dead_letter(struct pipeline *pl, struct partition *p, struct flight *f, struct output *o,
	const char *reason, const char *error)
{
	const struct letter letter = {.topic = p->topic,
		.partition = p->number,
		.offset = f->offset,
		.script = pl->script ? script_name(pl->script) : NULL,
		.generation = pl->script ? script_generation(pl->script) : 0,
		.reason = reason,
		.error = error};
	struct record source;
	size_t size = 0;
	const char *origin = flight_origin(pl, p, f, &size);
	void *headers = record_take_headers(f->message);

	record_restore(&source, f->message, NULL);
	pipeline_mark(pl, &headers, origin, size);
	letter_write(&letter, &headers);
	o->target = dead_letter_topic(pl);
	o->headers = headers;
	o->key = source.key;
	o->key_size = (uint32_t)source.key_size;
	o->value = source.value;
	o->value_size = (uint32_t)source.value_size;
	o->timestamp = source.timestamp;
	o->wanted = PRODUCER_BY_KEY;
	o->partition = -1;
	o->is_dead_letter = true;
	f->fate = FATE_DEAD_LETTER;
	tally_add(TALLY_DEAD_LETTER, reason, 1);
	counter_add(&pl->counters->records_dead_lettered, 1);
	counter_add(&p->meter->records_dead_lettered, 1);
}

/* The flight's outputs are made: what they hold counts. */
static void
count_outputs(struct pipeline *pl, struct flight *f)
{
	f->bytes += f->outputs->bytes;
	pl->buffered += f->outputs->bytes;
}

bool
flight_to_dead_letter(struct pipeline *pl, struct partition *p, struct flight *f,
	struct output *output, const char *reason, const char *error)
{
	void **own = output ? &output->headers : &f->headers;

	if (!dead_letter_topic(pl))
		return false;
	/* What it was sent with came back with the refusal; the dead letter has the source's. */
	record_release(NULL, *own);
	*own = NULL;
	if (!output) {
		outputs_new(f, 1, 0);
		output = outputs_add(f->outputs);
		count_outputs(pl, f);
	}
	make_dead_letter(pl, p, f, output, reason, error);
	return true;
}

/* One line for each place in the script that fails, in ten seconds; and one for each partition that
   stands still, which happens to it once. */
static void
say_failed(struct pipeline *pl, struct partition *p, const struct flight *f, const char *text)
{
	static struct log_limit sites[SITES] = {[0 ... SITES - 1] = {.interval_ms = 10000}};
	const char *policy = pl->config->script.on_error;
	bool is_held = !pl->is_dry && (!strcmp(policy, "pause") || !strcmp(policy, "stop"));
	unsigned hash = 5381;
	size_t site = strcspn(text, " ");

	for (size_t i = 0; i < site; i++)
		hash = hash * 33 + (unsigned char)text[i];
	log_write(EVENT_script_failed, is_held ? NULL : &sites[hash % SITES],
		(const struct log_field[]){F_STR("topic", p->topic), F_INT("partition", p->number),
			F_INT("offset", f->offset), F_STR("action", policy), F_STR("reason", text)},
		5);
}

static void
hold_for_script(struct pipeline *pl, struct partition *p, struct flight *f, const char *reason,
	const char *error)
{
	char text[1100]; /* the meter cuts it */

	p->is_script_held = true;
	standing_set(&p->failing, f, NULL, reason, error);
	partition_count_held(pl, p);
	snprintf(text, sizeof(text), "the script fails for the record at offset %lld: %s",
		(long long)f->offset, reason);
	partition_give_reason(p, text);
}

/* The hook failed for a record. Returns false when the record stays raw. */
static bool
on_script_failed(struct pipeline *pl, struct partition *p, struct flight *f, const char *text)
{
	const char *policy = pl->config->script.on_error;
	char *reason;

	counter_add(&pl->counters->script_errors, 1);
	tally_add(TALLY_FAILED, text, 1);
	say_failed(pl, p, f, text);
	if (!strcmp(policy, "pass"))
		return true;
	/* A dry run, which commits nothing, goes past it: what is behind it is to be seen, too. */
	if (!strcmp(policy, "drop") || (pl->is_dry && strcmp(policy, "dead-letter") != 0)) {
		/* A dry run prints failures by themselves. */
		partition_count_dropped(
			pl, p, f, FATE_FAILED, pl->is_dry ? NULL : "the script failed");
		tracker_set(f, FLIGHT_DONE);
		return true;
	}
	if (!strcmp(policy, "dead-letter") &&
		flight_to_dead_letter(pl, p, f, NULL, text, LETTER_SCRIPT_FAILED))
		return true;
	if (!strcmp(policy, "stop")) {
		reason = mem_printf(
			"the script fails for the record at offset %lld of %s partition %d: %s",
			(long long)f->offset, p->topic, (int)p->number, text);
		pipeline_fail(pl, reason);
		free(reason);
	}
	hold_for_script(pl, p, f, text, LETTER_SCRIPT_FAILED);
	return false;
}

static size_t
emitted_bytes(const struct script *script, const struct script_record *r)
{
	size_t bytes = 0;
	const struct script_emit *e;

	for (int32_t i = r->_first_emit; i >= 0; i = e->_next) {
		e = script_emit_at(script, i);
		bytes += (size_t)(e->_changes & SCRIPT_CHANGED_KEY ? e->_key_size : 0);
		bytes += (size_t)(e->_changes & SCRIPT_CHANGED_VALUE ? e->_value_size : 0);
	}
	return bytes;
}

/* Sizes of null are 0. */
static size_t
size_of(const void *bytes, int32_t size)
{
	return bytes ? (size_t)size : 0;
}

/* Room for all outputs, and the bytes that the hook gave for the record. */
static void
make_room(struct making *m)
{
	const struct script_record *r = m->r;
	bool is_key = r->_changes & SCRIPT_CHANGED_KEY,
	     is_value = r->_changes & SCRIPT_CHANGED_VALUE;
	size_t key = is_key ? size_of(r->_key, r->_key_size) : 0;
	size_t value = is_value ? size_of(r->_value, r->_value_size) : 0;

	outputs_new(m->f, (size_t)r->_emits + 1, key + value + emitted_bytes(m->pl->script, r));
	m->key = is_key ? outputs_copy(m->f->outputs, r->_key, key) : m->source.key;
	m->key_size = is_key ? key : m->source.key_size;
	m->value = is_value ? outputs_copy(m->f->outputs, r->_value, value) : m->source.value;
	m->value_size = is_value ? value : m->source.value_size;
	m->is_alone = r->_emits == (r->_outcome == SCRIPT_DROP);
}

/* Turns what the hook decided into outputs, or settles the flight. */
static void
make_outputs(
	struct pipeline *pl, struct partition *p, struct flight *f, const struct script_record *r)
{
	struct making m = {.pl = pl, .p = p, .f = f, .r = r};

	if (r->_outcome == SCRIPT_DROP) {
		partition_count_dropped(pl, p, f, FATE_DROPPED, script_reason_text(pl->script, r));
		if (r->_emits == 0) {
			tracker_set(f, FLIGHT_DONE);
			return;
		}
	} else if (r->_outcome == SCRIPT_KEEP && !r->_changes && r->_emits == 0) {
		return;
	}
	record_restore(&m.source, f->message, f->headers);
	m.origin = flight_origin(pl, p, f, &m.origin_size);
	make_room(&m);
	if (r->_outcome == SCRIPT_KEEP)
		make_own(&m);
	else if (r->_outcome == SCRIPT_DEAD_LETTER)
		make_dead_letter(pl, p, f, outputs_add(f->outputs),
			script_reason_text(pl->script, r), LETTER_SCRIPT_PUT_ASIDE);
	for (int32_t i = r->_first_emit; i >= 0; i = script_emit_at(pl->script, i)->_next)
		make_emit(&m, script_emit_at(pl->script, i));
	counter_add(&pl->counters->records_emitted, (uint64_t)r->_emits);
	count_outputs(pl, f);
}

/* Does the topic, as far as is known, have the partition that the script names? */
static bool
partition_is_there(struct pipeline *pl, struct partition *p, int32_t handle, int32_t partition,
	char *text, size_t size)
{
	const char *topic = target_topic_name(topic_of(pl, p, handle));
	int32_t count = plan_target_partitions(pl->plan, topic);

	if (partition < 0 || count <= 0 || partition < count)
		return true;
	snprintf(text, size, "%s: partition %d of %s does not exist (it has %d)",
		script_name(pl->script), (int)partition, topic, (int)count);
	return false;
}

/* What is wrong with an outcome although the hook did not fail; text "" when nothing is. */
static void
check_outcome(struct pipeline *pl, struct partition *p, const struct script_record *r, char *text,
	size_t size)
{
	int32_t own = r->_changes & SCRIPT_CHANGED_TOPIC ? r->_topic : 0;
	const struct script_emit *e;

	text[0] = '\0';
	if (r->_outcome == SCRIPT_FAILED)
		snprintf(text, size, "%s", script_reason_text(pl->script, r));
	else if (r->_outcome == SCRIPT_DEAD_LETTER && !dead_letter_topic(pl))
		snprintf(text, size,
			"%s: r:dead_letter was called, but there is no dead-letter topic: write "
			"dead.letter.topic=TOPIC",
			script_name(pl->script));
	else if (r->_outcome == SCRIPT_KEEP && r->_changes & SCRIPT_CHANGED_PARTITION &&
		 !partition_is_there(pl, p, own, r->_partition, text, size))
		return;
	for (int32_t i = text[0] ? -1 : r->_first_emit; i >= 0; i = e->_next) {
		e = script_emit_at(pl->script, i);
		if (e->_changes & SCRIPT_CHANGED_PARTITION &&
			!partition_is_there(pl, p,
				e->_changes & SCRIPT_CHANGED_TOPIC ? e->_topic : own, e->_partition,
				text, size))
			return;
	}
}

void
partition_add_raw(struct partition *p, struct flight *f)
{
	f->is_raw = true;
	if (p->raw++ == 0)
		p->first_raw = f;
}

/* The oldest raw flight has been dealt with, and so have those behind it that stand for records
   from the target. */
static void
take_raw(struct pipeline *pl, struct partition *p, struct flight *f)
{
	do {
		f->is_raw = false;
		f = p->first_raw = --p->raw > 0 ? tracker_next(p->tracker, f) : NULL;
		if (!f || f->message)
			return;
		partition_settle_loop(pl, p, f);
	} while (true);
}

void
partition_release_script(struct pipeline *pl, struct partition *p)
{
	if (p->is_script_held) {
		p->is_script_held = false;
		standing_clear(&p->failing);
		partition_count_held(pl, p);
		if (p->state == PARTITION_FLOWING && !partition_is_gap_held(p))
			partition_forget_reason(p);
	}
	if (p->offer_at)
		pl->waiting--;
	p->offer_at = 0;
}

/* Sends a flight that is not raw any more. Once one could not be sent, none behind it may go first.
 */
static void
send_now(struct pipeline *pl, struct partition *p, struct flight *f, struct record *source)
{
	/* What an operator decides comes at any time. */
	bool may_send = pl->gate != PIPELINE_STANDS && partition_may_flow(pl, p);

	if (p->state == PARTITION_FLOWING && flight_is_due(f) &&
		!(may_send && send_flight(pl, p, f, source)) && p->state == PARTITION_FLOWING)
		partition_set_state(pl, p, PARTITION_RESENDING);
}

void
partition_take_decided(struct pipeline *pl, struct partition *p)
{
	struct flight *f = p->first_raw;

	take_raw(pl, p, f);
	partition_release_script(pl, p);
	send_now(pl, p, f, NULL);
	partition_pop_settled(pl, p);
	partition_activate(pl, p);
}

/* What became of one record. Returns false when it and all behind it stay raw. */
static bool
take_outcome(struct pipeline *pl, struct partition *p, struct flight *f, struct record *source,
	const struct script_record *r)
{
	char text[1000];

	if (r->_outcome == SCRIPT_RETRY && pl->is_dry) {
		tally_add(TALLY_NOTE, "waits, by r:retry", 1);
		tracker_set(f, FLIGHT_DONE);
		take_raw(pl, p, f);
		return true;
	}
	if (r->_outcome == SCRIPT_RETRY) {
		p->offer_at = clock_ms() + r->_wait_ms;
		pl->waiting++;
		counter_add(&pl->counters->records_retried, 1);
		return false;
	}
	check_outcome(pl, p, r, text, sizeof(text));
	if (!text[0])
		make_outputs(pl, p, f, r);
	else if (!on_script_failed(pl, p, f, text))
		return false;
	take_raw(pl, p, f);
	if (pl->wishes)
		pipeline_sample(pl, p, f, source, r);
	send_now(pl, p, f, source);
	return true;
}

/* The oldest raw flights into batch and records, without those that stand for records from the
   target. Returns how many. */
static size_t
collect(struct pipeline *pl, struct partition *p, size_t most)
{
	size_t count = 0;
	struct flight *f = p->first_raw;

	for (size_t i = 0; i < p->raw && count < most; i++, f = tracker_next(p->tracker, f)) {
		if (!f->message)
			continue;
		pl->batch[count] = f;
		if (i >= pl->fresh)
			record_restore(&pl->records[count], f->message, f->headers);
		else
			pl->records[count] = pl->records[i];
		count++;
	}
	pl->fresh = 0;
	return count;
}

/* Puts a record before the script. */
static void
show(struct partition *p, const struct record *source, struct script_record *r)
{
	enum plan_rule rule = p->route->topic->rule;

	r->_key = source->key;
	r->_key_size = (int32_t)source->key_size;
	r->_value = source->value;
	r->_value_size = (int32_t)source->value_size;
	r->_message = source->message;
	r->_offset = (double)source->offset;
	r->_timestamp = (double)source->timestamp;
	r->_timestamp_type = source->timestamp_type;
	r->_partition = PRODUCER_BY_KEY;
	if (rule == PLAN_PRESERVE || rule == PLAN_MAP)
		r->_partition = route_partition(p->route, p->number, NULL, 0);
}

/* Sends raw flights as they are: there is no script any more. */
static bool
pass_raw(struct pipeline *pl, struct partition *p, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		take_raw(pl, p, pl->batch[i]);
		send_now(pl, p, pl->batch[i], &pl->records[i]);
	}
	partition_pop_settled(pl, p);
	return p->raw > 0;
}

/* Of count collected records those that stand before the one at which the script never ended; held
   when that is the first. */
static size_t
before_poison(struct pipeline *pl, struct partition *p, size_t count)
{
	for (size_t i = 0; p->has_poison && i < count; i++) {
		if (pl->records[i].offset < p->poison_offset)
			continue;
		if (i > 0)
			return i;
		p->has_poison = pl->records[i].offset == p->poison_offset;
		if (!p->has_poison)
			return count;
		LOG(EVENT_script_poisoned, F_STR("topic", p->topic), F_INT("partition", p->number),
			F_INT("offset", p->poison_offset),
			F_STR("advice", "mend the script and reload it with SIGHUP"));
		hold_for_script(pl, p, pl->batch[0], "it never ended in an earlier run",
			LETTER_SCRIPT_NEVER_ENDED);
		return 0;
	}
	return count;
}

/* Shows collected records to the script, and waits for what it says. */
static struct script_batch *
run_batch(struct pipeline *pl, struct partition *p, size_t count)
{
	struct script_batch *batch = script_batch(
		pl->script, count, p->topic, p->number, target_topic_name(p->route->target));
	int64_t began;

	for (size_t i = 0; i < count; i++)
		show(p, &pl->records[i], &batch->_records[i]);
	began = clock_ns();
	script_run(pl->script);
	counter_add(&pl->counters->script_ns, (uint64_t)(clock_ns() - began));
	counter_add(&pl->counters->script_records, (uint64_t)batch->_done);
	return batch;
}

bool
partition_run_script(struct pipeline *pl, struct partition *p)
{
	size_t most = pl->script ? script_batch_size(pl->script) : pl->most, count;
	struct script_batch *batch;

	if (p->is_script_held || p->offer_at > clock_ms())
		return false;
	partition_release_script(pl, p);
	count = collect(pl, p, most);
	if (!pl->script)
		return pass_raw(pl, p, count);
	count = before_poison(pl, p, count);
	if (count == 0)
		return false;
	batch = run_batch(pl, p, count);
	for (size_t i = 0; i < (size_t)batch->_done; i++)
		if (!take_outcome(pl, p, pl->batch[i], &pl->records[i], &batch->_records[i]))
			break;
	tally_run_end(&pl->drops);
	partition_pop_settled(pl, p);
	return p->raw > 0 && p->state == PARTITION_FLOWING && !p->offer_at && !p->is_script_held;
}
