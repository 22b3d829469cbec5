/* JAAS: login modules and their options, as sasl.jaas.config and Java's login files write them. */
#ifndef CONFIG_JAAS_H
#define CONFIG_JAAS_H

#include <stddef.h>

#include "base/err.h"

struct jaas_option {
	char *name, *value;
};

struct jaas_module {
	char *context; /* "KafkaClient", "" in a line */
	char *class;
	struct jaas_option *options; /* in their order; the last one of a name counts */
	size_t count, capacity;
	unsigned line; /* where its class stands, from 1 */
};

struct jaas {
	struct jaas_module *modules;
	size_t count, capacity;
};

enum jaas_form {
	JAAS_LINE, /* Class flag name=value ...; */
	JAAS_FILE, /* Context { Class flag name=value ...; ... }; ... */
};

/* Parses a text; *ret holds its modules in their order. Whatever Java takes is taken: quotes of
   both kinds with backslashes in them, comments of both kinds; and unquoted values with more signs
   than Java has them with. The sentence quotes nothing of the text but names of options, for what
   is misplaced may be a piece of a password; for a file it begins with the line's number and a
   colon.
   @gives *ret; free with jaas_fini @thread any */
int jaas_parse(const char *text, enum jaas_form form, struct jaas *ret, struct err *err);

/* The value of an option, NULL when it is not given. @borrows module @thread any */
const char *jaas_get(const struct jaas_module *module, const char *name);

/* What stands behind the last dot of the module's class. @borrows module @thread any */
const char *jaas_class(const struct jaas_module *module);

/* Wipes and frees what it holds, and clears it. */
void jaas_fini(struct jaas *jaas);

#endif
