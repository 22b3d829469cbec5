/* Rules of profiles: defaults for a kind of cluster, which the user's own lines override. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/translation.h"

/* Azure Event Hubs. The network cuts connections that are idle for 240 seconds without a word, and
   requests of more than 1046528 bytes end theirs. A consumer's metadata age is 30 seconds anyway.
 */
static const struct {
	const char *profile;
	enum javaprop_side side;
	const char *key, *value;
	const char *also; /* another name of the same setting; NULL: none */
} defaults[] = {
	{"eventhubs", SIDE_BOTH, "connections.max.idle.ms", "180000", NULL},
	{"eventhubs", SIDE_BOTH, "request.timeout.ms", "60000", "socket.timeout.ms"},
	{"eventhubs", SIDE_PRODUCER, "metadata.max.age.ms", "180000",
		"topic.metadata.refresh.interval.ms"},
	{"eventhubs", SIDE_PRODUCER, "max.request.size", "1000000", "message.max.bytes"},
};

#define DEFAULT_COUNT (sizeof(defaults) / sizeof(defaults[0]))

RULE(profile)
{
	for (size_t i = 0; i < DEFAULT_COUNT; i++) {
		if (!strcmp(value, defaults[i].profile)) {
			translation_note(t, VERDICT_HANDLED, "%s", row->help);
			return;
		}
	}
	translation_refuse(t, "'%s' is none of: eventhubs", value);
}

/* Has the user said it, under this name, also as librdkafka's own? */
static bool
is_given(const struct translation *t, const char *key)
{
	char *native;
	bool is_native;

	if (!key)
		return false;
	native = mem_printf("rdkafka.%s", key);
	is_native = translation_other(t, native) != NULL;
	free(native);
	return is_native || translation_other(t, key);
}

/* Where the profile is written. @gives a string */
static char *
origin_of(const struct translation *t, const char *profile)
{
	const char *origin = "";

	for (size_t i = 0; i < t->properties->count; i++) {
		const struct property *item = &t->properties->items[i];

		if (!strcmp(item->section, t->section) && !strcmp(item->key, "profile"))
			origin = item->origin;
	}
	return mem_printf("%s (profile=%s)", origin, profile);
}

void
rules_begin_profile(struct translation *t)
{
	const char *profile = translation_other(t, "profile");
	char *origin = profile ? origin_of(t, profile) : NULL;

	for (size_t i = 0; profile && i < DEFAULT_COUNT; i++)
		if (!strcmp(profile, defaults[i].profile) &&
			(defaults[i].side == SIDE_BOTH || defaults[i].side == t->side) &&
			!is_given(t, defaults[i].key) && !is_given(t, defaults[i].also))
			translation_apply(t, defaults[i].key, defaults[i].value, origin,
				javaprops_find(t->side, defaults[i].key)->how);
	free(origin);
}
