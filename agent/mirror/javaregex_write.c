/* The writer: a parsed Java expression as a PCRE2 pattern. */
#include "mirror/javaregex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "mirror/javaregex_parse.h"
#include "mirror/javaregex_tree.h"

/* A pattern longer than this is not written: PCRE2 would refuse it anyway. */
#define PATTERN_MAX (1 << 20)

/* A repetition that no name is long enough to count to: as good as without end. */
#define REPEAT_MAX (JAVAREGEX_NAME_MAX + 1)

/* The number of a referenced group until it gets one; it keeps this when it is never written. */
#define REFERENCED (-1)

/* Any one character; no dot, which has modes. */
#define ANY "[\\x00-\\xff]"

struct writer {
	struct text *out;
	int *numbers; /* Java's group number to PCRE2's; 0: no such group, or none that is written
		       */
	int groups;
};

static void write_branches(struct writer *w, const struct node *branches);

/* int arithmetic as Java does it. */
static int32_t
wrap(int64_t value)
{
	return (int32_t)(uint32_t)(uint64_t)value;
}

/* An extent while it is summed up. before_*: the sums up to the last alternation; Java starts anew
   after one and adds them at the end, which decides where a sum overflows. */
struct sum {
	struct node_extent now;
	int32_t before_min, before_max;
};

static void sum_sequence(struct sum *sum, const struct node *first);

static void
sum_branches(struct sum *sum, const struct node *branches)
{
	int32_t min = INT32_MAX, max = -1;

	if (branches && !branches->next) {
		sum_sequence(sum, branches->child);
		return;
	}
	for (const struct node *b = branches; b; b = b->next) {
		struct sum one = {.now = {.has_max = true, .deterministic = true}};

		sum_sequence(&one, b->child);
		one.now.min = wrap((int64_t)one.now.min + one.before_min);
		one.now.max = wrap((int64_t)one.now.max + one.before_max);
		min = one.now.min < min ? one.now.min : min;
		max = one.now.max > max ? one.now.max : max;
		sum->now.has_max &= one.now.has_max;
		sum->now.overflows |= one.now.overflows;
	}
	sum->before_min = wrap((int64_t)sum->before_min + sum->now.min + min);
	sum->before_max = wrap((int64_t)sum->before_max + sum->now.max + max);
	sum->now.min = sum->now.max = 0;
	sum->now.deterministic = false;
}

/* The same for branches that Java sums up on their own before it goes on. */
static void
sum_apart(struct sum *sum, const struct node *branches)
{
	struct sum inner = {.now = sum->now};

	sum_branches(&inner, branches);
	sum->now = inner.now;
	sum->now.min = wrap((int64_t)sum->now.min + inner.before_min);
	sum->now.max = wrap((int64_t)sum->now.max + inner.before_max);
}

/* What one turn of a node takes. */
static void
sum_once(struct sum *sum, const struct node *node)
{
	switch (node->kind) {
	case NODE_SET:
		sum->now.min = wrap((int64_t)sum->now.min + 1);
		sum->now.max = wrap((int64_t)sum->now.max + 1);
		break;
	case NODE_LINE_ENDING:
		sum->now.min = wrap((int64_t)sum->now.min + 1);
		sum->now.max = wrap((int64_t)sum->now.max + 2);
		break;
	case NODE_GRAPHEME:
		sum->now.min = wrap((int64_t)sum->now.min + 1);
		sum->now.deterministic = false;
		break;
	case NODE_BACKREF: sum->now.has_max = false; break;
	case NODE_GROUP: sum_branches(sum, node->child); break;
	case NODE_ATOMIC: sum_apart(sum, node->child); break;
	default: break;
	}
}

/* A single turn from nothing, as an extent of its own. */
static struct node_extent
extent_once(const struct node *node)
{
	struct sum one = {.now = {.has_max = true, .deterministic = true}};

	sum_once(&one, node);
	one.now.min = wrap((int64_t)one.now.min + one.before_min);
	one.now.max = wrap((int64_t)one.now.max + one.before_max);
	return one.now;
}

