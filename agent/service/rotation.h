/* The rotation of secrets: logins, tokens, certificates and trust that change in the
   configuration's files while the agent runs.
   @thread main */
#ifndef SERVICE_ROTATION_H
#define SERVICE_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "config/config.h"
#include "kafka/traffic.h"
#include "service/stamp.h"

struct agent;

struct rotation {
	struct secrets known[CLIENT_SIDES]; /* what the clients have */
	struct secrets seen[CLIENT_SIDES];  /* what was read last */
	struct file_list files;		    /* of the configuration that was read last */
	struct file_stamp *stamps;	    /* one a file */
	bool is_unsure; /* files may have changed between being read and being looked at */
	int64_t next;	/* clock_ms; when to look at them again */
	char refusal[512];
	char fleeting[512]; /* a file that can be read once only: nothing is read again; "": none */
};

/* What the agent's configuration says is what is known. */
void rotation_begin(struct agent *agent);

/* Looks at the files when it is time. @blocks on reading them when they have changed */
void rotation_every_second(struct agent *agent);

/* Reads the configuration's files now, and has the clients take what has changed. Where told is not
   NULL, what it was, or why it is refused, is added to it. @blocks on reading files */
enum rotation_outcome {	  /* what is below tells more */
	ROTATION_NOTHING, /* has changed, or nothing can be read again */
	ROTATION_TAKEN,
	ROTATION_REFUSED, /* something, whatever else was taken */
} rotation_look(struct agent *agent, struct text *told);

/* Frees what it holds. */
void rotation_fini(struct rotation *rotation);

#endif
