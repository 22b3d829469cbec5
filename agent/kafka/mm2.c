/* MirrorMaker 2's positions: what its source connector keeps in the offsets topic of Kafka Connect.
 */
#include "kafka/mm2.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kafka/admin.h"
#include "kafka/reader.h"

/* Listing the topics may take this long. */
#define LOOK_MS 4000
/* A cluster from which nothing comes for so long is away. */
#define SILENCE_MS 10000
/* The stop is looked for so often. */
#define TURN_MS 100
/* Bytes that may wait to be taken. */
#define BUFFER_BYTES (4 * 1024 * 1024)
/* Others are shown up to so many bytes. */
#define OTHERS_MOST 300

/* A whole number that a position or a partition can be; -1: it is none. */
static int64_t
number_of(const cJSON *object, const char *name, double most)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > most ||
		item->valuedouble != (double)(int64_t)item->valuedouble)
		return -1;
	return (int64_t)item->valuedouble;
}

/* What a key names. Strings are borrowed from the JSON. */
struct mm2_key {
	const char *connector, *alias, *topic;
	int32_t partition;
};

static bool
read_key(const cJSON *key, struct mm2_key *ret)
{
	const cJSON *connector = cJSON_GetArrayItem(key, 0),
		    *partition = cJSON_GetArrayItem(key, 1);
	int64_t number = number_of(partition, "partition", INT32_MAX);

	*ret = (struct mm2_key){
		.connector = cJSON_GetStringValue(connector),
		.alias = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(partition, "cluster")),
		.topic = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(partition, "topic")),
		.partition = (int32_t)number,
	};
	return cJSON_IsArray(key) && ret->connector && ret->alias && ret->topic && number >= 0;
}

/* Notes whose position it is, for the sentence when there is none of ours. */
static void
note_other(struct mm2_positions *p, const struct mm2_key *named)
{
	char *name = mem_printf("%s/%s", named->connector, named->alias);

	if (p->others.length + strlen(name) < OTHERS_MOST &&
		!(p->others.s && strstr(p->others.s, name)))
		text_printf(&p->others, "%s%s", p->others.length ? ", " : "", name);
	free(name);
}

void
mm2_take(struct mm2_positions *p, const void *key, size_t key_size, const void *value,
	size_t value_size)
{
	cJSON *json = key ? cJSON_ParseWithLength(key, key_size) : NULL;
	cJSON *offset = value ? cJSON_ParseWithLength(value, value_size) : NULL;
	/* Doubles hold whole numbers up to 2^53. */
	int64_t last = number_of(offset, "offset", 9007199254740991.0);
	struct mm2_key named;

	if (!read_key(json, &named))
		goto out;
	if (strcmp(named.connector, p->connector) || strcmp(named.alias, p->alias))
		note_other(p, &named);
	else if (last >= 0)
		offsets_set(&p->offsets, named.topic, named.partition, last + 1);
	else if (!value || cJSON_IsNull(offset))
		offsets_remove(&p->offsets, named.topic, named.partition);
out:
	cJSON_Delete(json);
	cJSON_Delete(offset);
}

void
mm2_positions_fini(struct mm2_positions *p)
{
	offsets_fini(&p->offsets);
	text_fini(&p->others);
}

char *
mm2_offsets_topic(const struct config *config)
{
	const struct config_mirror *mirror = &config->mirror;

	if (mirror->offsets_import_topic)
		return mem_strdup(mirror->offsets_import_topic);
	return mem_printf("mm2-offsets.%s.internal", mirror->offsets_import_alias);
}

/* How many partitions the topic has, 0: it is not there; -1 on error. */
static int
count_partitions(struct admin *admin, const char *topic, struct err *err)
{
	struct cluster_view view;
	int count = 0;

	if (admin_view(admin, LOOK_MS, &view, err) < 0)
		return -1;
	for (size_t i = 0; i < view.topic_count; i++)
		if (!strcmp(view.topics[i].name, topic))
			count = view.topics[i].partitions;
	cluster_view_fini(&view);
	return count;
}

/* One cluster, and how it is read: what was written in a transaction that failed is no position. */
struct offsets_cluster {
	struct config config; /* borrows all of the agent's but the settings of that side */
	enum client_side side;
	const char *brokers;
};

