/* The parser of Java's regular expressions: what java.util.regex.Pattern accepts, and nothing else.
 */
#include "mirror/javaregex_parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mirror/javaregex_text.h"

/* Groups and classes inside each other. Java's own limit is its stack. */
#define DEPTH_MAX 200

struct flags {
	struct charset_case fold;
	bool multiline, unicode_class, comments;
};

struct group_name {
	char *name;
	int number;
};

struct parser {
	struct expression e;
	struct tree *tree;
	struct flags flags;
	struct group_name *names;
	size_t name_count, name_capacity;
	int depth;
	struct err *err;
};

/* What an escape stands for: a character, a set, or a node of its own. */
struct escape {
	enum { ESCAPE_CHARACTER, ESCAPE_SET, ESCAPE_NODE } type;
	int32_t c;
	struct charset set;
	enum node_kind kind;
	int number;
};

static int parse_branches(struct parser *p, struct node *group);
static int parse_class(struct parser *p, bool consume, struct charset *ret);

/* Fails at the character at a cursor position. */
static int __attribute__((format(printf, 3, 4)))
fail(struct parser *p, size_t cursor, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (cursor >= p->e.count)
		return err_set(p->err, "at its end: %s", what);
	return err_set(p->err, "at character %zu: %s", expression_number(&p->e, cursor), what);
}

static struct node *
new_node(struct parser *p, enum node_kind kind)
{
	struct node *node = mem_zero(1, sizeof(*node));

	node->kind = kind;
	node->made_before = p->tree->newest;
	p->tree->newest = node;
	return node;
}

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
		return fail(p, at, "\\0 needs an octal digit after it");
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
			return fail(p, at, "\\x needs two hexadecimal digits after it");
		*ret = hex_value(c) * 16 + hex_value(low);
		return 0;
	}
	if (c != '{' || hex_value(expression_peek(&p->e)) < 0)
		return fail(p, at, "\\x needs two hexadecimal digits after it, or some in braces");
	while (hex_value(c = expression_read(&p->e)) >= 0) {
		value = value * 16 + hex_value(c);
		if (value > 0x10ffff)
			return fail(p, at, "there is no such character in Unicode");
	}
	if (c != '}')
		return fail(p, at, "\\x{ lacks its }");
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
			return fail(p, at, "\\u needs four hexadecimal digits after it");
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

/* NAME> of a group; the cursor is at its first character. */
static int
parse_group_name(struct parser *p, struct text *ret)
{
	size_t at = p->e.cursor;
	int32_t c = expression_read(&p->e);

	if (!is_letter(c))
		return fail(p, at, "a group name begins with a letter from a to z");
	do {
		text_putc(ret, (char)c);
		c = expression_read(&p->e);
	} while (is_letter(c) || is_digit(c));
	if (c != '>')
		return fail(p, at, "a group name is letters and digits, then >");
	return 0;
}

static const struct group_name *
find_name(const struct parser *p, const char *name)
{
	for (size_t i = 0; i < p->name_count; i++)
		if (!strcmp(p->names[i].name, name))
			return &p->names[i];
	return NULL;
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
		return fail(p, at, "\\k needs <name> after it");
	if (parse_group_name(p, &name))
		goto out;
	known = find_name(p, name.s);
	if (!known) {
		fail(p, at, "no group named %s stands before this", name.s);
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
		return fail(p, at, "\\b{g lacks its }");
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
			return fail(p, at, "\\c needs a character after it");
		*ret = expression_read(&p->e) ^ 64;
		return 0;
	case 'N':
		return fail(p, at,
			"a character by its Unicode name is not supported here; write the "
			"character itself");
	}
	if (find_control(c, ret))
		return 0;
	if (is_letter(c) || is_digit(c))
		return fail(p, at, "Java knows no escape \\%c here", (int)c);
	*ret = c;
	return 0;
}

/* An escape; the cursor is at its backslash. Properties (\p) are parse_property's. range: it may
   begin or end a range of a class, where \v is the character VT. */
