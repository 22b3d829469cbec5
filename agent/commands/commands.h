/* The subcommands: one function and one file each, listed in commands.def. */
#ifndef COMMANDS_COMMANDS_H
#define COMMANDS_COMMANDS_H

#include <stdio.h>

/* command_NAME(argc, argv): argv[0] is the first argument behind the subcommand's name. Each
   returns the exit status of the process. @thread main */
#define COMMAND(name, arguments, help) int command_##name(int argc, char **argv);
#include "commands/commands.def"
#undef COMMAND

/* Prints the list of subcommands and, below it, the flags of run. */
void commands_usage(FILE *out);

#endif
