/* Channel: the connection to an agent's admin API, plain or by TLS. */
#ifndef SERVICE_CHANNEL_H
#define SERVICE_CHANNEL_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct ssl_st;
struct ssl_ctx_st;

/* Names of PEM files; NULL: there is none. */
struct channel_files {
	const char *ca;		 /* whom the agent's certificate is believed from; NULL: whom this
				    system believes */
	const char *certificate; /* our own, with its chain */
	const char *key;	 /* NULL: it stands in the file of the certificate */
};

struct channel {
	int fd; /* -1: there is none */
	struct ssl_st *tls;
	struct ssl_ctx_st *context;
};

/* Reads the files for TLS, before there is a socket. The error says which is wrong. @thread any */
int channel_prepare(struct channel *channel, const struct channel_files *files, struct err *err);

/* Speaks TLS from now on over the socket of a channel that is prepared. host: whom the certificate
   must be for, a name or an address. The error says what is wrong, and what to do. @blocks @thread
   any */
int channel_secure(struct channel *channel, const char *host, struct err *err);

/* Sends all of it. @blocks @thread any */
int channel_send(struct channel *channel, const char *bytes, size_t size, struct err *err);

/* Bytes that have come, waiting for some; 0: the agent has ended the channel; -1: the error says
   why none come. @blocks @thread any */
ssize_t channel_receive(struct channel *channel, char *bytes, size_t size, struct err *err);

/* Closes it. @thread any */
void channel_close(struct channel *channel);

#endif
