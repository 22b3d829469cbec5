/* Options: the rows of options.def, which are keys of the INI file and flags of the command line.
 */
#include "config/options.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/instant.h"
#include "base/mem.h"
#include "base/parse.h"
#include "base/rates.h"
#include "config/startpoint.h"

/* What min and max mean for each type. */
#define RANGE_TEXT(low, high) 0, 0, NULL
#define RANGE_RATE(low, high) 0, 0, NULL
#define RANGE_START(low, high) 0, 0, NULL
#define RANGE_INSTANT(low, high) 0, 0, NULL
#define RANGE_FILE(low, high) 0, 0, NULL
#define RANGE_BOOL(low, high) 0, 0, NULL
#define RANGE_FLAG(low, high) 0, 0, NULL
#define RANGE_OLD(low, high) 0, 0, NULL
#define RANGE_WORD(low, high) 0, 0, low
#define RANGE_UINT(low, high) low, high, NULL
#define RANGE_SIZE(low, high) low, high, NULL
#define RANGE_MILLIS(low, high) low, high, NULL
#define RANGE_SECONDS(low, high) low, high, NULL

#define OFFSET_TEXT(section, field) offsetof(struct config, section.field)
#define OFFSET_RATE(section, field) offsetof(struct config, section.field)
#define OFFSET_START(section, field) offsetof(struct config, section.field)
#define OFFSET_INSTANT(section, field) offsetof(struct config, section.field)
#define OFFSET_FILE(section, field) offsetof(struct config, section.field)
#define OFFSET_BOOL(section, field) offsetof(struct config, section.field)
#define OFFSET_FLAG(section, field) offsetof(struct config, section.field)
#define OFFSET_OLD(section, field) 0
#define OFFSET_WORD(section, field) offsetof(struct config, section.field)
#define OFFSET_UINT(section, field) offsetof(struct config, section.field)
#define OFFSET_SIZE(section, field) offsetof(struct config, section.field)
#define OFFSET_MILLIS(section, field) offsetof(struct config, section.field)
#define OFFSET_SECONDS(section, field) offsetof(struct config, section.field)

static const struct option_info table[] = {
#define SECTION(name)
#define SECTION_END(name)
#define EXTRA(section, prefix, what, type, help)
#define OPTION(section, field, key, type, def, low, high, help)                 \
	{#section, key, OPTION_TYPE_##type, def, RANGE_##type(low, high), help, \
		OFFSET_##type(section, field)},
#include "config/options.def"
#undef OPTION
#undef EXTRA
#undef SECTION
#undef SECTION_END
};

static const char *const sections[] = {
#define SECTION(name) #name,
#define SECTION_END(name)
#define EXTRA(section, prefix, what, type, help)
#define OPTION(section, field, key, type, def, low, high, help)
#include "config/options.def"
#undef EXTRA
#undef SECTION
};

static const struct option_extra extras[] = {
#define SECTION(name)
#define EXTRA(section, prefix, what, type, help) \
	{#section, prefix, what, help, OPTION_TYPE_##type, offsetof(struct config, section.extra)},
#include "config/options.def"
#undef OPTION
#undef EXTRA
#undef SECTION
#undef SECTION_END
};

/* Flags that are not options: they name files, or are answered before anything is read. */
struct plain_flag {
	const char *name, *takes, *help;
};

static const struct plain_flag plain_flags[] = {
	{"config", "file",
		"INI file with the sections [mirror], [start], [limits], [consumer], [producer], "
		"[script], [admin] and [log]."},
	{"consumer.config", "file",
		"Java properties file of the consumer, which reads from the source cluster."},
	{"producer.config", "file",
		"Java properties file of the producer, which writes to the target cluster."},
	{"consumer.KEY", "value", "One property of the consumer; wins over the files."},
	{"producer.KEY", "value", "One property of the producer; wins over the files."},
	{"help", NULL, "Print this text."},
	{"version", NULL, "Print the version."},
};

#define TABLE_COUNT (sizeof(table) / sizeof(*table))
#define EXTRA_COUNT (sizeof(extras) / sizeof(*extras))
#define PLAIN_COUNT (sizeof(plain_flags) / sizeof(*plain_flags))

const struct option_info *
options_at(size_t i)
{
	return i < TABLE_COUNT ? &table[i] : NULL;
}

const char *
options_section(size_t i)
{
	return i < sizeof(sections) / sizeof(*sections) ? sections[i] : NULL;
}

const struct option_extra *
options_extra_at(size_t i)
{
	return i < EXTRA_COUNT ? &extras[i] : NULL;
}

const struct option_extra *
options_find_extra(const char *section, const char *key)
{
	for (size_t i = 0; i < EXTRA_COUNT; i++) {
		size_t n = strlen(extras[i].prefix);

		if (!strcmp(extras[i].section, section) && !strncmp(key, extras[i].prefix, n) &&
			key[n])
			return &extras[i];
	}
	return NULL;
}

static int
check_value(enum option_type type, const char *value, struct err *err)
{
	struct startpoint point;
	int64_t ms;

	switch (type) {
	case OPTION_TYPE_RATE: return rates_check(value, err);
	case OPTION_TYPE_START: return startpoint_parse(value, &point, err);
	case OPTION_TYPE_INSTANT: return instant_parse(value, &ms, err);
	default: return 0;
	}
}

int
options_check_extra(const struct option_extra *extra, const char *value, struct err *err)
{
	return check_value(extra->type, value, err);
}

struct config_extra *
options_extra_of(struct config *config, const struct option_extra *extra)
{
	return (struct config_extra *)((char *)config + extra->offset);
}

const struct option_info *
options_find(const char *section, const char *key)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (!strcmp(table[i].section, section) && !strcmp(table[i].key, key))
			return &table[i];
	}
	return NULL;
}

