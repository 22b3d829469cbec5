/* Topic expressions: which topics are mirrored, with the verdicts of java.util.regex. */
#ifndef MIRROR_TOPICS_H
#define MIRROR_TOPICS_H

#include <stdbool.h>

#include "base/err.h"

struct topics;

/* Rewrites the raw expression as MirrorMaker does (kafka.utils.TopicFilter: trim, comma to |, no
   blanks, quotes at both ends removed) and returns it. Never fails. @gives a string for free() */
char *topics_rewrite(const char *raw);

/* Compiles an expression. excludes: the topics that match are the ones left out. exclude_internal:
   __consumer_offsets and __transaction_state never match, whatever the expression. The error
   sentence quotes the expression, says where it fails and what to write instead where that is known
   ("*" -> ".*"). NULL on error.
   @gives the filter; free with topics_free. @thread any */
struct topics *topics_new(const char *raw, bool excludes, bool exclude_internal, struct err *err);

/* Compiles an expression of the same dialect as it stands, for topics_replace. The error says where
   it fails. NULL on error. @gives the filter; topics_free. @thread any */
struct topics *topics_new_exact(const char *expression, struct err *err);

/* The name that replaces one which the expression matches as a whole: $0 to $9 stand for the
   groups, \$ for a dollar. 1 with *ret, 0: it does not match, -1: the expression backtracks without
   end. @gives *ret, a string @thread owner */
int topics_replace(struct topics *topics, const char *name, const char *replacement, char **ret,
	struct err *err);

/* Is this topic mirrored? Match limits are bounded: an expression that backtracks without end on a
   name is an error for that name, reported through err and answered with -1; otherwise 1 or 0.
   @thread owner */
int topics_match(struct topics *topics, const char *name, struct err *err);

/* Is it one of Kafka's own topics? @thread any */
bool topics_is_internal(const char *name);

/* The rewritten expression, for messages. @borrows topics */
const char *topics_text(const struct topics *topics);

/* Frees and clears. NULL is accepted. */
void topics_free(struct topics **topics);

#endif
