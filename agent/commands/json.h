/* JSON on stdout, for the subcommands that have --json. */
#ifndef COMMANDS_JSON_H
#define COMMANDS_JSON_H

/* A string; bytes that are no UTF-8 become U+FFFD. */
void json_print_text(const char *text);

/* "name":value and what stands behind it; NULL is null. */
void json_print_field(const char *name, const char *value, const char *after);

#endif