/* A ? : the least length stays, whatever the greed. */
static void
sum_optional(struct sum *sum, const struct node *node)
{
	int32_t min = sum->now.min;
	struct node_extent once = extent_once(node);

	if (node->kind == NODE_GROUP && node->greed != GREED_POSSESSIVE) {
		/* Java makes it an alternation with nothing. */
		sum->before_min = wrap((int64_t)sum->before_min + sum->now.min);
		sum->before_max = wrap(
			(int64_t)sum->before_max + sum->now.max + (once.max > 0 ? once.max : 0));
		sum->now.min = sum->now.max = 0;
		sum->now.has_max &= once.has_max;
		sum->now.overflows |= once.overflows;
	} else {
		if (node->kind == NODE_GROUP)
			sum_apart(sum, node->child);
		else
			sum_once(sum, node);
		sum->now.min = min;
	}
	sum->now.deterministic = false;
}

static void
sum_counted(struct sum *sum, const struct node *node)
{
	struct node_extent once = extent_once(node);
	int32_t min = wrap((int64_t)wrap((int64_t)once.min * node->min) + sum->now.min);
	int32_t max = wrap((int64_t)wrap((int64_t)once.max * node->max) + sum->now.max);

	sum->now.min = min < sum->now.min ? 0xfffffff : min;
	sum->now.has_max = sum->now.has_max && once.has_max && max >= sum->now.max;
	if (sum->now.has_max || !once.has_max)
		sum->now.max = max;
	sum->now.overflows |= once.overflows || node->max == NODE_MAX;
	sum->now.deterministic &= once.deterministic && node->min == node->max;
}

static void
sum_node(struct sum *sum, const struct node *node)
{
	if (!node->repeated) {
		sum_once(sum, node);
	} else if (node->min == 0 && node->max == 1) {
		sum_optional(sum, node);
	} else if (node->kind == NODE_SET && node->max == NODE_MAX && node->greed == GREED_NORMAL) {
		sum->now.min = wrap((int64_t)sum->now.min + node->min);
		sum->now.max = wrap((int64_t)sum->now.max + NODE_MAX);
		sum->now.overflows = true;
		sum->now.deterministic = false;
	} else if (node->kind == NODE_GROUP && node->greed != GREED_POSSESSIVE &&
		   !extent_once(node).deterministic) {
		sum->now.has_max = sum->now.deterministic = false;
	} else {
		sum_counted(sum, node);
	}
}

static void
sum_sequence(struct sum *sum, const struct node *first)
{
	for (const struct node *node = first; node; node = node->next)
		sum_node(sum, node);
}

struct node_extent
tree_extent(const struct node *branches)
{
	struct sum sum = {.now = {.has_max = true, .deterministic = true}};

	sum_branches(&sum, branches);
	sum.now.min = wrap((int64_t)sum.now.min + sum.before_min);
	sum.now.max = wrap((int64_t)sum.now.max + sum.before_max);
	return sum.now;
}

/* Which lengths a look-behind tries: from..to, at places that have at least `room` characters
   before them. */
struct reach {
	int from, to, room;
	bool exact; /* what it matches always has just this length */
};

/* Java compares with `position - greatest length` in int arithmetic: a greatest length that
   overflowed makes that overflow back, or not, depending on the position. */
static struct reach
behind_reach(const struct node_extent *extent)
{
	int64_t room = INT64_C(0x80000000) + extent->max;
	struct reach reach = {.from = extent->min < REPEAT_MAX ? extent->min : REPEAT_MAX,
		.to = JAVAREGEX_NAME_MAX};

	if (extent->max >= 0) {
		if (extent->max < reach.to)
			reach.to = extent->max;
	} else {
		reach.room = room < REPEAT_MAX ? (int)room : REPEAT_MAX;
	}
	reach.exact = extent->min == extent->max && !extent->overflows;
	if (reach.room > JAVAREGEX_NAME_MAX)
		reach.to = -1;
	return reach;
}

/* Marks the groups that a back-reference needs; no other has to capture. */
static void
mark_referenced(struct writer *w, const struct node *node)
{
	for (; node; node = node->next) {
		if (node->kind == NODE_BACKREF && node->number <= w->groups)
			w->numbers[node->number] = REFERENCED;
		mark_referenced(w, node->child);
	}
}

static bool
does_capture(const struct writer *w, const struct node *node)
{
	return node->kind == NODE_GROUP && w->numbers[node->number] != 0;
}

