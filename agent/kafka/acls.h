/* Access rules of a cluster's topics. */
#ifndef KAFKA_ACLS_H
#define KAFKA_ACLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "kafka/admin.h"

/* What a rule is about, by Kafka's numbers. */
enum acl_operation {
	ACL_ALL = 2,
	ACL_READ = 3,
	ACL_WRITE = 4,
	ACL_CREATE = 5,
	ACL_DELETE = 6,
	ACL_ALTER = 7,
	ACL_DESCRIBE = 8,
	ACL_DESCRIBE_CONFIGS = 10,
	ACL_ALTER_CONFIGS = 11
};

/* One rule about the topic of exactly this name. */
struct acl {
	char *topic, *principal, *host;
	enum acl_operation operation;
	bool is_allow; /* else it denies */
};

struct acls {
	struct acl *items;
	size_t count;
};

/* All of the cluster. -1 when it does not tell; *ret_has_none is then true if it is because the
   cluster checks no rules at all. @blocks @gives *ret; acls_fini */
int acls_read(
	struct admin *admin, int timeout_ms, struct acls *ret, bool *ret_has_none, struct err *err);

/* Adds rules. The error sentence says why the first one that was refused was. @blocks */
int acls_write(struct admin *admin, int timeout_ms, const struct acls *acls, bool *ret_has_none,
	struct err *err);

/* Puts a copy of a rule in. */
void acls_add(struct acls *acls, const struct acl *acl);

/* Is the rule among them? */
bool acls_has(const struct acls *acls, const struct acl *acl);

/* "READ", "ALTER_CONFIGS": a static name. */
const char *acl_operation_name(enum acl_operation operation);

/* Frees what they hold and clears them. */
void acls_fini(struct acls *acls);

#endif
