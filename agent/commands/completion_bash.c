/* reflejo print completion bash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/completion.h"
#include "commands/print.h"
#include "config/verdicts.h"

/* What stands behind a flag. */
static void
print_values(const struct completion_flags *flags)
{
	const struct option_info *option;

	printf("\tcase $before in\n");
	for (size_t i = 0; (option = options_at(i)); i++) {
		char *flag = options_flag_name(option);

		if (option->type == OPTION_TYPE_WORD)
			printf("\t--%s) _reflejo_offer '%s'; return ;;\n", flag, option->words);
		free(flag);
	}
	printf("\t");
	completion_print_pattern(&flags->bools);
	printf(") _reflejo_offer 'true false'; return ;;\n\t");
	completion_print_pattern(&flags->files);
	printf(") _reflejo_files; return ;;\n");
	if (flags->levels.length) {
		printf("\t");
		completion_print_pattern(&flags->levels);
		printf(") _reflejo_offer '%s'; return ;;\n", completion_levels());
	}
	printf("\t");
	completion_print_pattern(&flags->plain);
	printf(") ;;\n\t--*) return ;; # a value of which nothing is known\n\tesac\n");
}

static void
print_flags(const struct completion_shape *shape)
{
	printf("%s%s%s%s", completion_words(&shape->plain), completion_words(&shape->values),
		completion_words(&shape->levels), completion_words(&shape->files));
}

/* What may stand behind a command. */
static void
print_command(const struct completion_row *row, bool is_ctl, const struct completion_shape *shape)
{
	if (is_ctl)
		return;
	printf("\t%s) flags='", row->name);
	print_flags(shape);
	printf("'");
	if (shape->has_run_flags)
		printf(" run=1");
	if (shape->has_files)
		printf(" files=1");
	if (!strcmp(row->name, "ctl"))
		printf(" names=$_reflejo_ctl");
	else if (shape->has_commands)
		printf(" names=$_reflejo_commands");
	else
		printf(" names='%s'", completion_words(&shape->words));
	printf(" ;;\n");
}

/* And behind its first word. */
static void
print_second(const struct completion_row *row, bool is_ctl, const struct completion_shape *shape)
{
	for (size_t i = 0; !is_ctl && i < shape->second_count; i++)
		if (shape->seconds[i].words.length)
			printf("\t'%s %s') names='%s' ;;\n", row->name, shape->seconds[i].word,
				completion_words(&shape->seconds[i].words));
	if (!is_ctl)
		return;
	printf("\t'ctl %s') flags+='", row->name);
	print_flags(shape);
	printf("' names='%s' ;;\n", completion_words(&shape->words));
}

static void
print_names(const struct completion_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("%s%s", i ? " " : "", rows[i].name);
}

/* Properties of one client as flags; those that are refused are not worth offering. */
static void
print_properties_of(enum javaprop_side side, const char *prefix)
{
	const struct javaprop *row;

	for (size_t i = 0; (row = javaprops_at(i)); i++)
		if ((row->side & side) && row->verdict != VERDICT_REFUSED)
			printf(" --%s.%s", prefix, row->name);
}

/* bash takes --name=value and HOST:PORT apart; they are put together again first. */
static const char bash_words[] =
	"_reflejo_offer() {\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
	"}\n"
	"\n"
	"_reflejo_files() {\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"}\n"
	"\n"
	"_reflejo() {\n"
	"\tlocal i word glue='' cur before command sub='' flags='' names='' run='' files=''\n"
	"\tlocal -a words=()\n"
	"\n"
	"\tCOMPREPLY=()\n"
	"\tfor ((i = 0; i <= COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tif ((i > 1)) && [[ $glue || $word == [=:]* ]]; then\n"
	"\t\t\twords[-1]+=$word\n"
	"\t\telse\n"
	"\t\t\twords+=(\"$word\")\n"
	"\t\tfi\n"
	"\t\t[[ $word == *[=:] ]] && glue=1 || glue=''\n"
	"\tdone\n"
	"\t((${#words[@]} > 1)) || return\n"
	"\tcur=${words[-1]} before=${words[-2]} command=${words[1]}\n"
	"\tif [[ $cur == --*=* ]]; then\n"
	"\t\tbefore=${cur%%=*} cur=${cur#*=}\n"
	"\telif ((${#words[@]} == 2)) && [[ $cur != -* ]]; then\n"
	"\t\t_reflejo_offer \"$_reflejo_commands\"\n"
	"\t\treturn\n"
	"\tfi\n"
	"\t[[ $command == -* || $command == kafka.tools.MirrorMaker ]] && command=run\n"
	"\n";

/* The rest of the search for the first word behind the command that is no flag's value. */
static const char bash_sub[] = ") ;;\n"
			       "\t\t--*) ((i++)) ;;\n"
			       "\t\t*) sub=${words[i]}; break ;;\n"
			       "\t\tesac\n"
			       "\tdone\n";

static const char bash_end[] =
	"\tif [[ $cur == -* ]]; then\n"
	"\t\t[[ $run ]] && flags+=\" $_reflejo_run\"\n"
	"\t\t[[ $run && $cur == --consumer.* ]] && flags+=$_reflejo_consumer\n"
	"\t\t[[ $run && $cur == --producer.* ]] && flags+=$_reflejo_producer\n"
	"\t\t_reflejo_offer \"$flags\"\n"
	"\telif [[ $files ]]; then\n"
	"\t\t_reflejo_files\n"
	"\telse\n"
	"\t\t_reflejo_offer \"$names\"\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _reflejo reflejo\n";

void
print_completion_bash(void)
{
	struct completion_flags flags;

	completion_flags_init(&flags);
	printf("# shellcheck shell=bash\n"
	       "# Completion of reflejo's command line for bash.\n"
	       "# Printed by `reflejo print completion bash`.\n\n"
	       "_reflejo_commands='");
	print_names(completion_commands, completion_command_count);
	printf("'\n_reflejo_ctl='");
	print_names(completion_ctl, completion_ctl_count);
	printf("'\n_reflejo_run='%s'\n_reflejo_consumer='", completion_words(&flags.run));
	print_properties_of(SIDE_CONSUMER, "consumer");
	printf("'\n_reflejo_producer='");
	print_properties_of(SIDE_PRODUCER, "producer");
	printf("'\n\n%s", bash_words);
	print_values(&flags);
	printf("\tfor ((i = 2; i < ${#words[@]} - 1; i++)); do\n"
	       "\t\tcase ${words[i]} in\n"
	       "\t\t--*=*|");
	completion_print_pattern(&flags.plain);
	printf("%s\tcase $command in\n", bash_sub);
	completion_each(print_command);
	printf("\tesac\n\t[[ $sub ]] && names=''\n\tcase \"$command $sub\" in\n");
	completion_each(print_second);
	printf("\tesac\n%s", bash_end);
	completion_flags_fini(&flags);
}
