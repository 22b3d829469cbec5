/* Expectations: what must be at the target for a record of the source, by the plan and the script
   that mirror it. */
#include "mirror/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/producer.h"
#include "mirror/letter.h"
#include "mirror/provenance.h"
#include "mirror/route.h"
#include "script/digest.h"

struct expect {
	const struct config *config;
	const struct plan *plan;
	struct script *script;
	bool are_letters;	       /* see expect_letters */
	bool is_murmur;		       /* the producer chooses partitions as Java's does */
	struct provenance *provenance; /* NULL: records are neither marked nor left out by it */
	struct record *kept;	       /* those of a run that are not left out by it */
	size_t kept_capacity;
	struct expect_counts counts;
};

/* What is being told of one record of the source. */
struct telling {
	struct expect *e;
	const struct plan_topic *topic;
	int32_t partition; /* of the source */
	char *origin;	   /* of provenance_place; NULL: records are not marked */
	const struct record *source;
	const struct script_record *r; /* NULL: no script has seen it */
	int32_t nth;
	expect_fn *fn;
	void *arg;
};

/* One record to come out. */
struct coming {
	const char *topic;
	const void *key, *value;
	size_t key_size, value_size;
	int64_t timestamp;
	int32_t wanted;	     /* a partition, PRODUCER_BY_KEY, or BY_ROUTE */
	int32_t header_list; /* of the script, -1: the source's */
	const char *reason;  /* of a dead letter, NULL: it is none, */
	const char *error;   /* and the name of its error */
};

#define BY_ROUTE (-10)

struct expect *
expect_new(const struct config *config, const struct plan *plan, struct script *script)
{
	struct expect *e = mem_zero(1, sizeof(*e));
	const char *partitioner = client_settings_get(&config->producer, "partitioner");

	e->config = config;
	e->plan = plan;
	e->script = script && script_has(script, SCRIPT_RECORD) ? script : NULL;
	e->provenance = provenance_new(config, &plan->clusters);
	e->is_murmur = !partitioner || !strncmp(partitioner, "murmur2", strlen("murmur2"));
	return e;
}

void
expect_free(struct expect **expect)
{
	if (*expect) {
		provenance_free(&(*expect)->provenance);
		free((*expect)->kept);
	}
	free(*expect);
	*expect = NULL;
}

void
expect_letters(struct expect *e)
{
	e->are_letters = true;
}

const struct expect_counts *
expect_counts(const struct expect *e)
{
	return &e->counts;
}

void
expect_forget(struct expect *e)
{
	e->counts = (struct expect_counts){0};
}

bool
expect_knows_partition(const struct expect *e, const struct plan_topic *topic, bool keyed)
{
	bool is_known = keyed && e->is_murmur && (!topic || topic->target_partitions > 0);

	if (!topic)
		return is_known;
	switch (topic->rule) {
	case PLAN_PRESERVE: return true;
	case PLAN_ROUND_ROBIN: return false;
	case PLAN_CRC32: return keyed && topic->target_partitions > 0;
	case PLAN_BY_KEY: return is_known;
	case PLAN_MAP: break;
	}
	for (int32_t i = 0; i < topic->partitions; i++)
		if (topic->map[i] < 0 && !is_known)
			return false;
	return true;
}

/* The partition that the library's producer chooses for a key. */
static int32_t
by_key(const struct expect *e, const void *key, size_t size, int32_t count)
{
	if (!key || !e->is_murmur || count <= 0)
		return EXPECT_ANY;
	return (digest_murmur2(key, size) & 0x7fffffff) % count;
}

static int32_t
partition_of(const struct telling *t, const struct coming *c)
{
	int32_t count = !strcmp(c->topic, t->topic->target)
				? t->topic->target_partitions
				: plan_target_partitions(t->e->plan, c->topic);
	struct route route = {.plan = t->e->plan, .topic = t->topic};
	int32_t wanted = c->wanted;

	if (wanted == BY_ROUTE && t->topic->rule == PLAN_ROUND_ROBIN)
		return EXPECT_ANY;
	if (wanted == BY_ROUTE)
		wanted = route_partition_among(&route, t->partition, c->key, c->key_size, count);
	if (wanted >= 0)
		return wanted;
	return wanted == PRODUCER_BY_KEY ? by_key(t->e, c->key, c->key_size, count) : EXPECT_ANY;
}

