/* What `reflejo print` prints, one function a subject; all to standard output. */
#ifndef COMMANDS_PRINT_H
#define COMMANDS_PRINT_H

#include "config/javaprops.h"
#include "config/options.h"

/* What an option takes, with its range where it has one. @gives a string */
char *print_takes(const struct option_info *option);

/* "both", "consumer" or "producer". */
const char *print_side(enum javaprop_side side);

/* The manual: reflejo(1), the program; reflejo.ini(5), its file. */
void print_man_program(void);
void print_man_file(void);

/* Completion of the command line for bash (bash-completion is not needed) and for zsh. */
void print_completion_bash(void);
void print_completion_zsh(void);

#endif
