/* reflejo ctl: a running agent's admin API on the command line. For commands/ctl*.c. */
#ifndef COMMANDS_CTL_H
#define COMMANDS_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "service/client.h"

/* Exit statuses: done; the agent refuses or is not ready, or the command line is wrong; no agent
 * answers. */
enum { CTL_DONE = 0, CTL_REFUSED = 1, CTL_UNREACHED = 2 };

/* Waits for as long as it takes. */
#define CTL_FOREVER 0
/* An agent that turns its loop has answered by then. */
#define CTL_SOON 10000

/* Which agent, and as whom. */
struct ctl {
	const char *address;
	char *token;
	struct channel_files files;
	const char *user;
	const char *usage; /* of the command */
};

/* The commands: argv[0] is the first argument behind the command's word. Each returns the exit
 * status. */
#define CTL(name, word, arguments, help) \
	int ctl_##name(const struct ctl *ctl, int argc, char **argv);
#include "commands/ctl.def"
#undef CTL

/* Sends a request. The error's sentence is the one of client_ask; HTTP's own errors are the
   caller's.
   @gives *ret */
int ctl_ask(const struct ctl *ctl, const char *method, const char *path, const char *body,
	int timeout_ms, struct client_answer *ret, struct err *err);

/* The same, with the answer printed: its sentence on stdout when it is done, on stderr when it is
   refused. Returns the exit status. body is freed. */
int ctl_do(const struct ctl *ctl, const char *path, struct text *body, int timeout_ms);

/* Lines as they come, given to print until the agent ends them. Returns the exit status. body is
 * freed. */
typedef void ctl_line(const char *line, void *arg);
int ctl_stream(const struct ctl *ctl, const char *method, const char *path, struct text *body,
	ctl_line *print, void *arg);

/* Says on stderr why it was refused, or that no agent answers. Return the exit status. */
int ctl_refused(const struct client_answer *answer);
int ctl_unreached(const struct err *err);

/* Adds what TOPIC or TOPIC:PARTITION says to an object that is being written. -1: it was said on
   stderr that it is neither. */
int ctl_add_place(struct text *body, const char *place);

/* Reads [TOPIC[:PARTITION]], and a flag where it may stand (NULL: none), into an object that is
   being written. CTL_DONE, or the exit status of what was said on stderr; the body is freed then.
 */
int ctl_read_place(const struct ctl *ctl, int argc, char **argv, const char *flag, bool *ret_flag,
	struct text *body);

/* The command line is wrong: prints how it goes. Returns the exit status. */
int ctl_usage(const struct ctl *ctl);

/* Prints text from the agent where a terminal may be: nothing in it can steer one. */
void ctl_print(FILE *out, const char *text);

/* Adds it likewise. */
void ctl_add_clean(struct text *out, const char *text);

#endif
