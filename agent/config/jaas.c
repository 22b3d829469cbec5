/* JAAS: login modules and their options, as sasl.jaas.config and Java's login files write them. */
#include "config/jaas.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Where the text is read, and the token that was read last. */
struct reader {
	const char *at;
	unsigned line;
	enum jaas_form form;
	struct err *err;
	char kind; /* 'w' a word, in text; = ; { } as they are; 0 the end */
	bool is_quoted;
	struct text text;
};

static int
fail(const struct reader *r, const char *sentence, const char *name)
{
	err_set(r->err, sentence, name);
	return r->form == JAAS_FILE ? err_prefix(r->err, "%u: ", r->line) : -1;
}

/* Moves over one character. */
static void
step(struct reader *r)
{
	if (*r->at++ == '\n')
		r->line++;
}

static bool
starts_comment(const char *s)
{
	return s[0] == '/' && (s[1] == '/' || s[1] == '*');
}

static void
skip_comment(struct reader *r)
{
	bool is_line = r->at[1] == '/';

	r->at += 2;
	while (*r->at && (is_line ? *r->at != '\n' : strncmp(r->at, "*/", 2) != 0))
		step(r);
	if (!is_line && *r->at)
		r->at += 2;
}

static void
skip_blanks(struct reader *r)
{
	for (;;) {
		if (isspace((unsigned char)*r->at))
			step(r);
		else if (starts_comment(r->at))
			skip_comment(r);
		else
			return;
	}
}

/* Up to three octal digits; the first of three is at most 3. */
static char
take_octal(struct reader *r)
{
	int most = *r->at <= '3' ? 3 : 2, value = 0;

	while (most-- > 0 && *r->at >= '0' && *r->at <= '7')
		value = value * 8 + (*r->at++ - '0');
	return (char)value;
}

/* What stands behind a backslash, by the rules of java.io.StreamTokenizer. */
static void
take_escape(struct reader *r)
{
	static const char letters[] = "abfnrtv", meant[] = "\a\b\f\n\r\t\v";
	const char *found = strchr(letters, *r->at);

	if (*r->at >= '0' && *r->at <= '7') {
		text_putc(&r->text, take_octal(r));
		return;
	}
	text_putc(&r->text, found ? meant[found - letters] : *r->at);
	step(r);
}

static int
take_quoted(struct reader *r)
{
	char quote = *r->at++;

	while (*r->at && *r->at != quote && *r->at != '\n' && *r->at != '\r') {
		char c = *r->at;

		step(r);
		if (c != '\\')
			text_putc(&r->text, c);
		else if (*r->at)
			take_escape(r);
	}
	if (*r->at != quote)
		return fail(r, "a quote is opened and not closed on its line%s", "");
	r->at++;
	r->is_quoted = true;
	return 0;
}

/* Reads the next token. -1 after an error */
static int
next(struct reader *r)
{
	if (r->text.s)
		explicit_bzero(r->text.s, r->text.length);
	text_fini(&r->text);
	r->is_quoted = false;
	skip_blanks(r);
	r->kind = 'w';
	if (!*r->at || strchr("=;{}", *r->at)) {
		r->kind = *r->at;
		if (*r->at)
			r->at++;
		return 0;
	}
	if (*r->at == '"' || *r->at == '\'')
		return take_quoted(r);
	while (*r->at && !isspace((unsigned char)*r->at) && !strchr("=;{}\"'", *r->at) &&
		!starts_comment(r->at))
		text_putc(&r->text, *r->at++);
	return 0;
}

static char *
take_word(struct reader *r)
{
	return text_take(&r->text);
}

static bool
is_flag(const struct reader *r)
{
	static const char *const flags[] = {"required", "requisite", "sufficient", "optional"};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (r->kind == 'w' && r->text.s && !strcasecmp(r->text.s, flags[i]))
			return true;
	return false;
}