/* Does a branch list capture? Then a subroutine call, which forgets captures, cannot stand for it.
 */
static bool
has_captures(const struct writer *w, const struct node *node)
{
	for (; node; node = node->next)
		if (does_capture(w, node) || has_captures(w, node->child))
			return true;
	return false;
}

static void number_groups(struct writer *w, struct node *node, int *last);

/* The groups of a look-behind: those of write_behind_any first. What is not written has none. */
static void
number_behind(struct writer *w, struct node *node, int *last)
{
	struct reach reach = behind_reach(&node->extent);

	if (reach.from > reach.to)
		return;
	if (!reach.exact) {
		node->written_number = ++*last;
		if (!has_captures(w, node->child))
			++*last;
	}
	number_groups(w, node->child, last);
}

/* Counts the capturing groups of the pattern to be, in the order in which they will be written. */
static void
number_groups(struct writer *w, struct node *node, int *last)
{
	for (; node; node = node->next) {
		if (node->kind == NODE_BEHIND) {
			number_behind(w, node, last);
			continue;
		}
		if (does_capture(w, node))
			w->numbers[node->number] = ++*last;
		number_groups(w, node->child, last);
	}
}

static void
write_character(struct writer *w, int c)
{
	if (isalnum(c))
		text_putc(w->out, (char)c);
	else
		text_printf(w->out, "\\x%02x", (unsigned)c);
}

static int
set_size(const struct charset *set)
{
	return __builtin_popcountll(set->bits[0]) + __builtin_popcountll(set->bits[1]);
}

static void
write_set(struct writer *w, const struct charset *set)
{
	bool alone = set_size(set) == 1;

	if (charset_is_empty(set)) {
		text_puts(w->out, "(?:(?!))");
		return;
	}
	if (!alone)
		text_putc(w->out, '[');
	for (int c = 0; c < 128; c++) {
		int last = c;

		if (!charset_has(set, c))
			continue;
		while (last < 127 && charset_has(set, last + 1))
			last++;
		write_character(w, c);
		if (last > c) {
			text_putc(w->out, '-');
			write_character(w, last);
		}
		c = last;
	}
	if (!alone)
		text_putc(w->out, ']');
}

static void
write_backref(struct writer *w, const struct node *node)
{
	int number = node->number <= w->groups ? w->numbers[node->number] : 0;

	if (!number || number == REFERENCED)
		text_puts(w->out, "(?:(?!))");
	else
		text_printf(w->out, "(?%s:\\g{%d})", node->caseless ? "i" : "", number);
}

/* A look-behind of one length: from so many characters back, the branches match. */
static void
write_behind_exact(struct writer *w, const struct node *node, int length)
{
	text_puts(w->out, node->negated ? "(?:(?<!(?=" : "(?:(?<=(?=");
	write_branches(w, node->child);
	text_printf(w->out, ")" ANY "{%d}))", length);
}

/* A look-behind of many lengths, which PCRE2 (before 10.43) has not. One group holds what follows
   this place; the branches match so far back that just this follows them up to the end. Each length
   is an alternative, shortest first, as Java tries them. */
static void
write_behind_any(struct writer *w, const struct node *node, struct reach reach)
{
	bool copied = has_captures(w, node->child);

	text_printf(w->out, "(?:(?=(" ANY "*))%s", node->negated ? "(?!" : "(?=");
	if (reach.room)
		text_printf(w->out, "(?<=" ANY "{%d})", reach.room);
	text_puts(w->out, copied ? "(?|" : "(?:");
	for (int length = reach.from; length <= reach.to && w->out->length <= PATTERN_MAX;
		length++) {
		text_puts(w->out, length > reach.from ? "|(?<=(?=" : "(?<=(?=");
		if (!copied && length > reach.from) {
			text_printf(w->out, "(?%d)", node->written_number + 1);
		} else {
			text_puts(w->out, copied ? "(?:(?:" : "((?:");
			write_branches(w, node->child);
			text_printf(w->out, ")\\g{%d}\\z)", node->written_number);
		}
		text_printf(w->out, ")" ANY "{%d})", length);
	}
	text_puts(w->out, ")))");
}

