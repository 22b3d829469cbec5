/* The parser of Java's regular expressions: what java.util.regex.Pattern accepts, and nothing else.
 */
#ifndef MIRROR_JAVAREGEX_PARSE_H
#define MIRROR_JAVAREGEX_PARSE_H

#include "base/err.h"
#include "mirror/javaregex_tree.h"

/* Parses an expression (UTF-8). On error the sentence begins with where ("at character 3: ...").
   Free the tree with tree_fini in both cases. */
int tree_parse(struct tree *tree, const char *expression, struct err *err);
void tree_fini(struct tree *tree);

#endif
