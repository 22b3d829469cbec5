/* Regular expressions for scripts: PCRE2, bounded in time and memory. */
#include "script/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Groups that are given out, the whole included; as library.h says. */
#define GROUPS 32
/* About 10 ms of backtracking at worst (10 million steps are PCRE2's own default, and seconds). */
#define MATCH_LIMIT 100000
#define HEAP_LIMIT_KIB 4096

struct script_regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

static const struct {
	char letter;
	uint32_t option;
} flag_table[] = {
	{'i', PCRE2_CASELESS},
	{'m', PCRE2_MULTILINE},
	{'s', PCRE2_DOTALL},
	{'x', PCRE2_EXTENDED},
	{'u', PCRE2_UTF | PCRE2_UCP},
};

static bool
read_flags(const char *flags, uint32_t *ret, char *error, size_t error_size)
{
	*ret = PCRE2_NEVER_BACKSLASH_C;
	for (const char *c = flags; *c; c++) {
		size_t i = 0;

		while (i < sizeof(flag_table) / sizeof(flag_table[0]) && flag_table[i].letter != *c)
			i++;
		if (i == sizeof(flag_table) / sizeof(flag_table[0])) {
			snprintf(error, error_size, "there is no flag '%c'; there are i m s x u", *c);
			return false;
		}
		*ret |= flag_table[i].option;
	}
	return true;
}

struct script_regex *
regex_new(const char *pattern, size_t size, const char *flags, char *error, size_t error_size)
{
	struct script_regex *r;
	char why[160];
	uint32_t options;
	int code;
	size_t at;
	pcre2_code *compiled;

	if (!read_flags(flags, &options, error, error_size))
		return NULL;
	compiled = pcre2_compile((PCRE2_SPTR)pattern, size, options, &code, &at, NULL);
	if (!compiled) {
		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
		snprintf(error, error_size, "'%.80s' does not compile at character %zu: %s", pattern, at + 1, why);
		return NULL;
	}
	r = mem_zero(1, sizeof(*r));
	r->code = compiled;
	/* Where there is no compiler for this machine the interpreter does. */
	pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
	r->data = pcre2_match_data_create(GROUPS, NULL);
	r->context = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(r->context, MATCH_LIMIT);
	pcre2_set_depth_limit(r->context, MATCH_LIMIT);
	pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
	return r;
}

void
regex_free(struct script_regex *r)
{
	if (!r)
		return;
	pcre2_match_context_free(r->context);
	pcre2_match_data_free(r->data);
	pcre2_code_free(r->code);
	free(r);
}

int32_t
regex_match(struct script_regex *r, const char *bytes, size_t size, size_t from, int32_t *groups)
{
	const size_t *ends;
	int count;

	if (from > size)
		return 0;
	count = pcre2_match(r->code, (PCRE2_SPTR)bytes, size, from, 0, r->data, r->context);
	/* Bytes that are no UTF-8 match nothing. */
	if (count == PCRE2_ERROR_NOMATCH || (count <= PCRE2_ERROR_UTF8_ERR1 && count >= PCRE2_ERROR_UTF8_ERR21))
		return 0;
	if (count < 0)
		return -1;
	if (count == 0 || count > GROUPS)
		count = GROUPS;
	ends = pcre2_get_ovector_pointer(r->data);
	for (int i = 0; i < 2 * count; i++)
		groups[i] = ends[i] == PCRE2_UNSET ? -1 : (int32_t)ends[i];
	return count;
}
