/* The state of the parser of Java expressions, and the parts it is made of; nobody else's. */
#ifndef MIRROR_JAVAREGEX_PARSER_H
#define MIRROR_JAVAREGEX_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mirror/javaregex_text.h"
#include "mirror/javaregex_tree.h"

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

/* Fails at the character at a cursor position. Always -1. */
int parser_fail(struct parser *p, size_t cursor, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A node of the tree that is being made; the tree owns it. */
struct node *parser_new_node(struct parser *p, enum node_kind kind);

/* NAME> of a group; the cursor is at its first character. */
int parser_group_name(struct parser *p, struct text *ret);

/* The group of this name that stands before the cursor, or NULL. */
const struct group_name *parser_find_name(const struct parser *p, const char *name);

/* An escape; the cursor is at its backslash. Properties (\p) are parser_property's. range: it may
   begin or end a range of a class, where \v is the character VT. */
int parser_escape(struct parser *p, bool in_class, bool range, struct escape *ret);

/* Is the cursor at \p or \P? And what it stands for. */
bool parser_is_property(const struct parser *p);
int parser_property(struct parser *p, struct charset *ret);

/* A class; the cursor is at its [, or, where the brackets are only understood (right of &&), one
   before its first member. consume: its ] belongs to it. */
int parser_class(struct parser *p, bool consume, struct charset *ret);

#endif
