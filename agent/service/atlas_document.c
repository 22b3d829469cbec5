/* The atlas as it is kept: one JSON document a source partition. */
#include "service/atlas_document.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parse.h"

#define VERSION 1
/* Runs of a document, shared out over its lanes; each has some. */
#define RUNS_MOST 4096
#define RUNS_LEAST 8
#define PARTITIONS_MOST 1000000
/* Whole numbers up to here are exact in JSON. */
#define NUMBER_MOST 9007199254740991.0

char *
atlas_document_key(const struct leaf *leaf)
{
	return mem_printf("%s/%d", leaf->topic, (int)leaf->partition);
}

/* A run by what differs from the end of the one before; blind and is_more in one number. */
static void
put_run(struct text *out, const struct offset_run *run, const struct offset_run *before,
	uint8_t blind)
{
	int64_t source = before ? before->source + before->length : 0;
	int64_t target = before ? before->target + before->length : 0;

	text_printf(out, "%s%" PRId64 ",%" PRId64 ",%u,%d", before ? "," : "", run->source - source,
		run->target - target, (unsigned)run->length, blind + (run->is_more ? 4 : 0));
}

/* The first run, the newest half of what may be, and of those between every so many. */
static void
put_runs(struct text *out, const struct offset_lane *lane, size_t most)
{
	size_t half = most / 2;
	size_t whole = lane->count > most ? lane->count - half : 0;
	size_t step = whole > 0 ? (whole + half - 1) / half : 1;
	const struct offset_run *before = NULL;
	uint8_t blind = OFFSET_SEES;

	for (size_t i = 0; i < lane->count; i++) {
		const struct offset_run *run = &lane->runs[i];

		blind = run->blind > blind ? run->blind : blind;
		if (i < whole && i % step != 0) {
			blind = blind > OFFSET_SEES_THINNED ? blind : OFFSET_SEES_THINNED;
			continue;
		}
		put_run(out, run, before, blind);
		before = run;
		blind = OFFSET_SEES;
	}
}

static void
put_lane(struct text *out, const struct offset_lane *lane, size_t most)
{
	text_puts(out, "{");
	json_put_field(out, "topic", lane->topic, ",");
	text_printf(out,
		"\"partition\":%d,\"from\":%" PRId64 ",\"pending\":%d,\"hidden\":%" PRId64
		",\"hiding\":%s,\"runs\":[",
		(int)lane->partition, lane->from, lane->pending, lane->hidden,
		lane->is_hiding ? "true" : "false");
	put_runs(out, lane, most);
	text_puts(out, "]}");
}

char *
atlas_document(const struct leaf *leaf, const char *writer)
{
	const struct offset_span *span = offset_map_span(leaf->map);
	const struct offset_lane *lane;
	struct text out = {0};
	size_t lanes = 0, most;

	while (offset_map_lane(leaf->map, lanes))
		lanes++;
	most = lanes > RUNS_MOST / RUNS_LEAST ? RUNS_LEAST : RUNS_MOST / (lanes ? lanes : 1);
	text_printf(&out, "{\"version\":%d,", VERSION);
	json_put_field(&out, "topic", leaf->topic, ",");
	text_printf(&out, "\"partition\":%d,", (int)leaf->partition);
	json_put_field(&out, "writer", writer, ",");
	text_printf(&out,
		"\"clean\":%s,\"lost\":%s,\"begin\":%" PRId64 ",\"known\":%" PRId64
		",\"position\":%" PRId64 ",\"exact_from\":%" PRId64 ",\"lanes\":[",
		leaf->is_clean ? "true" : "false", span->is_lost ? "true" : "false", span->begin,
		span->known, span->position, span->exact_from);
	for (size_t i = 0; (lane = offset_map_lane(leaf->map, i)); i++) {
		text_puts(&out, i ? "," : "");
		put_lane(&out, lane, most);
	}
	text_puts(&out, "]}");
	return text_take(&out);
}

void
atlas_kept_fini(struct atlas_kept *kept)
{
	free(kept->topic);
	free(kept->writer);
	offset_map_free(&kept->map);
	*kept = (struct atlas_kept){0};
}

/* -1: it is not a whole number from min on. */
static int
take_number(const cJSON *item, int64_t min, int64_t *ret)
{
	if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble) ||
		item->valuedouble < (double)min || item->valuedouble > NUMBER_MOST)
		return -1;
	*ret = (int64_t)item->valuedouble;
	return 0;
}

