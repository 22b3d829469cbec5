/* reflejo print man: reflejo(1) and reflejo.ini(5), from the program's tables. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/version.h"
#include "commands/print.h"
#include "config/verdicts.h"

/* s in roff: what it would set as something else is escaped, and no line starts with a request. */
static void
print_roff(const char *s)
{
	static const struct {
		char c;
		const char *escape;
	} escapes[] = {{'-', "\\-"}, {'\\', "\\e"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'^', "\\(ha"},
		{'~', "\\(ti"}};

	if (*s == '.')
		printf("\\&");
	for (; *s; s++) {
		size_t i = 0;

		while (i < sizeof(escapes) / sizeof(*escapes) && escapes[i].c != *s)
			i++;
		if (i < sizeof(escapes) / sizeof(*escapes))
			printf("%s", escapes[i].escape);
		else
			putchar(*s);
	}
}

static void
print_head(const char *title, const char *section, const char *printed_by)
{
	printf(".\\\" Printed by `%s`.\n.TH %s %s %s \"reflejo %s\"\n.nh\n", printed_by, title,
		section, REFLEJO_DATE, REFLEJO_VERSION);
}

/* ".TP", the tag in bold, and behind it the text. */
static void
print_entry(const char *tag, const char *arguments, const char *help)
{
	printf(".TP\n.B \"");
	print_roff(tag);
	if (*arguments) {
		printf(" ");
		print_roff(arguments);
	}
	printf("\"\n");
	print_roff(help);
	printf("\n");
}

static void
print_option(const struct option_info *option, const char *dashes, const char *name)
{
	char *what = print_takes(option), *tag = mem_printf("%s%s", dashes, name);

	print_entry(tag, "", option->help);
	if (option->type != OPTION_TYPE_FLAG) {
		printf(".br\nTakes: ");
		print_roff(what);
		if (option->default_text) {
			printf("; default: ");
			print_roff(option->default_text);
		}
		printf(".\n");
	}
	free(what);
	free(tag);
}

