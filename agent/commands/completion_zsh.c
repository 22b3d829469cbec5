/* reflejo print completion zsh. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/completion.h"
#include "commands/print.h"
#include "config/verdicts.h"

/* s within a specification of zsh's _arguments, which itself stands between single quotes. */
static void
print_quoted(const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			printf("'\\''");
		else if (strchr("[]:\\", *s))
			printf("\\%c", *s);
		else
			putchar(*s);
	}
}

/* A flag with what it means and what it takes, as one argument of _arguments. */
static void
print_option(const struct option_info *option)
{
	char *flag = options_flag_name(option);

	printf("\t'--%s%s[", flag, option->type == OPTION_TYPE_FLAG ? "" : "=");
	print_quoted(option->help);
	switch (option->type) {
	case OPTION_TYPE_FLAG: printf("]'\n"); break;
	case OPTION_TYPE_WORD: printf("]:word:(%s)'\n", option->words); break;
	case OPTION_TYPE_BOOL: printf("]:word:(true false)'\n"); break;
	case OPTION_TYPE_FILE: printf("]:file:_files'\n"); break;
	default: printf("]:%s: '\n", options_type_text(option->type));
	}
	free(flag);
}

static void
print_plain(const char *name, const char *takes, const char *help)
{
	printf("\t'--%s%s[", name, takes ? "=" : "");
	print_quoted(help);
	printf("]%s'\n", !takes ? "" : strcmp(takes, "file") ? ":value: " : ":file:_files");
}

static void
print_properties(enum javaprop_side side, const char *prefix)
{
	const struct javaprop *row;

	printf("_reflejo_%s=(\n", prefix);
	for (size_t i = 0; (row = javaprops_at(i)); i++) {
		char *name;

		if (!(row->side & side) || row->verdict == VERDICT_REFUSED)
			continue;
		name = mem_printf("%s.%s", prefix, row->name);
		print_plain(name, "value", row->help);
		free(name);
	}
	printf(")\n");
}

/* Each of the words as a flag of _arguments: alone, with a value, or with a file. */
static void
print_flags(const char *words, const char *suffix)
{
	while (*words) {
		int n;

		words += strspn(words, " ");
		n = (int)strcspn(words, " ");
		if (n)
			printf(" '%.*s%s'", n, words, suffix);
		words += n;
	}
}

static void
print_shape(const struct completion_shape *shape)
{
	char *levels;

	print_flags(completion_words(&shape->plain), "");
	print_flags(completion_words(&shape->values), "=:value: ");
	print_flags(completion_words(&shape->files), "=:file:_files");
	levels = mem_printf("=:level:(%s)", completion_levels());
	print_flags(completion_words(&shape->levels), levels);
	free(levels);
}

static void
print_command(const struct completion_row *row, bool is_ctl, const struct completion_shape *shape)
{
	if (is_ctl)
		return;
	printf("\t%s) specs+=(", row->name);
	print_shape(shape);
	printf(")");
	if (shape->has_run_flags)
		printf(" run=1");
	if (!strcmp(row->name, "ctl"))
		printf("; names=_reflejo_ctl");
	else if (shape->has_commands)
		printf("; names=_reflejo_commands");
	else if (shape->has_files)
		printf("; names=_files");
	else
		printf("; names='(%s)'", completion_words(&shape->words));
	printf(" ;;\n");
}

static void
print_second(const struct completion_row *row, bool is_ctl, const struct completion_shape *shape)
{
	for (size_t i = 0; !is_ctl && i < shape->second_count; i++)
		if (shape->seconds[i].words.length)
			printf("\t'%s %s') more='(%s)' ;;\n", row->name, shape->seconds[i].word,
				completion_words(&shape->seconds[i].words));
	if (!is_ctl)
		return;
	printf("\t'ctl %s') specs+=(", row->name);
	print_shape(shape);
	printf("); more='(%s)' ;;\n", completion_words(&shape->words));
}

static void
print_described(const char *function, const struct completion_row *rows, size_t count)
{
	printf("%s() {\n\tlocal -a rows=(\n", function);
	for (size_t i = 0; i < count; i++) {
		printf("\t'%s:", rows[i].name);
		print_quoted(rows[i].help);
		printf("'\n");
	}
	printf("\t)\n\t_describe command rows\n}\n\n");
}

static const char zsh_begin[] = "_reflejo() {\n"
				"\tlocal command=$words[2] sub='' names='' more='' run='' i\n"
				"\tlocal -a specs\n"
				"\n"
				"\tif (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
				"\t\t_reflejo_commands\n"
				"\t\treturn\n"
				"\tfi\n"
				"\tif [[ $command == -* ]]; then\n"
				"\t\tcommand=run\n"
				"\telse\n"
				"\t\tshift words\n"
				"\t\t(( CURRENT-- ))\n"
				"\tfi\n"
				"\t[[ $command == kafka.tools.MirrorMaker ]] && command=run\n"
				"\tfor (( i = 2; i < CURRENT; i++ )); do\n"
				"\t\tcase $words[i] in\n"
				"\t\t(--*=*";

static const char zsh_end[] =
	"\tif [[ -n $run ]]; then\n"
	"\t\tspecs+=($_reflejo_run)\n"
	"\t\t[[ -n ${words[(r)--consumer.*]} ]] && specs+=($_reflejo_consumer)\n"
	"\t\t[[ -n ${words[(r)--producer.*]} ]] && specs+=($_reflejo_producer)\n"
	"\telif [[ $names == _files ]]; then\n"
	"\t\tspecs+=('*:file:_files')\n"
	"\telse\n"
	"\t\t[[ -n ${names//[() ]/} ]] && specs+=(\"1:what:$names\")\n"
	"\t\t[[ -n ${more//[() ]/} ]] && specs+=(\"2:what:$more\")\n"
	"\tfi\n"
	"\t_arguments -S $specs\n"
	"}\n"
	"\n"
	"_reflejo \"$@\"\n";

static void
print_run(void)
{
	const struct option_info *option;
	const char *name, *takes, *help;

	printf("typeset -ga _reflejo_run _reflejo_consumer _reflejo_producer\n\n_reflejo_run=(\n");
	for (size_t i = 0; (option = options_at(i)); i++)
		if (option->type != OPTION_TYPE_OLD)
			print_option(option);
	for (size_t i = 0; (name = options_plain_flag(i, &takes, &help)); i++)
		if (completion_is_typed(name))
			print_plain(name, takes, help);
	printf(")\n");
}

void
print_completion_zsh(void)
{
	struct completion_flags flags;

	completion_flags_init(&flags);
	printf("#compdef reflejo\n"
	       "# Completion of reflejo's command line for zsh.\n"
	       "# Printed by `reflejo print completion zsh`.\n\n");
	print_run();
	print_properties(SIDE_CONSUMER, "consumer");
	print_properties(SIDE_PRODUCER, "producer");
	printf("\n");
	print_described("_reflejo_commands", completion_commands, completion_command_count);
	print_described("_reflejo_ctl", completion_ctl, completion_ctl_count);
	printf("%s|", zsh_begin);
	completion_print_pattern(&flags.plain);
	printf(") ;;\n"
	       "\t\t(--*) (( i++ )) ;;\n"
	       "\t\t(*) sub=$words[i]; break ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tcase $command in\n");
	completion_each(print_command);
	printf("\tesac\n\tcase \"$command $sub\" in\n");
	completion_each(print_second);
	printf("\tesac\n%s", zsh_end);
	completion_flags_fini(&flags);
}
