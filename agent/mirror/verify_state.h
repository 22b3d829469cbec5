/* What the parts of verifying share. For mirror/verify*.c only. */
#ifndef MIRROR_VERIFY_STATE_H
#define MIRROR_VERIFY_STATE_H

#include "kafka/reader.h"
#include "mirror/expect.h"
#include "mirror/verify.h"

/* Target topics, by the names that plan and script have for them, and their numbers in the audit.
 */
struct verify_feeds {
	struct verify_feed {
		const char *name;
		uint32_t target;
	} * items;
	size_t count, capacity;
};

/* A mirrored topic of the source. */
struct verify_source {
	const struct plan_topic *topic;
	uint32_t target;	   /* in the audit */
	struct verify_feeds feeds; /* where its records went */
	uint64_t records;	   /* that must be at the target */
};

/* A partition that is read, of either cluster. */
struct verify_range {
	struct verify_source *source; /* NULL: of the target */
	const char *topic;
	int32_t partition;
	int64_t begin, end;  /* where it begins and ends */
	int64_t from, until; /* read from; source: must be at the target below until */
	uint32_t target;     /* of the target: in the audit, UINT32_MAX: nothing goes there */
	int64_t at;	     /* the next offset to come */
	bool is_open;
};

struct verify_side {
	struct reader *reader;
	struct verify_range *ranges;
	size_t count;
};

struct verify {
	const struct verify_options *options;
	struct expect *expect;
	struct audit *audit;
	struct verify_source *sources;
	size_t source_count;
	struct verify_side source, target;
	struct verify_range *current; /* the source partition whose records are being told */
	bool is_newer;
	uint64_t done, total, bytes, beyond;
	uint64_t held;	 /* records that must be at the target, and nobody knows as what */
	uint64_t others; /* records at the target that did not come from the source */
	int64_t next_progress;
	bool is_first; /* the first look */
	struct verify_report *report;
	size_t *found; /* findings kept, by topic of the audit */
	size_t found_count;
};

/* Opens both sides, and learns from where to where their partitions are to be read. */
int verify_open(struct verify *v, struct err *err);

/* Learns which topics of this look are compacted, and notes that it is not known where a cluster
   does not tell. */
void verify_learn_compaction(struct verify *v);

/* Reads one side's partitions of this look and gives their records to the audit. */
int verify_read(struct verify *v, struct verify_side *side, struct err *err);

/* Says where the source has lost what was not mirrored, and where the target has lost what was. */
void verify_note_gaps(struct verify *v);

/* Records of a topic of the source go to that one, whose name lives as long as plan and script. */
void verify_feed(struct verify_source *source, const char *name, uint32_t target);

/* Adds a sentence to the report. */
void verify_note(struct verify *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Is this partition to be read in this look? */
bool verify_wants(const struct verify *v, const struct verify_range *range);

#endif
