/* The ledger of exactly once: source positions, and who may write them, in a compacted topic of the
 * target. */
#include "kafka/ledger.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "kafka/admin.h"
#include "kafka/admin_topics.h"
#include "kafka/client.h"
#include "kafka/compacted.h"
#include "kafka/fence.h"
#include "kafka/reader.h"

/* One call to a cluster. */
#define CALL_MS 5000
/* Without a record for so long reading is given up, and begun anew later. */
#define IDLE_MS 10000
/* Each stream asks for itself; that it may not know is said once (seconds). */
#define SAY_UNCHECKED 3600
#define BUFFER_BYTES (8 * 1024 * 1024)
/* What librdkafka calls its embedded clusters. */
#define MOCK_PREFIX "mockCluster"

char *
ledger_topic(const struct config *config)
{
	return compacted_name(
		config->mirror.exactly_once_topic, "reflejo-positions", config->source.group_id);
}

/* @takes key */
static char *
print_key(cJSON *key)
{
	char *text = cJSON_PrintUnformatted(key);

	cJSON_Delete(key);
	return text;
}

static cJSON *
begin_key(const char *kind, const char *source, const char *topic, int32_t partition)
{
	cJSON *key = cJSON_CreateArray();

	cJSON_AddItemToArray(key, cJSON_CreateString(kind));
	cJSON_AddItemToArray(key, cJSON_CreateString(source));
	cJSON_AddItemToArray(key, cJSON_CreateString(topic));
	cJSON_AddItemToArray(key, cJSON_CreateNumber(partition));
	return key;
}

char *
ledger_position_key(const char *source, const char *topic, int32_t partition)
{
	return print_key(begin_key("position", source, topic, partition));
}

char *
ledger_claim_key(const char *source, const char *topic, int32_t partition, const char *writer)
{
	cJSON *key = begin_key("claim", source, topic, partition);

	cJSON_AddItemToArray(key, cJSON_CreateString(writer));
	return print_key(key);
}

char *
ledger_position_value(int64_t next)
{
	return mem_printf(
		"{\"next\":%lld,\"time\":%lld}", (long long)next, (long long)clock_wall_ms());
}

/* A whole number of an object or array that is not negative, -1: it is none. */
static int64_t
whole(const cJSON *item)
{
	double number = cJSON_IsNumber(item) ? item->valuedouble : -1;

	if (number < 0 || number > 9007199254740992.0 || number != (double)(int64_t)number)
		return -1;
	return (int64_t)number;
}

static char *
copy_of(const cJSON *item)
{
	const char *text = cJSON_GetStringValue(item);

	return text ? mem_strdup(text) : NULL;
}

static bool
parse_key(const cJSON *key, struct ledger_entry *ret)
{
	const char *kind = cJSON_GetStringValue(cJSON_GetArrayItem(key, 0));
	int64_t partition = whole(cJSON_GetArrayItem(key, 3));

	if (!cJSON_IsArray(key) || !kind || partition < 0 || partition > INT32_MAX)
		return false;
	ret->is_claim = !strcmp(kind, "claim");
	if (!ret->is_claim && strcmp(kind, "position") != 0)
		return false;
	ret->partition = (int32_t)partition;
	ret->source = copy_of(cJSON_GetArrayItem(key, 1));
	ret->topic = copy_of(cJSON_GetArrayItem(key, 2));
	ret->writer = copy_of(cJSON_GetArrayItem(key, 4));
	return ret->source && ret->topic && (ret->writer != NULL) == ret->is_claim;
}

static int64_t
parse_value(bool is_claim, const void *value, size_t size)
{
	cJSON *object = value ? cJSON_ParseWithLength(value, size) : NULL;
	int64_t next = -1;

	if (object && !is_claim)
		next = whole(cJSON_GetObjectItemCaseSensitive(object, "next"));
	/* Of a claim only that there is a value counts. */
	if (value && is_claim)
		next = 0;
	cJSON_Delete(object);
	return next;
}