static int
parse_escape(struct parser *p, bool in_class, bool range, struct escape *ret)
{
	size_t at = p->e.cursor;
	int32_t c = expression_at(&p->e, 1);
	int rc;

	if (at + 1 >= p->e.count)
		return fail(p, at, "a backslash needs a character after it");
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

static bool
is_property(const struct parser *p)
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
			return fail(p, at, "\\p{ lacks its }");
		if (length + 1 < size)
			name[length++] = c < 128 ? (char)c : '?';
		p->e.cursor++;
	}
	p->e.cursor++;
	name[length] = '\0';
	return length ? 0 : fail(p, at, "\\p{} needs the name of a property");
}

/* \p or \P; the cursor is at the backslash. */
static int
parse_property(struct parser *p, struct charset *ret)
{
	size_t at = p->e.cursor;
	bool complement = expression_at(&p->e, 1) == 'P';
	struct charset set = {0};
	char name[64];

	p->e.cursor += 2;
	if (parse_property_name(p, at, name, sizeof(name)))
		return -1;
	switch (charset_add_property(&set, name, p->flags.fold, p->flags.unicode_class)) {
	case -1: return fail(p, at, "Java knows no property %s", name);
	case -2:
		return fail(p, at,
			"the block %s is not looked up here, and holds no character of a "
			"topic name; leave it out",
			name);
	}
	if (complement)
		charset_negate(&set);
	*ret = set;
	return 0;
}

/* A class while it is read: the single characters, and the sets so far, which && treats
 * differently. */
struct class
{
	struct charset singles, sets, last;
	bool has_singles, has_sets, has_last;
};

static void
class_unite(struct class *class, const struct charset *set)
{
	class->last = *set;
	class->has_last = true;
	charset_unite(&class->sets, set);
	class->has_sets = true;
}

/* The right side of &&, up to the ] or the next &. *ret_found: was there any? */
static int
parse_intersection_side(struct parser *p, struct charset *ret, bool *ret_found)
{
	struct charset part;
	int32_t c;

	memset(ret, 0, sizeof(*ret));
	*ret_found = false;
	for (c = expression_peek(&p->e); c != ']' && c != '&'; c = expression_peek(&p->e)) {
		bool nested = c == '[';

		if (!nested)
			p->e.cursor--;
		if (parse_class(p, nested, &part))
			return -1;
		charset_unite(ret, &part);
		*ret_found = true;
	}
	return 0;
}

/* What follows && in a class; the cursor is there. */
static int
parse_intersection(struct parser *p, struct class *class)
{
	size_t at = p->e.cursor;
	struct charset right;
	bool found;

	if (parse_intersection_side(p, &right, &found))
		return -1;
	if (class->has_singles) {
		if (!class->has_sets) {
			class->last = class->singles;
			class->has_last = true;
		}
		charset_unite(&class->sets, &class->singles);
		class->has_sets = true;
		class->has_singles = false;
	}
	if (found) {
		class->last = right;
		class->has_last = true;
	}
	if (!class->has_sets && !found)
		return fail(p, at, "&& needs a class on one side of it");
	if (!class->has_last)
		return fail(p, at, "&& needs a class on both sides of it");
	if (class->has_sets)
		charset_intersect(&class->sets, &class->last);
	else
		class->sets = right;
	class->has_sets = true;
	return 0;
}

/* The end of a range that begins with from; the cursor is at the -. */
static int
parse_range_end(struct parser *p, int32_t from, struct class *class)
{
	size_t at = p->e.cursor;
	struct charset set = {0};
	struct escape escape;
	int32_t to = expression_next(&p->e);

	if (to == '\\') {
		if (parse_escape(p, true, true, &escape))
			return -1;
		to = escape.type == ESCAPE_CHARACTER ? escape.c : -1;
	} else {
		expression_next(&p->e);
	}
	if (to < from)
		return fail(p, at, "the range of characters ends before it begins");
	charset_add_range(&set, from, to, p->flags.fold);
	class_unite(class, &set);
	return 0;
}

