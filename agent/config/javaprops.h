/* Java properties: what becomes of each property of Kafka's Java clients here; the rows are in
 * javaprops.def. */
#ifndef CONFIG_JAVAPROPS_H
#define CONFIG_JAVAPROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/problems.h"
#include "config/properties.h"
#include "config/verdicts.h"

enum javaprop_side { SIDE_CONSUMER = 1, SIDE_PRODUCER = 2, SIDE_BOTH = 3 };

struct translation;

/* One row. how does what the row says with one value (blanks around it are gone) and gives exactly
 * one verdict. */
struct javaprop {
	enum javaprop_side side;
	const char *name;
	enum verdict verdict; /* the usual one, for tables; a value may get another */
	void (*how)(struct translation *t, const struct javaprop *row, const char *value);
	const char *to;	  /* librdkafka's name, NULL when it is the same or there is none */
	int64_t min, max; /* of numbers: beyond them the value is held at the end */
	const char *help; /* what becomes of it, or why not */
};

/* The i-th row, NULL after the last. @thread any */
const struct javaprop *javaprops_at(size_t i);

/* The row of a name on one side, NULL when there is none. @thread any */
const struct javaprop *javaprops_find(enum javaprop_side side, const char *name);

/* The known name nearest to name on one side, NULL when none is near. @thread any */
const char *javaprops_nearest(enum javaprop_side side, const char *name);

/* Is the value of this property a secret? */
bool javaprops_is_secret(const char *name);

/* Translates the properties of the section "consumer" or "producer" into config's settings, source
   or target, and adds a verdict for each. Those that are passed get one that says so. known may be
   NULL: every property is taken. */
void javaprops_translate(struct config *config, enum javaprop_side side,
	const struct properties *properties, config_known *known, struct problems *problems);

#endif
