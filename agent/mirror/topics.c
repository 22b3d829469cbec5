/* Topic expressions: which topics are mirrored, with the verdicts of java.util.regex. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "mirror/topics.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mirror/javaregex.h"

/* How often PCRE2 may try before it gives up on a name: some ten milliseconds. */
#define MATCH_LIMIT 1000000

/* Parentheses inside each other; the translation writes more of them than there were. */
#define PARENTHESES_MAX 2000

/* $0 to $9 */
#define GROUPS 10

struct topics {
	char *text;
	int groups[GROUPS]; /* Java's number to PCRE2's; of topics_new_exact */
	bool excludes, exclude_internal;
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

/* Java's String.trim. */
static void
trim(const char **start, const char **end)
{
	while (*start < *end && (unsigned char)**start <= ' ')
		++*start;
	while (*end > *start && (unsigned char)(*end)[-1] <= ' ')
		--*end;
}

static bool
is_quote(char c)
{
	return c == '"' || c == '\'';
}

char *
topics_rewrite(const char *raw)
{
	const char *start = raw, *end = raw + strlen(raw);
	struct text out = {0};
	size_t quotes = 0;

	trim(&start, &end);
	for (; start < end; start++)
		if (*start != ' ')
			text_putc(&out, *start == ',' ? '|' : *start);
	while (quotes < out.length && is_quote(out.s[quotes]))
		quotes++;
	while (out.length > quotes && is_quote(out.s[out.length - 1]))
		out.s[--out.length] = '\0';
	if (quotes)
		memmove(out.s, out.s + quotes, out.length - quotes + 1);
	return text_take(&out);
}

/* As much of an expression as a sentence quotes: it has to say why, too. */
#define QUOTED_MAX 200
#define QUOTED(text) QUOTED_MAX, (text), strlen(text) > QUOTED_MAX ? "..." : ""

/* What the person who typed this expression meant, when that is known. */
static void
explain(const char *text, struct err *err)
{
	struct err why = *err;
	const char *hint = "";

	if (!strcmp(text, "*"))
		hint = "; to take every topic write .*";
	else if (*text == '*' || strstr(text, "|*"))
		hint = "; * repeats what stands before it, for \"any name\" write .*";
	err_set(err, "\"%.*s%s\" is not a valid regular expression: %s%s", QUOTED(text), why.text,
		hint);
}

static int
compile(struct topics *topics, const char *pattern, struct err *err)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR text[256] = "";
	PCRE2_SIZE at;
	int error;

	if (!context)
		return err_set(err, "there is no memory for it");
	pcre2_set_parens_nest_limit(context, PARENTHESES_MAX);
	topics->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
		PCRE2_ANCHORED | PCRE2_NO_AUTO_POSSESS, &error, &at, context);
	pcre2_compile_context_free(context);
	if (!topics->code) {
		pcre2_get_error_message(error, text, sizeof(text));
		return err_set(err, "PCRE2, which runs it here, says: %s", (char *)text);
	}
	/* Without a JIT for this processor the interpreter does it. */
	pcre2_jit_compile(topics->code, PCRE2_JIT_COMPLETE);
	topics->match = pcre2_match_data_create_from_pattern(topics->code, NULL);
	topics->limits = pcre2_match_context_create(NULL);
	if (!topics->match || !topics->limits)
		return err_set(err, "there is no memory for it");
	pcre2_set_match_limit(topics->limits, MATCH_LIMIT);
	return 0;
}

/* kept: groups that must capture, the whole included */
static int
translate_and_compile(struct topics *topics, int kept, struct err *err)
{
	char *pattern = javaregex_translate_groups(topics->text, topics->groups, kept, err);
	int rc = pattern ? compile(topics, pattern, err) : -1;

	free(pattern);
	return rc;
}

