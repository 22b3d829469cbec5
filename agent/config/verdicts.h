/* Verdicts: what became of each line of the configuration, for `reflejo check`. */
#ifndef CONFIG_VERDICTS_H
#define CONFIG_VERDICTS_H

#include <stddef.h>

enum verdict {
	VERDICT_SET,	    /* given to the Kafka client, or to the agent, as it stands */
	VERDICT_TRANSLATED, /* given to the Kafka client under another name or with another value */
	VERDICT_HANDLED,    /* what it asks for is done by the agent itself */
	VERDICT_IGNORED,    /* has no effect, and none is missed */
	VERDICT_WARNED,	    /* has no effect, or one that may surprise */
	VERDICT_REFUSED,    /* the agent does not start with it */
	VERDICT_COUNT
};

struct config_verdict {
	char *origin;  /* "consumer.properties:3", "--num.streams" */
	char *section; /* "mirror" "log" "consumer" "producer" */
	char *key;     /* as the user wrote it */
	char *shown;   /* the value as the user wrote it, "***" for a secret */
	enum verdict verdict;
	char *detail; /* what it became or why not, "" when there is nothing to say */
};

struct config_verdicts {
	struct config_verdict *items;
	size_t count, capacity;
};

/* "set" "translated" "handled" "ignored" "warned" "refused". */
const char *verdict_name(enum verdict verdict);

/* Adds one; all strings are copied, detail is made by printf rules. */
void verdicts_add(struct config_verdicts *verdicts, const char *origin, const char *section,
	const char *key, const char *shown, enum verdict verdict, const char *detail, ...)
	__attribute__((format(printf, 7, 8)));

/* Frees and clears. NULL is accepted. */
void verdicts_free(struct config_verdicts **verdicts);

#endif
