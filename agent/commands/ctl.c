/* reflejo ctl: a running agent's admin API on the command line. */
#include "commands/ctl.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/utf8.h"
#include "commands/commands.h"
#include "service/access.h"
#include "service/address.h"

static const struct {
	const char *word, *arguments, *help;
	int (*run)(const struct ctl *ctl, int argc, char **argv);
} commands[] = {
#define CTL(name, word, arguments, help) {word, arguments, help, ctl_##name},
#include "commands/ctl.def"
#undef CTL
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* Prints help indented, in lines of less than 80 columns. */
static void
print_folded(FILE *out, const char *help)
{
	size_t column = 0;

	while (*help) {
		size_t n = strcspn(help, " ");

		if (column == 0 || column + 1 + n > 66) {
			fprintf(out, "\n           ");
			column = 0;
		}
		column += (size_t)fprintf(out, " %.*s", (int)n, help);
		help += n + (help[n] == ' ');
	}
	fputc('\n', out);
}

static void
print_help(FILE *out)
{
	fprintf(out,
		"usage: reflejo ctl [--address ADDRESS] [--token-file FILE] [--ca-file FILE]\n"
		"           [--certificate-file FILE] [--key-file FILE] COMMAND\n\n"
		"ADDRESS is HOST:PORT, https://HOST:PORT or unix:PATH (--socket PATH is the\n"
		"same), as the agent's admin.listen has it; without it $REFLEJO_ADMIN, "
		"or\n" ADDRESS_DEFAULT ".\n"
		"FILE is the agent's admin.token.file; without it $REFLEJO_TOKEN_FILE, or "
		"none.\n"
		"For https, in PEM files: --ca-file (or $REFLEJO_CA_FILE) says whom the agent's\n"
		"certificate is believed from, by default whom this system believes;\n"
		"--certificate-file and --key-file ($REFLEJO_CERTIFICATE_FILE,\n"
		"$REFLEJO_KEY_FILE) are shown to an agent that asks for them.\n\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		fprintf(out, "  %s%s%s", commands[i].word, *commands[i].arguments ? " " : "",
			commands[i].arguments);
		print_folded(out, commands[i].help);
	}
	fprintf(out, "\nexit status: 0 done, 1 refused or not ready, 2 no agent answers\n");
}

int
ctl_usage(const struct ctl *ctl)
{
	fprintf(stderr, "usage: reflejo %s\n", ctl->usage);
	return CTL_REFUSED;
}

void
ctl_add_clean(struct text *out, const char *s)
{
	for (size_t n; *s; s += n) {
		const unsigned char *c = (const unsigned char *)s;

		n = utf8_length(s, strnlen(s, 4));
		if (n == 0 || *c < ' ' || *c == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0)) {
			text_putc(out, *c == '\t' ? ' ' : '?');
			n = n ? n : 1;
		} else {
			text_add(out, s, n);
		}
	}
}

void
ctl_print(FILE *out, const char *s)
{
	struct text clean = {0};

	ctl_add_clean(&clean, s);
	fprintf(out, "%s", clean.s ? clean.s : "");
	text_fini(&clean);
}

/* Prints the sentence in a document of the agent, or all of it when there is none. */
static void
print_sentence(FILE *out, const char *name, const char *body)
{
	cJSON *document = cJSON_Parse(body);
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(document, name);

	ctl_print(out, cJSON_IsString(value) ? value->valuestring : body);
	fputc('\n', out);
	cJSON_Delete(document);
}

int
ctl_refused(const struct client_answer *answer)
{
	fprintf(stderr, "reflejo: ");
	print_sentence(stderr, "error", answer->body.s ? answer->body.s : "the agent refuses");
	if (answer->status == 401)
		fprintf(stderr, "reflejo: name its file with --token-file or in "
				"$REFLEJO_TOKEN_FILE\n");
	return CTL_REFUSED;
}

int
ctl_unreached(const struct err *err)
{
	fprintf(stderr, "reflejo: %s\n", err->text);
	return CTL_UNREACHED;
}

static struct client_request
request_of(const struct ctl *ctl, const char *method, const char *path, const char *body)
{
	return (struct client_request){.address = ctl->address,
		.token = ctl->token,
		.files = ctl->files,
		.user = ctl->user,
		.method = method,
		.path = path,
		.body = body};
}

int
ctl_ask(const struct ctl *ctl, const char *method, const char *path, const char *body,
	int timeout_ms, struct client_answer *ret, struct err *err)
{
	struct client_request r = request_of(ctl, method, path, body);

	r.timeout_ms = timeout_ms;
	return client_ask(&r, ret, err);
}

int
ctl_do(const struct ctl *ctl, const char *path, struct text *body, int timeout_ms)
{
	struct client_answer answer;
	struct err err;
	int rc = ctl_ask(ctl, "POST", path, body ? body->s : NULL, timeout_ms, &answer, &err);

	if (body)
		text_fini(body);
	if (rc < 0)
		return ctl_unreached(&err);
	if (answer.status >= 300)
		rc = ctl_refused(&answer);
	else
		print_sentence(stdout, "message", answer.body.s ? answer.body.s : "");
	text_fini(&answer.body);
	return rc;
}

/* Bytes in, lines out. */
struct splitter {
	struct text rest;
	ctl_line *print;
	void *arg;
};

