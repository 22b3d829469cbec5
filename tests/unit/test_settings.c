/* base/settings: settings of topics as people and scripts write them. */
#include "base/settings.h"

#include <stdlib.h>

#include "unit.h"

/* A text, what it says ("source|" in front when it copies), or a part of the error sentence. */
TEST(texts)
{
	static const struct {
		const char *text, *says, *error;
	} rows[] = {
		{"none", "", NULL},
		{" none ", "", NULL},
		{"source", "source|", NULL},
		{"source ", "source|", NULL},
		{"a=1", "a=1", NULL},
		{"b=2, a=1", "a=1,b=2", NULL},
		{"a=1,a=2", "a=2", NULL},
		{"a = 1 , b = 2 ", "a=1,b=2", NULL},
		{"source,retention.ms=5", "source|retention.ms=5", NULL},
		{"cleanup.policy=compact,delete", "cleanup.policy=compact,delete", NULL},
		{"cleanup.policy=compact,delete,a=1", "a=1,cleanup.policy=compact,delete", NULL},
		{"a=", "a=", NULL},
		{"a=b=c", "a=b=c", NULL},
		{"a=1,", "a=1,", NULL},
		{"", NULL, "is empty"},
		{"sauce", NULL, "must be none, source, or a list of NAME=VALUE with commas"},
		{"sauce", NULL, "not 'sauce'"},
		{"a=1,none", "a=1,none", NULL},
		{"none,a=1", NULL, "not 'none'"},
		{"=1", NULL, "'=1' has no name in front of the ="},
		{"source,x", NULL, "not 'source,x'"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct settings s;
		struct err err = {0};
		char *text, said[200];

		if (settings_parse(rows[i].text, &s, &err) < 0) {
			if (CHECK(rows[i].error))
				CHECK(strstr(err.text, rows[i].error));
			else
				printf("# '%s': %s\n", rows[i].text, err.text);
			continue;
		}
		text = settings_text(&s);
		snprintf(said, sizeof(said), "%s%s", s.copies_source ? "source|" : "", text);
		CHECK_STR(said, rows[i].says);
		free(text);
		settings_fini(&s);
	}
}

TEST(names_come_and_go)
{
	struct settings s = {0};
	char *text;

	settings_set(&s, "b", "1");
	settings_set(&s, "a", "2");
	settings_set(&s, "c", "3");
	settings_set(&s, "b", "4");
	CHECK_STR(settings_get(&s, "b"), "4");
	CHECK(!settings_get(&s, "d"));
	CHECK(settings_remove(&s, "a") && !settings_remove(&s, "a"));
	text = settings_text(&s);
	CHECK_STR(text, "b=4,c=3");
	free(text);
	settings_fini(&s);
	CHECK_INT(s.count, 0);
}
