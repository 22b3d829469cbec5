/* Findings: what a look at a cluster found, step by step, each a word and a sentence. */
#ifndef KAFKA_FINDINGS_H
#define KAFKA_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum finding_verdict {
	FINDING_OK,
	FINDING_WARNING,   /* it works, but not for ever, or not in every case */
	FINDING_FAILED,	   /* the mirror cannot work so */
	FINDING_SKIPPED,   /* an earlier step failed */
	FINDING_UNCHECKED, /* it cannot be found out without leaving traces */
	FINDING_VERDICTS
};

struct finding {
	char *place; /* "kafka1:9093"; "" the cluster as a whole */
	char *step;  /* "tls" */
	enum finding_verdict verdict;
	char *text; /* what was found; for whatever is not ok a sentence that says what to do */
};

/* Zero-initialised is empty. */
struct findings {
	struct finding *items;
	size_t count, capacity;
};

/* "ok" "warning" "FAILED" "skipped" "not checked" */
const char *finding_word(enum finding_verdict verdict);

/* Adds one; all strings are copied, and whatever in them might steer a terminal is replaced. */
void findings_add(struct findings *findings, const char *place, const char *step,
	enum finding_verdict verdict, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* All that failed becomes a warning; more, which says why the mirror works so, is added to each
   sentence. */
void findings_soften(struct findings *findings, const char *more);

/* Moves all of from to the end of to. */
void findings_append(struct findings *to, struct findings *from);

/* How many have this verdict? */
size_t findings_count(const struct findings *findings, enum finding_verdict verdict);

/* Frees what it holds and leaves it empty. */
void findings_fini(struct findings *findings);

#endif
