/* A session with one ZooKeeper server of a list: find one that answers, list and read its nodes. */
#ifndef KAFKA_ZOOKEEPER_SESSION_H
#define KAFKA_ZOOKEEPER_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct zookeeper_session;

/* One node that is asked for. Fill path; the rest is the answer. */
struct zookeeper_node {
	char *path;
	enum {
		ZOOKEEPER_NODE_READ,	/* value or children are there */
		ZOOKEEPER_NODE_MISSING, /* there is no such node */
		ZOOKEEPER_NODE_DENIED,	/* its ACL does not let us read it */
	} state;
	char *value; /* NUL-terminated copy */
	size_t length;
	char **children; /* names, not paths */
	size_t child_count;
};

/* Asks for the children, or the values, of all these nodes at once and waits for the answers. -1
   with a sentence when they do not come; then the session is of no more use. @blocks until its
   deadline */
int zookeeper_session_list(struct zookeeper_session *session, struct zookeeper_node *nodes,
	size_t count, struct err *err);
int zookeeper_session_read(struct zookeeper_session *session, struct zookeeper_node *nodes,
	size_t count, struct err *err);

/* Frees the nodes with their paths and answers, and clears *nodes. NULL is accepted. */
void zookeeper_nodes_free(struct zookeeper_node **nodes, size_t count);

/* What is done with a session: 0 done; -1 an answer that no other server would better, with its
   sentence; 1 the server was lost (sentence in err too), try the next. `chroot` is "" or "/path".
 */
typedef int zookeeper_job(
	struct zookeeper_session *session, const char *chroot, void *arg, struct err *err);

/* Runs the job with the first server of the list that answers and keeps answering. Returns 0 or -1.
 */
int zookeeper_session_run(
	const char *connect, int timeout_ms, zookeeper_job *job, void *arg, struct err *err);

#endif
