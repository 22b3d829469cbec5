/* Flags: the command line as properties and names of files. */
#include "config/flags.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/options.h"

/* A flag taken apart. */
struct flag {
	char *name;	   /* without the dashes */
	const char *value; /* behind the =, NULL without one */
	char *origin;	   /* the name with the dashes */
	const char **file; /* set when it names a file */
	const struct option_info *option;
	const char *section, *key; /* of a property */
};

/* A key of the user's own, behind its section's name. */
static void
recognize_extra(struct flag *flag)
{
	const struct option_extra *extra;

	for (size_t i = 0; (extra = options_extra_at(i)); i++) {
		size_t n = strlen(extra->section);

		if (!strncmp(flag->name, extra->section, n) && flag->name[n] == '.' &&
			options_find_extra(extra->section, flag->name + n + 1)) {
			flag->section = extra->section;
			flag->key = flag->name + n + 1;
		}
	}
}

/* Fills in what the flag is by its name. */
static void
recognize(struct flags *flags, struct flag *flag)
{
	flag->option = options_find_flag(flag->name);
	if (!strcmp(flag->name, "config")) {
		flag->file = &flags->config;
	} else if (!strcmp(flag->name, "consumer.config")) {
		flag->file = &flags->consumer_config;
	} else if (!strcmp(flag->name, "producer.config")) {
		flag->file = &flags->producer_config;
	} else if (flag->option) {
		flag->section = flag->option->section;
		flag->key = flag->option->key;
	} else if (!strncmp(flag->name, "consumer.", 9) && flag->name[9]) {
		flag->section = "consumer";
		flag->key = flag->name + 9;
	} else if (!strncmp(flag->name, "producer.", 9) && flag->name[9]) {
		flag->section = "producer";
		flag->key = flag->name + 9;
	} else {
		recognize_extra(flag);
	}
}

static void
complain_unknown(const char *word, const char *name, struct problems *problems)
{
	const char *nearest = options_nearest_flag(name);

	problems_error(problems, NULL, "%s is not a flag (--help lists them)%s%s%s", word,
		nearest ? "; did you mean --" : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* Is this argument a flag of ours, so that it cannot be meant as the value of another? */
static bool
is_flag(struct flags *flags, const char *arg)
{
	struct flag flag = {0};

	if (strncmp(arg, "--", 2) != 0)
		return false;
	flag.name = mem_strndup(arg + 2, strcspn(arg + 2, "="));
	recognize(flags, &flag);
	free(flag.name);
	return flag.file || flag.section;
}

/* Finds the value, in *at the argument after the flag; moves *at when it takes it. -1 after an
 * error. */
static int
take_value(struct flags *flags, struct flag *flag, int argc, char *const argv[], int *at,
	struct problems *problems)
{
	if (flag->option && flag->option->type == OPTION_TYPE_FLAG) {
		if (flag->value)
			problems_error(problems, flag->origin, "takes no value");
		flag->value = "true";
		return 0;
	}
	if (flag->value)
		return 0;
	if (*at >= argc) {
		problems_error(problems, flag->origin, "needs a value behind it");
		return -1;
	}
	if (is_flag(flags, argv[*at])) {
		problems_error(problems, flag->origin,
			"needs a value, but %s follows (write %s=VALUE for a value that looks like "
			"a flag)",
			argv[*at], flag->origin);
		return -1;
	}
	flag->value = argv[(*at)++];
	return 0;
}

/* Was the same flag given before? */
static bool
is_double(const struct flags *flags, const struct flag *flag)
{
	if (flag->file)
		return *flag->file != NULL;
	if (flag->option && flag->option->type == OPTION_TYPE_FLAG)
		return false;
	return properties_get(&flags->properties, flag->section, flag->key) != NULL;
}

static void
store(struct flags *flags, const struct flag *flag, struct problems *problems)
{
	if (is_double(flags, flag)) {
		problems_error(
			problems, flag->origin, "is given twice, but can have only one value");
		return;
	}
	if (flag->file)
		*flag->file = flag->value;
	else
		properties_add(
			&flags->properties, flag->section, flag->key, flag->value, flag->origin);
}

/* Handles the flag at argv[at]; returns where the next one is. */
static int
parse_flag(struct flags *flags, int argc, char *const argv[], int at, struct problems *problems)
{
	const char *arg = argv[at++], *equals = strchr(arg, '=');
	size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
	struct flag flag = {.origin = mem_strndup(arg, n), .value = equals ? equals + 1 : NULL};

	flag.name = mem_strdup(flag.origin + 2);
	recognize(flags, &flag);
	if (!strcmp(flag.name, "help") || !strcmp(flag.name, "version")) {
		/* Answered by the command before anything is read. */
	} else if (!flag.file && !flag.section) {
		complain_unknown(flag.origin, flag.name, problems);
		if (!equals && at < argc && argv[at][0] != '-')
			at++;
	} else if (take_value(flags, &flag, argc, argv, &at, problems) == 0) {
		store(flags, &flag, problems);
	}
	free(flag.name);
	free(flag.origin);
	return at;
}

void
flags_parse(int argc, char *const argv[], struct flags *ret_flags, struct problems *problems)
{
	bool is_ended = false;
	int at = 0;

	*ret_flags = (struct flags){0};
	if (argc > 0 && !strcmp(argv[0], "kafka.tools.MirrorMaker"))
		at++;
	while (at < argc) {
		const char *arg = argv[at];

		if (!is_ended && !strcmp(arg, "--")) {
			is_ended = true;
			at++;
		} else if (!is_ended && !strncmp(arg, "--", 2)) {
			at = parse_flag(ret_flags, argc, argv, at, problems);
		} else if (!is_ended && arg[0] == '-' && arg[1]) {
			complain_unknown(arg, arg + 1, problems);
			at++;
		} else {
			problems_error(problems, NULL,
				"'%s' belongs to no flag (MirrorMaker ignores such a word; here it "
				"is an "
				"error, because something was meant by it)",
				arg);
			at++;
		}
	}
}

void
flags_fini(struct flags *flags)
{
	properties_fini(&flags->properties);
}
