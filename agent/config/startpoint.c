/* A start point: from where topics are read of which the group has no position (start.from). */
#include "config/startpoint.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/instant.h"

static const struct {
	const char *word;
	enum startpoint_kind kind;
	bool has_rest; /* it ends with a colon, and something stands behind that */
} kinds[] = {
	{"committed", STARTPOINT_COMMITTED, false},
	{"earliest", STARTPOINT_EARLIEST, false},
	{"latest", STARTPOINT_LATEST, false},
	{"timestamp:", STARTPOINT_TIMESTAMP, true},
	{"duration:", STARTPOINT_DURATION, true},
	{"offsets:", STARTPOINT_OFFSETS, true},
};

static int
take_rest(const char *rest, struct startpoint *point, struct err *err)
{
	switch (point->kind) {
	case STARTPOINT_TIMESTAMP: return instant_parse(rest, &point->ms, err);
	case STARTPOINT_DURATION: return instant_parse_duration(rest, &point->ms, err);
	case STARTPOINT_OFFSETS:
		point->path = rest;
		return *rest ? 0
			     : err_set(err, "'offsets:' names no file; write offsets:FILE, as "
					    "kafka-consumer-groups.sh --export writes it");
	default: return 0;
	}
}

int
startpoint_parse(const char *text, struct startpoint *ret, struct err *err)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i].word);
		struct startpoint point = {.kind = kinds[i].kind};

		if (strncasecmp(text, kinds[i].word, n) || (!kinds[i].has_rest && text[n]))
			continue;
		if (take_rest(text + n, &point, err) < 0)
			return -1;
		*ret = point;
		return 0;
	}
	return err_set(err,
		"'%s' is none of: committed earliest latest timestamp:2026-01-31T00:00:00Z "
		"duration:PT6H offsets:FILE",
		text);
}