bool
ledger_parse(const void *key, size_t key_size, const void *value, size_t value_size,
	struct ledger_entry *ret)
{
	cJSON *parsed = key ? cJSON_ParseWithLength(key, key_size) : NULL;
	bool is_ours;

	*ret = (struct ledger_entry){.next = -1};
	is_ours = parsed && parse_key(parsed, ret);
	cJSON_Delete(parsed);
	if (!is_ours) {
		ledger_entry_fini(ret);
		return false;
	}
	ret->next = parse_value(ret->is_claim, value, value_size);
	return true;
}

void
ledger_entry_fini(struct ledger_entry *e)
{
	free(e->source);
	free(e->topic);
	free(e->writer);
	*e = (struct ledger_entry){.next = -1};
}

/* A topic that was there: what retention deletes of it would be mirrored again. 0, 1: refused, -1:
   no answer. @blocks */
static int
check_policy(const char *topic, struct admin *target, struct err *err)
{
	char policy[40];
	struct err reason;
	int rc = admin_cleanup_policy(target, CALL_MS, topic, policy, sizeof(policy), &reason);

	if (rc > 0)
		LOG_LIMITED(SAY_UNCHECKED, EVENT_ledger_unchecked, F_STR("topic", topic),
			F_STR("reason", reason.text));
	if (rc < 0)
		err_set(err, "%s", reason.text);
	if (rc != 0 || !strcmp(policy, "compact"))
		return rc < 0 ? -1 : 0;
	err_set(err,
		"exactly.once=true keeps its positions in the topic %s, which has "
		"cleanup.policy=%s: what is deleted there would be mirrored twice; mend it with "
		"kafka-configs --alter --entity-type topics --entity-name %s --add-config "
		"cleanup.policy=compact, or name another exactly.once.topic",
		topic, policy, topic);
	return 1;
}

static enum outcome
make_topic(const struct config *config, struct admin *target, struct err *err)
{
	char *topic = ledger_topic(config);
	struct compacted *c = compacted_open(config, topic, err);
	struct settings settings = {0};
	bool is_made;
	int rc = -1;

	/* What cannot be compacted yet, the newest segment, is read at each take-over. */
	settings_set(&settings, "segment.bytes", "16777216");
	if (c)
		rc = compacted_prepare(c, target, &settings, CALL_MS, &is_made, err);
	if (rc == 0 && !is_made)
		rc = check_policy(topic, target, err);
	compacted_close(&c);
	settings_fini(&settings);
	free(topic);
	return rc == 0 ? OUTCOME_DONE : rc > 0 ? OUTCOME_REFUSED : OUTCOME_AGAIN;
}

/* @blocks */
static enum outcome
look_at_target(const struct config *config, struct admin *target, struct err *err)
{
	char id[LEDGER_SOURCE];

	if (admin_cluster_id(target, CALL_MS, id, sizeof(id), err) < 0)
		return OUTCOME_AGAIN;
	if (!strncmp(id, MOCK_PREFIX, strlen(MOCK_PREFIX))) {
		err_set(err,
			"exactly.once=true needs a real Kafka at the target: the embedded cluster "
			"takes transactions and protects nothing");
		return OUTCOME_REFUSED;
	}
	return make_topic(config, target, err);
}

enum outcome
ledger_prepare(const struct config *config, const char *source_brokers,
	char ret_source[LEDGER_SOURCE], const atomic_bool *must_stop, struct err *err)
{
	struct admin *source = admin_open_source(config, source_brokers, err);
	struct admin *target = source ? admin_open_target(config, err) : NULL;
	enum outcome outcome = OUTCOME_REFUSED;

	if (target) {
		admin_heed(source, must_stop);
		admin_heed(target, must_stop);
		outcome = OUTCOME_AGAIN;
		if (admin_cluster_id(source, CALL_MS, ret_source, LEDGER_SOURCE, err) == 0)
			outcome = look_at_target(config, target, err);
	}
	admin_close(&source);
	admin_close(&target);
	return outcome;
}

