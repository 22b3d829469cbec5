/* A source and a target in the place of kafka/, for the tests of the pipeline: a test fills the
 * one, and answers what was sent to the other. */
#ifndef TESTS_UNIT_PIPELINE_RIG_H
#define TESTS_UNIT_PIPELINE_RIG_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "mirror/pipeline.h"
#include "mirror/pipeline_state.h"

/* ---- the source: what is put into a partition is read from it ---- */

#define MOST 64
#define VALUE "0123456789"

struct source_partition {
	void *owner;
	struct record records[MOST];
	size_t count, taken;
	int64_t end, next;	 /* offsets: of the source, of what was read */
	int64_t refused, sought; /* offsets: that the source refused, where reading went; -1 none */
	bool has_before;
};

/* Partitions that are open, by number. */
static struct source_partition *sources[2];

struct source_partition *
consumer_open_partition(struct consumer *c, const char *topic, int32_t partition, void *owner)
{
	(void)c, (void)topic;
	sources[partition] = calloc(1, sizeof(*sources[partition]));
	sources[partition]->owner = owner;
	sources[partition]->next = sources[partition]->refused = sources[partition]->sought = -1;
	return sources[partition];
}

void
source_partition_close(struct source_partition **p)
{
	sources[*p == sources[1]] = NULL;
	free(*p);
	*p = NULL;
}

void *
source_partition_owner(const struct source_partition *p)
{
	return p->owner;
}

static bool is_end_unknown;
static int64_t looked_at = -1; /* when the source was looked at last; -1: just now */

int64_t
source_partition_lag(const struct source_partition *p, int64_t *ret_end)
{
	*ret_end = -1;
	if (is_end_unknown)
		return -1;
	*ret_end = p->end;
	return p->next < 0 ? (int64_t)(p->count - p->taken) : p->end - p->next;
}

int64_t
source_partition_position(const struct source_partition *p)
{
	return p->next;
}

int64_t
source_partition_seen(const struct source_partition *p)
{
	return source_partition_position(p);
}

int64_t
source_partition_looked(const struct source_partition *p)
{
	(void)p;
	return looked_at < 0 ? clock_ms() : looked_at;
}

static bool knows_topic_ids;

bool
consumer_knows_topic_ids(void)
{
	return knows_topic_ids;
}

int64_t
source_partition_refused(const struct source_partition *p, bool *ret_before)
{
	*ret_before = p->has_before;
	return p->refused;
}

static bool
	is_read_later; /* the library does not read any partition yet, which it is slow to say */
static int refused_seeks;
#define SLOW_US 25000

/* What the source has there the test adds. */
bool
source_partition_seek(struct source_partition *p, int64_t offset)
{
	if (is_read_later) {
		refused_seeks++;
		usleep(SLOW_US);
		return false;
	}
	p->refused = -1;
	p->sought = p->next = p->end = offset;
	p->taken = p->count = 0;
	return true;
}

void
source_partition_range(const struct source_partition *p, int64_t *ret_low, int64_t *ret_high)
{
	*ret_low = 0;
	*ret_high = p->end;
}

size_t
consumer_read(struct source_partition *p, struct record *records, size_t max,
	struct consumer_event *ret_event)
{
	size_t n = 0;

	*ret_event = (struct consumer_event){.kind = CONSUMER_NOTHING};
	for (; n < max && p->taken < p->count; n++) {
		records[n] = p->records[p->taken++];
		p->next = records[n].offset + 1;
	}
	return n;
}

/* One more record at the source, with the timestamp. */
static void
add_record(int32_t partition, int64_t timestamp)
{
	struct source_partition *p = sources[partition];
	struct record *r = &p->records[p->count++];

	*r = (struct record){.message = r,
		.value = VALUE,
		.value_size = strlen(VALUE),
		.offset = p->end++,
		.timestamp = timestamp,
		.partition = partition};
}

void
record_restore(struct record *record, void *message, void *headers)
{
	*record = *(struct record *)message;
	record->headers = headers;
}

void
record_release(void *message, void *headers)
{
	(void)message, (void)headers;
}

bool
record_header(
	void *message, size_t i, const char **ret_name, const void **ret_value, size_t *ret_size)
{
	(void)message;
	*ret_name = "h";
	*ret_value = "1";
	*ret_size = 1;
	return i == 0;
}

