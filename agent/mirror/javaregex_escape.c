/* Escapes of Java's regular expressions, and \p{properties}. */
#include <ctype.h>
#include <string.h>

#include "mirror/javaregex_parser.h"

static bool
is_digit(int32_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_octal(int32_t c)
{
	return c >= '0' && c <= '7';
}

static bool
is_letter(int32_t c)
{
	return c > 0 && c < 128 && isalpha(c);
}

static int
hex_value(int32_t c)
{
	if (is_digit(c))
		return c - '0';
	if (c > 0 && c < 128 && isxdigit(c))
		return tolower(c) - 'a' + 10;
	return -1;
}

/* \0 and one to three octal digits, up to 0377. */
static int
parse_octal(struct parser *p, int32_t *ret)
{
	size_t at = p->e.cursor;
	int32_t value, c = expression_read(&p->e);

	if (!is_octal(c))
		return parser_fail(p, at, "\\0 needs an octal digit after it");
	value = c - '0';
	for (int more = value <= 3 ? 2 : 1; more > 0 && is_octal(expression_peek(&p->e)); more--)
		value = value * 8 + expression_read(&p->e) - '0';
	*ret = value;
	return 0;
}

/* \xhh or \x{h...}. */
static int
parse_hex(struct parser *p, int32_t *ret)
{
	size_t at = p->e.cursor;
	int32_t value = 0, c = expression_read(&p->e);

	if (hex_value(c) >= 0) {
		int32_t low = expression_read(&p->e);

		if (hex_value(low) < 0)
			return parser_fail(p, at, "\\x needs two hexadecimal digits after it");
		*ret = hex_value(c) * 16 + hex_value(low);
		return 0;
	}
	if (c != '{' || hex_value(expression_peek(&p->e)) < 0)
		return parser_fail(
			p, at, "\\x needs two hexadecimal digits after it, or some in braces");
	while (hex_value(c = expression_read(&p->e)) >= 0) {
		value = value * 16 + hex_value(c);
		if (value > 0x10ffff)
			return parser_fail(p, at, "there is no such character in Unicode");
	}
	if (c != '}')
		return parser_fail(p, at, "\\x{ lacks its }");
	*ret = value;
	return 0;
}

static int
parse_utf16_unit(struct parser *p, int32_t *ret)
{
	size_t at = p->e.cursor;
	int32_t value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_value(expression_read(&p->e));

		if (digit < 0)
			return parser_fail(p, at, "\\u needs four hexadecimal digits after it");
		value = value * 16 + digit;
	}
	*ret = value;
	return 0;
}

/* \uhhhh; two that are a surrogate pair are one character. */
static int
parse_utf16(struct parser *p, int32_t *ret)
{
	size_t after;
	int32_t high, low;

	if (parse_utf16_unit(p, &high))
		return -1;
	*ret = high;
	if (high < 0xd800 || high > 0xdbff)
		return 0;
	after = p->e.cursor;
	if (expression_read(&p->e) == '\\' && expression_read(&p->e) == 'u') {
		if (parse_utf16_unit(p, &low))
			return -1;
		if (low >= 0xdc00 && low <= 0xdfff) {
			*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
			return 0;
		}
	}
	p->e.cursor = after;
	return 0;
}

/* \k<name>, of a group further left. */
static int
parse_named_reference(struct parser *p, struct escape *ret)
{
	size_t at = p->e.cursor;
	struct text name = {0};
	const struct group_name *known;
	int rc = -1;

	if (expression_read(&p->e) != '<')
		return parser_fail(p, at, "\\k needs <name> after it");
	if (parser_group_name(p, &name))
		goto out;
	known = parser_find_name(p, name.s);
	if (!known) {
		parser_fail(p, at, "no group named %s stands before this", name.s);
		goto out;
	}
	ret->number = known->number;
	rc = 0;
out:
	text_fini(&name);
	return rc;
}

/* \N, N from 1 to 9; more digits belong to it while so many groups have been opened. */
static void
parse_numbered_reference(struct parser *p, int32_t digit, struct escape *ret)
{
	int number = digit - '0';

	while (is_digit(expression_peek(&p->e))) {
		int longer = number * 10 + expression_peek(&p->e) - '0';

		if (longer > p->tree->groups)
			break;
		number = longer;
		expression_read(&p->e);
	}
	ret->number = number;
}

/* \b or \b{g}. Between ASCII characters there is a grapheme boundary everywhere. */
static int
parse_boundary(struct parser *p, size_t at, enum node_kind *ret)
{
	*ret = NODE_BOUND;
	if (expression_peek(&p->e) != '{' || expression_at(&p->e, 1) != 'g')
		return 0;
	p->e.cursor += 2;
	if (expression_read(&p->e) != '}')
		return parser_fail(p, at, "\\b{g lacks its }");
	*ret = NODE_EMPTY;
	return 0;
}

/* \d \h \s \v \w, and their complements in upper case. */
static bool
find_shorthand(int32_t c, struct charset *ret)
{
	static const char *const listed[128] = {['d'] = "0-9",
		['h'] = " \t",
		['s'] = "\t-\r ",
		['v'] = "\n-\r",
		['w'] = "A-Za-z0-9_"};

	if (c <= 0 || c >= 128 || !isalpha(c) || !listed[tolower(c)])
		return false;
	memset(ret, 0, sizeof(*ret));
	charset_add_listed(ret, listed[tolower(c)]);
	if (isupper(c))
		charset_negate(ret);
	return true;
}