/* One member of a class: a property, a shorthand, a character or a range. */
static int
parse_member(struct parser *p, struct class *class)
{
	struct charset set;
	struct escape escape;
	int32_t c = expression_peek(&p->e), after;

	if (is_property(p)) {
		if (parse_property(p, &set))
			return -1;
		class_unite(class, &set);
		return 0;
	}
	if (c == '\\') {
		if (parse_escape(p, true, expression_at(&p->e, 2) == '-', &escape))
			return -1;
		if (escape.type == ESCAPE_SET) {
			class_unite(class, &escape.set);
			return 0;
		}
		c = escape.c;
	} else {
		expression_next(&p->e);
	}
	after = expression_peek(&p->e) == '-' ? expression_at(&p->e, 1) : ']';
	if (after != ']' && after != '[')
		return parse_range_end(p, c, class);
	charset_add(&class->singles, c, p->flags.fold);
	class->has_singles = true;
	class->has_last = false;
	return 0;
}

/* Everything in a class after its [ and ^, up to the ] that ends it. */
static int
parse_members(struct parser *p, size_t at, struct class *class)
{
	struct charset nested;

	for (;;) {
		int32_t c = expression_peek(&p->e);

		if (c == 0 && expression_is_over(&p->e))
			return fail(p, at, "this class lacks its ]");
		if (c == ']' && (class->has_sets || class->has_singles))
			return 0;
		if (c == '[') {
			if (parse_class(p, true, &nested))
				return -1;
			class_unite(class, &nested);
		} else if (c == '&' && expression_at(&p->e, 1) == '&') {
			p->e.cursor += 2;
			expression_peek(&p->e);
			if (parse_intersection(p, class))
				return -1;
		} else if (parse_member(p, class)) {
			return -1;
		}
	}
}

/* A class; the cursor is at its [, or, where the brackets are only understood (right of &&), one
   before its first member. consume: its ] belongs to it. */
static int
parse_class(struct parser *p, bool consume, struct charset *ret)
{
	size_t at = p->e.cursor;
	struct class class = {0};
	bool negated;

	if (p->depth >= DEPTH_MAX)
		return fail(p, at, "more than %d groups or classes inside each other", DEPTH_MAX);
	negated = expression_next(&p->e) == '^' && p->e.cursor > 0 &&
		  p->e.chars[p->e.cursor - 1] == '[';
	if (negated)
		expression_next(&p->e);
	p->depth++;
	if (parse_members(p, at, &class))
		return -1;
	p->depth--;
	if (consume)
		expression_next(&p->e);
	if (class.has_singles)
		charset_unite(&class.sets, &class.singles);
	if (negated)
		charset_negate(&class.sets);
	*ret = class.sets;
	return 0;
}

/* The digits of a repetition, the first of them *c; *c becomes what follows them. */
static int
parse_count(struct parser *p, size_t at, int32_t *c, int32_t *ret)
{
	int64_t value = 0;

	for (; is_digit(*c); *c = expression_read(&p->e)) {
		value = value * 10 + *c - '0';
		if (value > INT32_MAX)
			return fail(p, at, "this repetition counts too far");
	}
	*ret = (int32_t)value;
	return 0;
}

/* {n} {n,} {n,m}; the cursor is at the brace and ends up behind the other one. */
static int
parse_braces(struct parser *p, struct node *node)
{
	size_t at = p->e.cursor;
	int32_t c = expression_at(&p->e, 1);

	if (!is_digit(c))
		return fail(p, at, "{ begins a repetition like {3}; write \\{ for the character");
	p->e.cursor += 2;
	if (parse_count(p, at, &c, &node->min))
		return -1;
	node->max = node->min;
	if (c == ',') {
		c = expression_read(&p->e);
		node->max = NODE_MAX;
		if (c != '}') {
			node->max = 0;
			if (parse_count(p, at, &c, &node->max))
				return -1;
		}
	}
	if (c == '|')
		return fail(p, at,
			"a comma becomes | here, so that {n,m} cannot be written; spell the "
			"repetition out");
	if (c != '}')
		return fail(p, at, "this repetition lacks its }");
	if (node->max < node->min)
		return fail(p, at, "this repetition ends before it begins");
	return 0;
}

/* The quantifier after an atom, if there is one. */
static int
parse_quantifier(struct parser *p, struct node *node)
{
	int32_t c = expression_peek(&p->e);

	if (c != '?' && c != '*' && c != '+' && c != '{')
		return 0;
	node->repeated = true;
	if (c == '{') {
		if (parse_braces(p, node))
			return -1;
		c = expression_peek(&p->e);
	} else {
		node->min = c == '+';
		node->max = c == '?' ? 1 : NODE_MAX;
		c = expression_next(&p->e);
	}
	if (c != '?' && c != '+')
		return 0;
	node->greed = c == '?' ? GREED_LAZY : GREED_POSSESSIVE;
	expression_next(&p->e);
	return 0;
}