static void
write_behind(struct writer *w, const struct node *node)
{
	struct reach reach = behind_reach(&node->extent);

	if (reach.from > reach.to)
		text_puts(w->out, node->negated ? "(?:)" : "(?:(?!))");
	else if (reach.exact)
		write_behind_exact(w, node, reach.from);
	else
		write_behind_any(w, node, reach);
}

static void
write_group(struct writer *w, const struct node *node)
{
	if (node->kind == NODE_ATOMIC)
		text_puts(w->out, "(?>");
	else if (node->kind == NODE_AHEAD)
		text_puts(w->out, node->negated ? "(?:(?!" : "(?:(?=");
	else
		text_puts(w->out, does_capture(w, node) ? "(" : "(?:");
	write_branches(w, node->child);
	text_puts(w->out, node->kind == NODE_AHEAD ? "))" : ")");
}

static void
write_node(struct writer *w, const struct node *node)
{
	static const char *const fixed[] = {[NODE_EMPTY] = "(?:)",
		[NODE_START] = "(?:\\A)",
		[NODE_LINE_START] = "(?:\\A(?!\\z))",
		[NODE_END] = "(?:\\z)",
		[NODE_BOUND] = "(?:\\b)",
		[NODE_NOT_BOUND] = "(?:\\B)",
		[NODE_LINE_ENDING] = "(?:(?!))",
		[NODE_GRAPHEME] = ANY};

	if (node->kind == NODE_SET)
		write_set(w, &node->set);
	else if (node->kind == NODE_BACKREF)
		write_backref(w, node);
	else if (node->kind == NODE_BEHIND)
		write_behind(w, node);
	else if (node->child)
		write_group(w, node);
	else
		text_puts(w->out, fixed[node->kind]);
}

static void
write_quantifier(struct writer *w, const struct node *node)
{
	static const char *const greed[] = {
		[GREED_NORMAL] = "", [GREED_LAZY] = "?", [GREED_POSSESSIVE] = "+"};
	int min = node->min < REPEAT_MAX ? node->min : REPEAT_MAX;

	if (node->max >= REPEAT_MAX)
		text_printf(w->out, "{%d,}", min);
	else
		text_printf(w->out, "{%d,%d}", min, node->max);
	text_puts(w->out, greed[node->greed]);
}

static void
write_branches(struct writer *w, const struct node *branches)
{
	for (const struct node *b = branches; b && w->out->length <= PATTERN_MAX; b = b->next) {
		for (const struct node *node = b->child; node; node = node->next) {
			write_node(w, node);
			if (node->repeated)
				write_quantifier(w, node);
		}
		if (b->next)
			text_putc(w->out, '|');
	}
}

/* kept: so many groups, counted from 0, capture in any case, and get their PCRE2 numbers in numbers
 * (0: no such group).
 */
static int
write_tree(struct tree *tree, struct text *out, int *numbers, int kept)
{
	struct writer w = {.out = out, .groups = tree->groups};
	int last = 0;

	w.numbers = mem_zero((size_t)tree->groups + 1, sizeof(*w.numbers));
	mark_referenced(&w, tree->root);
	for (int i = 1; i < kept && i <= tree->groups; i++)
		w.numbers[i] = REFERENCED;
	number_groups(&w, tree->root, &last);
	write_node(&w, tree->root);
	text_puts(out, "\\z");
	for (int i = 1; i < kept; i++)
		numbers[i] = i <= tree->groups && w.numbers[i] > 0 ? w.numbers[i] : 0;
	free(w.numbers);
	return out->length <= PATTERN_MAX ? 0 : -1;
}

char *
javaregex_translate_groups(const char *expression, int *numbers, int kept, struct err *err)
{
	struct tree tree;
	struct text out = {0};
	char *pattern = NULL;

	if (tree_parse(&tree, expression, err))
		goto out;
	if (write_tree(&tree, &out, numbers, kept)) {
		err_set(err, "it is too large when its look-behinds are spelled out");
		goto out;
	}
	pattern = text_take(&out);
out:
	text_fini(&out);
	tree_fini(&tree);
	return pattern;
}

char *
javaregex_translate(const char *expression, struct err *err)
{
	return javaregex_translate_groups(expression, NULL, 0, err);
}
