/* Verifying: reads both clusters and compares what is at the target with what the plan and the
   script make of the source. */
#ifndef MIRROR_VERIFY_H
#define MIRROR_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "mirror/audit.h"
#include "mirror/plan.h"
#include "script/script.h"

/* No instant. */
#define VERIFY_ALWAYS INT64_MIN

/* Up to where records of the source must be at the target. */
enum verify_until {
	VERIFY_COMMITTED, /* the group's positions; its ends where the group has none at all */
	VERIFY_END	  /* the ends at the beginning */
};

/* How far it is; total grows with further looks. */
typedef void verify_progress(uint64_t done, uint64_t total, void *arg);

struct verify_options {
	const struct config *config;
	const struct plan *plan;
	struct script *script; /* NULL: none */
	const char *source_brokers;
	enum verify_until until;
	int64_t from_ms, to_ms; /* timestamps of records, the second not included; VERIFY_ALWAYS */
	struct audit_options audit;
	verify_progress *progress; /* NULL: nobody wants to know */
	void *progress_arg;
};

/* One record, by where it stands. */
struct verify_place {
	const char *topic; /* NULL: there is none */
	int32_t partition;
	int64_t offset;
	uint64_t hash; /* of its content */
	uint32_t key_size, value_size;
};

struct verify_finding {
	enum finding_kind kind;
	bool is_tolerated, has_key;
	uint64_t key; /* its hash */
	struct verify_place source, target;
	struct verify_place before; /* REORDERED: of the source, the record it came too late for */
};

/* A topic of the target. */
struct verify_topic {
	char *name;
	char *sources;	  /* the topics that the plan sends there, with commas; "" for none */
	uint64_t records; /* of those, read */
	struct audit_sum sum;
	uint64_t differences; /* that are not tolerated */
	bool is_missing;      /* is not there */
	bool is_shared;	      /* others write to it too: unexpected records are no difference */
};

struct verify_report {
	struct verify_topic *topics;
	size_t topic_count;
	struct verify_finding *findings; /* at most the limit of each topic */
	size_t finding_count;
	char **notes; /* what must be known to judge it, each a finished sentence */
	size_t note_count;
	uint64_t records, beyond; /* of the source: compared; behind the positions */
	uint64_t bytes; /* that were read, of keys and values, on both sides and all looks */
	double seconds;
	uint64_t differences;
	bool is_whole; /* everything that differs was looked into: the counts are exact */
};

/* Compares. -1: it could not be done, *ret is nothing. @gives *ret; verify_report_fini @blocks */
int verify_run(const struct verify_options *options, struct verify_report *ret, struct err *err);

/* Frees what it holds. */
void verify_report_fini(struct verify_report *report);

#endif
