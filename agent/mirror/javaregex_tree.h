/* The tree of a Java expression, between its parser, its character sets and its writer; nobody
 * else's. */
#ifndef MIRROR_JAVAREGEX_TREE_H
#define MIRROR_JAVAREGEX_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

/* A set of ASCII characters; all that matters, since topic names have no others. */
struct charset {
	uint64_t bits[2];
};

/* How letters are compared: Java's (?i), and with it (?u), where four letters outside ASCII equal
   one inside (the dotted and dotless i, the long s, the Kelvin sign). */
struct charset_case {
	bool insensitive, unicode;
};

/* Membership, and the set operations; each changes its first argument. */
bool charset_has(const struct charset *set, int c);
bool charset_is_empty(const struct charset *set);
void charset_negate(struct charset *set);
void charset_unite(struct charset *set, const struct charset *other);
void charset_intersect(struct charset *set, const struct charset *other);

/* Adds the characters that equal c, or one of from..to, in this sense of case. */
void charset_add(struct charset *set, int32_t c, struct charset_case fold);
void charset_add_range(struct charset *set, int32_t from, int32_t to, struct charset_case fold);

/* Adds what a text lists: single characters and ranges ("a-z0-9_"; a '-' stands first). */
void charset_add_listed(struct charset *set, const char *listed);

/* Adds the ASCII members of the property \p{name}. unicode_class: as with (?U). -1 when Java knows
   no such property, -2 when it names a block that is not Basic Latin, which is not looked up here.
 */
int charset_add_property(
	struct charset *set, const char *name, struct charset_case fold, bool unicode_class);

enum node_kind {
	NODE_BRANCH,	  /* one alternative: a sequence of its children */
	NODE_SET,	  /* one character of a set */
	NODE_EMPTY,	  /* nothing; Java's { with nothing before it repeats this */
	NODE_START,	  /* ^ \A \G */
	NODE_LINE_START,  /* ^ under (?m): also not at the end of the name */
	NODE_END,	  /* $ \Z \z */
	NODE_BOUND,	  /* \b */
	NODE_NOT_BOUND,	  /* \B */
	NODE_LINE_ENDING, /* \R */
	NODE_GRAPHEME,	  /* \X */
	NODE_BACKREF,	  /* \1 \k<name> */
	NODE_GROUP,	  /* ( ) (?: ), children: branches; so are those below */
	NODE_ATOMIC,	  /* (?> ) */
	NODE_AHEAD,	  /* (?= ) (?! ) */
	NODE_BEHIND,	  /* (?<= ) (?<! ) */
};

enum node_greed { GREED_NORMAL, GREED_LAZY, GREED_POSSESSIVE };

/* Java's "without end". */
#define NODE_MAX INT32_MAX

/* What Java knows about the length of what a part can match: its int arithmetic, overflow included,
   since that decides which look-behind it accepts and how far one looks. */
struct node_extent {
	int32_t min, max;
	bool has_max;
	bool deterministic; /* Java repeats such a group by another node, with other limits */
	bool overflows;	    /* an unlimited repetition went into max */
};

struct node {
	enum node_kind kind;
	struct charset set; /* NODE_SET */
	bool caseless;	    /* NODE_BACKREF */
	bool negated;	    /* NODE_AHEAD NODE_BEHIND */
	int number; /* NODE_GROUP: Java's number, 0 when it does not capture; NODE_BACKREF */
	int written_number; /* NODE_BEHIND: its first group in the PCRE2 pattern */
	bool repeated;
	int32_t min, max; /* when repeated */
	enum node_greed greed;
	struct node_extent extent; /* NODE_BEHIND */
	struct node *child, *next;
	struct node *made_before; /* every node of the tree, for freeing */
};

/* A parsed expression. root is a NODE_GROUP that does not capture. */
struct tree {
	struct node *root;
	struct node *newest;
	int groups;
};

/* The extent of a list of branches, as Java would find it. */
struct node_extent tree_extent(const struct node *branches);

/* Writes the tree as a PCRE2 pattern. -1 when it would become too large. */
int tree_write(struct tree *tree, struct text *out);

#endif
