/* reflejo print: the documentation that comes from the program's tables. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/print.h"
#include "config/verdicts.h"

/* s inside a cell of a Markdown table. */
static void
print_cell(const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			putchar('\\');
		putchar(*s);
	}
}

char *
print_takes(const struct option_info *option)
{
	const char *type = options_type_text(option->type);
	int64_t unit = option->type == OPTION_TYPE_SECONDS ? 1000 : 1;

	if (option->type == OPTION_TYPE_WORD)
		return mem_strdup(option->words);
	if (option->min == option->max)
		return mem_strdup(*type ? type : "nothing");
	if (option->min == INT64_MIN)
		return mem_printf("%s, at most %" PRId64, type, option->max);
	return mem_printf(
		"%s, %" PRId64 " to %" PRId64, type, option->min / unit, option->max / unit);
}

static void
print_option_row(const char *key, const char *what, const char *default_text, const char *help)
{
	printf("| `%s` | ", key);
	print_cell(what);
	printf(" | %s | ", default_text ? default_text : "");
	print_cell(help);
	printf(" |\n");
}

/* Keys of a section, those of the user's own first. */
static void
print_options_of(const char *section)
{
	const struct option_info *option;
	const struct option_extra *extra;

	printf("\n## [%s]\n\n| Key | Takes | Default | Meaning |\n|---|---|---|---|\n", section);
	for (size_t i = 0; (extra = options_extra_at(i)); i++) {
		char *key = mem_printf("%s%s", extra->prefix, extra->what);

		if (!strcmp(extra->section, section))
			print_option_row(key, options_type_text(extra->type), NULL, extra->help);
		free(key);
	}
	for (size_t i = 0; (option = options_at(i)); i++) {
		char *what = print_takes(option);

		if (!strcmp(option->section, section))
			print_option_row(option->key, what, option->default_text, option->help);
		free(what);
	}
}

static void
print_options(void)
{
	const char *section;

	printf("# Options\n\n"
	       "Every key of the INI file, which is also every flag: keys of `[mirror]` by their "
	       "own "
	       "name (`--num.streams 4`),\nothers with their section (`--log.level debug`). The "
	       "sections `[consumer]` and `[producer]` hold the properties\nof Kafka's clients, "
	       "see "
	       "`properties.md`.\nPrinted by `reflejo print options`.\n");
	for (size_t i = 0; (section = options_section(i)); i++)
		print_options_of(section);
}

const char *
print_side(enum javaprop_side side)
{
	return side == SIDE_BOTH ? "both" : side == SIDE_CONSUMER ? "consumer" : "producer";
}

static void
print_properties(void)
{
	const struct javaprop *row;

	printf("# Properties\n\n"
	       "What becomes of the properties of Kafka's Java clients, from Kafka 0.7 to 4. "
	       "`reflejo check` says it for the lines of\na file. Names of librdkafka's that are "
	       "not "
	       "here are set as they are; `rdkafka.NAME` is always librdkafka's NAME. Other\nnames "
	       "are warned about. Values: `@FILE` is the content of a file, `${env:NAME}`, "
	       "`${file:PATH}`, `${file:PATH:KEY}` and\n`${directory:PATH:NAME}` stand for what is "
	       "found there; `@@` is an @.\nPrinted by `reflejo print properties`.\n\n"
	       "- set: given to the client as it stands\n"
	       "- translated: given under librdkafka's name or in its units\n"
	       "- handled: the agent itself does what it asks for\n"
	       "- ignored: has no effect here, and none is missed\n"
	       "- warned: has no effect here, and a warning says so\n"
	       "- refused: the agent does not start with it, and says what to write instead\n\n"
	       "| Property | Client | Becomes | What |\n|---|---|---|---|\n");
	for (size_t i = 0; (row = javaprops_at(i)); i++) {
		printf("| `%s` | %s | %s", row->name, print_side(row->side),
			verdict_name(row->verdict));
		if (row->verdict == VERDICT_TRANSLATED && row->to && strchr(row->to, '.'))
			printf(" to `%s`", row->to);
		printf(" | ");
		print_cell(row->help);
		printf(" |\n");
	}
}

