/* Kerberos: tickets that are got with a key or found in a cache, and whose a thread's logins use.
 * For kafka/ only. */
#ifndef KAFKA_KERBEROS_H
#define KAFKA_KERBEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* How a client of Kerberos becomes who it is. */
struct kerberos_login {
	const char *principal; /* NAME or NAME@REALM; NULL: whose the cache is */
	const char *keytab;    /* the file with its key; NULL: others get the ticket */
	const char *cache;     /* ours, "MEMORY:NAME", where there is a key; else where others keep
				  it, NULL: Kerberos's default */
};

struct kerberos_ticket {
	char principal[256];
	char cache[512];    /* its whole name, "FILE:/tmp/krb5cc_0" */
	int64_t start, end; /* seconds since 1970 */
};

/* With a key: gets a new ticket from the realm's KDC and puts it into the cache, in the place of
   the one before. Without: looks at the ticket in the cache. The sentence says what is wrong and
   what to do; *ret_is_away is then true when no KDC could be asked, and the rest may well be right.
   @blocks on the network, for seconds, or tens of them where a KDC is silent @thread any */
int kerberos_get(const struct kerberos_login *login, struct kerberos_ticket *ret, bool *ret_is_away,
	struct err *err);

/* What this thread's logins take their tickets from, from now on. @thread any of the library's */
void kerberos_use(const char *cache);

/* Wipes a cache of ours. @thread any */
void kerberos_forget(const char *cache);

#endif
