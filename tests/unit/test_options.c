/* config/options and config/flags: the table of options and the command line. */
#include "config/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/flags.h"
#include "unit.h"

/* Splits a command line at its blanks. @borrows line, which is changed */
static int
split(char *line, char **argv, int max)
{
	int argc = 0;

	for (char *word = strtok(line, " "); word && argc < max; word = strtok(NULL, " "))
		argv[argc++] = word;
	return argc;
}

/* What the flags are: "section|key|value;" and "config=FILE;" lines, then problems. @gives a string
 */
static char *
dump(const char *line)
{
	char *copy = mem_strdup(line), *argv[32];
	int argc = split(copy, argv, 32);
	struct problems problems = {0};
	struct flags flags;
	struct text text = {0};

	flags_parse(argc, argv, &flags, &problems);
	if (flags.config)
		text_printf(&text, "config=%s;", flags.config);
	if (flags.consumer_config)
		text_printf(&text, "consumer=%s;", flags.consumer_config);
	if (flags.producer_config)
		text_printf(&text, "producer=%s;", flags.producer_config);
	for (size_t i = 0; i < flags.properties.count; i++)
		text_printf(&text, "%s|%s|%s;", flags.properties.items[i].section,
			flags.properties.items[i].key, flags.properties.items[i].value);
	for (size_t i = 0; i < problems.count; i++)
		text_printf(&text, "!%s%s%s;",
			problems.items[i].origin ? problems.items[i].origin : "",
			problems.items[i].origin ? " " : "", problems.items[i].text);
	flags_fini(&flags);
	problems_fini(&problems);
	free(copy);
	return text_take(&text);
}

TEST(command_lines)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{"", ""},
		{"kafka.tools.MirrorMaker --consumer.config c --producer.config p --whitelist t "
		 "--num.streams 4",
			"consumer=c;producer=p;mirror|whitelist|t;mirror|num.streams|4;"},
		{"--config=x.ini --whitelist=a=b", "config=x.ini;mirror|whitelist|a=b;"},
		{"--log.level debug --mirror.num.streams 2",
			"log|level|debug;mirror|num.streams|2;"},
		{"--consumer.group.id g --producer.acks=all",
			"consumer|group.id|g;producer|acks|all;"},
		{"--consumer.rebalance.listener a.B", "mirror|consumer.rebalance.listener|a.B;"},
		{"--new.consumer --new.consumer --whitelist t",
			"mirror|new.consumer|true;mirror|new.consumer|true;mirror|whitelist|t;"},
		{"--new.consumer=yes", "mirror|new.consumer|true;!--new.consumer takes no value;"},
		{"--offset.commit.interval.ms -1", "mirror|offset.commit.interval.ms|-1;"},
		{"--help --version", ""},
		{"--num.streams 1 --num.streams=2",
			"mirror|num.streams|1;!--num.streams is given twice, but can have only one "
			"value;"},
		{"--consumer.config a --consumer.config b",
			"consumer=a;!--consumer.config is given twice, but can have only one "
			"value;"},
		{"--whitelist", "!--whitelist needs a value behind it;"},
		{"--whitelist --num.streams 3",
			"mirror|num.streams|3;!--whitelist needs a value, but --num.streams "
			"follows "
			"(write --whitelist=VALUE for a value that looks like a flag);"},
		{"--whitelist=--num.streams", "mirror|whitelist|--num.streams;"},
		{"--num.stream 3", "!--num.stream is not a flag (--help lists them); did you mean "
				   "--num.streams?;"},
		{"--numb 3 --whitelist t",
			"mirror|whitelist|t;!--numb is not a flag (--help lists them);"},
		{"--no.such.option", "!--no.such.option is not a flag (--help lists them);"},
		{"-whitelist t",
			"!-whitelist is not a flag (--help lists them); did you mean "
			"--whitelist?;!'t' "
			"belongs to no flag (MirrorMaker ignores such a word; here it is an error, "
			"because something was meant by it);"},
		{"-- --whitelist", "!'--whitelist' belongs to no flag (MirrorMaker ignores such a "
				   "word; here it "
				   "is an error, because something was meant by it);"},
		{"--consumer. x", "!--consumer. is not a flag (--help lists them); did you mean "
				  "--consumer.KEY?;"},
		{"--log.levle debug", "!--log.levle is not a flag (--help lists them); "
				      "did you mean --log.level?;"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *found = dump(cases[i].line);

		CHECK_STR(found, cases[i].expected);
		free(found);
	}
}

