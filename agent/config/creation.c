/* Creation: what [topics] says about topics at the target, checked. */
#include "config/creation.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/settings.h"

#define PARTITIONS_MOST 1000000
#define REPLICAS_MOST 32767

/* A key of the section is wrong; its line is said, or its flag. */
static void
complain(const struct properties *all, const char *key, const char *text, struct problems *problems)
{
	const char *origin = NULL;
	bool is_flag;

	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->items[i].section, "topics") && !strcmp(all->items[i].key, key))
			origin = all->items[i].origin;
	is_flag = origin && !strncmp(origin, "--", 2);
	problems_error(problems, origin, "%s%s%s", is_flag ? "" : key, is_flag ? "" : ": ", text);
}

/* The number that stands there, 0 for the word source. */
static int
read_number(const char *text, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	*ret = 0;
	if (!strcmp(text, "source"))
		return 0;
	if (parse_int(text, min, max, ret, err) < 0 || *ret == 0)
		return err_set(err, "must be source%s or a number from 1 to %lld, not '%s'",
			min < 0 ? ", -1" : "", (long long)max, text);
	return 0;
}

void
creation_check(const struct config *config, const struct properties *all, struct problems *problems)
{
	const struct config_topics *t = &config->topics;
	struct settings settings = {0};
	int64_t number;
	struct err err;

	if (read_number(t->partitions, 1, PARTITIONS_MOST, &number, &err) < 0)
		complain(all, "partitions", err.text, problems);
	if (read_number(t->replication_factor, -1, REPLICAS_MOST, &number, &err) < 0)
		complain(all, "replication.factor", err.text, problems);
	if (settings_parse(t->configs, &settings, &err) < 0)
		complain(all, "configs", err.text, problems);
	else if (t->sync_configs && !settings.copies_source && settings.count == 0)
		complain(all, "sync.configs",
			"there is nothing to keep, because topics.configs is none; set that to "
			"source, or to settings",
			problems);
	settings_fini(&settings);
}

int32_t
creation_number(const char *text)
{
	int64_t number = 0;

	read_number(text, -1, PARTITIONS_MOST, &number, NULL);
	return (int32_t)number;
}