const struct option_info *
options_find_flag(const char *name)
{
	const struct option_info *option = options_find("mirror", name);
	const char *dot = strchr(name, '.');
	char *section;

	if (option || !dot)
		return option;
	section = mem_strndup(name, (size_t)(dot - name));
	option = options_find(section, dot + 1);
	free(section);
	return option;
}

/* Names that stand behind the dashes: of options, then of what comes from the tables besides. */
#define NAME_COUNT (TABLE_COUNT + EXTRA_COUNT)

/* The i-th name that can stand behind the dashes; arg: NAME_COUNT texts. */
static const char *
flag_candidate(size_t i, void *arg)
{
	char **names = arg;

	if (i < NAME_COUNT)
		return names[i];
	return i < NAME_COUNT + PLAIN_COUNT ? plain_flags[i - NAME_COUNT].name : NULL;
}

char *
options_flag_name(const struct option_info *option)
{
	if (!strcmp(option->section, "mirror"))
		return mem_strdup(option->key);
	return mem_printf("%s.%s", option->section, option->key);
}

/* The same for keys of the user's own. @gives a string */
static char *
extra_name(const struct option_extra *extra)
{
	return mem_printf("%s.%s%s", extra->section, extra->prefix, extra->what);
}

const char *
options_nearest_flag(const char *name)
{
	static _Thread_local char nearest[64];
	char *names[NAME_COUNT];
	const char *found;

	for (size_t i = 0; i < NAME_COUNT; i++)
		names[i] = i < TABLE_COUNT ? options_flag_name(&table[i])
					   : extra_name(&extras[i - TABLE_COUNT]);
	found = parse_nearest(name, flag_candidate, names);
	if (found)
		snprintf(nearest, sizeof(nearest), "%s", found);
	for (size_t i = 0; i < NAME_COUNT; i++)
		free(names[i]);
	return found ? nearest : NULL;
}

/* The i-th key of the section that arg names; a key of another section is given as an empty word,
   which is near to nothing. */
static const char *
key_candidate(size_t i, void *arg)
{
	const char *section = arg;

	if (i >= TABLE_COUNT)
		return NULL;
	return strcmp(table[i].section, section) ? "" : table[i].key;
}

