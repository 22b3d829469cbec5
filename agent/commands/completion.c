/* Completion: what the tables say may stand where on the command line. */
#include "commands/completion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/options.h"

const struct completion_row completion_commands[] = {
#define COMMAND(name, arguments, help) {#name, arguments, help},
#include "commands/commands.def"
#undef COMMAND
};

const struct completion_row completion_ctl[] = {
#define CTL(name, word, arguments, help) {word, arguments, help},
#include "commands/ctl.def"
#undef CTL
};

const size_t completion_command_count = sizeof(completion_commands) / sizeof(*completion_commands);
const size_t completion_ctl_count = sizeof(completion_ctl) / sizeof(*completion_ctl);

const char *
completion_levels(void)
{
	return options_find("log", "level")->words;
}

static bool
is_capital(const char *s)
{
	return *s >= 'A' && *s <= 'Z';
}

/* One flag and, when a word in capitals follows behind one blank, its value. Returns the end. */
static const char *
scan_flag(struct completion_shape *shape, const char *s)
{
	int n = (int)strcspn(s, " []()|");
	const char *value = s + n + 1;
	int length = s[n] == ' ' && is_capital(value) ? (int)strcspn(value, " []()|") : 0;
	struct text *flags = &shape->values;

	if (!length)
		flags = &shape->plain;
	else if (length == 4 && (!strncmp(value, "FILE", 4) || !strncmp(value, "PATH", 4)))
		flags = &shape->files;
	else if (length == 5 && !strncmp(value, "LEVEL", 5))
		flags = &shape->levels;
	text_printf(flags, " %.*s", n, s);
	return length ? value + length : s + n;
}

/* A word in small letters: at the first place, or within brackets behind it. */
static void
scan_word(struct completion_shape *shape, const char *s, int n, int depth)
{
	if (depth == 0) {
		text_printf(&shape->words, " %.*s", n, s);
		if (shape->second_count && !shape->seconds[shape->second_count - 1].words.length) {
			free(shape->seconds[shape->second_count - 1].word);
			shape->second_count--;
		}
		if (shape->second_count < COMPLETION_SECONDS)
			shape->seconds[shape->second_count++].word = mem_strndup(s, (size_t)n);
	} else if (shape->second_count) {
		text_printf(&shape->seconds[shape->second_count - 1].words, " %.*s", n, s);
	} else if (n == 5 && !strncmp(s, "flags", 5)) {
		shape->has_run_flags = true;
	}
}

/* @gives what shape_fini frees */
static void
scan(const char *arguments, struct completion_shape *ret)
{
	int depth = 0;

	*ret = (struct completion_shape){0};
	for (const char *s = arguments; *s;) {
		int n = (int)strcspn(s, " []()|");

		if (!strncmp(s, "--", 2)) {
			s = scan_flag(ret, s);
			continue;
		}
		ret->has_files |= !strncmp(s, "FILE", 4);
		ret->has_commands |= n == 7 && !strncmp(s, "COMMAND", 7);
		if (n == 5 && depth == 0 && !strncmp(s, "LEVEL", 5))
			text_printf(&ret->words, " %s", completion_levels());
		else if (n && !is_capital(s))
			scan_word(ret, s, n, depth);
		s += n;
		depth += (*s == '[' || *s == '(') - (*s == ']' || *s == ')');
		s += *s != '\0';
	}
}

static void
shape_fini(struct completion_shape *shape)
{
	text_fini(&shape->values);
	text_fini(&shape->files);
	text_fini(&shape->levels);
	text_fini(&shape->plain);
	text_fini(&shape->words);
	for (size_t i = 0; i < shape->second_count; i++) {
		free(shape->seconds[i].word);
		text_fini(&shape->seconds[i].words);
	}
}

const char *
completion_words(const struct text *text)
{
	return text->length ? text->s : "";
}

bool
completion_is_typed(const char *name)
{
	return !strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* Does the word stand in this text of words, before the end? */
static bool
stands_before(const char *words, const char *word, size_t n)
{
	for (const char *s = words; s < word;) {
		size_t m;

		s += strspn(s, " ");
		m = strcspn(s, " ");
		if (s < word && m == n && !strncmp(s, word, n))
			return true;
		s += m;
	}
	return false;
}

void
completion_print_pattern(const struct text *text)
{
	const char *words = completion_words(text);
	bool any = false;

	for (const char *s = words + strspn(words, " "); *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		if (!stands_before(words, s, n)) {
			printf("%s%.*s", any ? "|" : "", (int)n, s);
			any = true;
		}
		s += n;
	}
}

static void
scan_rows(const struct completion_row *rows, size_t count, bool is_ctl,
	void (*fn)(const struct completion_row *row, bool is_ctl,
		const struct completion_shape *shape))
{
	for (size_t i = 0; i < count; i++) {
		struct completion_shape shape;

		scan(rows[i].arguments, &shape);
		fn(&rows[i], is_ctl, &shape);
		shape_fini(&shape);
	}
}

void
completion_each(void (*fn)(
	const struct completion_row *row, bool is_ctl, const struct completion_shape *shape))
{
	scan_rows(completion_commands, completion_command_count, false, fn);
	scan_rows(completion_ctl, completion_ctl_count, true, fn);
}

/* The flags of rows of commands. */
static void
add_flags(struct completion_flags *flags, const struct completion_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct completion_shape shape;

		scan(rows[i].arguments, &shape);
		text_puts(&flags->plain, completion_words(&shape.plain));
		text_puts(&flags->files, completion_words(&shape.files));
		text_puts(&flags->levels, completion_words(&shape.levels));
		shape_fini(&shape);
	}
}

void
completion_flags_init(struct completion_flags *flags)
{
	const struct option_info *option;
	const char *name, *takes, *help;

	*flags = (struct completion_flags){0};
	for (size_t i = 0; (option = options_at(i)); i++) {
		char *flag;

		if (option->type == OPTION_TYPE_OLD)
			continue;
		flag = options_flag_name(option);
		text_printf(&flags->run, " --%s", flag);
		if (option->type == OPTION_TYPE_FLAG)
			text_printf(&flags->plain, " --%s", flag);
		else if (option->type == OPTION_TYPE_FILE)
			text_printf(&flags->files, " --%s", flag);
		else if (option->type == OPTION_TYPE_BOOL)
			text_printf(&flags->bools, " --%s", flag);
		free(flag);
	}
	for (size_t i = 0; (name = options_plain_flag(i, &takes, &help)); i++) {
		if (!completion_is_typed(name))
			continue;
		text_printf(&flags->run, " --%s", name);
		if (!takes)
			text_printf(&flags->plain, " --%s", name);
		else if (!strcmp(takes, "file"))
			text_printf(&flags->files, " --%s", name);
	}
	add_flags(flags, completion_commands, completion_command_count);
	add_flags(flags, completion_ctl, completion_ctl_count);
}

void
completion_flags_fini(struct completion_flags *flags)
{
	text_fini(&flags->run);
	text_fini(&flags->plain);
	text_fini(&flags->files);
	text_fini(&flags->levels);
	text_fini(&flags->bools);
}
