/* reflejo: the table of subcommands, nothing else. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "commands/commands.h"
#include "service/process.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, arguments, help) {#name, command_##name},
#include "commands/commands.def"
#undef COMMAND
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const char *
command_name(size_t i, void *arg)
{
	(void)arg;
	return i < COMMANDS ? commands[i].name : NULL;
}

static int
unknown(const char *name)
{
	const char *nearest = parse_nearest(name, command_name, NULL);

	fprintf(stderr, "reflejo: there is no subcommand '%s'%s%s%s; see reflejo help\n", name,
		nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	return 1;
}

static int
run_command(size_t i, int argc, char **argv)
{
	bool is_help = argc == 1 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));

	/* ctl has commands of its own to tell of. */
	if (is_help && commands[i].run != command_ctl)
		return command_help(1, (char *[]){(char *)(uintptr_t)commands[i].name});
	return commands[i].run(argc, argv);
}

static int
run(int argc, char **argv)
{
	if (argc < 2) {
		commands_usage(stderr);
		return 1;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return command_help(0, argv + 2);
	if (!strcmp(argv[1], "--version"))
		return command_version(0, argv + 2);
	/* MirrorMaker's command line, with or without its class name, is `run`. */
	if (argv[1][0] == '-' || !strcmp(argv[1], "kafka.tools.MirrorMaker"))
		return command_run(argc - 1, argv + 1);
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run_command(i, argc - 2, argv + 2);
	return unknown(argv[1]);
}

int
main(int argc, char **argv)
{
	int status;

	/* Before the first secret is read; `run` allows it again where that is asked for. */
	process_allow_dumps(false);
	status = run(argc, argv);
	/* What was asked for and is not there, on a full disk, is no success. Who does not want to
	   read on is. */
	if (fflush(stdout) == 0 || errno == EPIPE || status != 0)
		return status;
	fprintf(stderr, "reflejo: the output cannot be written: %s\n", strerror(errno));
	return 1;
}
