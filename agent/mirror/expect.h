/* Expectations: what must be at the target for a record of the source, by the plan and the script
   that mirror it. Beside the pipeline and not of it: what one of them does wrong, the other finds.
 */
#ifndef MIRROR_EXPECT_H
#define MIRROR_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "kafka/record.h"
#include "mirror/fingerprint.h"
#include "mirror/plan.h"
#include "script/script.h"

struct expect;

/* Any partition of the target will do: the record has no key, or the rule is round.robin. */
#define EXPECT_ANY (-1)

/* One record that must be at the target. */
struct expected {
	const char *topic; /* at the target; lives as long as the plan and the script */
	int32_t partition; /* or EXPECT_ANY */
	int32_t nth;	   /* among those of one record of the source, from 0 */
	int64_t offset;	   /* of that one */
	struct fingerprint fingerprint;
	/* What it is made of. */
	const void *key, *value;
	size_t key_size, value_size;
	int64_t timestamp;
	int32_t header_list;	    /* of the script; -1: the headers of the record of the source */
	const char *reason, *error; /* of a dead letter; NULL: it is none */
	/* Where it came from: what the provenance header has in the end, whatever the headers say.
	   NULL: it has none. */
	const char *origin;
	size_t origin_size;
};

/* What became of records of the source that did not simply give one record. */
struct expect_counts {
	uint64_t dropped, dead_lettered;
	uint64_t held;	  /* the script fails for them, or asks for a retry: nothing is expected */
	uint64_t loops;	  /* came from the target, and are left out for it (loop.drop) */
	uint64_t moved;	  /* the script gave them another timestamp */
	char reason[400]; /* of the last one that is held */
};

/* script NULL: none. @borrows all until expect_free @gives; expect_free */
struct expect *expect_new(
	const struct config *config, const struct plan *plan, struct script *script);
void expect_free(struct expect **expect);

/* The records are dead letters from now on: one that was marked when it was put aside is not marked
   again. */
void expect_letters(struct expect *expect);

/* Says what must be at the target for count records of one partition, in their order: fn is called
   for each. What fn is shown lives until it returns. topic: of the source, which the plan mirrors.
   @thread the script's owner */
typedef void expect_fn(const struct expected *expected, void *arg);
void expect_run(struct expect *expect, const struct plan_topic *topic, int32_t partition,
	const struct record *records, size_t count, expect_fn *fn, void *arg);

/* At the target: did somebody else write this record, as they do where clusters mirror the same
   topics to each other? Only with loop.drop and provenance is that known. */
bool expect_is_others(const struct expect *expect, const struct record *record);

/* Does the partition of keyed records (of those without a key) follow from this topic's rule?
   topic NULL: that of dead letters. */
bool expect_knows_partition(
	const struct expect *expect, const struct plan_topic *topic, bool keyed);

/* Since expect_new, or the last expect_forget. @borrows expect */
const struct expect_counts *expect_counts(const struct expect *expect);
void expect_forget(struct expect *expect);

#endif