const char *
options_nearest_key(const char *section, const char *key)
{
	const char *found = parse_nearest(key, key_candidate, (void *)section);

	return found && *found ? found : NULL;
}

static void *
field_of(struct config *config, const struct option_info *option)
{
	return (char *)config + option->offset;
}

static void
set_text(char **field, const char *s, size_t n)
{
	char *copy = mem_strndup(s, n);

	free(*field);
	*field = copy;
}

/* Sets a WORD to the word of its row that value is in any case. */
static int
set_word(char **field, const struct option_info *option, const char *value, struct err *err)
{
	size_t length = strlen(value);

	for (const char *word = option->words; *word;) {
		size_t n = strcspn(word, " ");

		if (n == length && strncasecmp(word, value, n) == 0) {
			set_text(field, word, n);
			return 0;
		}
		word += n + strspn(word + n, " ");
	}
	return err_set(err, "'%s' is none of: %s", value, option->words);
}

int
options_set(
	struct config *config, const struct option_info *option, const char *value, struct err *err)
{
	void *field = field_of(config, option);

	switch (option->type) {
	case OPTION_TYPE_TEXT:
	case OPTION_TYPE_FILE:
	case OPTION_TYPE_RATE:
	case OPTION_TYPE_START:
	case OPTION_TYPE_INSTANT:
		if (check_value(option->type, value, err) < 0)
			return -1;
		set_text(field, value, strlen(value));
		return 0;
	case OPTION_TYPE_WORD: return set_word(field, option, value, err);
	case OPTION_TYPE_BOOL:
	case OPTION_TYPE_FLAG: return parse_bool(value, field, err);
	case OPTION_TYPE_UINT: return parse_int(value, option->min, option->max, field, err);
	case OPTION_TYPE_SIZE: return parse_size(value, option->min, option->max, field, err);
	case OPTION_TYPE_MILLIS:
		return parse_duration(value, 1, option->min, option->max, field, err);
	case OPTION_TYPE_SECONDS:
		return parse_duration(value, 1000, option->min, option->max, field, err);
	case OPTION_TYPE_OLD: return 0;
	}
	return 0;
}

void
options_set_defaults(struct config *config)
{
	struct err err;

	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (table[i].default_text &&
			options_set(config, &table[i], table[i].default_text, &err)) {
			fprintf(stderr, "reflejo: default of %s: %s\n", table[i].key, err.text);
			abort();
		}
	}
}

/* Is the field of this type a text of its own? */
static bool
is_text(enum option_type type)
{
	return type == OPTION_TYPE_TEXT || type == OPTION_TYPE_FILE || type == OPTION_TYPE_WORD ||
	       type == OPTION_TYPE_RATE || type == OPTION_TYPE_START || type == OPTION_TYPE_INSTANT;
}

void
options_fini(struct config *config)
{
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		char **field = field_of(config, &table[i]);

		if (!is_text(table[i].type))
			continue;
		free(*field);
		*field = NULL;
	}
}

const char *
options_type_text(enum option_type type)
{
	switch (type) {
	case OPTION_TYPE_TEXT: return "text";
	case OPTION_TYPE_RATE: return "rate";
	case OPTION_TYPE_START: return "start";
	case OPTION_TYPE_INSTANT: return "time";
	case OPTION_TYPE_FILE: return "file";
	case OPTION_TYPE_WORD: return "word";
	case OPTION_TYPE_BOOL: return "true|false";
	case OPTION_TYPE_FLAG: return "";
	case OPTION_TYPE_UINT: return "number";
	case OPTION_TYPE_SIZE: return "bytes";
	case OPTION_TYPE_MILLIS: return "milliseconds";
	case OPTION_TYPE_SECONDS: return "seconds";
	case OPTION_TYPE_OLD: return "value";
	}
	return "";
}

/* One line of the table: both sides are texts of their own. */
struct usage_row {
	char *left, *right;
};

/* Where the right column starts and how wide it is; as wide as a terminal together. */
#define USAGE_LEFT 41
#define USAGE_RIGHT 58