/* All but those that make room for where the record came from; and of dead letters all but the
   script's generation, which is the mirror's count. */
static void
add_headers(const struct telling *t, int32_t list, bool is_dead_letter, struct fingerprint *fp)
{
	const char *name, *marked = t->origin ? provenance_header(t->e->provenance) : NULL;
	const void *value;
	size_t size;

	for (size_t i = 0; list < 0 ? record_header(t->source->message, i, &name, &value, &size)
				    : script_header(t->e->script, list, i, &name, &value, &size);
		i++)
		if ((!marked || strcmp(name, marked) != 0) &&
			(!is_dead_letter || strcmp(name, LETTER_GENERATION) != 0))
			fingerprint_header(fp, name, value, size);
}

/* Where the record came from, behind all other headers. */
static void
add_provenance(const struct telling *t, struct expected *x)
{
	struct provenance *provenance = t->e->provenance;
	struct provenance_hops hops;
	bool has_hops;

	if (!t->origin)
		return;
	has_hops = provenance_read(provenance, t->source->message, &hops);
	if (has_hops && t->e->are_letters &&
		provenance_ends_with(&hops, t->origin, t->source->offset)) {
		x->origin = hops.text;
		x->origin_size = hops.size;
	} else {
		x->origin = provenance_write(provenance, has_hops ? &hops : NULL, t->origin,
			t->source->offset, &x->origin_size);
	}
	fingerprint_header(
		&x->fingerprint, provenance_header(provenance), x->origin, x->origin_size);
}

static void
add_text(struct fingerprint *fp, const char *name, const char *text)
{
	fingerprint_header(fp, name, text, strlen(text));
}

static void
add_number(struct fingerprint *fp, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	add_text(fp, name, text);
}

/* What a dead letter carries besides the source's headers. */
static void
add_letter(const struct telling *t, const struct coming *c, struct fingerprint *fp)
{
	add_text(fp, LETTER_TOPIC, t->topic->name);
	add_number(fp, LETTER_PARTITION, t->partition);
	add_number(fp, LETTER_OFFSET, t->source->offset);
	add_text(fp, LETTER_SCRIPT, script_name(t->e->script));
	add_text(fp, LETTER_REASON, c->reason);
	add_text(fp, LETTER_ERROR, c->error);
}

static void
tell(struct telling *t, const struct coming *c)
{
	struct expected x = {.topic = c->topic,
		.partition = partition_of(t, c),
		.nth = t->nth++,
		.offset = t->source->offset,
		.key = c->key,
		.key_size = c->key_size,
		.value = c->value,
		.value_size = c->value_size,
		.timestamp = c->timestamp,
		.header_list = c->header_list,
		.reason = c->reason,
		.error = c->error};

	fingerprint_begin(&x.fingerprint, c->key, c->key_size, c->value, c->value_size);
	add_headers(t, c->header_list, c->reason != NULL, &x.fingerprint);
	add_provenance(t, &x);
	if (c->reason)
		add_letter(t, c, &x.fingerprint);
	/* The library takes 0 for "now", so that the producer sends 1 instead. */
	fingerprint_end(&x.fingerprint, c->timestamp == 0 ? 1 : c->timestamp);
	t->e->counts.moved += c->timestamp != t->source->timestamp;
	t->fn(&x, t->arg);
}

/* The record as it came from the source. */
static struct coming
unchanged(const struct telling *t)
{
	const struct record *s = t->source;

	return (struct coming){.topic = t->topic->target,
		.key = s->key,
		.key_size = s->key_size,
		.value = s->value,
		.value_size = s->value_size,
		.timestamp = s->timestamp,
		.wanted = BY_ROUTE,
		.header_list = -1};
}

/* The record as the hook left it. */
static struct coming
as_left(const struct telling *t)
{
	const struct script_record *r = t->r;
	struct coming c = unchanged(t);

	if (r->_changes & SCRIPT_CHANGED_TOPIC)
		c.topic = script_topic_name(t->e->script, r->_topic);
	if (r->_changes & SCRIPT_CHANGED_KEY) {
		c.key = r->_key;
		c.key_size = (size_t)r->_key_size;
	}
	if (r->_changes & SCRIPT_CHANGED_VALUE) {
		c.value = r->_value;
		c.value_size = (size_t)r->_value_size;
	}
	if (r->_changes & SCRIPT_CHANGED_PARTITION)
		c.wanted = r->_partition;
	if (r->_changes & SCRIPT_CHANGED_HEADERS)
		c.header_list = r->_header_list;
	c.timestamp = (int64_t)r->_timestamp;
	return c;
}