TEST(flags_that_win)
{
	static const struct {
		const char *line;
		bool expected;
	} cases[] = {
		{"--help", true},
		{"--whitelist t --help", true},
		{"--whitelist=t --help", true},
		{"--new.consumer --help", true},
		{"--whitelist --help", false},
		{"--consumer.config --help", false},
		{"--consumer.config=x --help", true},
		{"-- --help", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *copy = mem_strdup(cases[i].line), *argv[8];
		int argc = split(copy, argv, 8);

		CHECK_INT(options_has_flag(argc, argv, "help"), cases[i].expected);
		free(copy);
	}
}

TEST(values)
{
	static const struct {
		const char *section, *key, *value, *error; /* NULL: taken */
	} cases[] = {
		{"mirror", "num.streams", "4", NULL},
		{"mirror", "num.streams", "0", "'0' is out of range: from 1 to 256"},
		{"mirror", "num.streams", "four", "'four' is not a whole number"},
		{"mirror", "abort.on.send.failure", "FALSE", NULL},
		{"mirror", "abort.on.send.failure", "maybe", "'maybe' is neither true nor false"},
		{"mirror", "send.on.error", "Pause", NULL},
		{"mirror", "send.on.error", "stop", "'stop' is none of: drop pause dead-letter"},
		{"mirror", "send.on.error", "dro", "'dro' is none of: drop pause dead-letter"},
		{"mirror", "send.on.error", "drop pause",
			"'drop pause' is none of: drop pause dead-letter"},
		{"mirror", "buffer.memory", "1GiB", NULL},
		{"mirror", "buffer.memory", "1MiB",
			"'1MiB' is out of range: from 4194304 to 1099511627776 bytes"},
		{"mirror", "offset.commit.interval.ms", "-5", NULL},
		{"log", "progress.interval", "5m", NULL},
		{"log", "level", "loud", "'loud' is none of: debug info warn error"},
	};
	struct config config = {0};

	options_set_defaults(&config);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err err = {""};
		int result = options_set(&config, options_find(cases[i].section, cases[i].key),
			cases[i].value, &err);

		CHECK_INT(result, cases[i].error ? -1 : 0);
		CHECK_STR(err.text, cases[i].error ? cases[i].error : "");
	}
	CHECK_INT(config.mirror.num_streams, 4);
	CHECK_INT(config.mirror.abort_on_send_failure, false);
	CHECK_STR(config.mirror.send_on_error, "pause");
	CHECK_INT(config.mirror.buffer_memory, 1073741824);
	CHECK_INT(config.mirror.offset_commit_interval_ms, -5);
	CHECK_INT(config.log.progress_interval, 300000);
	CHECK_STR(config.log.level, "info");
	options_fini(&config);
}

TEST(every_row_is_whole)
{
	const struct option_info *option;
	char *usage = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&usage, &size);

	options_usage(out);
	fclose(out);
	for (size_t i = 0; (option = options_at(i)); i++) {
		CHECK(options_find(option->section, option->key) == option);
		CHECK(option->help[strlen(option->help) - 1] == '.');
		CHECK(strstr(usage, option->key));
	}
	CHECK(strstr(usage, "--num.streams <number>"));
	CHECK(strstr(usage, "(default: 32MiB)"));
	CHECK(strstr(usage, "--consumer.config <file>"));
	free(usage);
}
