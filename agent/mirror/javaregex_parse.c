/* The parser of Java's regular expressions: what java.util.regex.Pattern accepts, and nothing else.
 */
#include "mirror/javaregex_parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mirror/javaregex_parser.h"

static int parse_branches(struct parser *p, struct node *group);

/* Fails at the character at a cursor position. */
int
parser_fail(struct parser *p, size_t cursor, const char *fmt, ...)
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

struct node *
parser_new_node(struct parser *p, enum node_kind kind)
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
is_letter(int32_t c)
{
	return c > 0 && c < 128 && isalpha(c);
}

/* NAME> of a group; the cursor is at its first character. */
int
parser_group_name(struct parser *p, struct text *ret)
{
	size_t at = p->e.cursor;
	int32_t c = expression_read(&p->e);

	if (!is_letter(c))
		return parser_fail(p, at, "a group name begins with a letter from a to z");
	do {
		text_putc(ret, (char)c);
		c = expression_read(&p->e);
	} while (is_letter(c) || is_digit(c));
	if (c != '>')
		return parser_fail(p, at, "a group name is letters and digits, then >");
	return 0;
}

const struct group_name *
parser_find_name(const struct parser *p, const char *name)
{
	for (size_t i = 0; i < p->name_count; i++)
		if (!strcmp(p->names[i].name, name))
			return &p->names[i];
	return NULL;
}

/* The digits of a repetition, the first of them *c; *c becomes what follows them. */
static int
parse_count(struct parser *p, size_t at, int32_t *c, int32_t *ret)
{
	int64_t value = 0;

	for (; is_digit(*c); *c = expression_read(&p->e)) {
		value = value * 10 + *c - '0';
		if (value > INT32_MAX)
			return parser_fail(p, at, "this repetition counts too far");
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
		return parser_fail(
			p, at, "{ begins a repetition like {3}; write \\{ for the character");
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
		return parser_fail(p, at,
			"a comma becomes | here, so that {n,m} cannot be written; spell the "
			"repetition out");
	if (c != '}')
		return parser_fail(p, at, "this repetition lacks its }");
	if (node->max < node->min)
		return parser_fail(p, at, "this repetition ends before it begins");
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
		return parser_fail(p, at, "Java knows no group that begins like this");
	*ret_is_group = c == ':';
	return 0;
}

/* (?<name> ; the cursor is at the name. */
static int
parse_named_group(struct parser *p, struct node *group)
{
	size_t at = p->e.cursor;
	struct text name = {0};

	if (parser_group_name(p, &name)) {
		text_fini(&name);
		return -1;
	}
	if (parser_find_name(p, name.s)) {
		parser_fail(p, at, "there is already a group named %s", name.s);
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
	struct node *group = parser_new_node(p, NODE_GROUP);
	bool is_group;

	*ret = NULL;
	if (p->depth >= DEPTH_MAX)
		return parser_fail(
			p, at, "more than %d groups or classes inside each other", DEPTH_MAX);
	if (parse_group_kind(p, at, group, &is_group))
		return -1;
	if (!is_group)
		return 0;
	p->depth++;
	if (parse_branches(p, group))
		return -1;
	p->depth--;
	if (expression_read(&p->e) != ')')
		return parser_fail(p, at, "this group lacks its )");
	use_flags(p, outer);
	if (group->kind == NODE_BEHIND) {
		group->extent = tree_extent(group->child);
		if (!group->extent.has_max)
			return parser_fail(
				p, at, "this look-behind has no obvious greatest length");
	}
	*ret = group;
	return parse_quantifier(p, group);
}

/* One character or escape, without its quantifier. */
static int
parse_atom(struct parser *p, struct node **ret)
{
	struct node *node = parser_new_node(p, NODE_SET);
	int32_t c = expression_peek(&p->e);
	struct escape escape = {0};

	*ret = node;
	if (parser_is_property(p))
		return parser_property(p, &node->set);
	if (c == '[')
		return parser_class(p, true, &node->set);
	if (c == '{') {
		node->kind = NODE_EMPTY;
		return 0;
	}
	if (c == '\\') {
		if (parser_escape(p, false, false, &escape))
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
	struct node *node = parser_new_node(p, NODE_SET);

	charset_negate(&node->set);
	return node;
}

/* ^ $ . or, for any other character, an atom. */
static int
parse_item(struct parser *p, struct node **ret)
{
	int32_t c = expression_peek(&p->e);

	if (c == '^')
		*ret = parser_new_node(p, p->flags.multiline ? NODE_LINE_START : NODE_START);
	else if (c == '$')
		*ret = parser_new_node(p, NODE_END);
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
			return parser_fail(p, p->e.cursor,
				"nothing stands before %c that it could repeat", (int)c);
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
		*end = parser_new_node(p, NODE_BRANCH);
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
	p->tree->root = parser_new_node(p, NODE_GROUP);
	if (parse_branches(p, p->tree->root))
		return -1;
	if (!expression_is_over(&p->e))
		return parser_fail(p, p->e.cursor, "there is no ( that this ) could close");
	/* An escape took its characters from what (?x) ignores. */
	if (p->e.cursor > p->e.count)
		return parser_fail(p, p->e.cursor, "an escape is cut off");
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