/* Escapes that name one character by a letter. */
static bool
find_control(int32_t c, int32_t *ret)
{
	static const char letters[] = "aefnrt", values[] = "\a\033\f\n\r\t";
	const char *found = c > 0 && c < 128 ? strchr(letters, c) : NULL;

	if (found)
		*ret = values[found - letters];
	return found != NULL;
}

/* Escapes that are no character and do not stand in a class. 0 when c is none of them, -1 on error,
   otherwise 1. */
static int
parse_node_escape(struct parser *p, int32_t c, size_t at, struct escape *ret)
{
	switch (c) {
	case 'A':
	case 'G': ret->kind = NODE_START; break;
	case 'B': ret->kind = NODE_NOT_BOUND; break;
	case 'R': ret->kind = NODE_LINE_ENDING; break;
	case 'X': ret->kind = NODE_GRAPHEME; break;
	case 'Z':
	case 'z': ret->kind = NODE_END; break;
	case 'b': return parse_boundary(p, at, &ret->kind) ? -1 : 1;
	case 'k': ret->kind = NODE_BACKREF; return parse_named_reference(p, ret) ? -1 : 1;
	default:
		if (c < '1' || c > '9')
			return 0;
		ret->kind = NODE_BACKREF;
		parse_numbered_reference(p, c, ret);
		break;
	}
	return 1;
}

/* Escapes that are one character. */
static int
parse_character_escape(struct parser *p, int32_t c, size_t at, int32_t *ret)
{
	switch (c) {
	case '0': return parse_octal(p, ret);
	case 'x': return parse_hex(p, ret);
	case 'u': return parse_utf16(p, ret);
	case 'c':
		if (expression_is_over(&p->e))
			return parser_fail(p, at, "\\c needs a character after it");
		*ret = expression_read(&p->e) ^ 64;
		return 0;
	case 'N':
		return parser_fail(p, at,
			"a character by its Unicode name is not supported here; write the "
			"character itself");
	}
	if (find_control(c, ret))
		return 0;
	if (is_letter(c) || is_digit(c))
		return parser_fail(p, at, "Java knows no escape \\%c here", (int)c);
	*ret = c;
	return 0;
}

/* An escape; the cursor is at its backslash. Properties (\p) are parser_property's. range: it may
   begin or end a range of a class, where \v is the character VT. */
int
parser_escape(struct parser *p, bool in_class, bool range, struct escape *ret)
{
	size_t at = p->e.cursor;
	int32_t c = expression_at(&p->e, 1);
	int rc;

	if (at + 1 >= p->e.count)
		return parser_fail(p, at, "a backslash needs a character after it");
	p->e.cursor += 2;
	memset(ret, 0, sizeof(*ret));
	if (c == 'v' && range) {
		ret->c = '\v';
		return 0;
	}
	if (find_shorthand(c, &ret->set)) {
		ret->type = ESCAPE_SET;
		return 0;
	}
	rc = in_class ? 0 : parse_node_escape(p, c, at, ret);
	if (rc) {
		ret->type = ESCAPE_NODE;
		return rc < 0 ? -1 : 0;
	}
	return parse_character_escape(p, c, at, &ret->c);
}

bool
parser_is_property(const struct parser *p)
{
	int32_t c = expression_at(&p->e, 1);

	return expression_at(&p->e, 0) == '\\' && (c == 'p' || c == 'P');
}

/* The name of \pX or \p{Name}; the cursor is at what follows the p. */
static int
parse_property_name(struct parser *p, size_t at, char *name, size_t size)
{
	size_t length = 0;
	int32_t c;

	if (expression_peek(&p->e) != '{') {
		c = expression_read(&p->e);
		name[0] = c > 0 && c < 128 ? (char)c : '?';
		name[1] = '\0';
		return 0;
	}
	expression_next(&p->e);
	while ((c = expression_at(&p->e, 0)) != '}') {
		if (expression_is_over(&p->e))
			return parser_fail(p, at, "\\p{ lacks its }");
		if (length + 1 < size)
			name[length++] = c < 128 ? (char)c : '?';
		p->e.cursor++;
	}
	p->e.cursor++;
	name[length] = '\0';
	return length ? 0 : parser_fail(p, at, "\\p{} needs the name of a property");
}

/* \p or \P; the cursor is at the backslash. */
int
parser_property(struct parser *p, struct charset *ret)
{
	size_t at = p->e.cursor;
	bool complement = expression_at(&p->e, 1) == 'P';
	struct charset set = {0};
	char name[64];

	p->e.cursor += 2;
	if (parse_property_name(p, at, name, sizeof(name)))
		return -1;
	switch (charset_add_property(&set, name, p->flags.fold, p->flags.unicode_class)) {
	case -1: return parser_fail(p, at, "Java knows no property %s", name);
	case -2:
		return parser_fail(p, at,
			"the block %s is not looked up here, and holds no character of a "
			"topic name; leave it out",
			name);
	}
	if (complement)
		charset_negate(&set);
	*ret = set;
	return 0;
}
