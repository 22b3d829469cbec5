/* Placeholders: values that stand elsewhere, in files and in the environment. */
#include "config/placeholder.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/file.h"

/* A secret is a line, a certificate at most. */
#define MAX_BYTES (1024 * 1024)

/* How a provider answers. path is what stands before the second colon, key what is behind it, or
   NULL. NULL after an error. @gives the value */
typedef char *answer(const char *path, const char *key, struct err *err);

struct provider {
	const char *name;
	const char *class; /* Kafka's class of the same, for other names given to it by
			      config.providers */
	answer *answer;
};

/* The text of a file without one line end at its end; NULL after an error. */
static char *
file_line(const char *path, struct err *err)
{
	char *s;
	size_t n;

	if (file_read(path, MAX_BYTES, &s, &n, err))
		return NULL;
	if (n && s[n - 1] == '\n')
		s[--n] = '\0';
	if (n && s[n - 1] == '\r')
		s[--n] = '\0';
	if (strlen(s) == n)
		return s;
	err_set(err, "'%s' holds a NUL byte", path);
	free(s);
	return NULL;
}

static char *
answer_env(const char *path, const char *key, struct err *err)
{
	const char *name = key ? key : path, *value = getenv(name);

	if (value)
		return mem_strdup(value);
	err_set(err, "the environment has no variable '%s'", name);
	return NULL;
}

static char *
answer_file(const char *path, const char *key, struct err *err)
{
	struct properties properties = {0};
	struct problems problems = {0};
	const char *found;
	char *value = NULL;

	if (!key)
		return file_line(path, err);
	properties_read(path, PROPERTIES_JAVA, &properties, &problems);
	found = properties_get(&properties, "", key);
	if (problems.errors && problems.items[0].origin)
		err_set(err, "%s: %s", problems.items[0].origin, problems.items[0].text);
	else if (problems.errors)
		err_set(err, "%s", problems.items[0].text);
	else if (!found)
		err_set(err, "'%s' has no key '%s'", path, key);
	else
		value = mem_strdup(found);
	properties_fini(&properties);
	problems_fini(&problems);
	return value;
}

static char *
answer_directory(const char *path, const char *key, struct err *err)
{
	char *file, *value;

	if (!key) {
		err_set(err, "the file's name is missing: write ${directory:PATH:NAME}");
		return NULL;
	}
	file = mem_printf("%s/%s", path, key);
	value = file_line(file, err);
	free(file);
	return value;
}

#define KAFKA_PROVIDER "org.apache.kafka.common.config.provider."

static const struct provider providers[] = {
	{"env", KAFKA_PROVIDER "EnvVarConfigProvider", answer_env},
	{"file", KAFKA_PROVIDER "FileConfigProvider", answer_file},
	{"directory", KAFKA_PROVIDER "DirectoryConfigProvider", answer_directory},
};

/* The provider of a name in this section: by the class that config.providers.NAME.class gives, else
   one of the names above; NULL when there is none. */
static const struct provider *
find_provider(const struct properties *properties, const char *section, const char *name)
{
	char *key = mem_printf("config.providers.%s.class", name);
	const char *class = properties_get(properties, section, key);
	const struct provider *found = NULL;

	free(key);
	for (size_t i = 0; i < sizeof(providers) / sizeof(*providers); i++) {
		if (!strcmp(class ? class : name, class ? providers[i].class : providers[i].name))
			found = &providers[i];
	}
	return found;
}

/* The value of what stands between ${ and }; NULL after an error. */
static char *
resolve_one(const struct properties *properties, const char *section, char *inside, struct err *err)
{
	const struct provider *provider;
	char *path = strchr(inside, ':'), *key, *value;

	*path++ = '\0';
	key = strchr(path, ':');
	if (key)
		*key++ = '\0';
	provider = find_provider(properties, section, inside);
	if (!provider) {
		err_set(err,
			"nobody provides '${%s:...}'; env, file and directory are known, and other "
			"names "
			"for them by config.providers",
			inside);
		return NULL;
	}
	value = provider->answer(path, key, err);
	if (!value)
		err_prefix(err, "${%s:...}: ", inside);
	return value;
}

/* The } of the ${provider:...} that starts at s, NULL when none does. */
static const char *
starts_placeholder(const char *s)
{
	const char *end = s[0] == '$' && s[1] == '{' ? strchr(s, '}') : NULL;

	return end && memchr(s, ':', (size_t)(end - s)) ? end : NULL;
}

/* Copies s with its ${provider:...} replaced; other ${...} stay, as Kafka leaves them. *ret_found
   says whether there were any. NULL after an error. */
static char *
expand(const struct properties *properties, const char *section, const char *s, bool *ret_found,
	struct err *err)
{
	struct text text = {0};

	*ret_found = false;
	while (*s) {
		const char *end = starts_placeholder(s);
		char *inside, *value;

		if (!end) {
			text_putc(&text, *s++);
			continue;
		}
		*ret_found = true;
		inside = mem_strndup(s + 2, (size_t)(end - s - 2));
		value = resolve_one(properties, section, inside, err);
		free(inside);
		if (!value) {
			text_fini(&text);
			return NULL;
		}
		text_puts(&text, value);
		free(value);
		s = end + 1;
	}
	return text_take(&text);
}

char *
placeholder_expand(const char *s, struct err *err)
{
	const struct properties none = {0};
	bool is_found;

	return expand(&none, "", s, &is_found, err);
}

/* The new value of a property; NULL after an error. */
static char *
resolve(const struct properties *properties, const struct property *property, bool *ret_found,
	struct err *err)
{
	const char *s = property->value;
	char *value;

	if (s[0] != '@')
		return expand(properties, property->section, s, ret_found, err);
	*ret_found = s[1] != '@';
	if (s[1] == '@')
		return mem_strdup(s + 1);
	value = file_line(s + 1, err);
	if (!value)
		err_prefix(err, "@ stands for the content of a file (@@ for an @ itself): ");
	return value;
}

void
placeholders_resolve(struct properties *properties, struct problems *problems)
{
	for (size_t i = 0; i < properties->count; i++) {
		struct property *property = &properties->items[i];
		bool is_found = false;
		struct err err;
		char *value;

		if (property->is_passed)
			continue;
		value = resolve(properties, property, &is_found, &err);
		if (!value) {
			problems_error(
				problems, property->origin, "%s: %s", property->key, err.text);
			continue;
		}
		if (is_found) {
			property->shown = property->value;
			property->value = value;
		} else {
			mem_wipe(&property->value);
			property->value = value;
		}
	}
}