/* Sets or clears a flag; false when there is none such. */
static bool
set_flag(struct flags *flags, int32_t letter, bool on)
{
	switch (letter) {
	case 'i': flags->fold.insensitive = on; return true;
	case 'm': flags->multiline = on; return true;
	case 'u': flags->fold.unicode = on; return true;
	case 'x': flags->comments = on; return true;
	case 'U': flags->unicode_class = flags->fold.unicode = on; return true;
	/* About line ends and composed letters, which no name has. */
	case 's':
	case 'd':
	case 'c': return true;
	default: return false;
	}
}

static void
use_flags(struct parser *p, struct flags flags)
{
	p->flags = flags;
	p->e.comments = flags.comments;
}

/* (?flags) or (?flags: ; the cursor is at the first flag. *ret_is_group tells which. */
static int
parse_flags(struct parser *p, size_t at, bool *ret_is_group)
{
	bool on = true;
	int32_t c = expression_peek(&p->e);

	for (;;) {
		struct flags flags = p->flags;

		if (c == '-' && on) {
			on = false;
		} else {
			if (!set_flag(&flags, c, on))
				break;
			use_flags(p, flags);
		}
		c = expression_next(&p->e);
	}
	c = expression_read(&p->e);
	if (c != ')' && c != ':')
		return fail(p, at, "Java knows no group that begins like this");
	*ret_is_group = c == ':';
	return 0;
}

/* (?<name> ; the cursor is at the name. */
static int
parse_named_group(struct parser *p, struct node *group)
{
	size_t at = p->e.cursor;
	struct text name = {0};

	if (parse_group_name(p, &name)) {
		text_fini(&name);
		return -1;
	}
	if (find_name(p, name.s)) {
		fail(p, at, "there is already a group named %s", name.s);
		text_fini(&name);
		return -1;
	}
	group->number = ++p->tree->groups;
	p->names = mem_grow(p->names, &p->name_capacity, p->name_count, sizeof(*p->names));
	p->names[p->name_count].name = text_take(&name);
	p->names[p->name_count++].number = group->number;
	return 0;
}

/* What follows (?< ; the cursor is there. */
static int
parse_group_or_behind(struct parser *p, struct node *group)
{
	int32_t c = expression_peek(&p->e);

	if (c != '=' && c != '!')
		return parse_named_group(p, group);
	expression_read(&p->e);
	group->kind = NODE_BEHIND;
	group->negated = c == '!';
	return 0;
}

/* What stands after ( and says what group it is. *ret_is_group: false when it only set flags. */
static int
parse_group_kind(struct parser *p, size_t at, struct node *group, bool *ret_is_group)
{
	int32_t c;

	*ret_is_group = true;
	if (expression_next(&p->e) != '?') {
		group->number = ++p->tree->groups;
		return 0;
	}
	c = expression_at(&p->e, 1);
	p->e.cursor += 2;
	switch (c) {
	case ':': return 0;
	case '>': group->kind = NODE_ATOMIC; return 0;
	case '<': return parse_group_or_behind(p, group);
	case '=':
	case '!':
		group->kind = NODE_AHEAD;
		group->negated = c == '!';
		return 0;
	default: p->e.cursor--; return parse_flags(p, at, ret_is_group);
	}
}

/* A group; the cursor is at its (. *ret is NULL when it only set flags. */
static int
parse_group(struct parser *p, struct node **ret)
{
	size_t at = p->e.cursor;
	struct flags outer = p->flags;
	struct node *group = new_node(p, NODE_GROUP);
	bool is_group;

	*ret = NULL;
	if (p->depth >= DEPTH_MAX)
		return fail(p, at, "more than %d groups or classes inside each other", DEPTH_MAX);
	if (parse_group_kind(p, at, group, &is_group))
		return -1;
	if (!is_group)
		return 0;
	p->depth++;
	if (parse_branches(p, group))
		return -1;
	p->depth--;
	if (expression_read(&p->e) != ')')
		return fail(p, at, "this group lacks its )");
	use_flags(p, outer);
	if (group->kind == NODE_BEHIND) {
		group->extent = tree_extent(group->child);
		if (!group->extent.has_max)
			return fail(p, at, "this look-behind has no obvious greatest length");
	}
	*ret = group;
	return parse_quantifier(p, group);
}

