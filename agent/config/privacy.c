/* Privacy: who else on this host can read the secrets of the configuration. */
#include "config/privacy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "config/javaprops.h"

/* Is this value the secret itself? A placeholder is none, also one that stands for nothing; nor is
   a login without a password. */
static bool
is_secret(const struct property *property)
{
	if (property->shown || !*property->value || *property->value == '@' ||
		strstr(property->value, "${") || !javaprops_is_secret(property->key) ||
		strstr(property->key, "truststore"))
		return false;
	return !strcasestr(property->key, "jaas") || strcasestr(property->value, "password") ||
	       strcasestr(property->value, "secret");
}

/* Is it a client's? A properties file has no sections. */
static bool
is_client(const struct property *property)
{
	return !*property->section || !strcmp(property->section, "consumer") ||
	       !strcmp(property->section, "producer");
}

void
privacy_check_flags(const struct properties *flags, struct problems *problems)
{
	for (size_t i = 0; i < flags->count; i++) {
		const struct property *item = &flags->items[i];

		if (is_client(item) && is_secret(item))
			problems_warn(problems, item->origin,
				"everybody who can list the processes of this host sees this "
				"value; write it into a file that only the agent's user can read, "
				"and %s=@FILE",
				item->origin);
	}
}

static bool
is_public(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH);
}

void
privacy_check_file(
	const char *path, const char *what, const char *origin, struct problems *problems)
{
	if (is_public(path))
		problems_warn(problems, origin,
			"everybody on this host can read '%s', which holds %s; run `chmod o-r %s`",
			path, what, path);
}

/* The file that a placeholder names, @PATH, ${file:PATH...} or ${directory:PATH:NAME}; NULL when it
 * is something else. @gives a string */
static char *
file_of(const char *placeholder)
{
	const char *file = strstr(placeholder, "${file:");
	const char *folder = strstr(placeholder, "${directory:");
	char *path, *colon;

	if (*placeholder == '@')
		return mem_strdup(placeholder + 1);
	if (file) {
		file += strlen("${file:");
		return mem_strndup(file, strcspn(file, ":}"));
	}
	if (!folder)
		return NULL;
	folder += strlen("${directory:");
	path = mem_strndup(folder, strcspn(folder, "}"));
	colon = strchr(path, ':');
	if (colon)
		*colon = '/';
	return path;
}

void
privacy_check_properties(
	const char *path, const struct properties *properties, struct problems *problems)
{
	const struct property *first = NULL;

	for (size_t i = 0; i < properties->count; i++) {
		const struct property *item = &properties->items[i];
		char *file;

		if (!is_client(item))
			continue;
		if (!first && is_secret(item))
			first = item;
		if (!item->shown || !javaprops_is_secret(item->key))
			continue;
		file = file_of(item->shown);
		if (file)
			privacy_check_file(file, "a secret", item->origin, problems);
		free(file);
	}
	if (first && is_public(path))
		problems_warn(problems, first->origin,
			"everybody on this host can read this file with its %s; run `chmod o-r %s`",
			first->key, path);
}
