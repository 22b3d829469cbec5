/* Access rules of a topic, as its copy is to have them. */
#ifndef MIRROR_ACL_COPY_H
#define MIRROR_ACL_COPY_H

#include "kafka/acls.h"

/* Adds to missing what the rules of the source about the topic from ask for its copy, and what is
   not among there, the target's rules, nor among missing. Who may write the source's topic may not
   write the copy: an allowed WRITE is left out, and an allowed ALL becomes READ. What denies is
   kept. */
void acl_copy_missing(const struct acls *source, const char *from, const char *to,
	const struct acls *there, struct acls *missing);

#endif
