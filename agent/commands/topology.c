/* Topology: the topics of both clusters, asked for or out of a file. */
#include "commands/topology.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/file.h"
#include "kafka/admin.h"
#include "kafka/zookeeper.h"

/* A cluster that does not answer for so long is said to be away. */
#define LOOK_MS 10000
/* Room for hundreds of thousands of topics. */
#define FILE_MOST (64 * 1024 * 1024)
#define PARTITIONS_MOST 1000000

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct plan_partitions *)a)->name,
		((const struct plan_partitions *)b)->name);
}

/* One {"name": TOPIC, "partitions": N}; number counts from 1. */
static int
take_topic(const cJSON *item, int number, struct plan_partitions *ret, struct err *err)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "name");
	const cJSON *count = cJSON_GetObjectItemCaseSensitive(item, "partitions");

	if (!cJSON_IsString(name) || !*name->valuestring)
		return err_set(err, "entry %d has no \"name\"", number);
	if (!cJSON_IsNumber(count) || count->valuedouble != count->valueint ||
		count->valueint < 1 || count->valueint > PARTITIONS_MOST)
		return err_set(err, "\"partitions\" of %s must be a whole number from 1 to %d",
			name->valuestring, PARTITIONS_MOST);
	*ret = (struct plan_partitions){
		.name = mem_strdup(name->valuestring), .partitions = count->valueint};
	return 0;
}

/* A list of topics. @gives *ret, after an error too */
static int
take_list(const cJSON *list, struct plan_partitions **ret, size_t *ret_count, struct err *err)
{
	const cJSON *item;
	int number = 0;

	if (!cJSON_IsArray(list))
		return err_set(err,
			"must hold an array of {\"name\": TOPIC, \"partitions\": N}, or "
			"an object with such arrays as \"source\" and \"target\"");
	*ret = mem_zero((size_t)cJSON_GetArraySize(list) + 1, sizeof(**ret));
	cJSON_ArrayForEach(item, list)
	{
		if (take_topic(item, ++number, &(*ret)[*ret_count], err) < 0)
			return -1;
		++*ret_count;
	}
	qsort(*ret, *ret_count, sizeof(**ret), by_name);
	for (size_t i = 1; i < *ret_count; i++)
		if (!by_name(&(*ret)[i - 1], &(*ret)[i]))
			return err_set(err, "%s stands there twice", (*ret)[i].name);
	return 0;
}

/* The whole document. */
static int
take_document(const cJSON *json, struct topology *ret, struct err *err)
{
	const cJSON *target;

	if (!cJSON_IsObject(json))
		return take_list(json, &ret->sources, &ret->source_count, err);
	target = cJSON_GetObjectItemCaseSensitive(json, "target");
	if (take_list(cJSON_GetObjectItemCaseSensitive(json, "source"), &ret->sources,
		    &ret->source_count, err) < 0)
		return -1;
	return target ? take_list(target, &ret->targets, &ret->target_count, err) : 0;
}

int
topology_read(const char *file, struct topology *ret, struct err *err)
{
	const char *end = NULL;
	char *text;
	size_t length;
	cJSON *json;
	int rc;

	*ret = (struct topology){.can_create = true};
	if (file_read(file, FILE_MOST, &text, &length, err) < 0)
		return -1;
	json = cJSON_ParseWithOpts(text, &end, true);
	if (!json) {
		rc = err_set(
			err, "is no JSON from byte %zu on", end ? (size_t)(end - text) + 1 : 1);
	} else {
		rc = take_document(json, ret, err);
	}
	cJSON_Delete(json);
	free(text);
	return rc < 0 ? err_prefix(err, "%s: ", file) : 0;
}

/* What one side listed. @gives *ret, an array; names are copied */
static void
take_view(const struct cluster_view *view, struct plan_partitions **ret, size_t *ret_count)
{
	*ret = mem_zero(view->topic_count + 1, sizeof(**ret));
	for (size_t i = 0; i < view->topic_count; i++)
		(*ret)[i] = (struct plan_partitions){.name = mem_strdup(view->topics[i].name),
			.partitions = view->topics[i].partitions,
			.replicas = view->topics[i].replicas};
	*ret_count = view->topic_count;
}

/* One side's topics, as it lists them, and its id. @takes admin @gives *ret; cluster_view_fini */
static int
list_topics(
	struct admin *admin, struct cluster_view *ret, char *id, size_t id_size, struct err *err)
{
	int rc;

	if (!admin)
		return -1;
	rc = admin_view(admin, LOOK_MS, ret, err);
	if (rc == 0)
		rc = admin_cluster_id(admin, LOOK_MS, id, id_size, err);
	admin_close(&admin);
	return rc;
}

char *
topology_brokers(const struct config *config, struct err *err)
{
	const struct config_source *source = &config->source;
	char *brokers = NULL;

	if (source->bootstrap_servers)
		return mem_strdup(source->bootstrap_servers);
	zookeeper_find_brokers(
		source->zookeeper_connect, source->security_protocol, LOOK_MS, &brokers, err);
	return brokers;
}

int
topology_ask(const struct config *config, struct topology *ret, struct err *err)
{
	char *brokers = topology_brokers(config, err);
	struct cluster_view sources = {0}, targets = {0};
	int rc = brokers ? 0 : -1;

	*ret = (struct topology){0};
	if (rc == 0)
		rc = list_topics(admin_open_source(config, brokers, err), &sources, ret->source_id,
			sizeof(ret->source_id), err);
	if (rc == 0)
		rc = list_topics(admin_open_target(config, err), &targets, ret->target_id,
			sizeof(ret->target_id), err);
	if (rc == 0) {
		take_view(&sources, &ret->sources, &ret->source_count);
		take_view(&targets, &ret->targets, &ret->target_count);
		ret->target_brokers = targets.brokers;
		ret->can_create = targets.can_create != 0;
	}
	cluster_view_fini(&sources);
	cluster_view_fini(&targets);
	ret->is_asked = rc == 0;
	ret->is_same = rc == 0 && *ret->source_id && !strcmp(ret->source_id, ret->target_id);
	free(brokers);
	return rc;
}

static void
free_list(struct plan_partitions **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)(*list)[i].name);
	free(*list);
	*list = NULL;
}

void
topology_fini(struct topology *topology)
{
	free_list(&topology->sources, topology->source_count);
	free_list(&topology->targets, topology->target_count);
}
