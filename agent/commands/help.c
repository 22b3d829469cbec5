/* reflejo help: the subcommands and the flags. */
#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "config/options.h"

static const struct {
	const char *name, *arguments, *help;
} rows[] = {
#define COMMAND(name, arguments, help) {#name, arguments, help},
#include "commands/commands.def"
#undef COMMAND
};

void
commands_usage(FILE *out)
{
	fprintf(out,
		"reflejo copies topics from one Kafka cluster to another, as MirrorMaker does.\n\n"
		"usage: reflejo --consumer.config FILE --producer.config FILE --whitelist "
		"EXPRESSION [flags]\n"
		"       reflejo run --config reflejo.ini\n\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(out, "  reflejo %s %s\n      %s\n", rows[i].name, rows[i].arguments,
			rows[i].help);
	fprintf(out, "\nFlags of run:\n");
	options_usage(out);
}

int
command_help(int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[0], "run") != 0) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (strcmp(rows[i].name, argv[0]) != 0)
				continue;
			printf("usage: reflejo %s %s\n%s\n", rows[i].name, rows[i].arguments,
				rows[i].help);
			return 0;
		}
		fprintf(stderr, "reflejo: there is no subcommand '%s'\n", argv[0]);
		return 1;
	}
	commands_usage(stdout);
	return 0;
}