struct topics *
topics_new(const char *raw, bool excludes, bool exclude_internal, struct err *err)
{
	struct topics *topics = mem_zero(1, sizeof(*topics));
	struct err own;

	topics->text = topics_rewrite(raw);
	topics->excludes = excludes;
	topics->exclude_internal = exclude_internal;
	if (!err)
		err = &own;
	if (!*topics->text) {
		err_set(err,
			"the topic expression is empty, so that it matches no topic; to take every "
			"topic write .*");
		topics_free(&topics);
	} else if (translate_and_compile(topics, 0, err)) {
		explain(topics->text, err);
		topics_free(&topics);
	}
	return topics;
}

struct topics *
topics_new_exact(const char *expression, struct err *err)
{
	struct topics *topics = mem_zero(1, sizeof(*topics));

	topics->text = mem_strdup(expression);
	if (translate_and_compile(topics, GROUPS, err)) {
		explain(topics->text, err);
		topics_free(&topics);
	}
	return topics;
}

/* Only printable ASCII is judged; Kafka allows less. */
static bool
can_be_name(const char *name)
{
	size_t n = 0;

	for (; name[n] && n <= JAVAREGEX_NAME_MAX; n++)
		if (name[n] <= ' ' || name[n] > '~')
			return false;
	return n > 0 && n <= JAVAREGEX_NAME_MAX;
}

bool
topics_is_internal(const char *name)
{
	return !strcmp(name, "__consumer_offsets") || !strcmp(name, "__transaction_state");
}

/* 1: the name matches, 0: it does not; -1 on error. */
static int
match(struct topics *topics, const char *name, struct err *err)
{
	PCRE2_UCHAR text[256] = "";
	int rc = pcre2_match(
		topics->code, (PCRE2_SPTR)name, strlen(name), 0, 0, topics->match, topics->limits);

	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc == PCRE2_ERROR_MATCHLIMIT)
		return err_set(err,
			"the expression \"%.*s%s\" takes too long to decide on topic %s; make its "
			"repetitions "
			"less ambiguous",
			QUOTED(topics->text), name);
	pcre2_get_error_message(rc, text, sizeof(text));
	return err_set(err, "the expression \"%.*s%s\" cannot be decided for topic %s: %s",
		QUOTED(topics->text), name, (char *)text);
}

int
topics_match(struct topics *topics, const char *name, struct err *err)
{
	int verdict;

	if (!can_be_name(name) || (topics->exclude_internal && topics_is_internal(name)))
		return 0;
	verdict = match(topics, name, err);
	return verdict < 0 ? -1 : verdict != topics->excludes;
}

/* What a group of the last match holds; nothing when it took no part. */
static void
put_group(struct topics *topics, const char *name, size_t group, struct text *out)
{
	const size_t *ends = pcre2_get_ovector_pointer(topics->match) + 2 * topics->groups[group];

	if ((group == 0 || topics->groups[group] > 0) && ends[0] != PCRE2_UNSET &&
		ends[0] <= ends[1])
		text_printf(out, "%.*s", (int)(ends[1] - ends[0]), name + ends[0]);
}

int
topics_replace(struct topics *topics, const char *name, const char *replacement, char **ret,
	struct err *err)
{
	int verdict = can_be_name(name) ? match(topics, name, err) : 0;
	struct text out = {0};

	if (verdict <= 0)
		return verdict;
	for (const char *c = replacement; *c; c++) {
		if (*c == '\\' && c[1])
			text_putc(&out, *++c);
		else if (*c == '$' && c[1] >= '0' && c[1] <= '9')
			put_group(topics, name, (size_t)(*++c - '0'), &out);
		else
			text_putc(&out, *c);
	}
	*ret = out.s ? text_take(&out) : mem_strdup("");
	return 1;
}

const char *
topics_text(const struct topics *topics)
{
	return topics->text;
}

void
topics_free(struct topics **topics)
{
	if (!*topics)
		return;
	pcre2_code_free((*topics)->code);
	pcre2_match_data_free((*topics)->match);
	pcre2_match_context_free((*topics)->limits);
	free((*topics)->text);
	free(*topics);
	*topics = NULL;
}