/* Reads name=value, of which the name is the token at hand. */
static int
take_option(struct reader *r, struct jaas_module *module)
{
	const char *before = module->count ? module->options[module->count - 1].name : "";
	struct jaas_option *option;
	char *name;

	if (r->kind != 'w')
		return fail(r,
			*before ? "behind the option '%s' stands something that is no option of "
				  "the form name=\"value\""
				: "behind the flag of the login module stands something that is no "
				  "option of the form name=\"value\"%s",
			before);
	name = take_word(r);
	if (next(r)) {
		free(name);
		return -1;
	}
	if (r->kind != '=') {
		free(name);
		return fail(r,
			*before ? "behind the option '%s' stands something without =; a value with "
				  "blanks or signs in it must stand in quotes"
				: "behind the flag of the login module stands something without "
				  "=%s; options are written name=\"value\"",
			before);
	}
	module->options = mem_grow(
		module->options, &module->capacity, module->count, sizeof(*module->options));
	option = &module->options[module->count++];
	*option = (struct jaas_option){.name = name, .value = NULL};
	if (next(r))
		return -1;
	if (r->kind != 'w')
		return fail(r, "the option '%s' has no value; write name=\"value\"", name);
	option->value = take_word(r);
	return next(r);
}

/* Reads Class flag name=value ...; of which the class is the token at hand. */
static int
take_module(struct reader *r, struct jaas *jaas, const char *context)
{
	struct jaas_module *module;

	jaas->modules =
		mem_grow(jaas->modules, &jaas->capacity, jaas->count, sizeof(*jaas->modules));
	module = &jaas->modules[jaas->count++];
	*module = (struct jaas_module){.context = mem_strdup(context), .line = r->line};
	if (r->kind != 'w')
		return fail(r, "there must stand the class of a login module%s", "");
	module->class = take_word(r);
	if (next(r))
		return -1;
	if (!is_flag(r))
		return fail(r, "behind the class of the login module must stand 'required'%s", "");
	if (next(r))
		return -1;
	while (r->kind && r->kind != ';')
		if (take_option(r, module))
			return -1;
	if (!r->kind)
		return fail(r, "the options of the login module must end with ;%s", "");
	return next(r);
}

/* Reads Context { modules }; of which the context is the token at hand. */
static int
take_context(struct reader *r, struct jaas *jaas)
{
	char *name;
	int result = 0;

	if (r->kind != 'w')
		return fail(r, "there must stand the name of a login, as in KafkaClient { ... };%s",
			"");
	name = take_word(r);
	result = next(r);
	if (result == 0 && r->kind != '{')
		result = fail(r, "behind the name of a login must stand {%s", "");
	else if (result == 0)
		result = next(r);
	while (result == 0 && r->kind && r->kind != '}')
		result = take_module(r, jaas, name);
	if (result == 0 && r->kind != '}')
		result = fail(r, "a { is not closed with };%s", "");
	else if (result == 0)
		result = next(r);
	if (result == 0 && r->kind != ';')
		result = fail(r, "behind } must stand ;%s", "");
	else if (result == 0)
		result = next(r);
	free(name);
	return result;
}

int
jaas_parse(const char *text, enum jaas_form form, struct jaas *ret, struct err *err)
{
	struct reader r = {.at = text, .line = 1, .form = form, .err = err};
	struct jaas jaas = {0};
	int result = next(&r);

	while (result == 0 && r.kind)
		result = form == JAAS_LINE ? take_module(&r, &jaas, "") : take_context(&r, &jaas);
	if (result == 0 && form == JAAS_LINE && !jaas.count)
		result = err_set(
			err, "there is no login module; write CLASS required name=\"value\" ...;");
	if (r.text.s)
		explicit_bzero(r.text.s, r.text.length);
	text_fini(&r.text);
	if (result)
		jaas_fini(&jaas);
	else
		*ret = jaas;
	return result;
}

const char *
jaas_get(const struct jaas_module *module, const char *name)
{
	for (size_t i = module->count; i-- > 0;)
		if (!strcmp(module->options[i].name, name))
			return module->options[i].value;
	return NULL;
}

const char *
jaas_class(const struct jaas_module *module)
{
	const char *dot = strrchr(module->class, '.');

	return dot ? dot + 1 : module->class;
}

void
jaas_fini(struct jaas *jaas)
{
	for (size_t i = 0; i < jaas->count; i++) {
		struct jaas_module *module = &jaas->modules[i];

		for (size_t o = 0; o < module->count; o++) {
			free(module->options[o].name);
			mem_wipe(&module->options[o].value);
		}
		free(module->options);
		free(module->context);
		free(module->class);
	}
	free(jaas->modules);
	*jaas = (struct jaas){0};
}