static bool
take_bytes(const char *bytes, size_t size, void *arg)
{
	struct splitter *s = arg;
	const char *end;

	while (size > 0) {
		end = memchr(bytes, '\n', size);
		text_add(&s->rest, bytes, end ? (size_t)(end - bytes) : size);
		if (!end)
			break;
		if (s->rest.length > 0)
			s->print(s->rest.s, s->arg);
		text_fini(&s->rest);
		size -= (size_t)(end + 1 - bytes);
		bytes = end + 1;
	}
	/* Whoever read our output may be gone. */
	return fflush(stdout) == 0;
}

int
ctl_stream(const struct ctl *ctl, const char *method, const char *path, struct text *body,
	ctl_line *print, void *arg)
{
	struct splitter splitter = {.print = print, .arg = arg};
	struct client_request r = request_of(ctl, method, path, body ? body->s : NULL);
	struct client_answer answer;
	struct err err;
	int rc;

	r.sink = take_bytes;
	r.arg = &splitter;
	rc = client_ask(&r, &answer, &err);
	if (body)
		text_fini(body);
	text_fini(&splitter.rest);
	if (rc < 0)
		return ctl_unreached(&err);
	if (answer.status >= 300)
		rc = ctl_refused(&answer);
	text_fini(&answer.body);
	return rc;
}

static const char *
command_word(size_t i, void *arg)
{
	(void)arg;
	return i < COMMANDS ? commands[i].word : NULL;
}

static int
run_command(struct ctl *ctl, int argc, char **argv)
{
	const char *nearest;
	char *usage;
	int status;

	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].word, argv[0]) != 0)
			continue;
		usage = mem_printf("ctl %s%s%s", commands[i].word,
			*commands[i].arguments ? " " : "", commands[i].arguments);
		ctl->usage = usage;
		status = commands[i].run(ctl, argc - 1, argv + 1);
		free(usage);
		return status;
	}
	nearest = parse_nearest(argv[0], command_word, NULL);
	fprintf(stderr,
		"reflejo: there is no command '%s' in reflejo ctl%s%s%s; see reflejo ctl --help\n",
		argv[0], nearest ? "; did you mean '" : "", nearest ? nearest : "",
		nearest ? "'?" : "");
	return CTL_REFUSED;
}

/* Not empty, or NULL. */
static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* What all commands take. */
struct ctl_options {
	const char *address, *path, *token_file;
	struct channel_files files;
};

/* Where an option's value goes; NULL: it is none of all commands. */
static const char **
find_option(struct ctl_options *o, const char *name)
{
	const struct {
		const char *name, **ret;
	} rows[] = {{"--address", &o->address}, {"--socket", &o->path},
		{"--token-file", &o->token_file}, {"--ca-file", &o->files.ca},
		{"--certificate-file", &o->files.certificate}, {"--key-file", &o->files.key}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name))
			return rows[i].ret;
	return NULL;
}

/* What stands before the command, or among its arguments, and is the same for all: taken out.
   Returns how many are left, -1 when one lacks its value. */
static int
take_options(int argc, char **argv, struct ctl_options *o)
{
	int left = 0;

	for (int i = 0; i < argc; i++) {
		const char **ret = find_option(o, argv[i]);

		if (!ret)
			argv[left++] = argv[i];
		else if (i + 1 == argc)
			return fprintf(stderr, "reflejo: %s needs a value\n", argv[i]), -1;
		else
			*ret = argv[++i];
	}
	return left;
}

/* Runs a command with its arguments and the options that all have. */
static int
run_ctl(int argc, char **argv)
{
	struct ctl_options o = {.address = environment("REFLEJO_ADMIN"),
		.token_file = environment("REFLEJO_TOKEN_FILE"),
		.files = {.ca = environment("REFLEJO_CA_FILE"),
			.certificate = environment("REFLEJO_CERTIFICATE_FILE"),
			.key = environment("REFLEJO_KEY_FILE")}};
	const char *sudo = environment("SUDO_USER");
	struct ctl ctl = {.user = sudo ? sudo : environment("USER")};
	char *socket = NULL;
	struct err err;
	int status = CTL_REFUSED;

	argc = take_options(argc, argv, &o);
	if (argc < 0)
		return CTL_REFUSED;
	if (o.path)
		socket = mem_printf("unix:%s", strncmp(o.path, "unix:", 5) ? o.path : o.path + 5);
	ctl.address = socket ? socket : o.address ? o.address : ADDRESS_DEFAULT;
	ctl.files = o.files;
	if (o.token_file)
		ctl.token = access_read_token(o.token_file, &err);
	if (o.token_file && !ctl.token)
		fprintf(stderr, "reflejo: %s\n", err.text);
	else if (argc == 0)
		print_help(stderr);
	else
		status = run_command(&ctl, argc, argv);
	free(ctl.token);
	free(socket);
	return status;
}

int
command_ctl(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return print_help(stdout), CTL_DONE;
	}
	return run_ctl(argc, argv);
}

/* reflejo groups is reflejo ctl groups. */
int
command_groups(int argc, char **argv)
{
	char **words = mem_zero((size_t)argc + 2, sizeof(*words));
	int status;

	words[0] = "groups";
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	status = run_ctl(argc + 1, words);
	free(words);
	return status;
}

/* reflejo tap --topic TOPIC is reflejo ctl tap TOPIC. */
int
command_tap(int argc, char **argv)
{
	char **words = mem_zero((size_t)argc + 2, sizeof(*words));
	int count = 0, status;

	words[count++] = "tap";
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--topic") != 0 || i + 1 == argc)
			words[count++] = argv[i];
	status = run_ctl(count, words);
	free(words);
	return status;
}