/* One character or escape, without its quantifier. */
static int
parse_atom(struct parser *p, struct node **ret)
{
	struct node *node = new_node(p, NODE_SET);
	int32_t c = expression_peek(&p->e);
	struct escape escape = {0};

	*ret = node;
	if (is_property(p))
		return parse_property(p, &node->set);
	if (c == '[')
		return parse_class(p, true, &node->set);
	if (c == '{') {
		node->kind = NODE_EMPTY;
		return 0;
	}
	if (c == '\\') {
		if (parse_escape(p, false, false, &escape))
			return -1;
	} else {
		escape.c = c;
		expression_next(&p->e);
	}
	if (escape.type == ESCAPE_CHARACTER) {
		charset_add(&node->set, escape.c, p->flags.fold);
	} else if (escape.type == ESCAPE_SET) {
		node->set = escape.set;
	} else {
		node->kind = escape.kind;
		node->number = escape.number;
		node->caseless = p->flags.fold.insensitive;
	}
	return 0;
}

/* A dot; that it leaves out line ends does not matter, since no name has one. */
static struct node *
new_dot(struct parser *p)
{
	struct node *node = new_node(p, NODE_SET);

	charset_negate(&node->set);
	return node;
}

/* ^ $ . or, for any other character, an atom. */
static int
parse_item(struct parser *p, struct node **ret)
{
	int32_t c = expression_peek(&p->e);

	if (c == '^')
		*ret = new_node(p, p->flags.multiline ? NODE_LINE_START : NODE_START);
	else if (c == '$')
		*ret = new_node(p, NODE_END);
	else if (c == '.')
		*ret = new_dot(p);
	else
		return parse_atom(p, ret);
	expression_next(&p->e);
	return 0;
}

/* One alternative: up to | or ) or the end. */
static int
parse_sequence(struct parser *p, struct node *branch)
{
	struct node **end = &branch->child, *item;

	for (;;) {
		int32_t c = expression_peek(&p->e);

		if (c == '|' || c == ')' || (c == 0 && expression_is_over(&p->e)))
			return 0;
		if (c == '?' || c == '*' || c == '+')
			return fail(p, p->e.cursor, "nothing stands before %c that it could repeat",
				(int)c);
		if (c == '(') {
			if (parse_group(p, &item))
				return -1;
			if (!item)
				continue;
		} else if (parse_item(p, &item) || parse_quantifier(p, item)) {
			return -1;
		}
		*end = item;
		end = &item->next;
	}
}

static int
parse_branches(struct parser *p, struct node *group)
{
	struct node **end = &group->child;

	for (;;) {
		*end = new_node(p, NODE_BRANCH);
		if (parse_sequence(p, *end))
			return -1;
		if (expression_peek(&p->e) != '|')
			return 0;
		expression_next(&p->e);
		end = &(*end)->next;
	}
}

static int
parse_whole(struct parser *p)
{
	p->tree->root = new_node(p, NODE_GROUP);
	if (parse_branches(p, p->tree->root))
		return -1;
	if (!expression_is_over(&p->e))
		return fail(p, p->e.cursor, "there is no ( that this ) could close");
	/* An escape took its characters from what (?x) ignores. */
	if (p->e.cursor > p->e.count)
		return fail(p, p->e.cursor, "an escape is cut off");
	return 0;
}

int
tree_parse(struct tree *tree, const char *expression, struct err *err)
{
	struct parser p = {.tree = tree, .err = err};
	int rc;

	memset(tree, 0, sizeof(*tree));
	expression_init(&p.e, expression);
	rc = parse_whole(&p);
	expression_fini(&p.e);
	for (size_t i = 0; i < p.name_count; i++)
		free(p.names[i].name);
	free(p.names);
	return rc;
}

void
tree_fini(struct tree *tree)
{
	while (tree->newest) {
		struct node *before = tree->newest->made_before;

		free(tree->newest);
		tree->newest = before;
	}
	tree->root = NULL;
}