void *
record_copy_headers(void *message)
{
	(void)message;
	return NULL;
}

void *
record_take_headers(void *message)
{
	(void)message;
	return NULL;
}

void
record_add_header(void **headers, const char *name, const void *value, size_t size)
{
	(void)headers, (void)name, (void)value, (void)size;
}

void
record_set_header(void **headers, const char *name, const void *value, size_t size)
{
	(void)headers, (void)name, (void)value, (void)size;
}

struct record_spares *
record_spares_new(void)
{
	return NULL;
}

void
record_spares_free(struct record_spares **spares)
{
	(void)spares;
}

bool
record_spare(struct record_spares *spares, void *headers)
{
	(void)spares, (void)headers;
	return false;
}

void *
record_take_spare(struct record_spares *spares)
{
	(void)spares;
	return NULL;
}

/* ---- the target: what is sent waits until the test answers it ---- */

struct target_topic {
	int unused;
};

static struct target_topic the_topic;
static void *sent[MOST]; /* opaques, in the order of sending */
static int64_t sent_offsets[MOST];
static size_t sent_count;
static size_t room = SIZE_MAX; /* so many are taken, then one is not, once */
static struct delivery answers[MOST];
static size_t answer_count;

struct target_topic *
producer_topic(struct producer *p, const char *name)
{
	(void)p, (void)name;
	return &the_topic;
}

const char *
target_topic_name(const struct target_topic *topic)
{
	(void)topic;
	return "copy";
}

enum producer_lane
target_topic_lane(const struct target_topic *topic)
{
	(void)topic;
	return PRODUCER_BULK;
}

void
producer_limit_batch(struct producer *p, struct target_topic *topic, int64_t max_bytes)
{
	(void)p, (void)topic, (void)max_bytes;
}

void
producer_limit_headers(struct target_topic *topic, bool no_headers)
{
	(void)topic, (void)no_headers;
}

unsigned
producer_lane_changes(const struct producer *p)
{
	(void)p;
	return 0;
}

static int touched; /* times that a topic was asked for */

void
producer_touch(struct producer *p, struct target_topic *topic)
{
	(void)p, (void)topic;
	touched++;
}

static int refreshed; /* times that a topic's metadata were asked for anew */

void
producer_refresh(struct producer *p, struct target_topic *topic)
{
	(void)p, (void)topic;
	refreshed++;
}

enum send_result
producer_send(struct producer *p, struct target_topic *topic, enum producer_lane lane,
	int32_t partition, struct record *record, void *opaque, struct delivery *ret_failure)
{
	(void)p, (void)topic, (void)lane, (void)partition, (void)ret_failure;
	if (room-- == 0)
		return SEND_FULL;
	sent_offsets[sent_count] = record->offset;
	sent[sent_count++] = opaque;
	return SEND_QUEUED;
}

int
producer_fd(const struct producer *p)
{
	(void)p;
	return -1;
}

size_t
producer_deliveries(struct producer *p, struct delivery *out, size_t max)
{
	size_t n = answer_count < max ? answer_count : max;

	(void)p;
	memcpy(out, answers, n * sizeof(*out));
	answer_count = 0;
	return n;
}

size_t
producer_outstanding(const struct producer *p)
{
	(void)p;
	return sent_count;
}

void
producer_abandon(struct producer *p)
{
	(void)p;
	for (; sent_count > 0; sent_count--)
		answers[answer_count++] = (struct delivery){.opaque = sent[sent_count - 1],
			.verdict = DELIVERY_AGAIN,
			.reason = "given up",
			.error = "_PURGE_QUEUE"};
}

static size_t expected_topics;
static bool is_uninformed;

void
producer_expect(struct producer *p, size_t topics)
{
	(void)p;
	expected_topics = topics;
}

bool
producer_is_informed(const struct producer *p)
{
	(void)p;
	return !is_uninformed;
}

bool
producer_wants_turn(const struct producer *p)
{
	(void)p;
	return false;
}

bool
producer_take_trouble(struct producer *p)
{
	(void)p;
	return false;
}

const char *
producer_broken(const struct producer *p)
{
	(void)p;
	return NULL;
}

const char *
producer_failure(const struct producer *p)
{
	(void)p;
	return NULL;
}

#endif