/* What one reading is for: each entry of the source goes to fn. */
struct reading {
	const struct config *config;
	struct ledger_takeover *takeover;
	struct offsets *positions; /* of ledger_read */
	const atomic_bool *must_stop;
	void (*fn)(struct reading *reading, const struct ledger_entry *entry, int64_t offset);
	struct found_claim *claims; /* of the places, as they stand */
	size_t claim_count, claim_capacity;
};

#define TAKEN_OUT (-2)
struct found_claim {
	size_t place;
	char *writer;
	int64_t offset; /* or TAKEN_OUT */
};

static struct ledger_place *
place_of(const struct reading *r, const struct ledger_entry *e)
{
	for (size_t i = 0; i < r->takeover->count; i++)
		if (r->takeover->places[i].partition == e->partition &&
			!strcmp(r->takeover->places[i].topic, e->topic))
			return &r->takeover->places[i];
	return NULL;
}

static void
take_record(struct reading *r, const struct record *record)
{
	struct ledger_entry e;

	if (!ledger_parse(record->key, record->key_size, record->value, record->value_size, &e))
		return;
	if (!strcmp(e.source, r->takeover->source))
		r->fn(r, &e, record->offset);
	ledger_entry_fini(&e);
}

/* Takes what came. Returns how far the partition is read, as far as this says so; -1: not. */
static int64_t
take_items(struct reading *r, struct reader_item *items, size_t n, struct err *err)
{
	int64_t at = -1;

	for (size_t i = 0; i < n; i++) {
		if (items[i].kind == READER_RECORD) {
			take_record(r, &items[i].record);
			at = items[i].record.offset + 1;
		} else if (items[i].kind == READER_END)
			at = items[i].offset;
		else
			err_set(err, "exactly.once.topic cannot be read: %s", items[i].reason);
	}
	reader_release(items, n);
	return at;
}

static void
say_idle(struct reader *reader, bool is_committed, struct err *err)
{
	char failure[600];

	reader_failure(reader, failure, sizeof(failure));
	if (failure[0])
		err_set(err, "exactly.once.topic cannot be read: %s", failure);
	else if (is_committed)
		err_set(err, "another writer's transaction is open in exactly.once.topic; the "
			     "target ends "
			     "it when its time-out is over");
	else
		err_set(err, "exactly.once.topic cannot be read: the target does not answer");
}

/* Begins to read. The beginning is asked for before: a client that does not know the leader yet
   would ask for it half a second later. */
static int
start_reading(struct reading *r, struct reader *reader, struct err *err)
{
	char *topic = ledger_topic(r->config);
	struct topic_partition begin = {topic, 0, -1};
	int rc = atomic_load(r->must_stop)
			 ? err_set(err, "the agent ends")
			 : reader_find(reader, READER_BEGINNING, &begin, 1, CALL_MS, err);

	if (rc == 0)
		rc = reader_start(reader, topic, 0, begin.offset, r, err);
	free(topic);
	return rc;
}

/* Reads from the beginning up to end. */
static int
read_up_to(
	struct reading *r, struct reader *reader, int64_t end, bool is_committed, struct err *err)
{
	struct reader_item items[READER_AT_ONCE];
	int rc = start_reading(r, reader, err);
	int64_t idle_since = clock_ms(), at = 0;

	if (rc == 0)
		err->text[0] = '\0';
	while (rc == 0 && at < end) {
		size_t n = reader_next(reader, items, READER_AT_ONCE, 100);
		int64_t reached = take_items(r, items, n, err);

		at = reached > at ? reached : at;
		if (n > 0)
			idle_since = clock_ms();
		if (!err->text[0] && clock_ms() - idle_since > IDLE_MS)
			say_idle(reader, is_committed, err);
		if (atomic_load(r->must_stop))
			err_set(err, "the agent ends");
		if (err->text[0])
			rc = -1;
	}
	return rc;
}

/* Where the ledger ends, transactions that are open included; -1 on error. */
static int64_t
end_of(const struct config *config, struct reader *reader, struct err *err)
{
	char *topic = ledger_topic(config);
	struct topic_partition position = {topic, 0, -1};
	int rc = reader_find(reader, READER_ENDS, &position, 1, CALL_MS, err);

	free(topic);
	return rc < 0 ? -1 : position.offset;
}