static void
append_committed_only(struct client_settings *settings)
{
	static struct client_setting committed_only = {
		"isolation.level", "read_committed", false, "offsets.import"};
	struct client_setting *items = mem_zero(settings->count + 1, sizeof(*items));

	if (settings->count)
		memcpy(items, settings->items, settings->count * sizeof(*items));
	items[settings->count] = committed_only;
	settings->items = items;
	settings->count++;
}

/* What is being read. */
struct reading {
	struct reader *reader;
	const char *topic;
	bool *is_done; /* one a partition: all that is there was taken */
	int left;
	struct mm2_positions *positions;
	const atomic_bool *must_stop;
};

static int
take_items(struct reading *r, const struct reader_item *items, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		bool *is_done = items[i].owner;
		const struct record *record = &items[i].record;

		if (items[i].kind == READER_TROUBLE)
			return err_set(err, "%s", items[i].reason);
		if (items[i].kind == READER_RECORD)
			mm2_take(r->positions, record->key, record->key_size, record->value,
				record->value_size);
		else if (!*is_done) {
			*is_done = true;
			r->left--;
		}
	}
	return 0;
}

/* Up to where every partition ended when it was come to. */
static int
read_all(struct reading *r, struct err *err)
{
	int64_t last = clock_ms();
	char failure[600];
	int rc = 0;

	while (rc == 0 && r->left > 0) {
		struct reader_item items[READER_AT_ONCE];
		size_t count = reader_next(r->reader, items, READER_AT_ONCE, TURN_MS);

		rc = take_items(r, items, count, err);
		reader_release(items, count);
		if (count > 0)
			last = clock_ms();
		if (rc == 0 && atomic_load(r->must_stop))
			rc = err_set(err, "the end came while %s was read", r->topic);
		if (rc == 0 && clock_ms() - last > SILENCE_MS) {
			reader_failure(r->reader, failure, sizeof(failure));
			rc = err_set(err,
				"nothing comes of %s, which holds MirrorMaker 2's "
				"positions%s%s",
				r->topic, *failure ? ": " : "", failure);
		}
	}
	return rc;
}

static int
read_topic(const struct offsets_cluster *cluster, const char *topic, int partitions,
	const atomic_bool *must_stop, struct mm2_positions *ret, struct err *err)
{
	struct reading r = {.topic = topic, .positions = ret, .must_stop = must_stop};
	int rc = 0;

	r.reader = reader_open(cluster->side, &cluster->config, cluster->brokers, BUFFER_BYTES,
		READER_AS_SET, err);
	if (!r.reader)
		return -1;
	r.is_done = mem_zero((size_t)partitions, sizeof(*r.is_done));
	for (; rc == 0 && r.left < partitions; r.left++)
		rc = reader_start(
			r.reader, topic, r.left, READER_BEGINNING, &r.is_done[r.left], err);
	if (rc == 0)
		rc = read_all(&r, err);
	reader_close(&r.reader);
	free(r.is_done);
	return rc;
}

int
mm2_read_positions(const struct config *config, const char *source_brokers,
	const atomic_bool *must_stop, struct mm2_positions *ret, bool *ret_is_missing,
	struct err *err)
{
	bool is_source = !strcmp(config->mirror.offsets_import_side, "source");
	struct offsets_cluster cluster = {.config = *config,
		.side = is_source ? CLIENT_SOURCE : CLIENT_TARGET,
		.brokers = is_source ? source_brokers : config->target.bootstrap_servers};
	struct client_settings *settings =
		is_source ? &cluster.config.consumer : &cluster.config.producer;
	struct admin *admin = is_source ? admin_open_source(config, source_brokers, err)
					: admin_open_target(config, err);
	char *topic = mm2_offsets_topic(config);
	int partitions = admin ? count_partitions(admin, topic, err) : -1;
	int rc = partitions < 0 ? -1 : 0;

	admin_close(&admin);
	*ret = (struct mm2_positions){.connector = config->mirror.offsets_import_connector,
		.alias = config->mirror.offsets_import_alias};
	*ret_is_missing = partitions == 0;
	append_committed_only(settings);
	if (partitions > 0)
		rc = read_topic(&cluster, topic, partitions, must_stop, ret, err);
	if (rc < 0)
		mm2_positions_fini(ret);
	free(settings->items);
	free(topic);
	return rc;
}
