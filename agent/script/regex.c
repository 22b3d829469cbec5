/* Regular expressions of scripts: PCRE2 with limits, so that a pattern that backtracks fails
 * instead of hanging. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "script/regex.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* How often PCRE2 may try before it gives up on a text: some ten milliseconds. */
#define MATCH_LIMIT 1000000
#define HEAP_LIMIT_KIB 8192
#define JIT_STACK_FIRST (32 * 1024)
#define JIT_STACK_MOST (1024 * 1024)

struct script_regex {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack;
	int32_t *offsets;
	uint32_t groups; /* the whole counted */
	char *text;	 /* as sentences quote it */
};

static int
read_flags(const char *flags, uint32_t *ret, struct err *err)
{
	for (const char *f = flags; f && *f; f++) {
		switch (*f) {
		case 'i': *ret |= PCRE2_CASELESS; break;
		case 'm': *ret |= PCRE2_MULTILINE; break;
		case 's': *ret |= PCRE2_DOTALL; break;
		case 'x': *ret |= PCRE2_EXTENDED; break;
		/* What is not UTF-8 matches nothing, instead of being an error. */
		case 'u': *ret |= PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF; break;
		default: return err_set(err, "there is no flag '%c'; the flags are i m s x u", *f);
		}
	}
	return 0;
}

static int
compile(struct script_regex *regex, const char *pattern, size_t size, uint32_t options,
	struct err *err)
{
	char why[256];
	PCRE2_SIZE offset;
	int code;

	regex->code = pcre2_compile((PCRE2_SPTR)pattern, size, options, &code, &offset, NULL);
	if (!regex->code) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		return err_set(err, "the regular expression \"%s\" is wrong at offset %zu: %s",
			regex->text, offset, why);
	}
	/* Without a JIT compiler the interpreter does the same, slower. */
	pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
	return 0;
}

static void
make_room(struct script_regex *regex)
{
	regex->match = pcre2_match_data_create_from_pattern(regex->code, NULL);
	regex->limits = pcre2_match_context_create(NULL);
	regex->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
	if (!regex->match || !regex->limits)
		abort();
	pcre2_set_match_limit(regex->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(regex->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(regex->limits, HEAP_LIMIT_KIB);
	if (regex->stack)
		pcre2_jit_stack_assign(regex->limits, NULL, regex->stack);
	regex->groups = pcre2_get_ovector_count(regex->match);
	regex->offsets = mem_zero(regex->groups, 2 * sizeof(*regex->offsets));
}

struct script_regex *
regex_new(const char *pattern, size_t size, const char *flags, struct err *err)
{
	struct script_regex *regex = mem_zero(1, sizeof(*regex));
	uint32_t options = 0;

	regex->text = mem_strndup(pattern, size < 200 ? size : 200);
	if (read_flags(flags, &options, err) || compile(regex, pattern, size, options, err)) {
		regex_free(regex);
		return NULL;
	}
	make_room(regex);
	return regex;
}

void
regex_free(struct script_regex *regex)
{
	if (!regex)
		return;
	pcre2_match_data_free(regex->match);
	pcre2_match_context_free(regex->limits);
	pcre2_jit_stack_free(regex->stack);
	pcre2_code_free(regex->code);
	free(regex->offsets);
	free(regex->text);
	free(regex);
}

static int
fail(const struct script_regex *regex, int code, struct err *err)
{
	char why[256];

	if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
		code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_JIT_STACKLIMIT)
		return err_set(err,
			"the regular expression \"%s\" needs too many steps for a text (match "
			"limit); "
			"write it so that it backtracks less",
			regex->text);
	pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
	return err_set(err, "the regular expression \"%s\" failed: %s", regex->text, why);
}

int32_t
regex_match(struct script_regex *regex, const char *text, size_t size, size_t from, struct err *err)
{
	const PCRE2_SIZE *found;
	int code;

	if (size > INT32_MAX)
		return err_set(err, "a text of more than 2 GiB cannot be searched");
	code = pcre2_match(regex->code, (PCRE2_SPTR)(text ? text : ""), size, from, 0, regex->match,
		regex->limits);
	if (code == PCRE2_ERROR_NOMATCH)
		return 0;
	if (code < 0)
		return fail(regex, code, err);
	found = pcre2_get_ovector_pointer(regex->match);
	/* Groups behind the last one that took part are PCRE2_UNSET too: (int32_t)~0 is -1. */
	for (uint32_t i = 0; i < 2 * regex->groups; i++)
		regex->offsets[i] = (int32_t)found[i];
	return (int32_t)regex->groups;
}

const int32_t *
regex_offsets(const struct script_regex *regex)
{
	return regex->offsets;
}

int32_t
regex_group(const struct script_regex *regex, const char *name)
{
	int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);

	return number < 0 ? -1 : number;
}