static struct reader *
open_reader(const struct config *config, enum reader_isolation isolation, struct err *err)
{
	return reader_open(CLIENT_TARGET, config, config->target.bootstrap_servers, BUFFER_BYTES,
		isolation, err);
}

/* The newest record of each claim counts. */
static void
note_claim(struct reading *r, const struct ledger_entry *e, int64_t offset)
{
	const struct ledger_place *place = e->is_claim ? place_of(r, e) : NULL;
	size_t index = place ? (size_t)(place - r->takeover->places) : 0;
	struct found_claim *c;

	if (!place)
		return;
	for (size_t i = 0; i < r->claim_count; i++) {
		c = &r->claims[i];
		if (c->place == index && !strcmp(c->writer, e->writer)) {
			c->offset = e->next < 0 ? TAKEN_OUT : offset;
			return;
		}
	}
	if (e->next < 0 && strcmp(e->writer, r->takeover->writer) != 0)
		return;
	r->claims = mem_grow(r->claims, &r->claim_capacity, r->claim_count, sizeof(*r->claims));
	c = &r->claims[r->claim_count++];
	*c = (struct found_claim){index, mem_strdup(e->writer), e->next < 0 ? TAKEN_OUT : offset};
}

/* Where the writer's own claim of the place stands, or TAKEN_OUT; -1: nowhere. */
static int64_t
own_claim(const struct reading *r, size_t place)
{
	for (size_t i = 0; i < r->claim_count; i++)
		if (r->claims[i].place == place &&
			!strcmp(r->claims[i].writer, r->takeover->writer))
			return r->claims[i].offset;
	return -1;
}

static bool
is_fenced(const struct ledger_takeover *t, const char *writer)
{
	for (size_t i = 0; i < t->fenced_count; i++)
		if (!strcmp(t->fenced[i].writer, writer))
			return true;
	return false;
}

static bool
is_noted(const struct ledger_takeover *t, const struct ledger_place *place, const char *writer)
{
	for (size_t i = 0; i < t->fenced_count; i++)
		if (!strcmp(t->fenced[i].writer, writer) &&
			t->fenced[i].partition == place->partition &&
			!strcmp(t->fenced[i].topic, place->topic))
			return true;
	return false;
}

/* Shuts a writer out, once, and notes that its claim of the place does not hold any more. */
static enum outcome
shut_out(struct reading *r, const struct found_claim *c, struct err *err)
{
	struct ledger_takeover *t = r->takeover;
	const struct ledger_place *place = &t->places[c->place];
	enum outcome outcome = OUTCOME_DONE;

	if (is_noted(t, place, c->writer))
		return OUTCOME_DONE;
	if (!is_fenced(t, c->writer)) {
		outcome = fence_writer(r->config, c->writer, r->must_stop, err);
		t->writers += outcome == OUTCOME_DONE;
	}
	if (outcome != OUTCOME_DONE)
		return outcome;
	t->fenced = mem_grow(t->fenced, &t->fenced_capacity, t->fenced_count, sizeof(*t->fenced));
	t->fenced[t->fenced_count++] = (struct ledger_claim){
		mem_strdup(place->topic), mem_strdup(c->writer), place->partition};
	return OUTCOME_DONE;
}

/* Does the writer's claim of each place stand? */
static enum outcome
find_own(const struct reading *r, struct err *err)
{
	for (size_t i = 0; i < r->takeover->count; i++) {
		const struct ledger_place *place = &r->takeover->places[i];
		int64_t offset = own_claim(r, i);

		if (offset >= 0)
			continue;
		err_set(err, "the claim of %s partition %d %s", place->topic, (int)place->partition,
			offset == TAKEN_OUT ? "was taken out of exactly.once.topic"
					    : "is not in exactly.once.topic yet; it is looked for "
					      "again");
		return offset == TAKEN_OUT ? OUTCOME_LOST : OUTCOME_AGAIN;
	}
	return OUTCOME_DONE;
}