static int
get_number(const cJSON *object, const char *name, int64_t min, int64_t *ret)
{
	return take_number(cJSON_GetObjectItemCaseSensitive(object, name), min, ret);
}

/* NULL: it is no topic's name. Other bytes would not come back as they were written. */
static const char *
get_topic(const cJSON *object)
{
	const char *topic = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "topic"));

	return topic && parse_is_topic_name(topic) ? topic : NULL;
}

static const char *
get_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool
get_bool(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* Four numbers are a run. */
static int
read_runs(const cJSON *list, struct offset_map *map, struct offset_lane *lane)
{
	const cJSON *item = list ? list->child : NULL;
	int64_t source_end = 0, target_end = 0;

	while (item) {
		int64_t n[4];
		struct offset_run run;

		for (int i = 0; i < 4; i++, item = item->next)
			if (!item || take_number(item, i == 0 ? -1 : i == 2, &n[i]) < 0)
				return -1;
		if (n[2] > UINT32_MAX || n[3] > 7 || (n[3] & 3) > OFFSET_SEES_LOST)
			return -1;
		run = (struct offset_run){source_end + n[0], target_end + n[1], (uint32_t)n[2],
			(uint8_t)(n[3] & 3), (n[3] & 4) != 0};
		if (offset_map_restore_run(map, lane, &run) < 0)
			return -1;
		source_end = run.source + run.length;
		target_end = run.target + run.length;
	}
	return 0;
}

static int
read_lane(const cJSON *item, struct offset_map *map)
{
	const char *topic = get_topic(item);
	int64_t partition, pending, from, hidden;
	struct offset_lane like;

	if (!topic || get_number(item, "partition", 0, &partition) < 0 ||
		partition >= PARTITIONS_MOST || get_number(item, "from", -1, &from) < 0 ||
		get_number(item, "pending", 0, &pending) < 0 || pending > OFFSET_SEES_LOST ||
		get_number(item, "hidden", 0, &hidden) < 0)
		return -1;
	like = (struct offset_lane){.topic = (char *)(uintptr_t)topic,
		.partition = (int32_t)partition,
		.from = from,
		.pending = (uint8_t)pending,
		.hidden = hidden,
		.is_hiding = get_bool(item, "hiding")};
	return read_runs(cJSON_GetObjectItemCaseSensitive(item, "runs"), map,
		offset_map_restore_lane(map, &like));
}

static int
read_map(const cJSON *root, struct offset_map *map)
{
	struct offset_span span = {.is_lost = get_bool(root, "lost")};
	const cJSON *lanes = cJSON_GetObjectItemCaseSensitive(root, "lanes"), *lane;

	if (get_number(root, "begin", -1, &span.begin) < 0 ||
		get_number(root, "known", -1, &span.known) < 0 ||
		get_number(root, "position", -1, &span.position) < 0 ||
		get_number(root, "exact_from", 0, &span.exact_from) < 0 || !cJSON_IsArray(lanes))
		return -1;
	offset_map_restore(map, &span);
	cJSON_ArrayForEach(lane, lanes) if (read_lane(lane, map) < 0) return -1;
	return 0;
}

static int
read_root(const cJSON *root, struct atlas_kept *kept)
{
	const char *topic = get_topic(root), *writer = get_text(root, "writer");
	int64_t version, partition;

	if (get_number(root, "version", VERSION, &version) < 0 || version != VERSION || !topic ||
		!writer || get_number(root, "partition", 0, &partition) < 0 ||
		partition >= PARTITIONS_MOST)
		return -1;
	kept->topic = mem_strdup(topic);
	kept->writer = mem_strdup(writer);
	kept->partition = (int32_t)partition;
	kept->is_clean = get_bool(root, "clean");
	kept->map = offset_map_new(SIZE_MAX);
	return read_map(root, kept->map);
}

int
atlas_document_read(const char *text, size_t size, struct atlas_kept *ret, struct err *err)
{
	cJSON *root = cJSON_ParseWithLength(text, size);
	int rc;

	*ret = (struct atlas_kept){0};
	rc = read_root(root, ret);
	cJSON_Delete(root);
	if (rc < 0) {
		atlas_kept_fini(ret);
		return err_set(err, "it is no document of version %d", VERSION);
	}
	return 0;
}