/* Prints text as comment lines of the sample file. */
static void
print_comment(const char *text)
{
	const size_t width = 96;

	while (*text) {
		size_t n = strlen(text);

		if (n > width) {
			n = width;
			while (n > 1 && text[n] != ' ')
				n--;
		}
		printf("# %.*s\n", (int)n, text);
		text += n;
		text += strspn(text, " ");
	}
}

/* The part of the sample for one section's options. Old flags are not worth showing. */
static void
print_sample_section(const char *section)
{
	const struct option_info *option;
	const struct option_extra *extra;

	printf("\n[%s]\n", section);
	for (size_t i = 0; (extra = options_extra_at(i)); i++) {
		if (strcmp(extra->section, section))
			continue;
		printf("\n");
		print_comment(extra->help);
		printf("#%s%s = %s\n", extra->prefix, extra->what, options_type_text(extra->type));
	}
	for (size_t i = 0; (option = options_at(i)); i++) {
		if (strcmp(option->section, section) || option->type == OPTION_TYPE_FLAG ||
			option->type == OPTION_TYPE_OLD || strstr(option->help, "Java classes") ||
			strstr(option->help, "Arguments of"))
			continue;
		printf("\n");
		print_comment(option->help);
		if (!strcmp(option->key, "whitelist"))
			printf("whitelist = testtopic\n");
		else
			printf("#%s =%s%s\n", option->key, option->default_text ? " " : "",
				option->default_text ? option->default_text : "");
	}
}

static void
print_sample(void)
{
	printf("# reflejo run --config reflejo.ini\n"
	       "#\n"
	       "# Lines follow the rules of Java's properties files: # and ! start comments, a \\ "
	       "at "
	       "the end continues\n"
	       "# a line, \\uXXXX is a character. Values: @FILE reads a secret from a file, "
	       "${env:NAME} and\n"
	       "# ${file:PATH:KEY} stand for what is found there. Lines that start with #NAME show "
	       "the defaults.\n"
	       "# Printed by `reflejo print sample`.\n");
	print_sample_section("mirror");
	print_sample_section("limits");
	print_sample_section("topics");
	printf("\n# Properties of Kafka's consumer, which reads from the source.\n"
	       "[consumer]\n"
	       "bootstrap.servers = source1:9092,source2:9092\n"
	       "# or, as old MirrorMaker files have it: zookeeper.connect = zk1:2181,zk2:2181\n"
	       "group.id = mirrorgroup\n"
	       "#auto.offset.reset = latest\n"
	       "\n# Properties of Kafka's producer, which writes to the target.\n"
	       "[producer]\n"
	       "bootstrap.servers = target1:9092,target2:9092\n"
	       "#compression.type = none\n");
	print_sample_section("script");
	print_sample_section("admin");
	print_sample_section("log");
}

static void
print_events(void)
{
	static const char *const levels[] = {"debug", "info", "warn", "error"};

	printf("# Events\n\n"
	       "Every line of the log is `time level event key=value ...`; these are the events. "
	       "`log.level` says from which level\non they are shown.\nPrinted by `reflejo print "
	       "events`.\n\n| Event | Level | Meaning |\n|---|---|---|\n");
	for (int i = 0; i < LOG_EVENT_COUNT; i++) {
		const struct log_event_info *info = log_event_info((enum log_event)i);

		printf("| `%s` | %s | ", info->name, levels[info->level]);
		print_cell(info->help);
		printf(" |\n");
	}
}

/* What can be printed; of more than one kind where there is a second word. */
static const struct {
	const char *name, *kind;
	void (*print)(void);
} subjects[] = {
	{"options", NULL, print_options},
	{"properties", NULL, print_properties},
	{"sample", NULL, print_sample},
	{"events", NULL, print_events},
	{"man", NULL, print_man_program},
	{"man", "1", print_man_program},
	{"man", "5", print_man_file},
	{"completion", "bash", print_completion_bash},
	{"completion", "zsh", print_completion_zsh},
};

int
command_print(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
		const char *kind = subjects[i].kind;

		if (argc != (kind ? 2 : 1) || strcmp(argv[0], subjects[i].name) != 0 ||
			(kind && strcmp(argv[1], kind) != 0))
			continue;
		subjects[i].print();
		return 0;
	}
	fprintf(stderr, "usage: reflejo print options|properties|sample|events|man [1|5]|"
			"completion (bash|zsh)\n");
	return 1;
}
