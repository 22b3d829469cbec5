/* Character classes of Java's regular expressions: [a-z&&[^bc]]. */
#include <string.h>

#include "mirror/javaregex_parser.h"

/* A class while it is read: the single characters, and the sets so far, which && treats
 * differently. */
struct members {
	struct charset singles, sets, last;
	bool has_singles, has_sets, has_last;
};

static void
members_unite(struct members *members, const struct charset *set)
{
	members->last = *set;
	members->has_last = true;
	charset_unite(&members->sets, set);
	members->has_sets = true;
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
		if (parser_class(p, nested, &part))
			return -1;
		charset_unite(ret, &part);
		*ret_found = true;
	}
	return 0;
}

/* What follows && in a class; the cursor is there. */
static int
parse_intersection(struct parser *p, struct members *members)
{
	size_t at = p->e.cursor;
	struct charset right;
	bool found;

	if (parse_intersection_side(p, &right, &found))
		return -1;
	if (members->has_singles) {
		if (!members->has_sets) {
			members->last = members->singles;
			members->has_last = true;
		}
		charset_unite(&members->sets, &members->singles);
		members->has_sets = true;
		members->has_singles = false;
	}
	if (found) {
		members->last = right;
		members->has_last = true;
	}
	if (!members->has_sets && !found)
		return parser_fail(p, at, "&& needs a class on one side of it");
	if (!members->has_last)
		return parser_fail(p, at, "&& needs a class on both sides of it");
	if (members->has_sets)
		charset_intersect(&members->sets, &members->last);
	else
		members->sets = right;
	members->has_sets = true;
	return 0;
}

/* The end of a range that begins with from; the cursor is at the -. */
static int
parse_range_end(struct parser *p, int32_t from, struct members *members)
{
	size_t at = p->e.cursor;
	struct charset set = {0};
	struct escape escape;
	int32_t to = expression_next(&p->e);

	if (to == '\\') {
		if (parser_escape(p, true, true, &escape))
			return -1;
		to = escape.type == ESCAPE_CHARACTER ? escape.c : -1;
	} else {
		expression_next(&p->e);
	}
	if (to < from)
		return parser_fail(p, at, "the range of characters ends before it begins");
	charset_add_range(&set, from, to, p->flags.fold);
	members_unite(members, &set);
	return 0;
}

/* One member of a class: a property, a shorthand, a character or a range. */
static int
parse_member(struct parser *p, struct members *members)
{
	struct charset set;
	struct escape escape;
	int32_t c = expression_peek(&p->e), after;

	if (parser_is_property(p)) {
		if (parser_property(p, &set))
			return -1;
		members_unite(members, &set);
		return 0;
	}
	if (c == '\\') {
		if (parser_escape(p, true, expression_at(&p->e, 2) == '-', &escape))
			return -1;
		if (escape.type == ESCAPE_SET) {
			members_unite(members, &escape.set);
			return 0;
		}
		c = escape.c;
	} else {
		expression_next(&p->e);
	}
	after = expression_peek(&p->e) == '-' ? expression_at(&p->e, 1) : ']';
	if (after != ']' && after != '[')
		return parse_range_end(p, c, members);
	charset_add(&members->singles, c, p->flags.fold);
	members->has_singles = true;
	members->has_last = false;
	return 0;
}

/* Everything in a class after its [ and ^, up to the ] that ends it. */
static int
parse_members(struct parser *p, size_t at, struct members *members)
{
	struct charset nested;

	for (;;) {
		int32_t c = expression_peek(&p->e);

		if (c == 0 && expression_is_over(&p->e))
			return parser_fail(p, at, "this class lacks its ]");
		if (c == ']' && (members->has_sets || members->has_singles))
			return 0;
		if (c == '[') {
			if (parser_class(p, true, &nested))
				return -1;
			members_unite(members, &nested);
		} else if (c == '&' && expression_at(&p->e, 1) == '&') {
			p->e.cursor += 2;
			expression_peek(&p->e);
			if (parse_intersection(p, members))
				return -1;
		} else if (parse_member(p, members)) {
			return -1;
		}
	}
}

/* A class; the cursor is at its [, or, where the brackets are only understood (right of &&), one
   before its first member. consume: its ] belongs to it. */
int
parser_class(struct parser *p, bool consume, struct charset *ret)
{
	size_t at = p->e.cursor;
	struct members members = {0};
	bool negated;

	if (p->depth >= DEPTH_MAX)
		return parser_fail(
			p, at, "more than %d groups or classes inside each other", DEPTH_MAX);
	negated = expression_next(&p->e) == '^' && p->e.cursor > 0 &&
		  p->e.chars[p->e.cursor - 1] == '[';
	if (negated)
		expression_next(&p->e);
	p->depth++;
	if (parse_members(p, at, &members))
		return -1;
	p->depth--;
	if (consume)
		expression_next(&p->e);
	if (members.has_singles)
		charset_unite(&members.sets, &members.singles);
	if (negated)
		charset_negate(&members.sets);
	*ret = members.sets;
	return 0;
}
