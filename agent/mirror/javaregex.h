/* Java's regular expressions: the dialect of java.util.regex, rewritten for PCRE2. */
#ifndef MIRROR_JAVAREGEX_H
#define MIRROR_JAVAREGEX_H

#include "base/err.h"

/* The longest name that a rewritten expression judges rightly. Kafka's limit is 249 characters
   (org.apache.kafka.common.internals.Topic), 0.8's was 255. */
#define JAVAREGEX_NAME_MAX 255

/* Rewrites an expression of java.util.regex.Pattern (UTF-8, the dialect of JDK 17) into a PCRE2
   pattern that gives the same full-match verdict on printable ASCII names of up to
   JAVAREGEX_NAME_MAX characters. It ends in \z by itself; compile it with PCRE2_ANCHORED and
   PCRE2_NO_AUTO_POSSESS (10.42 wrongly makes the a* of a*(?:b?a){0,1}+a possessive). Flags, quotes,
   class intersections, properties and case are resolved here, so that the pattern holds explicit
   character sets only, and what PCRE2 knows and Java does not is refused.

   Known differences. Java keeps what a group captured inside a look-around or an atomic group when
   it later backtracks over it, PCRE2 forgets it; only a back-reference to such a group can tell.
   Java lets a turn that matches nothing end a repetition like (?:.|^){3} before it has counted to
   the end. \N{name} and \p{InBlock} (but Basic Latin) are refused, and so is what becomes too large
   for PCRE2, such as {300} of a group with much in it; \b{g} is true everywhere.

   An error says where and what ("at character 3: nothing stands before * that it could repeat"),
   without quoting the expression. NULL on error. Any input is survived. @gives a string for free()
   @thread any */
char *javaregex_translate(const char *expression, struct err *err);

/* The same, with the groups from 1 to kept - 1 capturing: numbers, which has kept entries, gets
   their numbers in the PCRE2 pattern, 0 for a group that there is not, or that never takes part.
   @gives a string for free() @thread any */
char *javaregex_translate_groups(const char *expression, int *numbers, int kept, struct err *err);

#endif