/* Whoever has claimed a place before the writer did. */
static enum outcome
shut_out_earlier(struct reading *r, struct err *err)
{
	enum outcome outcome = find_own(r, err);

	for (size_t i = 0; i < r->claim_count && outcome == OUTCOME_DONE; i++) {
		const struct found_claim *c = &r->claims[i];

		if (c->offset >= 0 && c->offset < own_claim(r, c->place))
			outcome = shut_out(r, c, err);
	}
	return outcome;
}

static void
forget_claims(struct reading *r)
{
	for (size_t i = 0; i < r->claim_count; i++)
		free(r->claims[i].writer);
	free(r->claims);
	r->claims = NULL;
	r->claim_count = r->claim_capacity = 0;
}

static void
note_position(struct reading *r, const struct ledger_entry *e, int64_t offset)
{
	struct ledger_place *place = e->is_claim ? NULL : place_of(r, e);

	(void)offset;
	if (place)
		place->next = e->next;
}

/* Reads what is committed, up to the end that the ledger has now, which all asks for. A leader that
   is new may tell less than was there before: at_least. */
static int
read_committed(struct reading *r, struct reader *all, int64_t at_least, struct err *err)
{
	int64_t end = end_of(r->config, all, err);
	struct reader *committed = end < 0 ? NULL : open_reader(r->config, READER_COMMITTED, err);
	int rc = -1;

	if (committed)
		rc = read_up_to(r, committed, end < at_least ? at_least : end, true, err);
	reader_close(&committed);
	return rc;
}

static int
read_positions(struct reading *r, struct reader *all, int64_t seen, struct err *err)
{
	for (size_t i = 0; i < r->takeover->count; i++)
		r->takeover->places[i].next = -1;
	r->fn = note_position;
	return read_committed(r, all, seen, err);
}

enum outcome
ledger_take_over(const struct config *config, struct ledger_takeover *takeover,
	const atomic_bool *must_stop, struct err *err)
{
	struct reading r = {
		.config = config, .takeover = takeover, .must_stop = must_stop, .fn = note_claim};
	struct reader *all = open_reader(config, READER_UNCOMMITTED, err);
	enum outcome outcome = all ? OUTCOME_AGAIN : OUTCOME_REFUSED;
	int64_t end = all ? end_of(config, all, err) : -1;

	if (end >= 0 && read_up_to(&r, all, end, false, err) == 0)
		outcome = shut_out_earlier(&r, err);
	if (outcome == OUTCOME_DONE && read_positions(&r, all, end, err) < 0)
		outcome = OUTCOME_AGAIN;
	forget_claims(&r);
	reader_close(&all);
	return outcome;
}

static void
note_any_position(struct reading *r, const struct ledger_entry *e, int64_t offset)
{
	(void)offset;
	if (e->is_claim)
		return;
	if (e->next >= 0)
		offsets_set(r->positions, e->topic, e->partition, e->next);
	else
		offsets_remove(r->positions, e->topic, e->partition);
}

enum outcome
ledger_read(const struct config *config, const char *source_brokers, struct offsets *ret,
	const atomic_bool *must_stop, struct err *err)
{
	char source[LEDGER_SOURCE];
	struct ledger_takeover none = {.source = source};
	struct reading r = {.config = config,
		.takeover = &none,
		.must_stop = must_stop,
		.fn = note_any_position,
		.positions = ret};
	enum outcome outcome = ledger_prepare(config, source_brokers, source, must_stop, err);
	struct reader *all;

	if (outcome != OUTCOME_DONE)
		return outcome;
	all = open_reader(config, READER_UNCOMMITTED, err);
	if (!all || read_committed(&r, all, 0, err) < 0)
		outcome = OUTCOME_AGAIN;
	reader_close(&all);
	return outcome;
}

void
ledger_takeover_fini(struct ledger_takeover *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->places[i].topic);
	free(t->places);
	for (size_t i = 0; i < t->fenced_count; i++) {
		free(t->fenced[i].topic);
		free(t->fenced[i].writer);
	}
	free(t->fenced);
	*t = (struct ledger_takeover){0};
}