static int
compare_rows(const void *a, const void *b)
{
	const struct usage_row *x = a, *y = b;

	return strcmp(x->left, y->left);
}

static struct usage_row
usage_row_of(const struct option_info *option)
{
	const char *takes =
		option->type == OPTION_TYPE_WORD ? option->words : options_type_text(option->type);
	char *name = options_flag_name(option);
	struct text left = {0}, right = {0};

	text_printf(&left, "--%s", name);
	if (*takes) {
		text_puts(&left, " <");
		for (const char *s = takes; *s; s++)
			text_putc(&left, *s == ' ' ? '|' : *s);
		text_putc(&left, '>');
	}
	text_puts(&right, option->help);
	if (option->default_text && option->type != OPTION_TYPE_FLAG)
		text_printf(&right, " (default: %s)", option->default_text);
	free(name);
	return (struct usage_row){text_take(&left), text_take(&right)};
}

static void
print_row(FILE *out, const struct usage_row *row)
{
	const char *s = row->right;
	const char *left = row->left;

	if (strlen(left) >= USAGE_LEFT) {
		fprintf(out, "%s\n", left);
		left = "";
	}
	while (*s) {
		size_t n = strlen(s);

		if (n > USAGE_RIGHT) {
			n = USAGE_RIGHT;
			while (n > 1 && s[n] != ' ')
				n--;
		}
		fprintf(out, "%-*s%.*s\n", USAGE_LEFT, left, (int)n, s);
		left = "";
		s += n;
		s += strspn(s, " ");
	}
}

static struct usage_row
usage_row_of_extra(const struct option_extra *extra)
{
	char *name = extra_name(extra);
	struct usage_row row = {mem_printf("--%s <%s>", name, options_type_text(extra->type)),
		mem_strdup(extra->help)};

	free(name);
	return row;
}

static struct usage_row
usage_row_of_plain(const struct plain_flag *flag)
{
	return (struct usage_row){flag->takes ? mem_printf("--%s <%s>", flag->name, flag->takes)
					      : mem_printf("--%s", flag->name),
		mem_strdup(flag->help)};
}

void
options_usage(FILE *out)
{
	struct usage_row rows[NAME_COUNT + PLAIN_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < TABLE_COUNT; i++)
		rows[count++] = usage_row_of(&table[i]);
	for (size_t i = 0; i < EXTRA_COUNT; i++)
		rows[count++] = usage_row_of_extra(&extras[i]);
	for (size_t i = 0; i < PLAIN_COUNT; i++)
		rows[count++] = usage_row_of_plain(&plain_flags[i]);
	qsort(rows, count, sizeof(*rows), compare_rows);
	fprintf(out, "%-*s%s\n%-*s%s\n", USAGE_LEFT, "Option", "Description", USAGE_LEFT, "------",
		"-----------");
	for (size_t i = 0; i < count; i++) {
		print_row(out, &rows[i]);
		free(rows[i].left);
		free(rows[i].right);
	}
}

const char *
options_plain_flag(size_t i, const char **ret_takes, const char **ret_help)
{
	if (i >= PLAIN_COUNT)
		return NULL;
	*ret_takes = plain_flags[i].takes;
	*ret_help = plain_flags[i].help;
	return plain_flags[i].name;
}

bool
options_has_flag(int argc, char *const argv[], const char *name)
{
	for (int i = 0; i < argc; i++) {
		const struct option_info *option;

		if (strcmp(argv[i], "--") == 0)
			return false;
		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		if (!strcmp(argv[i] + 2, name))
			return true;
		if (strchr(argv[i], '='))
			continue;
		option = options_find_flag(argv[i] + 2);
		if (option ? option->type != OPTION_TYPE_FLAG
			   : strncmp(argv[i], "--consumer.", 11) == 0 ||
					strncmp(argv[i], "--producer.", 11) == 0 ||
					!strcmp(argv[i], "--config"))
			i++;
	}
	return false;
}
