/* Access rules of a topic, as its copy is to have them. */
#include "mirror/acl_copy.h"

#include <stdint.h>
#include <string.h>

void
acl_copy_missing(const struct acls *source, const char *from, const char *to,
	const struct acls *there, struct acls *missing)
{
	for (size_t i = 0; i < source->count; i++) {
		struct acl acl = source->items[i];

		if (strcmp(acl.topic, from) != 0 || (acl.is_allow && acl.operation == ACL_WRITE))
			continue;
		if (acl.is_allow && acl.operation == ACL_ALL)
			acl.operation = ACL_READ;
		acl.topic = (char *)(uintptr_t)to;
		if (!acls_has(there, &acl) && !acls_has(missing, &acl))
			acls_add(missing, &acl);
	}
}
