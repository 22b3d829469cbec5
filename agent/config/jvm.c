/* The Java machine that MirrorMaker ran in: the system properties that its environment sets with
 * -D. */
#include "config/jvm.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* In the order in which a later one wins. */
static const char *const variables[] = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "KAFKA_HEAP_OPTS",
	"KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_OPTS", "KAFKA_KERBEROS_PARAMS",
	"KAFKA_CLIENT_KERBEROS_PARAMS", "_JAVA_OPTIONS"};

/* One word of a command line, without quotes; *s moves behind it. @gives a string */
static char *
take_word(const char **s)
{
	struct text text = {0};
	char quote = '\0';

	for (; **s && (quote || !strchr(" \t\n", **s)); (*s)++) {
		if (quote ? **s == quote : **s == '"' || **s == '\'')
			quote = quote ? '\0' : **s;
		else
			text_putc(&text, **s);
	}
	*s += strspn(*s, " \t\n");
	return text_take(&text);
}

/* Puts the value of the last -DNAME= of the options into *value, when there is one; says whether
 * there is. */
static int
find(const char *options, const char *name, char **value)
{
	size_t n = strlen(name);
	int is_found = 0;

	options += strspn(options, " \t\n");
	while (*options) {
		char *word = take_word(&options);

		if (!strncmp(word, "-D", 2) && !strncmp(word + 2, name, n) && word[2 + n] == '=') {
			free(*value);
			*value = mem_strdup(word + 3 + n);
			is_found = 1;
		}
		mem_wipe(&word);
	}
	return is_found;
}

/* What Java sets itself. @gives a string, or NULL */
static char *
own_property(const char *name)
{
	const struct passwd *user;
	char folder[4096];

	if (!strcmp(name, "/"))
		return mem_strdup("/");
	if (!strcmp(name, "java.io.tmpdir"))
		return mem_strdup("/tmp");
	if (!strcmp(name, "user.dir") && getcwd(folder, sizeof(folder)))
		return mem_strdup(folder);
	if (strcmp(name, "user.home") != 0 && strcmp(name, "user.name") != 0)
		return NULL;
	user = getpwuid(getuid());
	if (!user)
		return NULL;
	return mem_strdup(!strcmp(name, "user.home") ? user->pw_dir : user->pw_name);
}

char *
jvm_property(const char *name, const char **ret_variable)
{
	const char *variable = "Java";
	char *value = NULL;

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *options = getenv(variables[i]);

		if (options && find(options, name, &value))
			variable = variables[i];
	}
	if (!value)
		value = own_property(name);
	if (value && ret_variable)
		*ret_variable = variable;
	return value;
}