/* One more output: what the script gave for it, the rest from the record. */
static struct coming
emitted(const struct telling *t, const struct script_emit *e)
{
	struct coming c = as_left(t);

	if (e->_changes & SCRIPT_CHANGED_TOPIC)
		c.topic = script_topic_name(t->e->script, e->_topic);
	if (e->_changes & SCRIPT_CHANGED_KEY) {
		c.key = e->_key;
		c.key_size = (size_t)e->_key_size;
	}
	if (e->_changes & SCRIPT_CHANGED_VALUE) {
		c.value = e->_value;
		c.value_size = (size_t)e->_value_size;
	}
	if (e->_changes & SCRIPT_CHANGED_TIMESTAMP)
		c.timestamp = (int64_t)e->_timestamp;
	if (e->_changes & SCRIPT_CHANGED_PARTITION)
		c.wanted = e->_partition;
	if (e->_changes & SCRIPT_CHANGED_HEADERS)
		c.header_list = e->_header_list;
	return c;
}

static void
tell_dead_letter(struct telling *t, const char *reason, const char *error)
{
	struct coming c = unchanged(t);

	c.topic = t->e->config->mirror.dead_letter_topic;
	c.wanted = PRODUCER_BY_KEY;
	c.reason = reason;
	c.error = error;
	t->e->counts.dead_lettered++;
	tell(t, &c);
}

static void
hold(struct telling *t, const char *reason)
{
	t->e->counts.held++;
	snprintf(t->e->counts.reason, sizeof(t->e->counts.reason),
		"%s partition %d offset %lld: %s", t->topic->name, (int)t->partition,
		(long long)t->source->offset, reason);
}

/* The hook failed for the record. */
static void
tell_failed(struct telling *t, const char *reason)
{
	const char *policy = t->e->config->script.on_error;
	struct coming c = unchanged(t);

	if (!strcmp(policy, "pass"))
		tell(t, &c);
	else if (!strcmp(policy, "drop"))
		t->e->counts.dropped++;
	else if (!strcmp(policy, "dead-letter") && t->e->config->mirror.dead_letter_topic)
		tell_dead_letter(t, reason, LETTER_SCRIPT_FAILED);
	else
		hold(t, reason);
}

/* Does the topic, as far as is known, have the partition that the script names? */
static bool
is_there(const struct telling *t, const struct coming *c, char *text, size_t size)
{
	int32_t count = plan_target_partitions(t->e->plan, c->topic);

	if (c->wanted < 0 || count <= 0 || c->wanted < count)
		return true;
	snprintf(text, size, "%s: partition %d of %s does not exist (it has %d)",
		script_name(t->e->script), (int)c->wanted, c->topic, (int)count);
	return false;
}

/* Why an outcome does not count, although the hook did not fail; "" when it does. */
static void
check(const struct telling *t, char *text, size_t size)
{
	const struct script_record *r = t->r;
	struct coming c = as_left(t);

	text[0] = '\0';
	if (r->_outcome == SCRIPT_FAILED)
		snprintf(text, size, "%s", script_reason_text(t->e->script, r));
	else if (r->_outcome == SCRIPT_DEAD_LETTER && !t->e->config->mirror.dead_letter_topic)
		snprintf(text, size, "r:dead_letter was called, but there is no dead-letter topic");
	else if (r->_outcome == SCRIPT_KEEP && !is_there(t, &c, text, size))
		return;
	for (int32_t i = text[0] ? -1 : r->_first_emit; i >= 0;) {
		const struct script_emit *e = script_emit_at(t->e->script, i);

		c = emitted(t, e);
		if (e->_changes & SCRIPT_CHANGED_PARTITION && !is_there(t, &c, text, size))
			return;
		i = e->_next;
	}
}