static void
print_commands(void)
{
	static const struct {
		const char *name, *arguments, *help;
	} commands[] =
		{
#define COMMAND(name, arguments, help) {#name, arguments, help},
#include "commands/commands.def"
#undef COMMAND
		},
	  ctl[] = {
#define CTL(name, word, arguments, help) {word, arguments, help},
#include "commands/ctl.def"
#undef CTL
	  };

	printf(".SH COMMANDS\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		print_entry(commands[i].name, commands[i].arguments, commands[i].help);
	printf(".SS What reflejo ctl can tell a running agent\n");
	for (size_t i = 0; i < sizeof(ctl) / sizeof(*ctl); i++)
		print_entry(ctl[i].name, ctl[i].arguments, ctl[i].help);
}

/* Is this flag's name, as SECTION.KEY, one of those that a section takes besides its options? */
static bool
is_extra(const char *name)
{
	size_t n = strcspn(name, ".");
	char *section = mem_strndup(name, n);
	bool is = name[n] && options_find_extra(section, name + n + 1);

	free(section);
	return is;
}

static void
print_flags(void)
{
	const struct option_info *option;
	const struct option_extra *extra;
	const char *name, *takes, *help;

	printf(".SH FLAGS\n"
	       "Flags are keys of the INI file; later ones win: INI file, properties files, "
	       "flags.\n"
	       "A value stands behind its flag, or behind a = at it.\n");
	for (size_t i = 0; (name = options_plain_flag(i, &takes, &help)); i++) {
		char *tag = mem_printf("--%s", name);

		if (!is_extra(name))
			print_entry(tag, takes ? takes : "", help);
		free(tag);
	}
	for (size_t i = 0; (extra = options_extra_at(i)); i++) {
		char *tag = mem_printf("--%s.%s%s", extra->section, extra->prefix, extra->what);

		print_entry(tag, "", extra->help);
		free(tag);
	}
	for (size_t i = 0; (option = options_at(i)); i++) {
		char *flag = options_flag_name(option);

		print_option(option, "--", flag);
		free(flag);
	}
}

void
print_man_program(void)
{
	print_head("REFLEJO", "1", "reflejo print man 1");
	printf(".SH NAME\nreflejo \\- copies topics from one Kafka cluster to another\n"
	       ".SH SYNOPSIS\n"
	       ".B reflejo\n\\-\\-consumer.config FILE \\-\\-producer.config FILE \\-\\-whitelist "
	       "EXPRESSION\n[flags]\n.br\n.B reflejo\nCOMMAND [arguments]\n"
	       ".SH DESCRIPTION\n"
	       "Takes the command line and the property files of Kafka\\(aqs MirrorMaker as they "
	       "are.\n"
	       "A position of the source group is committed only when the target has acknowledged "
	       "everything before it.\n");
	print_commands();
	print_flags();
	printf(".SH SIGNALS\n"
	       ".TP\n.B SIGTERM, SIGINT\nDrain, commit and end; a second one ends at once.\n"
	       ".TP\n.B SIGHUP\nTakes the script\\(aqs file anew.\n"
	       ".TP\n.B SIGUSR1\nOpens the log file again.\n"
	       ".SH EXIT STATUS\n"
	       ".TP\n.B 0\nA clean stop.\n"
	       ".TP\n.B 1\nA wrong command line or configuration, or a source that did not answer "
	       "at the start.\n"
	       ".TP\n.B 3\nA one shot (until.end, until.timestamp, until.idle) has left "
	       "something out, or was told to stop before its end; its report says what.\n"
	       ".TP\n.B 255\nMirroring ended by a failure.\n"
	       ".SH ENVIRONMENT\n"
	       ".TP\n.B STATE_DIRECTORY\nWhere files that outlive the process are kept, unless the "
	       "configuration names them; set by systemd. Without it: /var/tmp.\n"
	       ".SH FILES\n"
	       ".TP\n.B /etc/reflejo/NAME.ini\nThe configuration of the service reflejo@NAME; "
	       "/etc/reflejo/reflejo.ini that of the service reflejo.\n"
	       ".SH EXAMPLES\n"
	       "As MirrorMaker was started:\n.PP\n.EX\n"
	       "reflejo \\-\\-consumer.config consumer.properties "
	       "\\-\\-producer.config producer.properties \\e\n"
	       "    \\-\\-whitelist testtopic \\-\\-num.streams 4\n.EE\n.PP\n"
	       "All of it in one file, looked at before it is run as a service:\n.PP\n.EX\n"
	       "reflejo check \\-\\-config /etc/reflejo/orders.ini\n"
	       "reflejo plan \\-\\-config /etc/reflejo/orders.ini\n"
	       "systemctl enable \\-\\-now reflejo@orders\n.EE\n"
	       ".SH SEE ALSO\n"
	       ".BR reflejo.ini (5),\n.BR reflejo\\-lua (3)\n");
}

/* How a line of the file is read. */
static void
print_syntax(void)
{
	printf(".SH DESCRIPTION\n"
	       "Sections stand in brackets, and below each its keys. Every key is also a flag of\n"
	       ".BR reflejo (1):\n"
	       "those of [mirror] by their own name, others as SECTION.KEY; flags win.\n"
	       "The sections [consumer] and [producer] hold the properties of Kafka\\(aqs clients, "
	       "by Kafka\\(aqs names or librdkafka\\(aqs.\n"
	       ".PP\n"
	       "Lines follow the rules of Java\\(aqs properties files:\n"
	       ".IP \\(bu 2\nA key ends at the first =, : or blank; blanks around both are not "
	       "part "
	       "of them.\n"
	       ".IP \\(bu 2\n# or ! at the start of a line makes it a comment. Behind a value they "
	       "are part of it.\n"
	       ".IP \\(bu 2\nA \\e at the end continues the value on the next line. \\euXXXX is a "
	       "character, \\e\\e a backslash.\n"
	       ".IP \\(bu 2\nOf a key that is given twice the later one counts.\n"
	       ".PP\n"
	       "Values may stand elsewhere:\n"
	       ".TP\n.B @FILE\nThe content of a file, for secrets; @@ is an @.\n"
	       ".TP\n.B ${env:NAME}\nA variable of the environment.\n"
	       ".TP\n.B ${file:PATH:KEY}, ${file:PATH}\nA key of a properties file, or a whole "
	       "file.\n"
	       ".TP\n.B ${directory:PATH:NAME}\nA file in a folder, as Kubernetes mounts secrets.\n"
	       ".PP\n"
	       "Durations take ms, s, m, h or d behind the number, sizes KiB, MiB, GiB or kB, MB, "
	       "GB; a bare number is what the key\\(aqs entry says.\n"
	       ".PP\n"
	       ".B reflejo check \\-\\-config FILE\nsays what became of every line, and all that "
	       "is "
	       "wrong, at once.\n");
}

static void
print_sections(void)
{
	const struct option_info *option;
	const struct option_extra *extra;
	const char *section;

	for (size_t s = 0; (section = options_section(s)); s++) {
		printf(".SH [%s]\n", section);
		for (size_t i = 0; (option = options_at(i)); i++)
			if (!strcmp(option->section, section))
				print_option(option, "", option->key);
		for (size_t i = 0; (extra = options_extra_at(i)); i++) {
			char *tag = mem_printf("%s%s", extra->prefix, extra->what);

			if (!strcmp(extra->section, section))
				print_entry(tag, "", extra->help);
			free(tag);
		}
	}
}

/* What becomes of Kafka's properties, those of one client. */
static void
print_client(enum javaprop_side side, const char *section, const char *what)
{
	const struct javaprop *row;

	printf(".SH [%s]\n%s\n"
	       "Names of librdkafka\\(aqs that are not here are set as they are; rdkafka.NAME is "
	       "always librdkafka\\(aqs NAME.\n"
	       "Other names are warned about.\n",
		section, what);
	for (size_t i = 0; (row = javaprops_at(i)); i++) {
		char *became;

		if (!(row->side & side))
			continue;
		became = row->verdict == VERDICT_TRANSLATED && row->to && strchr(row->to, '.')
				 ? mem_printf("(%s to %s)", verdict_name(row->verdict), row->to)
				 : mem_printf("(%s)", verdict_name(row->verdict));
		print_entry(row->name, became, row->help);
		free(became);
	}
}

void
print_man_file(void)
{
	print_head("REFLEJO.INI", "5", "reflejo print man 5");
	printf(".SH NAME\nreflejo.ini \\- configuration of reflejo\n"
	       ".SH SYNOPSIS\n.B /etc/reflejo/reflejo.ini\n.br\n.B /etc/reflejo/NAME.ini\n");
	print_syntax();
	print_sections();
	print_client(SIDE_CONSUMER, "consumer",
		"Properties of the consumer, which reads from the source, and in brackets what "
		"becomes of each.");
	print_client(SIDE_PRODUCER, "producer",
		"Properties of the producer, which writes to the target, and in brackets what "
		"becomes of each.");
	printf(".SH EXAMPLES\n.EX\n"
	       "[mirror]\nwhitelist = orders.*, payments\nexclude = .*\\e\\e.tmp\n"
	       "[consumer]\nbootstrap.servers = source1:9092,source2:9092\ngroup.id = mirrorgroup\n"
	       "security.protocol = SASL_SSL\nsasl.mechanism = SCRAM\\-SHA\\-512\n"
	       "sasl.username = mirror\nsasl.password = @/etc/reflejo/source.password\n"
	       "[producer]\nbootstrap.servers = target1:9092,target2:9092\n"
	       "compression.type = lz4\n"
	       "[admin]\nlisten = unix:/run/reflejo/orders/admin.sock\n.EE\n"
	       ".SH SEE ALSO\n.BR reflejo (1),\n.BR reflejo\\-lua (3)\n");
}
