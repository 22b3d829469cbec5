/* Completion: what the tables say may stand where on the command line, for the shells' writers. */
#ifndef COMMANDS_COMPLETION_H
#define COMMANDS_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/* A command, or what ctl can tell. */
struct completion_row {
	const char *name, *arguments, *help;
};

extern const struct completion_row completion_commands[], completion_ctl[];
extern const size_t completion_command_count, completion_ctl_count;

#define COMPLETION_SECONDS 8

/* What may stand behind a command, as its row's text of arguments has it. All texts are words with
   a blank before each; completion_words. */
struct completion_shape {
	struct text values, files, levels,
		plain;	   /* its flags: with a value, a file, a level, alone */
	struct text words; /* at the first place */
	struct {
		char *word;	   /* when that stands there, */
		struct text words; /* these may stand behind it */
	} seconds[COMPLETION_SECONDS];
	size_t second_count;
	bool has_run_flags, has_files, has_commands;
};

/* Calls fn for the shape of every command and of everything that ctl can tell. */
void completion_each(void (*fn)(
	const struct completion_row *row, bool is_ctl, const struct completion_shape *shape));

/* The flags of run, and all flags by what they take, those of the commands with them. */
struct completion_flags {
	struct text run;
	struct text plain, files, levels, bools;
};

/* The words of log.level, for which LEVEL stands. */
const char *completion_levels(void);

/* @gives what completion_flags_fini frees */
void completion_flags_init(struct completion_flags *flags);
void completion_flags_fini(struct completion_flags *flags);

/* "" when there are none. @borrows text */
const char *completion_words(const struct text *text);

/* Is a name of options_plain_flag one that can be typed? consumer.KEY is not. */
bool completion_is_typed(const char *name);

/* Prints words as a pattern of a shell's case, --a|--b, each once. */
void completion_print_pattern(const struct text *words);

#endif
