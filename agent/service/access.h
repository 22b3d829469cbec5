/* Access: who may change something over HTTP, and who may look. Pure but for the token's file. */
#ifndef SERVICE_ACCESS_H
#define SERVICE_ACCESS_H

#include <stdbool.h>

#include "base/err.h"

struct sockaddr;

/* What is known of somebody who asks. Texts are NULL where there is none. */
struct access {
	bool is_unix, is_loopback;
	const char *token;	   /* the configured one */
	const char *authorization; /* headers */
	const char *origin;
	const char *host;
	bool asks_clients; /* for certificates */
	bool is_certified; /* it has shown one that is believed */
	bool is_secure;	   /* over TLS */
};

/* 0: it may be done. Otherwise the HTTP status, and *ret_why is a finished sentence (a constant).
   Unix sockets: always, for who may open one may change. TCP: with the token, or, where none is
   configured, with a client's certificate, or, where those are not asked for either, from loopback
   addresses. A page of another origin in a browser never: its Origin is
   not the Host, and a name that its owner points at this host is no address literal. @thread any */
int access_check(const struct access *access, const char **ret_why);

/* The same for who only wants to look: everybody may, but over loopback without TLS only by an
   address, localhost, this host's own name or with the token. A page in a browser that has another
   name pointed at this host would read what its user may. @thread any */
int access_check_look(const struct access *access, const char **ret_why);

/* 127.0.0.0/8, ::1, and the former in IPv6's clothes. @thread any */
bool access_is_loopback(const struct sockaddr *address);

/* The first line of the file. The error names it, and what to do: it must hold something, and must
   not be readable by others. @gives memory for free() @thread main */
char *access_read_token(const char *file, struct err *err);

#endif