/* What the script decided for one record. */
static void
tell_outcome(struct telling *t)
{
	const struct script_record *r = t->r;
	struct script *script = t->e->script;
	struct coming c;
	char why[1000];

	if (r->_outcome == SCRIPT_RETRY) {
		hold(t, "the script asks for a retry");
		return;
	}
	check(t, why, sizeof(why));
	if (why[0]) {
		tell_failed(t, why);
		return;
	}
	if (r->_outcome == SCRIPT_KEEP) {
		c = as_left(t);
		tell(t, &c);
	} else if (r->_outcome == SCRIPT_DEAD_LETTER) {
		tell_dead_letter(t, script_reason_text(script, r), LETTER_SCRIPT_PUT_ASIDE);
	} else {
		t->e->counts.dropped++;
	}
	for (int32_t i = r->_first_emit; i >= 0; i = script_emit_at(script, i)->_next) {
		c = emitted(t, script_emit_at(script, i));
		tell(t, &c);
	}
}

/* Puts a record before the script, as the pipeline does it. */
static void
show(const struct telling *t, const struct record *source, struct script_record *r)
{
	struct route route = {.plan = t->e->plan, .topic = t->topic};

	r->_key = source->key;
	r->_key_size = (int32_t)source->key_size;
	r->_value = source->value;
	r->_value_size = (int32_t)source->value_size;
	r->_message = source->message;
	r->_offset = (double)source->offset;
	r->_timestamp = (double)source->timestamp;
	r->_timestamp_type = source->timestamp_type;
	r->_partition = PRODUCER_BY_KEY;
	if (t->topic->rule == PLAN_PRESERVE || t->topic->rule == PLAN_MAP)
		r->_partition = route_partition(&route, t->partition, NULL, 0);
}

/* One batch through the script. Returns how many records it was run over, at least one. */
static size_t
run_script(struct telling *t, const struct record *records, size_t count)
{
	size_t most = script_batch_size(t->e->script);
	struct script_batch *batch;

	if (count > most)
		count = most;
	batch = script_batch(t->e->script, count, t->topic->name, t->partition, t->topic->target);
	for (size_t i = 0; i < count; i++)
		show(t, &records[i], &batch->_records[i]);
	script_run(t->e->script);
	if (batch->_done <= 0) {
		t->source = &records[0];
		hold(t, "the script has no memory left for it");
		return 1;
	}
	for (size_t i = 0; i < (size_t)batch->_done; i++) {
		t->source = &records[i];
		t->r = &batch->_records[i];
		t->nth = 0;
		tell_outcome(t);
	}
	return (size_t)batch->_done;
}

/* The records without those that came from the target. They live until the next call. */
static const struct record *
leave_loops(struct expect *e, const struct record *records, size_t *count)
{
	struct provenance_hops hops;
	size_t kept = 0;

	if (!e->provenance || !provenance_drops(e->provenance))
		return records;
	if (*count > e->kept_capacity) {
		e->kept_capacity = *count;
		e->kept = mem_resize(e->kept, e->kept_capacity, sizeof(*e->kept));
	}
	for (size_t i = 0; i < *count; i++)
		if (!provenance_read(e->provenance, records[i].message, &hops) ||
			!provenance_is_loop(e->provenance, &hops))
			e->kept[kept++] = records[i];
	e->counts.loops += *count - kept;
	*count = kept;
	return e->kept;
}

bool
expect_is_others(const struct expect *e, const struct record *record)
{
	struct provenance_hops hops;

	return e->provenance && provenance_drops(e->provenance) &&
	       provenance_header(e->provenance) &&
	       !(provenance_read(e->provenance, record->message, &hops) &&
		       provenance_is_from_source(e->provenance, &hops));
}

void
expect_run(struct expect *e, const struct plan_topic *topic, int32_t partition,
	const struct record *records, size_t count, expect_fn *fn, void *arg)
{
	struct telling t = {.e = e, .topic = topic, .partition = partition, .fn = fn, .arg = arg};
	struct coming c;

	records = leave_loops(e, records, &count);
	if (e->provenance && provenance_header(e->provenance))
		t.origin = provenance_place(e->provenance, topic->name, partition);
	for (size_t done = 0; e->script && done < count;)
		done += run_script(&t, records + done, count - done);
	for (size_t i = 0; !e->script && i < count; i++) {
		t.source = &records[i];
		t.nth = 0;
		c = unchanged(&t);
		tell(&t, &c);
	}
	free(t.origin);
}
