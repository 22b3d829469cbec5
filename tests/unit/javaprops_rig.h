/* Lines of a properties file and what becomes of them, for tests of the translation. */
#ifndef TESTS_UNIT_JAVAPROPS_RIG_H
#define TESTS_UNIT_JAVAPROPS_RIG_H

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/javaprops.h"
#include "config/placeholder.h"
#include "unit.h"

/* "name=value;", and "name=PEM*N;" for N blocks of PEM, whose bytes differ from run to run. */
__attribute__((unused)) static void
print_setting(struct text *text, const struct client_setting *setting)
{
	const char *s = setting->value;
	int blocks = 0;

	for (const char *at = s; (at = strstr(at, "-----BEGIN ")); at++)
		blocks++;
	if (blocks)
		text_printf(text, "%s=PEM*%d;", setting->name, blocks);
	else
		text_printf(text, "%s=%s;", setting->name, s);
}

/* Translates the lines of one client; gives "name=value;" for each setting, "token(FILE,...);" for
   the file with a token, "VERDICT;" for each verdict, and problems.
   @gives a string */
__attribute__((unused)) static char *
dump(enum javaprop_side side, const char *lines, config_known *known, struct config *config)
{
	struct client_settings *settings =
		side == SIDE_CONSUMER ? &config->consumer : &config->producer;
	struct properties properties = {0};
	struct problems problems = {0};
	struct text text = {0};

	*config = (struct config){.target.idempotence = true};
	config->verdicts = mem_zero(1, sizeof(*config->verdicts));
	properties_read_text("f", lines, strlen(lines), PROPERTIES_JAVA, &properties, &problems);
	for (size_t i = 0; i < properties.count; i++) {
		free(properties.items[i].section);
		properties.items[i].section =
			mem_strdup(side == SIDE_CONSUMER ? "consumer" : "producer");
	}
	properties_mark_passed(&properties, false, &problems);
	placeholders_resolve(&properties, &problems);
	javaprops_translate(config, side, &properties, known, &problems);
	for (size_t i = 0; i < settings->count; i++)
		print_setting(&text, &settings->items[i]);
	if (settings->token.file)
		text_printf(&text, "token(%s,%s,%s);", settings->token.file,
			settings->token.claim ? settings->token.claim : "",
			settings->token.extensions ? settings->token.extensions : "");
	for (size_t i = 0; i < config->verdicts->count; i++)
		text_printf(&text, "%s;", verdict_name(config->verdicts->items[i].verdict));
	for (size_t i = 0; i < problems.count; i++)
		text_printf(&text, "%c%s: %s;", problems.items[i].is_error ? '!' : '?',
			problems.items[i].origin, problems.items[i].text);
	properties_fini(&properties);
	problems_fini(&problems);
	return text_take(&text);
}

/* Frees what dump has put into the configuration. */
__attribute__((unused)) static void
forget(struct config *config)
{
	struct config *copy = mem_alloc(sizeof(*copy));

	*copy = *config;
	config_free(&copy);
}

struct lines_case {
	const char *lines, *expected;
};

__attribute__((unused)) static void
check_cases(enum javaprop_side side, const struct lines_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct config config;
		char *found = dump(side, cases[i].lines, NULL, &config);

		CHECK_STR(found, cases[i].expected);
		free(found);
		forget(&config);
	}
}

#define CHECK_CASES(side, cases) check_cases(side, cases, sizeof(cases) / sizeof(*(cases)))

#endif
